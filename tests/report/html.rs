//! The page as a whole: complete, self-contained, well-formed, and safe whatever a server said.

use crate::fixtures;
use std::path::Path;
use vaultquake::model::{
    ConfigurationChange, InVain, Lane, LoadRow, NodeId, Picture, Rehearsal, Role, RunResult, Server, Servers,
    SnapshotFirst, UpgradeStep, Violation,
};
use vaultquake::report;

#[test]
fn every_page_names_everything_and_fetches_nothing() {
    for (name, result, picture) in fixtures::all() {
        let page = report::html(&result, &picture);
        // Kept for the eye: a person can open what the test has judged.
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("report-{name}.html"));
        std::fs::write(&path, &page).unwrap();
        assert!(page.len() < 1_000_000, "{name} takes {} bytes", page.len());
        for id in objective_and_invariant_ids(&result) {
            assert!(page.contains(&format!("<code>{id}</code>")), "{name} lacks {id}");
        }
        let command = result.command.replace('/', "&#x2f;");
        assert!(page.contains(&command), "{name} lacks the command that repeats it");
        assert!(page.contains("Rendered by Vaultquake"), "{name} was not laid out by its templates");
        self_contained(name, &page);
        balanced(name, &page);
    }
}

fn objective_and_invariant_ids(result: &RunResult) -> Vec<&str> {
    let objectives = result.objectives.iter().map(|row| row.id.as_str());
    objectives.chain(result.invariants.iter().map(|row| row.id.as_str())).collect()
}

fn self_contained(name: &str, page: &str) {
    let lower = page.to_lowercase();
    for banned in [
        "<script",
        "http://",
        "https://",
        " src=",
        " href=",
        "@import",
        "javascript:",
        "<link",
        "<iframe",
        "<object",
        "<img",
        " style=",
    ] {
        assert!(!lower.contains(banned), "{name} contains {banned}");
    }
    for tag in tags(page) {
        assert!(!tag.contains(" on"), "{name} has an event handler in <{tag}>");
    }
    for target in page.split("url(").skip(1) {
        assert!(target.starts_with('#'), "{name} fetches url({}", &target[..target.len().min(30)]);
    }
}

/// Everything between `<` and `>` outside of the style sheet.
fn tags(page: &str) -> Vec<&str> {
    let body = &page[page.find("</style>").expect("a style sheet")..];
    body.split('<').skip(1).map(|rest| rest.split('>').next().unwrap()).collect()
}

/// Each element is closed in the order it was opened.
fn balanced(name: &str, page: &str) {
    let mut open = vec!["html", "head", "style"];
    for tag in tags(page) {
        let element = tag.trim_start_matches('/').split([' ', '\n', '/']).next().unwrap();
        if let Some(closed) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(closed), "{name}: </{closed}> closes the wrong element");
        } else if !tag.ends_with('/') && !["br", "meta"].contains(&element) {
            open.push(element);
        }
    }
    assert!(open.is_empty(), "{name} leaves open {open:?}");
}

#[test]
fn ids_are_unique_so_that_patterns_and_titles_are_their_own() {
    for (name, result, picture) in fixtures::all() {
        let page = report::html(&result, &picture);
        let mut ids: Vec<&str> =
            page.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all, "{name} uses an id twice");
        for used in page.split("url(#").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            assert!(ids.contains(&used), "{name} paints with {used}, which is not there");
        }
    }
}

/// Hostile text in every place that a server or a person can fill.
#[test]
fn no_text_from_outside_becomes_markup() {
    let evil = "</title></pre><script>alert(1)</script>\"'><svg onload=x>\u{1b}[2J\u{202e}";
    let (mut result, mut picture) = fixtures::rolling_restart();
    let (lost, _) = fixtures::lost_writes();
    result.invariants = lost.invariants;
    result.invariants[1].violations.push(Violation {
        summary: evil.into(),
        known: Some(evil.into()),
        evidence: vec![evil.into()],
    });
    for text in [&mut result.scenario, &mut result.summary, &mut result.backend, &mut result.command] {
        *text = evil.into();
    }
    result.reasons = vec![evil.into()];
    result.overrides = vec![evil.into()];
    result.server = Servers::One(Server { product: evil.into(), version: evil.into() });
    result.rehearsal = Some(Rehearsal {
        go: false,
        snapshot: Some(SnapshotFirst {
            node: Some(NodeId::new(evil)),
            trouble: Some(evil.into()),
            ..SnapshotFirst::default()
        }),
        steps: vec![UpgradeStep {
            fault: evil.into(),
            node: NodeId::new(evil),
            led: true,
            from: evil.into(),
            to: Some(evil.into()),
            back_ms: None,
            whole_ms: None,
            outage_ms: 1.0,
            outage_of: Some(evil.into()),
            unserved: vec![InVain { error: evil.into(), count: 1 }],
            rest: None,
        }],
        compared: Some(1),
        changes: vec![ConfigurationChange {
            path: evil.into(),
            before: Some(200),
            after: 200,
            fields: vec![evil.into()],
        }],
    });
    for row in &mut result.objectives {
        (row.note, row.source, row.target, row.unit) = (evil.into(), evil.into(), evil.into(), evil.into());
    }
    for fault in &mut result.faults {
        (fault.evidence, fault.heal_evidence, fault.nodes) =
            (evil.into(), evil.into(), vec![NodeId::new(evil)]);
    }
    for outage in &mut result.outages {
        outage.operation = evil.into();
    }
    for series in &mut picture.series {
        series.name = evil.into();
    }
    for curve in &mut picture.percentile_curves {
        curve.name = evil.into();
    }
    for error in &mut picture.errors {
        (error.error, error.node) = (evil.into(), evil.into());
    }
    picture.lanes.push(Lane { node: NodeId::new(evil), segments: vec![(0.0, Role::Active)] });
    let page = report::html(&result, &picture);
    assert!(page.contains("&lt;script&gt;alert(1)"), "the evidence is shown as text");
    assert!(!page.contains("<script") && !page.contains("<svg onload"));
    assert!(!page.contains('\u{1b}') && !page.contains('\u{202e}'));
    assert!(page.contains("Rendered by Vaultquake"), "it was laid out by its templates");
    balanced("hostile", &page);
}

