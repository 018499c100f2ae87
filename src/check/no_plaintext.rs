//! `no-plaintext`: no secret of the run stands readable in what the servers write down.
//!
//! All values of a run begin with one canary; it, the tokens and the keys are looked for in every usual spelling. A kind of
//! file in which not even a word was found that must be there was not really searched.

use super::{Checked, line, sentences, violation};
use crate::facts::{Facts, search_doubts};
use crate::model::{PlaceKind, PlaintextHit, Verdict};

pub fn has_data(facts: &Facts) -> bool {
    facts.plaintext_search().is_some()
}

pub fn check(facts: &Facts) -> Checked {
    let Some(search) = facts.plaintext_search() else {
        let note = "nothing was searched".to_owned();
        return Checked { checked: 0, coverage: Verdict::Inconclusive, note, violations: Vec::new() };
    };
    let doubts = search_doubts(search);
    let coverage = if doubts.is_empty() { Verdict::Pass } else { Verdict::Inconclusive };
    // What stands in our own files is our failure, and ends the run as one.
    let of_servers: Vec<_> = search.hits.iter().filter(|hit| hit.kind != PlaceKind::RunFolder).collect();
    let files: u64 = search.places.iter().map(|place| place.files).sum();
    let bytes: u64 = search.places.iter().map(|place| place.bytes).sum();
    let extent = format!(
        "{} secrets in {} spellings were looked for in {files} files, {:.1} MB",
        search.secrets,
        search.forms.len(),
        bytes as f64 / 1e6
    );
    let told: u64 = search.hits.iter().map(|hit| hit.times).sum();
    let more = search.hits_total.saturating_sub(told);
    let more = if more > 0 { format!("{more} more were found") } else { String::new() };
    let note = sentences(doubts.into_iter().chain([more, extent]));
    let violations = of_servers.into_iter().map(|hit| violation(describe(hit), vec![line(hit)])).collect();
    Checked { checked: files, coverage, note, violations }
}

fn describe(hit: &PlaintextHit) -> String {
    let PlaintextHit { kind, node, file, secret, form, times, .. } = hit;
    let whose = node.as_ref().map_or(String::new(), |node| format!(" of {node}"));
    let times = if *times == 1 { String::new() } else { format!(" {times} times") };
    format!("the {secret} stands{times} in the {}{whose} ({form}, in {file})", kind.name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::verdict;
    use crate::facts::testing::*;
    use crate::model::{Event, PlaintextSearch, SearchedPlace, Unread};
    use crate::record::SavedRun;

    fn searched() -> PlaintextSearch {
        let place = |kind: PlaceKind| SearchedPlace {
            kind,
            node: (kind != PlaceKind::RunFolder).then(|| node("n1")),
            files: 2,
            bytes: 1_000_000,
            control_found: true,
        };
        PlaintextSearch {
            places: PlaceKind::OF_SERVERS.into_iter().chain([PlaceKind::RunFolder]).map(place).collect(),
            secrets: 10,
            forms: vec!["raw".into(), "hex".into()],
            ..PlaintextSearch::default()
        }
    }

    fn run(search: PlaintextSearch) -> SavedRun {
        steady_run().event(32_500.0, Event::PlaintextSearched(Box::new(search))).build()
    }

    fn hit(kind: PlaceKind) -> PlaintextHit {
        PlaintextHit {
            kind,
            node: Some(node("n2")),
            file: "audit.log".into(),
            offset: 4_711,
            times: 2,
            secret: "canary".into(),
            form: "base64".into(),
        }
    }

    #[test]
    fn passes_where_nothing_was_found_but_what_must_be_there() {
        let (passed, found) = verdict(check, &run(searched()));
        assert_eq!((passed, found.checked), (Verdict::Pass, 8));
        assert_eq!(found.note, "10 secrets in 2 spellings were looked for in 8 files, 4.0 MB");
    }

    #[test]
    fn fails_with_the_place_also_where_the_rest_was_not_searched() {
        let mut search = PlaintextSearch { hits: vec![hit(PlaceKind::Audit)], hits_total: 2, ..searched() };
        for _ in 0..2 {
            let (failed, found) = verdict(check, &run(search.clone()));
            assert_eq!(failed, Verdict::Fail);
            let summary = &found.violations[0].summary;
            assert_eq!(summary, "the canary stands 2 times in the audit files of n2 (base64, in audit.log)");
            search.places.truncate(1);
        }
    }

    #[test]
    fn what_stands_in_our_own_files_is_no_servers_failure() {
        let search = PlaintextSearch { hits: vec![hit(PlaceKind::RunFolder)], hits_total: 2, ..searched() };
        assert_eq!(verdict(check, &run(search)).0, Verdict::Pass);
    }

    #[test]
    fn inconclusive_where_a_kind_of_file_was_not_really_searched() {
        for kind in 0..4 {
            let mut search = searched();
            search.places[kind].control_found = false;
            let (inconclusive, found) = verdict(check, &run(search));
            assert_eq!(inconclusive, Verdict::Inconclusive);
            assert!(found.note.contains("not even what must be there was found"), "{}", found.note);
        }
        let unread = Unread { node: node("n2"), reason: "where its stored data is, is not known".into() };
        let (inconclusive, _) = verdict(check, &run(PlaintextSearch { unread: vec![unread], ..searched() }));
        assert_eq!(inconclusive, Verdict::Inconclusive);
        assert!(!has_data(&Facts::of(&steady_run().build())));
        assert_eq!(verdict(check, &steady_run().build()).0, Verdict::Inconclusive);
    }
}
