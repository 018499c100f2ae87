//! The nearest valid word for one that is not known. Only compares strings.

/// The word of `known` that `word` was most likely meant to be; `None` when nothing is close.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = simplify(word);
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&plain, &simplify(candidate)), candidate))
        .filter(|(likeness, _)| *likeness >= 0.75)
        // Short words are easily alike; half of the letters must stay.
        .filter(|(_, candidate)| {
            let longest = plain.chars().count().max(candidate.chars().count());
            strsim::osa_distance(&plain, &simplify(candidate)) * 2 <= longest
        })
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// Case and the choice of separators are never what somebody meant to differ in. Cut, because comparing takes
/// quadratic time.
fn simplify(word: &str) -> String {
    word.chars().take(64).map(|c| if c == '_' || c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

/// The sentence that helps after an unknown word: the nearest one, or all there are.
pub(super) fn suggest<'a>(word: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    const SHOWN_BESIDE_NEAREST_MAX: usize = 6;
    let count = known.clone().into_iter().count();
    match nearest(word, known.clone()) {
        Some(near) if !(2..=SHOWN_BESIDE_NEAREST_MAX).contains(&count) => format!("did you mean `{near}`?"),
        Some(near) => format!("did you mean `{near}`? Known are {}", list(known)),
        None if count == 1 => format!("only {} is known", list(known)),
        None => format!("known are {}", list(known)),
    }
}

/// `a`, `b` and `c`.
pub(super) fn list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    join(words.into_iter().map(|word| format!("`{word}`")).collect(), "and")
}

/// `a`, `b` or `c`, and what else can stand there, in words of its own.
pub(super) fn choice<'a>(words: impl IntoIterator<Item = &'a str>, more: Option<&str>) -> String {
    join(words.into_iter().map(|word| format!("`{word}`")).chain(more.map(str::to_string)).collect(), "or")
}

fn join(words: Vec<String>, last_by: &str) -> String {
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} {last_by} {last}", rest.join(", ")),
        None => "none".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_mistakes_find_their_word_and_others_do_not() {
        let known = ["leader", "follower", "step-down", "heal_after"];
        for (word, meant) in [
            ("lader", Some("leader")),
            ("Leader", Some("leader")),
            ("folower", Some("follower")),
            ("step_down", Some("step-down")),
            ("healafter", Some("heal_after")),
            ("zookeeper", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), meant, "{word}");
        }
    }
}
