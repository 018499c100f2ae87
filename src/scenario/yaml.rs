//! YAML to raw types, with every error of the parser in plain words. Knows no file format of ours.

use super::diagnostic::Diagnostic;
use super::nearest::{list, nearest};
use super::source::Source;
use super::words;
use serde::de::DeserializeOwned;
use serde_saphyr::options::{DuplicateKeyPolicy, MergeKeyPolicy};
use serde_saphyr::{Error, Location, Options, Spanned};

/// A word or quantity with its place in the file; what it means is decided later, so that all mistakes of a
/// file can be named at once.
pub(super) type Text = Spanned<String>;

/// Deeper nests no file of ours; hand-written ones end at five.
const DEPTH_MAX: usize = 16;

fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: DEPTH_MAX,
            max_events: 100_000,
            max_nodes: 50_000,
            max_aliases: 100,
            max_anchors: 100,
            max_documents: 2,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 10_000,
            max_replay_stack_depth: 4,
            max_alias_expansions_per_anchor: 100,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        merge_keys: MergeKeyPolicy::Error,
        strict_booleans: true,
        with_snippet: false,
    }
}

/// Reads one document. The first thing that does not fit the raw type is the error.
pub(super) fn parse<T: DeserializeOwned>(source: &Source) -> Result<T, Diagnostic> {
    let is_empty = source.text.lines().all(|line| line.trim().is_empty() || line.trim().starts_with('#'));
    if is_empty {
        let help = "`vaultquake schema` describes what can stand in it";
        return Err(Diagnostic::of_file(&source.path, "the file is empty", help));
    }
    serde_saphyr::from_str_with_options(&source.text, options()).map_err(|error| explain(source, &error))
}

/// What a file says it is, without looking at anything else in it; `None` when it says nothing or is broken.
pub(super) fn declared_kind(source: &Source) -> Option<Text> {
    #[derive(serde::Deserialize)]
    struct Declared {
        kind: Option<Text>,
    }
    parse::<Declared>(source).ok()?.kind
}

fn explain(source: &Source, error: &Error) -> Diagnostic {
    if let Error::AliasError { error, .. } = error {
        return explain(source, error);
    }
    let (message, help) = in_words(error);
    let mut location = error.location().unwrap_or(Location::UNKNOWN);
    // The parser names the last key of the mapping; at the top that can be any line of the file.
    if matches!(error, Error::SerdeMissingField { .. }) && location.column() == 1 {
        location = Location::UNKNOWN;
    }
    let mut diagnostic = source.at(location, message, help);
    if diagnostic.help.is_empty() {
        diagnostic.help = example_for(source, location);
    }
    let points_at_a_key = matches!(
        error,
        Error::SerdeUnknownField { .. } | Error::SerdeMissingField { .. } | Error::DuplicateMappingKey { .. }
    );
    if source.confidential && !points_at_a_key {
        diagnostic.source_line.clear();
    }
    diagnostic
}

