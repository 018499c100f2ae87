//! JUnit XML: one case per objective and invariant and one for the verdict. Only rows that decide can turn a
//! CI job red; the others are passed cases with their figure in the output.

use super::{rows, summary, words};
use crate::model::{InvariantRow, RunResult, Verdict};
use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};
use std::time::Duration;

/// Evidence lines printed for one violation; `result.json` has them all.
const EVIDENCE_LINES_MAX: usize = 50;
const VIOLATIONS_MAX: usize = 100;

/// The run as a JUnit report: fail is `<failure>`, inconclusive (harness trouble included) is `<error>`.
pub fn junit(result: &RunResult) -> String {
    let mut suite = TestSuite::new(result.scenario.as_str());
    suite.set_time(time(result));
    suite.extra.insert("timestamp".into(), result.started_at.to_string().into());
    let server = words::servers_name(&result.server);
    let seed = result.seed.to_string();
    for (name, value) in [
        ("server", server.as_str()),
        ("backend", &result.backend),
        ("seed", &seed),
        ("command", &result.command),
    ] {
        suite.add_property(Property::new(name, value));
    }
    suite.add_test_case(verdict_case(result));
    for row in rows::all_objectives(result).into_iter().map(rows::objective) {
        let mut text = rows::objective_line(&row);
        push_sentence(&mut text, &row.note);
        let detail = row
            .parts
            .iter()
            .map(|part| format!("{}: {} ({}) {}", part.name, part.measured, part.samples, part.verdict));
        let detail = detail.chain([format!("source: {}", row.source)]).collect::<Vec<_>>().join("\n");
        suite.add_test_case(case(&result.scenario, &row.id, row.gating, row.verdict, &text, &detail));
    }
    for row in rows::invariants(result) {
        let mut text = rows::invariant_line(row);
        push_sentence(&mut text, &row.note);
        let detail = violations(row);
        suite.add_test_case(case(&result.scenario, &row.id, row.gating, row.verdict, &text, &detail));
    }
    let mut report = Report::new("vaultquake");
    report.set_time(time(result));
    report.add_test_suite(suite);
    written(&report)
}

/// Writing to memory fails only on a bug of the library; CI must still see an error, in well-formed XML.
pub(super) fn written(report: &Report) -> String {
    report.to_string().unwrap_or_else(|_| UNWRITTEN.to_owned())
}

const UNWRITTEN: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="vaultquake" tests="1" errors="1"><testsuite name="report" tests="1" errors="1">
<testcase name="verdict"><error message="the JUnit report could not be written; see the JSON beside it"/></testcase>
</testsuite></testsuites>
"#;

fn verdict_case(result: &RunResult) -> TestCase {
    let reasons = rows::reasons(result);
    let sentence = summary::sentence(result, None);
    let message =
        reasons.first().cloned().unwrap_or_else(|| words::verdict_meaning(result.verdict).to_owned());
    let repeat = format!("repeat: {}", result.command);
    let detail = reasons.iter().skip(1).chain([&sentence, &repeat]).cloned().collect::<Vec<_>>().join("\n");
    let mut case = case(&result.scenario, "verdict", true, result.verdict, &message, &detail);
    case.set_time(time(result));
    case
}

fn case(scenario: &str, id: &str, gating: bool, verdict: Verdict, text: &str, detail: &str) -> TestCase {
    let status = match verdict {
        _ if !gating => TestCaseStatus::success(),
        Verdict::Pass => TestCaseStatus::success(),
        Verdict::Fail => problem(NonSuccessKind::Failure, "fail", text, detail),
        Verdict::Inconclusive => problem(NonSuccessKind::Error, "inconclusive", text, detail),
    };
    let shown_as_passed = matches!(status, TestCaseStatus::Success { .. });
    let mut case = TestCase::new(id, status);
    case.set_classname(scenario);
    if shown_as_passed {
        let role = if gating { "decides" } else { "non-gating, shown for information" };
        case.set_system_out(format!("{verdict} ({role}): {text}\n{detail}").trim_end());
    }
    case
}

fn problem(kind: NonSuccessKind, name: &str, text: &str, detail: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(name).set_message(text).set_description(format!("{text}\n{detail}").trim_end());
    status
}

fn violations(row: &InvariantRow) -> String {
    let mut lines = vec![];
    for violation in row.violations.iter().take(VIOLATIONS_MAX) {
        let known = violation.known.as_ref().map(|id| format!(" [known: {id}]")).unwrap_or_default();
        lines.push(format!("- {}{known}", violation.summary));
        lines.extend(violation.evidence.iter().take(EVIDENCE_LINES_MAX).map(|line| format!("    {line}")));
        if violation.evidence.len() > EVIDENCE_LINES_MAX {
            let more = violation.evidence.len() - EVIDENCE_LINES_MAX;
            lines.push(format!("    … {more} more lines of evidence in result.json"));
        }
    }
    if row.violations.len() > VIOLATIONS_MAX {
        lines.push(format!("… {} more violations in result.json", row.violations.len() - VIOLATIONS_MAX));
    }
    lines.join("\n")
}

fn push_sentence(text: &mut String, note: &str) {
    if !note.is_empty() {
        text.push_str(". ");
        text.push_str(&words::capitalised(note));
    }
}

fn time(result: &RunResult) -> Duration {
    Duration::try_from_secs_f64(result.duration_ms / 1e3).unwrap_or_default()
}
