//! `known-findings.yaml`: differences of a server that are known and were decided on. Reads and checks the
//! file; does not match violations.

use super::checker::Checker;
use super::diagnostic::FileErrors;
use super::source::Source;
use super::words::{InvariantText, NameText};
use super::yaml::{self, Text};
use crate::model::{INVARIANT_IDS, KnownFinding};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_saphyr::Spanned;
use std::path::{Path, PathBuf};

pub(super) const FILE_NAME: &str = "known-findings.yaml";

/// Differences of a server that are known: a violation that matches one is reported as known and does not
/// gate.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with the key `findings`")]
#[schemars(rename = "known-findings")]
pub(super) struct RawKnownFindings {
    /// The findings.
    findings: Vec<RawFinding>,
}

/// One known difference.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    expecting = "a mapping with `id`, `server`, `versions`, `invariant`, `match` and so on"
)]
#[schemars(rename = "finding")]
struct RawFinding {
    /// How reports call it.
    #[schemars(with = "NameText")]
    id: Text,
    /// The product, such as `openbao`.
    #[schemars(with = "NameText")]
    server: Text,
    /// Exact versions it was seen on.
    #[schemars(with = "Vec<String>", length(min = 1))]
    versions: Spanned<Vec<Text>>,
    /// What it violates.
    #[schemars(with = "InvariantText")]
    invariant: Text,
    /// A violation is this finding when its summary contains this text; as narrow as possible.
    #[serde(rename = "match")]
    #[schemars(with = "String")]
    matches: Text,
    /// Shows it again.
    #[schemars(with = "String")]
    command: Text,
    /// Whether not seeing it in its scenarios means that this file is no longer true, and fails.
    #[schemars(with = "bool")]
    always: Spanned<bool>,
    /// Scenario names in which an `always` finding must be seen.
    #[serde(default)]
    #[schemars(with = "Option<Vec<NameText>>")]
    scenarios: Option<Vec<Text>>,
}

/// Reads a `known-findings.yaml`.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load_known_findings(path: &Path) -> Result<Vec<KnownFinding>, FileErrors> {
    resolve(&Source::read(path)?)
}

/// The same from text; `path` is named in errors.
pub fn known_findings_from_text(path: &Path, text: &str) -> Result<Vec<KnownFinding>, FileErrors> {
    resolve(&Source::from_bytes(path, text.as_bytes().to_vec())?)
}

/// The nearest `known-findings.yaml` in the scenario's folder or one above it; `None` when there is none.
pub fn find_known_findings(scenario_path: &Path) -> Option<PathBuf> {
    // Relative paths have no folders above the working directory until they are made absolute.
    let absolute = std::path::absolute(scenario_path).ok()?;
    absolute.ancestors().skip(1).map(|folder| folder.join(FILE_NAME)).find(|path| path.is_file())
}

fn resolve(source: &Source) -> Result<Vec<KnownFinding>, FileErrors> {
    let raw: RawKnownFindings = yaml::parse(source)?;
    let mut checker = Checker::new(source);
    checker.no_duplicates(raw.findings.iter().map(|finding| &finding.id), "finding");
    let findings: Vec<Option<KnownFinding>> =
        raw.findings.iter().map(|line| finding(&mut checker, line)).collect();
    checker.finish(findings.into_iter().collect())
}

fn finding(checker: &mut Checker, raw: &RawFinding) -> Option<KnownFinding> {
    let id = checker.kebab_case(&raw.id, "finding's id");
    let server = checker.kebab_case(&raw.server, "product");
    checker.not_empty(&raw.versions, "versions", "name each version it was seen on, such as `[\"2.7.2\"]`");
    let versions: Vec<Option<String>> =
        raw.versions.value.iter().map(|text| checker.not_blank(text, "version")).collect();
    let invariant = checker.one_of(&raw.invariant, "invariant", INVARIANT_IDS.map(|(id, _)| (id, id)));
    let matches = checker.not_blank(&raw.matches, "match");
    let command = checker.not_blank(&raw.command, "command");
    let scenarios: Vec<Option<String>> =
        raw.scenarios.iter().flatten().map(|text| checker.kebab_case(text, "scenario's name")).collect();
    if raw.always.value && scenarios.is_empty() {
        let help = "name the scenarios in which it must be seen, such as `scenarios: [leader-kill]`";
        checker.error(&raw.always, "`always: true` without `scenarios`", help);
    }
    Some(KnownFinding {
        id: id?,
        server: server?,
        versions: versions.into_iter().collect::<Option<_>>()?,
        invariant: invariant?.to_string(),
        matches: matches?,
        command: command?,
        scenarios: scenarios.into_iter().collect::<Option<_>>()?,
        always: raw.always.value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<KnownFinding>, FileErrors> {
        known_findings_from_text(Path::new("known-findings.yaml"), text)
    }

    const STALE: &str = r#"findings:
  - id: stale-leader
    server: openbao
    versions: ["2.6.2", "2.7.2"]
    invariant: single-leader
    match: "two nodes answered health 200"
    command: vaultquake run scenarios/partition/double-unseal.yaml
    always: true
    scenarios: [double-unseal]
"#;

    #[test]
    fn a_finding_is_read_whole() {
        let findings = parse(STALE).unwrap();
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].matches, "two nodes answered health 200");
        assert_eq!(findings[0].versions, ["2.6.2", "2.7.2"]);
        assert!(findings[0].always);
        assert_eq!(parse("findings: []\n").unwrap(), []);
    }

    #[test]
    fn a_finding_that_would_match_everything_or_must_be_seen_nowhere_is_refused() {
        for (from, to, word) in [
            ("match: \"two nodes answered health 200\"", "match: \"\"", "the match is empty"),
            ("    scenarios: [double-unseal]\n", "", "without `scenarios`"),
            ("single-leader", "single-leda", "did you mean `single-leader`"),
            ("[\"2.6.2\", \"2.7.2\"]", "[]", "`versions` is empty"),
        ] {
            let errors = parse(&STALE.replace(from, to)).unwrap_err().to_string();
            assert!(errors.contains(word), "{errors}");
        }
    }

    #[test]
    fn the_nearest_file_above_a_scenario_is_found() {
        let root = tempfile::tempdir().unwrap();
        let deep = root.path().join("a/b");
        std::fs::create_dir_all(&deep).unwrap();
        let scenario = deep.join("x.yaml");
        let far = root.path().join(FILE_NAME);
        std::fs::write(&far, STALE).unwrap();
        assert_eq!(find_known_findings(&scenario), Some(far));
        let near = root.path().join("a").join(FILE_NAME);
        std::fs::write(&near, STALE).unwrap();
        assert_eq!(find_known_findings(&scenario), Some(near));
    }
}
