//! `retired-refused`: what was replaced opens nothing. Key shares are tried on a node that was started after a `rekey`, and
//! a root token on every node after `revoke-root`.

use super::{Checked, line, violation};
use crate::facts::Facts;
use crate::model::{Event, FaultKind, Verdict};

/// How the journal calls what a fault replaces.
const REPLACED: [(FaultKind, &str); 2] =
    [(FaultKind::Rekey, "key shares"), (FaultKind::RevokeRoot, "root token")];

pub fn has_data(facts: &Facts) -> bool {
    facts.events().any(|(_, event)| matches!(event, Event::RetiredTried { .. }))
}

pub fn check(facts: &Facts) -> Checked {
    let (mut checked, mut violations, mut refused) = (0, Vec::new(), Vec::new());
    for (_, event) in facts.events() {
        let Event::RetiredTried { what, node, accepted, said, .. } = event else { continue };
        match accepted {
            Some(true) => {
                let summary = format!("{node} took the {what} that had been replaced ({said})");
                violations.push(violation(summary, vec![line(event)]));
            }
            Some(false) => refused.push(what.as_str()),
            None => continue,
        }
        checked += 1;
    }
    let replaced = facts.faults.iter().filter(|fault| fault.applied.is_some());
    let untried: Vec<&str> = replaced
        .filter_map(|fault| REPLACED.iter().find(|(kind, _)| *kind == fault.kind))
        .map(|(_, what)| *what)
        .filter(|what| !refused.contains(what))
        .collect();
    let (coverage, note) = match (untried.first(), checked) {
        (Some(what), _) => {
            (Verdict::Inconclusive, format!("no node was seen to refuse the {what} that were replaced"))
        }
        (None, 0) => (Verdict::Inconclusive, "nothing was replaced".to_owned()),
        (None, _) => (Verdict::Pass, String::new()),
    };
    Checked { checked, coverage, note, violations }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::verdict;
    use crate::facts::testing::*;

    fn tried(what: &str, accepted: Option<bool>) -> Event {
        let (what, node) = (what.to_owned(), node("n2"));
        Event::RetiredTried { what, node, sent_ms: 20e3, accepted, said: "400: invalid key".to_owned() }
    }

    fn rekeyed() -> RunBuilder {
        RunBuilder::new()
            .phases(2e3, 12e3, 23e3, 40e3)
            .requested(12e3, "f1", FaultKind::Rekey, "leader", &["n1"])
            .applied(12.1e3, "f1")
    }

    #[test]
    fn what_was_replaced_must_be_refused_and_must_have_been_tried() {
        let of = |event: Option<Event>| {
            let run = event.into_iter().fold(rekeyed(), |run, event| run.event(20.1e3, event));
            verdict(check, &run.build())
        };
        assert_eq!(of(Some(tried("key shares", Some(false)))).0, Verdict::Pass);
        let (failed, found) = of(Some(tried("key shares", Some(true))));
        assert_eq!(failed, Verdict::Fail);
        assert!(found.violations[0].summary.starts_with("n2 took the key shares"));
        for unseen in [None, Some(tried("key shares", None)), Some(tried("root token", Some(false)))] {
            assert_eq!(of(unseen).0, Verdict::Inconclusive);
        }
        assert!(!has_data(&Facts::of(&kill_run().build())));
    }
}
