//! The conformance result in its three forms: what turns CI red, both texts of a divergence, and nothing that runs.

use quick_junit::{Report, TestCaseStatus};
use std::path::Path;
use vaultquake::model::{
    CaseOutcome, CaseResult, ConformanceResult, Server, ServerConformance, Standing, Verdict,
};
use vaultquake::report::conformance;

fn case(id: &str, outcome: CaseOutcome, expected: Option<&str>) -> CaseResult {
    CaseResult {
        id: id.into(),
        meaning: "a <write> with check-and-set of another version than the newest is refused".into(),
        source: "003_4302cd6b1a3b9c83.txt".into(),
        outcome,
        expected: expected.map(str::to_owned),
        took_ms: 12.5,
    }
}

fn differs() -> CaseOutcome {
    CaseOutcome::Differs { documented: "GET *kv/a: status 400".into(), observed: "status 200 & more".into() }
}

/// One case of each standing.
fn sample() -> ConformanceResult {
    let cases = vec![
        case("kv2/cas/right-version-wins", CaseOutcome::Conforms, None),
        case("kv2/cas/known", differs(), Some("the server has done so since 2.6")),
        case("kv2/cas/unexpected", differs(), None),
        case("kv2/cas/vanished", CaseOutcome::Conforms, Some("the server did so until now")),
        case("aws/engine", CaseOutcome::NotApplicable { found_out: "answered 400: unknown".into() }, None),
        case("pki/issue", CaseOutcome::NotJudged { missing: "PostgreSQL".into() }, None),
        case("pki/revoke", CaseOutcome::Broken { why: "it took longer than 60 s".into() }, None),
    ];
    let server = |version: &str, cases| ServerConformance {
        server: Server { product: "openbao".into(), version: version.into() },
        backend: "process".into(),
        cases,
    };
    let servers = vec![server("2.7.2", cases.clone()), server("2.6.1", cases[..1].to_vec())];
    ConformanceResult {
        version: ConformanceResult::VERSION,
        started_at: "2026-01-02T03:04:05Z".parse().unwrap(),
        duration_ms: 61_234.0,
        verdict: ConformanceResult::verdict_of(&servers),
        command: "vaultquake conform --server openbao@2.7.2 --server openbao@2.6.1".into(),
        servers,
    }
}

/// Each case alone, with the verdict that it makes.
fn verdict_of_each() -> Vec<(Standing, Verdict)> {
    let verdict = |case: &CaseResult| {
        let server = ServerConformance { cases: vec![case.clone()], ..sample().servers[0].clone() };
        (case.standing(), ConformanceResult::verdict_of(&[server]))
    };
    sample().servers[0].cases.iter().map(verdict).collect()
}

#[test]
fn surprises_fail_and_what_was_not_judged_is_no_pass() {
    use Verdict::{Fail, Inconclusive, Pass};
    let wanted = [
        (Standing::Conforms, Pass),
        (Standing::KnownDivergence, Pass),
        (Standing::Unexpected, Fail),
        (Standing::Vanished, Fail),
        (Standing::NotApplicable, Pass),
        (Standing::NotJudged, Inconclusive),
        (Standing::Broken, Inconclusive),
    ];
    assert_eq!(verdict_of_each(), wanted);
    assert_eq!(ConformanceResult::verdict_of(&[]), Inconclusive);
}

#[test]
fn the_texts_look_as_reviewed() {
    insta::assert_snapshot!("conformance.terminal", conformance::terminal(&sample(), false));
    insta::assert_snapshot!("conformance.markdown", conformance::markdown(&sample()));
    insta::assert_snapshot!("conformance.junit", conformance::junit(&sample()));
}

#[test]
fn only_surprises_and_trouble_turn_ci_red() {
    let parsed = Report::deserialize_from_str(&conformance::junit(&sample())).unwrap();
    let red = |status: &TestCaseStatus| matches!(status, TestCaseStatus::NonSuccess { .. });
    let names: Vec<_> = parsed.test_suites[0]
        .test_cases
        .iter()
        .filter(|case| red(&case.status))
        .map(|case| case.name.as_str().to_owned())
        .collect();
    assert_eq!(names, ["kv2/cas/unexpected", "kv2/cas/vanished", "pki/revoke"]);
}

#[test]
fn the_page_names_every_case_with_both_texts_and_runs_nothing() {
    let page = conformance::html(&sample());
    std::fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join("report-conformance.html"), &page).unwrap();
    for case in &sample().servers[0].cases {
        assert!(page.contains(&case.id.replace('/', "&#x2f;")), "{} is missing", case.id);
    }
    assert!(
        page.contains("documented: GET *kv&#x2f;a: status 400; observed: status 200 &amp; more"),
        "{page}"
    );
    assert!(page.contains("a &lt;write&gt;") && page.contains("not asked"));
    let lower = page.to_lowercase();
    for banned in ["<script", "http://", "https://", " src=", " href=", "@import", "<link", "<iframe", "<img"]
    {
        assert!(!lower.contains(banned), "{banned}");
    }
}
