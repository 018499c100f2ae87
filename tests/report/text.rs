//! The reports in text: JUnit, Markdown and terminal, as they look and by the rules they must keep.

use crate::fixtures;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus};
use unicode_width::UnicodeWidthStr;
use vaultquake::model::{NodeId, Rehearsal, RunResult, SnapshotFirst, Verdict, Violation};
use vaultquake::report;

#[test]
fn they_look_as_reviewed() {
    let mut all = vec![];
    for (name, result, _) in fixtures::all() {
        insta::assert_snapshot!(format!("{name}.junit"), report::junit(&result));
        insta::assert_snapshot!(format!("{name}.markdown"), report::markdown(&result));
        insta::assert_snapshot!(format!("{name}.terminal"), report::terminal(&result, false));
        all.push(result);
    }
    insta::assert_snapshot!("several.terminal", report::terminal_many(&all, false));
}

#[test]
fn only_rows_that_decide_turn_ci_red() {
    for (name, result, _) in fixtures::all() {
        let xml = report::junit(&result);
        let parsed = Report::deserialize_from_str(&xml).unwrap_or_else(|problem| panic!("{name}: {problem}"));
        let cases = &parsed.test_suites[0].test_cases;
        assert_eq!(cases.len(), 1 + result.objectives.len() + result.invariants.len(), "{name}");
        assert_eq!(kind(case(cases, "verdict")), expected(result.verdict), "{name}: the verdict's own case");
        let objectives = result.objectives.iter().map(|row| (&row.id, row.gating, row.verdict));
        let invariants = result.invariants.iter().map(|row| (&row.id, row.gating, row.verdict));
        for (id, gating, verdict) in objectives.chain(invariants) {
            let wanted = if gating { expected(verdict) } else { None };
            assert_eq!(kind(case(cases, id)), wanted, "{name}: {id}");
        }
        for case in cases {
            assert_eq!(case.classname.as_ref().map(|class| class.as_str()), Some(result.scenario.as_str()));
        }
    }
    let xml = report::junit(&fixtures::lost_writes().0);
    assert!(xml.contains("promised = 0, measured 2"), "the figure stands in the failure's text");
}

#[test]
fn the_headline_tells_of_failures_even_where_nothing_stopped() {
    let (mut result, _) = fixtures::leader_kill();
    let headline = |result: &RunResult| report::terminal(result, false).replace("\n  ", " ");
    assert!(headline(&result).contains("0.37 % of reads failed (no gap of 100 ms or more)"));
    result.outages.clear();
    assert!(!headline(&result).contains("no outage was seen"), "{}", headline(&result));
    for row in &mut result.load {
        (row.conflicts, row.unknown) = (row.failed, 0);
    }
    assert!(headline(&result).contains("no outage was seen"), "{}", headline(&result));
}

#[test]
fn what_a_scenario_does_not_exercise_stands_last_and_without_a_verdict() {
    let (mut result, picture) = fixtures::leader_kill();
    let row = result.objectives.iter_mut().find(|row| row.id == "health.latency").unwrap();
    assert!(report::terminal(&fixtures::leader_kill().0, false).contains("no data"));
    row.exercised = false;
    let texts =
        [report::terminal(&result, false), report::markdown(&result), report::html(&result, &picture)];
    for text in texts {
        let at = text.to_lowercase().find("not exercised by this scenario").expect("the list is there");
        assert!(text[at..].contains("health.latency") && !text[..at].contains("health.latency"), "{text}");
        assert!(!text.contains("no data"), "{text}");
    }
    assert!(report::junit(&result).contains("health.latency"));
    // A row that decides is shown, data or not.
    result.objectives.iter_mut().for_each(|row| row.gating = true);
    assert!(!report::markdown(&result).contains("Not exercised"));
}

fn case<'a>(cases: &'a [TestCase], name: &str) -> &'a TestCase {
    cases.iter().find(|case| case.name.as_str() == name).unwrap_or_else(|| panic!("no case {name}"))
}

fn kind(case: &TestCase) -> Option<NonSuccessKind> {
    match &case.status {
        TestCaseStatus::NonSuccess { kind, .. } => Some(*kind),
        _ => None,
    }
}

fn expected(verdict: Verdict) -> Option<NonSuccessKind> {
    match verdict {
        Verdict::Pass => None,
        Verdict::Fail => Some(NonSuccessKind::Failure),
        Verdict::Inconclusive => Some(NonSuccessKind::Error),
    }
}