/// Message and help. What can only come from a bug of the parser ends in the last arm.
fn in_words(error: &Error) -> (String, String) {
    let (message, help): (String, String) = match error {
        Error::SerdeUnknownField { field, expected, .. } => {
            let help = match nearest(field, expected.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the keys here are {}", list(expected.iter().copied())),
            };
            (format!("unknown key `{}`", shorten(field)), help)
        }
        Error::SerdeMissingField { field, .. } => {
            let example = words::example(field).map(str::to_string).unwrap_or_else(|| format!("{field}: …"));
            (format!("the key `{field}` is missing"), format!("add it, for example `{example}`"))
        }
        Error::DuplicateMappingKey { key, .. } => {
            let named = key.as_ref().map(|key| format!(" `{}`", shorten(key))).unwrap_or_default();
            (format!("the key{named} stands here a second time"), "keep one of the two".into())
        }
        Error::SerdeInvalidType { unexpected, expected, .. }
        | Error::SerdeInvalidValue { unexpected, expected, .. } => (
            format!("{} is expected here, but {} stands here", plain(expected), plain(unexpected)),
            String::new(),
        ),
        Error::SerdeInvalidLength { .. } => {
            ("this list has another length than expected".into(), String::new())
        }
        Error::NullIntoString { .. } => ("a value is missing here".into(), String::new()),
        Error::InvalidBooleanStrict { .. } => ("`true` or `false` is expected here".into(), String::new()),
        Error::InvalidScalar { ty, .. } => (format!("{} is expected here", plain(ty)), String::new()),
        Error::Unexpected { expected, .. } => {
            (format!("{} is expected here", plain(expected)), String::new())
        }
        Error::UnexpectedSequenceEnd { .. } | Error::UnexpectedMappingEnd { .. } => {
            ("a value is missing here".into(), String::new())
        }
        Error::TaggedScalarCannotDeserializeIntoString { .. }
        | Error::UnsupportedTag { .. }
        | Error::TaggedEnumMismatch { .. }
        | Error::InvalidBinaryBase64 { .. }
        | Error::BinaryNotUtf8 { .. } => {
            ("a YAML tag (`!…`) has no meaning here".into(), "remove the tag".into())
        }
        Error::Eof { .. } => ("the file ends too early".into(), String::new()),
        Error::MultipleDocuments { .. } => (
            "a second YAML document begins here".into(),
            "one file is one test: put it into a file of its own, or remove the `---`".into(),
        ),
        Error::MergeKeyNotAllowed { .. } | Error::MergeValueNotMapOrSeqOfMaps { .. } => (
            "merge keys (`<<`) are not supported".into(),
            "write the keys out: a scenario is read by people who do not know the rest of the file".into(),
        ),
        Error::UnknownAnchor { .. } => (
            "this alias (`*…`) names an anchor that does not stand before it".into(),
            "put text that begins with `*` in quotes".into(),
        ),
        Error::Budget { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => (
            "this is nested or repeated beyond all need".into(),
            format!("at most {DEPTH_MAX} levels, 50000 values and 100 aliases are read"),
        ),
        Error::ExternalMessage { msg, .. } | Error::Message { msg, .. } => syntax(msg),
        Error::InvalidUtf8Input => ("the file is not UTF-8 text".into(), "save it as UTF-8".into()),
        _ => ("this is not valid YAML".into(), String::new()),
    };
    (message, help)
}

/// How the value at a place is written. Its key stands last before it: `key: value`, or `key:` some lines
/// above the entries of a list. When the place is the key itself, it is taken.
fn example_for(source: &Source, location: Location) -> String {
    let (Ok(line), Ok(column)) = (usize::try_from(location.line()), usize::try_from(location.column()))
    else {
        return String::new();
    };
    let Some(above) = line.checked_sub(1) else { return String::new() };
    let is_key = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let last_key = |text: &str| {
        let (before, _) = text.rsplit_once(':')?;
        let start = before.rfind(|c| !is_key(c)).map_or(0, |at| at + 1);
        before.get(start..).and_then(words::example)
    };
    let this_line = source.text.lines().nth(above).unwrap_or("");
    let before: String = this_line.chars().take(column.saturating_sub(1)).collect();
    let key: String = this_line.chars().skip(column.saturating_sub(1)).take_while(|c| is_key(*c)).collect();
    let is_followed_by_colon = this_line.chars().nth(before.chars().count() + key.len()) == Some(':');
    let own = if is_followed_by_colon { words::example(&key) } else { None };
    let nearest_above = || source.text.lines().take(above).filter_map(last_key).last();
    let example = own.or_else(|| last_key(&before)).or_else(nearest_above);
    example.map(|example| format!("write for example `{example}`")).unwrap_or_default()
}

/// Messages of the YAML scanner, as far as they need more than their own words.
fn syntax(message: &str) -> (String, String) {
    let lower = message.to_ascii_lowercase();
    if lower.contains("tab") {
        return ("a tab stands where YAML allows only spaces".into(), "indent with spaces".into());
    }
    if lower.contains("nest") || lower.contains("recursion") || lower.contains("depth") {
        return ("this is nested too deeply".into(), format!("at most {DEPTH_MAX} levels are read"));
    }
    if lower.contains("quot") {
        let help = "close it on the line where it begins";
        return ("a quote that begins here or before is not closed".into(), help.into());
    }
    if lower.contains("unclosed bracket") {
        return ("this bracket is never closed".into(), "add the missing `}` or `]`".into());
    }
    if lower.contains("unexpected character") {
        let help = "remove it; characters such as `@`, `%` and control characters need quotes";
        return ("a character stands in this text that YAML does not allow there".into(), help.into());
    }
    if lower.contains("block collection") || lower.contains("block mapping") || lower.contains("indent") {
        let help = "keys of one mapping, and the `-` of one list, stand in the same column";
        return ("this line is not indented like those it belongs to".into(), help.into());
    }
    if lower.contains("mapping values are not allowed") {
        let help = "put text that contains `: ` in quotes, and check the indentation of this line";
        return ("a second `:` cannot stand here".into(), help.into());
    }
    (format!("this is not valid YAML: {}", shorten(message)), String::new())
}

/// Names that serde and the parser use, in words for people who write YAML.
fn plain(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    for (part, words) in [
        ("string scalar", "a word or a quantity"),
        ("string", "text"),
        ("sequence", "a list"),
        ("seq", "a list"),
        ("mapping", "a mapping"),
        ("map", "a mapping"),
        ("struct", "a mapping"),
        ("bool", "`true` or `false`"),
        ("floating point", "a number"),
        ("float", "a number"),
        ("integer", "a whole number"),
        ("unit", "nothing"),
        ("null", "nothing"),
    ] {
        if lower.starts_with(part) {
            return words.to_string();
        }
    }
    match lower.as_str() {
        "u8" | "u16" | "u32" | "u64" | "i8" | "i16" | "i32" | "i64" => "a whole number".into(),
        "f32" | "f64" => "a number".into(),
        _ => name.to_string(),
    }
}

/// Cuts what came from the file, so that a message stays one.
pub(super) fn shorten(text: &str) -> String {
    const CHARS_MAX: usize = 60;
    let mut short: String =
        text.chars().take(CHARS_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().count() > CHARS_MAX {
        short.push('…');
    }
    short
}
