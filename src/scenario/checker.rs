//! Collects everything that is wrong with one file, and reads words and quantities out of it. Knows no rule
//! of scenarios.

use super::diagnostic::{Diagnostic, FileErrors};
use super::nearest::{choice, list, nearest, suggest};
use super::source::Source;
use super::yaml::{Text, shorten};
use crate::model::{QuantityError, Span};
use serde_saphyr::{Location, Spanned};
use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::str::FromStr;

pub(super) struct Checker<'a> {
    pub source: &'a Source,
    found: Vec<Diagnostic>,
}

impl<'a> Checker<'a> {
    pub fn new(source: &'a Source) -> Self {
        Self { source, found: Vec::new() }
    }

    pub fn error<T>(&mut self, at: &Spanned<T>, message: impl Into<String>, help: impl Into<String>) {
        self.error_at(at.referenced, message.into(), help.into());
    }

    /// About a value that may be a secret: the place is named, the line is not shown.
    pub fn secret_error(&mut self, at: &Text, message: &str, help: &str) {
        let mut diagnostic = self.source.at(at.referenced, message.into(), help.into());
        diagnostic.source_line.clear();
        self.found.push(diagnostic);
    }

    fn error_at(&mut self, at: Location, message: String, help: String) {
        self.found.push(self.source.at(at, message, help));
    }

    /// Takes over what was found in another file.
    pub fn absorb(&mut self, errors: FileErrors) {
        self.found.extend(errors.diagnostics);
    }

    /// The value when nothing was wrong. `None` without a finding cannot happen: whoever fails to produce a
    /// value has said why.
    pub fn finish<T>(mut self, value: Option<T>) -> Result<T, FileErrors> {
        match value {
            Some(value) if self.found.is_empty() => Ok(value),
            _ => {
                self.found.sort_by_key(|diagnostic| (diagnostic.line, diagnostic.column));
                Err(FileErrors { diagnostics: self.found })
            }
        }
    }

    /// A duration, a rate or a bound.
    pub fn quantity<T: FromStr<Err = QuantityError>>(&mut self, text: &Text) -> Option<T> {
        match shorten(&text.value).parse() {
            Ok(value) => Some(value),
            Err(QuantityError(words)) => {
                let words = match text.value.trim().contains(' ') {
                    true => words.replace("the unit is missing", "its unit must follow without a space"),
                    false => words,
                };
                let (message, help) = words.split_once("; ").unwrap_or((&words, ""));
                self.error(text, message, help);
                None
            }
        }
    }

    /// A duration, or `default` when it is absent.
    pub fn span_or(&mut self, text: Option<&Text>, default: Span) -> Option<Span> {
        text.map_or(Some(default), |text| self.quantity(text))
    }

    /// A duration that must be longer than nothing.
    pub fn positive_span(&mut self, text: &Text, why: &str) -> Option<Span> {
        let span = self.quantity::<Span>(text)?;
        if span.0.is_zero() {
            self.error(text, "0s is too short here", why);
            return None;
        }
        Some(span)
    }

    pub fn number<T>(&mut self, text: &Text, range: RangeInclusive<T>) -> Option<T>
    where
        T: FromStr + PartialOrd + std::fmt::Display,
    {
        let number = text.value.trim().parse().ok().filter(|number| range.contains(number));
        if number.is_none() {
            let message = format!("`{}` is not a whole number in range", shorten(&text.value));
            self.error(text, message, format!("from {} to {} is allowed", range.start(), range.end()));
        }
        number
    }

    /// A number that need not be whole.
    pub fn decimal(&mut self, text: &Text, range: RangeInclusive<f64>) -> Option<f64> {
        let number = text.value.trim().parse().ok().filter(|number| range.contains(number));
        if number.is_none() {
            let message = format!("`{}` is not a number in range", shorten(&text.value));
            self.error(text, message, format!("from {} to {} is allowed", range.start(), range.end()));
        }
        number
    }

    /// One of a few words; `what` names the kind of word: `workload`.
    pub fn one_of<'w, T: Copy>(
        &mut self,
        text: &Text,
        what: &str,
        known: impl IntoIterator<Item = (&'w str, T)>,
    ) -> Option<T> {
        let known: Vec<(&str, T)> = known.into_iter().collect();
        let value = known.iter().find(|(word, _)| *word == text.value).map(|(_, value)| *value);
        if value.is_none() {
            self.unknown_word(text, what, &known.iter().map(|(word, _)| *word).collect::<Vec<_>>());
        }
        value
    }

    pub fn unknown_word(&mut self, text: &Text, what: &str, known: &[&str]) {
        let message = format!("unknown {what} `{}`", shorten(&text.value));
        self.error(text, message, suggest(&text.value, known.iter().copied()));
    }

    /// Text that says something.
    pub fn not_blank(&mut self, text: &Text, what: &str) -> Option<String> {
        let trimmed = text.value.trim();
        if trimmed.is_empty() {
            self.error(text, format!("the {what} is empty"), "say it in a sentence");
            return None;
        }
        Some(trimmed.to_string())
    }

    /// A name that can stand in paths, in reports and on command lines.
    pub fn kebab_case(&mut self, text: &Text, what: &str) -> Option<String> {
        const CHARS_MAX: usize = 64;
        let name = &text.value;
        let fine = name.len() <= CHARS_MAX
            && name.split('-').all(|part| {
                !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
            });
        if !fine {
            self.error(
                text,
                format!("`{}` cannot be a {what}", shorten(name)),
                format!(
                    "use lower-case letters, digits and hyphens, at most {CHARS_MAX}, such as `leader-kill`"
                ),
            );
            return None;
        }
        Some(name.clone())
    }

    /// Complains about each word that stands a second time.
    pub fn no_duplicates<'t>(&mut self, texts: impl IntoIterator<Item = &'t Text>, what: &str) {
        let mut first_lines = HashMap::new();
        for text in texts {
            if let Some(line) = first_lines.insert(text.value.as_str(), text.referenced.line()) {
                let message = format!("the {what} `{}` stands here a second time", shorten(&text.value));
                self.error(text, message, format!("it already stands in line {line}"));
            }
        }
    }

    /// A list that must not be empty.
    pub fn not_empty<T>(&mut self, entries: &Spanned<Vec<T>>, key: &str, help: &str) -> bool {
        if entries.value.is_empty() {
            self.error(entries, format!("`{key}` is empty"), help);
        }
        !entries.value.is_empty()
    }
}

/// Node ids of a cluster of our own: n1 to nN.
pub(super) fn node_ids(nodes: u8) -> Vec<String> {
    (1..=nodes).map(|number| format!("n{number}")).collect()
}

/// The help for a word that is neither one of `words` nor a node of the cluster.
pub(super) fn words_or_nodes(word: &str, words: &[&str], nodes: u8) -> String {
    let looks_like_a_node = word
        .strip_prefix('n')
        .is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_ascii_digit()));
    if looks_like_a_node {
        return format!(
            "the blueprint has {nodes} nodes: {}",
            list(node_ids(nodes).iter().map(String::as_str))
        );
    }
    let known = choice(words.iter().copied(), Some("a node id such as `n1`"));
    match nearest(word, words.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? It takes {known}"),
        None => format!("it takes {known}"),
    }
}