#[test]
fn a_terminal_of_a_hundred_columns_is_enough_and_colour_adds_nothing() {
    let mut results: Vec<RunResult> = fixtures::all().into_iter().map(|(_, result, _)| result).collect();
    let mut wide = fixtures::lost_writes().0;
    wide.scenario = "漢字".repeat(40);
    wide.reasons = vec!["x".repeat(300), "two words ".repeat(40)];
    wide.objectives[0].id = "a.very.long.identifier.of.an.objective".into();
    wide.objectives[0].target = format!("< {}", "9".repeat(40));
    results.push(wide);
    let check = |plain: String, coloured: String| {
        for line in plain.lines() {
            assert!(line.width() <= 100, "{} columns: {line}", line.width());
            assert!(!line.contains(char::is_control), "{line:?}");
        }
        assert!(coloured.contains("\u{1b}["));
        assert_eq!(without_colour(&coloured), plain);
    };
    for result in &results {
        check(report::terminal(result, false), report::terminal(result, true));
    }
    check(report::terminal_many(&results, false), report::terminal_many(&results, true));
}

fn without_colour(text: &str) -> String {
    let mut plain = String::new();
    for (i, part) in text.split('\u{1b}').enumerate() {
        plain.push_str(if i == 0 { part } else { part.split_once('m').unwrap().1 });
    }
    plain.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

#[test]
fn markdown_stays_below_a_megabyte_and_says_what_it_left_out() {
    let (mut result, _) = fixtures::lost_writes();
    let row = result.invariants.iter_mut().find(|row| row.id == "no-lost-writes").unwrap();
    row.violations = (0..2_000)
        .map(|key| Violation {
            summary: format!("key {key} is gone {}", "|".repeat(2_000)),
            known: None,
            evidence: vec!["`".repeat(900); 10],
        })
        .collect();
    result.outages = vec![result.outages[0].clone(); 5_000];
    result.failovers = vec![result.failovers[0].clone(); 5_000];
    result.objectives = vec![result.objectives[0].clone(); 5_000];
    result.reasons = vec!["<b>".repeat(400); 5_000];
    result.command = "x ".repeat(2_000_000);
    let text = report::markdown(&result);
    assert!(text.len() < 1_000_000, "{} bytes", text.len());
    for left_out in
        ["1990 more violations", "4950 more outages", "4950 more failovers", "4950 more objectives"]
    {
        assert!(text.contains(left_out), "{left_out}");
    }
}

#[test]
fn markdown_neither_formats_nor_mentions_what_a_server_said() {
    let (mut result, _) = fixtures::lost_writes();
    result.reasons = vec!["@everyone <img src=x> [click](http://evil) | **bold** `code`".into()];
    let text = report::markdown(&result);
    let line = text.lines().find(|line| line.contains("everyone")).unwrap();
    assert_eq!(
        line,
        "- &#64;everyone &lt;img src=x&gt; \\[click\\](http://evil) \\| \\*\\*bold\\*\\* \\`code\\`"
    );
}

#[test]
fn the_sheet_of_an_upgrade_begins_with_its_snapshot() {
    let (mut result, _) = fixtures::leader_kill();
    let snapshot = SnapshotFirst {
        node: Some(NodeId::new("n1")),
        bytes: 546_369,
        sha256: "6e9c912d9171".repeat(5),
        took_ms: 230.0,
        trouble: None,
    };
    let rehearsal =
        |snapshot| Rehearsal { go: false, snapshot, steps: vec![], compared: None, changes: vec![] };
    result.rehearsal = Some(rehearsal(Some(snapshot.clone())));
    let row = "| snapshot | n1 | – | – | – | – | 546,369 bytes in 230 ms, whole, SHA-256 6e9c912d9171… |";
    assert!(report::markdown(&result).contains(row), "{}", report::markdown(&result));
    assert!(report::terminal(&result, false).contains("snapshot before it: 546,369 bytes in 230 ms"));
    let refused = SnapshotFirst { trouble: Some("no space left".into()), ..snapshot };
    result.rehearsal = Some(rehearsal(Some(refused)));
    assert!(report::markdown(&result).contains("| none: no space left |"));
    result.rehearsal = Some(rehearsal(None));
    assert!(!report::terminal(&result, false).contains("snapshot before it"));
}