#[test]
fn a_budget_that_nothing_burned_is_not_kept_where_availability_was_missed() {
    let (mut result, picture) = fixtures::leader_kill();
    assert!(report::html(&result, &picture).contains("keeps the promise"));
    if let Some(budget) = &mut result.budget {
        (budget.burned_ms, budget.burned_share_percent, budget.projected_month_percent) = (0.0, 0.0, 100.0);
    }
    let page = report::html(&result, &picture);
    assert!(!page.contains("keeps the promise") && page.contains("below the promise all the same"));
}

#[test]
fn a_run_without_data_says_so() {
    let (result, picture) = fixtures::aborted();
    let page = report::html(&result, &picture);
    for words in [
        "INCONCLUSIVE",
        "interrupted by SIGINT",
        "nothing was measured",
        "Nothing was judged",
        "There is no timeline",
    ] {
        assert!(page.contains(words), "the page lacks: {words}");
    }
    assert!(!page.contains(">PASS<"));
}

/// Two hours of four loads, thousands of rows: the page must stay one that a browser opens at once.
#[test]
fn a_long_run_stays_small() {
    let (mut result, mut picture) = fixtures::leader_kill();
    let end_ms = 7_200_000.0;
    (result.duration_ms, picture.end_ms) = (end_ms, end_ms);
    result.phases.last_mut().unwrap().end_ms = end_ms;
    result.phases[4].end_ms = end_ms;
    let sample = picture.series[0].clone();
    picture.series = (0..4)
        .map(|_| {
            let mut series = sample.clone();
            series.seconds = (0..7_200)
                .map(|i| {
                    let mut second = sample.seconds[i % sample.seconds.len()].clone();
                    second.start_ms = i as f64 * 1e3;
                    second
                })
                .collect();
            series
        })
        .collect();
    result.outages = vec![result.outages[0].clone(); 3_000];
    picture.errors = vec![picture.errors[0].clone(); 3_000];
    let row: LoadRow = result.load[0].clone();
    result.load = vec![row; 3_000];
    let page = report::html(&result, &picture);
    assert!(page.len() < 1_000_000, "{} bytes", page.len());
    assert!(page.contains("2800 more outages"));
    assert!(page.contains("Each point joins"), "the joining of seconds is stated");
}

#[test]
fn figures_that_are_not_numbers_break_nothing() {
    let (mut result, mut picture) = fixtures::leader_kill();
    result.duration_ms = f64::NAN;
    result.phases[1].start_ms = f64::NAN;
    result.faults[0].applied_ms = Some(f64::INFINITY);
    result.failovers[0].phases_ms.active = Some(f64::NAN);
    result.failovers[0].phases_ms.first_write = Some(-3.0);
    result.outages[0].end_ms = f64::NEG_INFINITY;
    result.objectives[0].measured = Some(f64::NAN);
    result.objectives[0].interval = Some([f64::NAN, f64::INFINITY]);
    picture.end_ms = f64::NAN;
    picture.lanes[0].segments = vec![];
    picture.series[0].seconds = vec![];
    picture.percentile_curves[0].points = vec![(f64::NAN, 1), (100.0, 0)];
    let page = report::html(&result, &picture);
    balanced("not numbers", &page);
    assert!(!page.contains("NaN") && !page.contains("inf\""), "no picture is drawn at no place");
    let all = [report::junit(&result), report::markdown(&result), report::terminal(&result, false)];
    assert!(all.iter().all(|text| text.contains("leader-kill")));
    assert!(!report::html(&result, &Picture::default()).is_empty());
}

#[test]
fn operations_that_fit_no_order_are_drawn_with_words() {
    let (result, picture) = fixtures::stale_read();
    let page = report::html(&result, &picture);
    for words in [
        "kv2.write by n1: stored version 5",
        "kv2.write by n1: never answered",
        "kv2.cas on version 4 by n1: refused, another version was there",
        "kv2.read by n1: found version 4",
        "milliseconds since 27.19 s",
    ] {
        // In the wide drawing and the narrow one, as a label and in the description.
        assert!(page.matches(words).count() >= 2, "{words} is not drawn");
    }
    let (without, picture) = fixtures::lost_writes();
    assert!(!report::html(&without, &picture).contains("Operations that fit no order"));
}
