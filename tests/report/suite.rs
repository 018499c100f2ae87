//! The report of a whole night: what stands first, what a comment may hold, and that nothing in it formats or mentions.

use vaultquake::model::{
    LeftOut, LeftOutFor, Span, SuiteBackend, SuiteEnd, SuiteItem, SuiteReport, SuiteRun, UpgradePair, Verdict,
};
use vaultquake::report;

fn item(scenario: &str, backend: SuiteBackend) -> SuiteItem {
    SuiteItem { group: "failover".into(), scenario: scenario.into(), backend, upgrade: None }
}

fn run(scenario: &str, verdict: Option<Verdict>, said: &str) -> SuiteRun {
    SuiteRun {
        item: item(scenario, SuiteBackend::Process),
        seed: 2_026_112_300,
        verdict,
        said: said.into(),
        folder: verdict.map(|_| format!("20261123T020000Z-{scenario}-2026112300")),
        took_ms: 61_000.0,
    }
}

fn night() -> SuiteReport {
    let left = |scenario: &str, reason, why: &str| LeftOut {
        item: item(scenario, SuiteBackend::Docker),
        reason,
        why: why.into(),
    };
    let mut upgraded =
        run("rolling", Some(Verdict::Pass), "OpenBao 2.7.1, upgraded to 2.7.2: writes stopped for 0.3 s.");
    upgraded.item.upgrade = Some(UpgradePair { from: "openbao@2.7.1".into(), to: "openbao@2.7.2".into() });
    SuiteReport {
        version: 1,
        suite: "nightly".into(),
        summary: "All of it.".into(),
        night: 20_780,
        first_seed: 2_026_112_300,
        within: Span::from_secs(3600),
        server: "openbao@2.7.2".into(),
        started_at: "2026-11-23T02:00:00Z".parse().unwrap(),
        elapsed_ms: 3_100_000.0,
        end: SuiteEnd::Whole,
        runs: vec![
            run(
                "leader-kill",
                Some(Verdict::Pass),
                "OpenBao 2.7.2, leader n2 killed: writes stopped for 11.3 s.",
            ),
            run(
                "read-latency",
                Some(Verdict::Inconclusive),
                "read.p99: the machine was disturbed in 14 % of the windows",
            ),
            run("lossy-link", None, "the proxy could not be set up"),
            run("disk-full", Some(Verdict::Fail), "no-lost-writes: 2 of 1,234 | @everyone <b>lost</b>"),
            upgraded,
        ],
        left_out: vec![
            left("step-down", LeftOutFor::Rotation, "its turn comes tomorrow night"),
            left("ramp", LeftOutFor::Budget, "it takes about 4m38s, and 2m were left"),
        ],
    }
}

#[test]
fn a_night_looks_as_reviewed() {
    insta::assert_snapshot!("night.markdown", report::suite_markdown(&night()));
    insta::assert_snapshot!("night.terminal", report::suite_terminal(&night(), false));
}

#[test]
fn what_needs_a_look_stands_first_and_the_gravest_is_the_headline() {
    let mut night = night();
    let headline = |night: &SuiteReport| report::suite_markdown(night).lines().next().unwrap().to_owned();
    assert!(
        headline(&night).contains("HARNESS FAILED: 5 runs: 2 passed, 1 failed, 1 inconclusive, 1 in which")
    );
    night.runs.retain(|run| run.verdict.is_some());
    assert!(headline(&night).starts_with("## ❌ FAIL"));
    let text = report::suite_markdown(&night);
    let at = |word: &str| text.find(word).unwrap_or_else(|| panic!("{word}: {text}"));
    assert!(at("disk-full") < at("read-latency") && at("read-latency") < at("leader-kill"));
    night.runs.retain(|run| run.verdict != Some(Verdict::Fail));
    assert!(headline(&night).contains("INCONCLUSIVE"));
    night.runs.retain(|run| run.verdict == Some(Verdict::Pass));
    assert!(headline(&night).contains("PASS: 2 runs: 2 passed"));
    night.end = SuiteEnd::UnderWay;
    assert!(headline(&night).contains("was killed"));
    night.runs.clear();
    assert!(headline(&night).contains("INCONCLUSIVE: nothing ran"));
}

#[test]
fn a_comment_takes_it_whatever_the_night_held_and_nothing_in_it_formats() {
    let mut night = night();
    let evil = "x|`@team` <script>".repeat(400);
    night.runs = (0..500).map(|_| run("disk-full", Some(Verdict::Fail), &evil)).collect();
    night.left_out = (0..500)
        .map(|_| LeftOut {
            item: item("a", SuiteBackend::Docker),
            reason: LeftOutFor::Budget,
            why: evil.clone(),
        })
        .collect();
    let text = report::suite_markdown(&night);
    assert!(text.len() < 65_536, "{} bytes", text.len());
    assert!(text.contains("440 more in suite.json") && text.contains("460 more in suite.json"));
    for word in ["<script", " @", "x|"] {
        assert!(!text.contains(word), "{word}");
    }
    night.runs.iter_mut().for_each(|run| run.said = "<".repeat(400));
    let text = report::suite_markdown(&night);
    assert!(
        text.len() < 65_536 && text.ends_with("… the rest stands in suite.json\n"),
        "{} bytes",
        text.len()
    );
}

#[test]
fn the_index_leads_to_each_run_of_the_night() {
    let mut night = night();
    night.runs[3].said = "<script>alert(1)</script>".into();
    let page = report::index(&[], &[], Some(&night));
    for run in night.runs.iter().filter_map(|run| run.folder.as_ref()) {
        assert!(page.contains(&format!("href=\"./{run}/report.html\"")), "{run}");
    }
    assert!(!page.contains("<script"), "{page}");
    assert!(page.contains("harness failed") && page.contains("ramp on docker: it takes about 4m38s"));
    assert!(page.contains("<header class=\"fail\">"));
}

#[test]
fn what_failed_is_told_before_what_only_casts_doubt() {
    let (mut result, _) = crate::fixtures::lost_writes();
    let failed = report::said(&result);
    assert!(failed.starts_with("no-lost-writes") || failed.starts_with("failover.rpo"), "{failed}");
    result.reasons.insert(0, "the harness did not keep its schedule".into());
    assert_eq!(report::said(&result), failed);
}
