//! Text from outside made harmless for every medium: nothing in it moves a cursor or turns the direction of
//! reading. Escaping for a medium is that medium's own work.

/// The text with a blank in place of each control and direction character.
pub fn visible(text: &str) -> String {
    text.chars().map(|letter| if is_harmful(letter) { ' ' } else { letter }).collect()
}

/// The same of a text of several lines, which keep their breaks.
pub fn visible_lines(text: &str) -> String {
    text.chars().map(|letter| if letter != '\n' && is_harmful(letter) { ' ' } else { letter }).collect()
}

/// The text with a number and its unit held together, for media that break lines themselves.
pub fn unbroken(text: &str) -> String {
    let words: Vec<&str> = text.split(' ').collect();
    let mut joined = String::with_capacity(text.len() + 16);
    for (i, word) in words.iter().enumerate() {
        if i > 0 {
            let after_number = words[i - 1].ends_with(|letter: char| letter.is_ascii_digit());
            let unit = word.trim_end_matches(|letter: char| !letter.is_ascii_alphanumeric() && letter != '%');
            let is_unit = matches!(unit, "ms" | "s" | "min" | "h" | "%" | "/s");
            joined.push(if after_number && is_unit { '\u{a0}' } else { ' ' });
        }
        joined.push_str(word);
    }
    joined
}

/// Control characters (escape sequences begin with one) and those that reorder what is read.
pub fn is_harmful(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_moves_the_cursor_or_turns_the_text() {
        assert_eq!(visible("a\u{1b}[2Jb\u{202e}c\nd"), "a [2Jb c d");
    }

    #[test]
    fn numbers_keep_their_units() {
        assert_eq!(unbroken("for 11.3 s, or 4 min 19 s"), "for 11.3\u{a0}s, or 4\u{a0}min 19\u{a0}s");
        assert_eq!(unbroken("3 nodes, 2 small"), "3 nodes, 2 small");
    }
}
