//! Known findings: differences of a server that are documented with the command that shows them. A violation
//! that is one of them does not gate; an entry that says "always" and was not seen is no longer true.

use super::Checked;
use crate::model::{InvariantRow, KnownFinding, RunInfo, Verdict};

/// More violations than this are counted, not listed: a report stays readable and a result small.
const LISTED_VIOLATIONS_MAX: usize = 100;

/// The findings that concern this run's server.
pub struct Knowledge<'a> {
    findings: Vec<&'a KnownFinding>,
    scenario: &'a str,
    /// Whether the run is one in which everything had its chance to be seen.
    valid: bool,
}

impl<'a> Knowledge<'a> {
    pub fn of(info: &'a RunInfo, valid: bool) -> Self {
        let concerns = |finding: &&KnownFinding| {
            info.servers()
                .all()
                .iter()
                .any(|server| finding.server == server.product && finding.versions.contains(&server.version))
        };
        Self {
            findings: info.known_findings.iter().filter(concerns).collect(),
            scenario: &info.scenario.name,
            valid,
        }
    }
}

/// Turns what a checker found into its row, and counts the violations that are not known.
pub fn judged(id: &str, mut gating: bool, mut found: Checked, knowledge: &Knowledge) -> (InvariantRow, u64) {
    let findings: Vec<_> = knowledge.findings.iter().filter(|finding| finding.invariant == id).collect();
    for violation in &mut found.violations {
        let finding = findings.iter().find(|finding| violation.summary.contains(&finding.matches));
        violation.known = finding.map(|finding| finding.id.clone());
    }
    let unknown = found.violations.iter().filter(|violation| violation.known.is_none()).count();
    let mut verdict = if unknown > 0 { Verdict::Fail } else { found.coverage };
    let mut notes = vec![found.note];
    let known = found.violations.len() - unknown;
    if known > 0 {
        notes.push(format!("{known} of {} violations are known findings", found.violations.len()));
    }

    let was_judged = knowledge.valid && found.coverage != Verdict::Inconclusive;
    for finding in findings.iter().filter(|finding| finding.always && was_judged) {
        let here = finding.scenarios.iter().any(|scenario| scenario == knowledge.scenario);
        // By its own words: one violation may be several findings, and names only the first.
        let seen = found.violations.iter().any(|violation| violation.summary.contains(&finding.matches));
        if here && !seen {
            // A file that is no longer true must be put right, whatever the scenario expects.
            (verdict, gating) = (Verdict::Fail, true);
            notes.push(format!(
                "known finding `{}` should always be seen here and was not: the file of known findings is no \
                 longer true for this server",
                finding.id
            ));
        }
    }

    if found.violations.len() > LISTED_VIOLATIONS_MAX {
        notes.push(format!("{LISTED_VIOLATIONS_MAX} of {} violations are listed", found.violations.len()));
        found.violations.sort_by_key(|violation| violation.known.is_some());
        found.violations.truncate(LISTED_VIOLATIONS_MAX);
    }
    let row = InvariantRow {
        id: id.into(),
        gating,
        verdict,
        checked: found.checked,
        note: super::sentences(notes),
        violations: found.violations,
    };
    (row, unknown as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::violation;
    use crate::facts::testing::steady_run;

    fn finding(always: bool) -> KnownFinding {
        KnownFinding {
            id: "K1".into(),
            server: "openbao".into(),
            versions: vec!["2.7.2".into()],
            invariant: "single-leader".into(),
            matches: "both answer".into(),
            command: "vaultquake run x.yaml".into(),
            scenarios: vec!["tested".into()],
            always,
        }
    }

    fn row(summaries: &[&str], finding: KnownFinding, coverage: Verdict) -> (InvariantRow, u64) {
        row_of(summaries, vec![finding], coverage, true)
    }

    fn row_of(
        summaries: &[&str],
        findings: Vec<KnownFinding>,
        coverage: Verdict,
        valid: bool,
    ) -> (InvariantRow, u64) {
        let mut info = steady_run().build().info;
        info.known_findings = findings;
        let violations = summaries.iter().map(|text| violation(text.to_string(), vec![])).collect();
        let found = Checked { checked: 9, coverage, note: String::new(), violations };
        judged("single-leader", false, found, &Knowledge::of(&info, valid))
    }

    #[test]
    fn a_known_violation_does_not_gate_and_another_one_does() {
        let (known, unknown) = row(&["n1 and n2 both answer"], finding(false), Verdict::Pass);
        assert_eq!((known.verdict, unknown), (Verdict::Pass, 0));
        assert_eq!(known.violations[0].known.as_deref(), Some("K1"));
        let (mixed, unknown) = row(&["both answer", "something else"], finding(false), Verdict::Pass);
        assert_eq!((mixed.verdict, unknown), (Verdict::Fail, 1));
    }

    #[test]
    fn a_finding_of_another_version_or_invariant_excuses_nothing() {
        let other_version = KnownFinding { versions: vec!["2.6.1".into()], ..finding(false) };
        let other_invariant = KnownFinding { invariant: "no-lost-writes".into(), ..finding(false) };
        let other_server = KnownFinding { server: "vault".into(), ..finding(false) };
        for finding in [other_version, other_invariant, other_server] {
            assert_eq!(row(&["both answer"], finding, Verdict::Pass).0.verdict, Verdict::Fail);
        }
    }

    #[test]
    fn an_always_finding_that_was_not_seen_fails_unless_nothing_was_judged() {
        let (row_judged, _) = row(&[], finding(true), Verdict::Pass);
        assert_eq!((row_judged.verdict, row_judged.gating), (Verdict::Fail, true));
        let (row_invalid, _) = row_of(&[], vec![finding(true)], Verdict::Pass, false);
        assert_eq!((row_invalid.verdict, row_invalid.gating), (Verdict::Pass, false));
        assert!(row_judged.note.contains("K1"), "{}", row_judged.note);
        assert_eq!(row(&["both answer"], finding(true), Verdict::Pass).0.verdict, Verdict::Pass);
        assert_eq!(row(&[], finding(true), Verdict::Inconclusive).0.verdict, Verdict::Inconclusive);
        let elsewhere = KnownFinding { scenarios: vec!["other".into()], ..finding(true) };
        assert_eq!(row(&[], elsewhere, Verdict::Pass).0.verdict, Verdict::Pass);
    }

    #[test]
    fn one_violation_may_show_several_findings() {
        let other = KnownFinding { id: "K2".into(), matches: "n1 and n2".into(), ..finding(true) };
        let (both, unknown) =
            row_of(&["n1 and n2 both answer"], vec![finding(true), other], Verdict::Pass, true);
        assert_eq!((both.verdict, unknown), (Verdict::Pass, 0), "{}", both.note);
    }

    #[test]
    fn a_long_list_is_cut_but_keeps_what_is_not_known() {
        let mut many = vec!["both answer"; 150];
        many.push("something else");
        let (cut, unknown) = row(&many, finding(false), Verdict::Pass);
        assert_eq!((cut.violations.len(), unknown, cut.verdict), (100, 1, Verdict::Fail));
        assert_eq!(cut.violations[0].known, None);
    }
}
