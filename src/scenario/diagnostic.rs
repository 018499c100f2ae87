//! One kind of message for everything that can be wrong with a file: where, what, and the way out, with the
//! line it is about. Knows nothing of YAML or of what the files mean.

use std::fmt;
use std::path::PathBuf;

/// The longest piece of a source line that is shown, in characters.
const SNIPPET_CHARS_MAX: usize = 100;

/// One thing that is wrong with a file. `Display` renders it in plain text, several lines, without a final
/// line break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub path: PathBuf,
    /// Counted from 1; 0 when it concerns the file as a whole.
    pub line: usize,
    /// In characters, counted from 1; 0 when it concerns the file as a whole.
    pub column: usize,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// What was expected, or the way out. Empty when the message says it all.
    pub help: String,
    /// The line in question, or the part of it that may be shown; empty when it concerns the file as a whole.
    pub source_line: String,
    /// How many characters from `column` on are meant; at least 1.
    pub width: usize,
}

impl Diagnostic {
    /// About a file as a whole: it cannot be read, it is empty.
    pub fn of_file(path: impl Into<PathBuf>, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            line: 0,
            column: 0,
            message: message.into(),
            help: help.into(),
            source_line: String::new(),
            width: 1,
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error: {}", self.message)?;
        if self.line == 0 {
            write!(f, " --> {}", self.path.display())?;
            if !self.help.is_empty() {
                write!(f, "\n = help: {}", self.help)?;
            }
            return Ok(());
        }
        let number = self.line.to_string();
        let gutter = " ".repeat(number.len());
        let (text, indent, width) = self.snippet();
        write!(f, "{gutter}--> {}:{}:{}", self.path.display(), self.line, self.column)?;
        if !self.source_line.is_empty() {
            writeln!(f, "\n{gutter} |")?;
            writeln!(f, "{}", format!("{number} | {text}").trim_end())?;
            write!(f, "{gutter} | {}{}", " ".repeat(indent), "^".repeat(width))?;
        }
        if !self.help.is_empty() {
            write!(f, "\n{gutter} = help: {}", self.help)?;
        }
        Ok(())
    }
}

impl Diagnostic {
    /// The shown part of the line, where the carets begin in it and how many there are. Whatever does not
    /// take exactly one column on a terminal is replaced, so that the carets stand where they should.
    fn snippet(&self) -> (String, usize, usize) {
        let shown: Vec<char> =
            self.source_line.chars().map(|c| if c == '\t' || c.is_control() { ' ' } else { c }).collect();
        let at = self.column.saturating_sub(1).min(shown.len());
        let start =
            if shown.len() <= SNIPPET_CHARS_MAX { 0 } else { at.saturating_sub(SNIPPET_CHARS_MAX / 2) };
        let end = shown.len().min(start + SNIPPET_CHARS_MAX);
        let mut text: String = shown[start..end].iter().collect();
        let mut indent = at - start;
        if start > 0 {
            text.insert(0, '…');
            indent += 1;
        }
        if end < shown.len() {
            text.push('…');
        }
        let width = self.width.clamp(1, (end - at).max(1));
        (text, indent, width)
    }
}

/// Everything that is wrong with the files of one scenario (or of one other file); never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", render(.diagnostics))]
pub struct FileErrors {
    pub diagnostics: Vec<Diagnostic>,
}

/// What [`super::load_scenario`] answers when the file, or the blueprint it names, is not in order.
pub type ScenarioErrors = FileErrors;

impl From<Diagnostic> for FileErrors {
    fn from(diagnostic: Diagnostic) -> Self {
        Self { diagnostics: vec![diagnostic] }
    }
}

fn render(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(Diagnostic::to_string).collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diagnostic(source_line: &str, column: usize, width: usize) -> Diagnostic {
        Diagnostic {
            path: "a.yaml".into(),
            line: 12,
            column,
            message: "it is wrong".into(),
            help: "make it right".into(),
            source_line: source_line.into(),
            width,
        }
    }

    #[test]
    fn the_carets_stand_under_what_is_meant() {
        let expected = "error: it is wrong\n  --> a.yaml:12:8\n   |\n\
                        12 | route: lader\n   |        ^^^^^\n   \
                        = help: make it right";
        assert_eq!(diagnostic("route: lader", 8, 5).to_string(), expected);
    }

    #[test]
    fn long_lines_are_cut_around_the_place() {
        let line = format!("{}HERE{}", "x".repeat(5_000), "y".repeat(5_000));
        let text = diagnostic(&line, 5_001, 4).to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[3].chars().count() < 120, "{text}");
        let shown: String = lines[3]
            .chars()
            .zip(lines[4].chars())
            .filter(|(_, caret)| *caret == '^')
            .map(|(c, _)| c)
            .collect();
        assert_eq!(shown, "HERE");
    }

    #[test]
    fn places_outside_the_line_do_not_panic() {
        for (column, width) in [(0, 0), (1, 0), (500, 500), (usize::MAX, usize::MAX)] {
            assert!(diagnostic("\tä", column, width).to_string().contains('^'));
        }
    }
}
