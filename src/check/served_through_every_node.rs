//! `served-through-every-node`: whenever the cluster is whole in the middle of an upgrade, every kind of operation is served
//! through every node.
//!
//! Two versions side by side can look healthy to every health check while one of them no longer passes on what the other
//! sends: what standbys answer themselves goes on working, and what they forward does not. So each kind of operation is
//! counted for itself, on each node, in each stretch in which nothing was being done.

use super::{Checked, line, sentences, silence, violation};
use crate::facts::{Facts, Rest, is_served};
use crate::model::{NodeId, Operation, Verdict, Workload};
use std::collections::BTreeMap;

/// Fewer show nothing of one kind of operation on one node.
const ASKED_MIN: usize = 3;
/// So many in vain, and more than such a share, are no accident.
const UNSERVED_MIN: usize = 3;
const UNSERVED_SHARE: f64 = 0.1;
/// A request that took longer was not answered in a step's own time.
const NEVER_ANSWERED_US: u64 = 5_000_000;
const EVIDENCE_MAX: usize = 3;

pub fn has_data(facts: &Facts) -> bool {
    facts.disturbing_faults().any(|fault| fault.kind.installs().is_some())
}

pub fn check(facts: &Facts) -> Checked {
    let rests = facts.rests();
    let (mut checked, mut violations, mut thin) = (0, Vec::new(), Vec::new());
    for rest in &rests {
        let asked = asked_in(facts, rest);
        for info in &facts.run.info.nodes {
            let of_node = asked.iter().filter(|((node, _), _)| *node == &info.id);
            if !of_node.clone().any(|(_, ops)| ops.len() >= ASKED_MIN) {
                thin.push(format!("{} was hardly asked for anything {}", info.id, rest.when));
            }
            for ((node, workload), ops) in of_node {
                if ops.len() < ASKED_MIN {
                    continue;
                }
                checked += ops.len() as u64;
                let unserved: Vec<_> = ops.iter().filter(|op| !is_served(op)).collect();
                if unserved.len() >= UNSERVED_MIN && unserved.len() as f64 > UNSERVED_SHARE * ops.len() as f64
                {
                    let (bad, all, when) = (unserved.len(), ops.len(), &rest.when);
                    let summary = format!("{node} did not serve {bad} of {all} {workload} {when}");
                    let evidence = unserved.iter().take(EVIDENCE_MAX).map(|op| line(*op));
                    violations.push(violation(summary, evidence.collect()));
                }
            }
        }
    }
    // Before, between and after.
    let steps = facts.disturbing_faults().count();
    if rests.len() <= steps {
        let missed = steps + 1 - rests.len();
        thin.push(format!("{missed} times the cluster was not whole before the next step"));
    }
    let coverage = if thin.is_empty() { Verdict::Pass } else { Verdict::Inconclusive };
    Checked { checked, coverage, note: sentences(thin), violations }
}

/// What was asked of each node, by kind of operation.
fn asked_in<'f>(facts: &'f Facts, rest: &Rest) -> BTreeMap<(&'f NodeId, Workload), Vec<&'f Operation>> {
    let mut asked: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for op in silence::of_loads(facts) {
        let (sent_ms, done_ms) = (op.sent_us as f64 / 1e3, op.done_us as f64 / 1e3);
        // What was on its way when the next step began is that step's business.
        let is_within = rest.start_ms <= sent_ms && done_ms < rest.end_ms;
        // An answer that never came is no accident of the edge.
        let was_begun_within =
            rest.start_ms <= sent_ms && sent_ms < rest.end_ms && op.done_us > op.sent_us + NEVER_ANSWERED_US;
        if let Some(node) = &op.node
            && (is_within || was_begun_within)
        {
            asked.entry((node, op.op)).or_default().push(op);
        }
    }
    asked
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::verdict;
    use crate::facts::testing::*;
    use crate::model::FaultKind;
    use crate::record::SavedRun;

    /// n2 is upgraded from 12 to 15 s, n1 from 25 to 28 s; all is over at 40 s.
    fn upgraded(answer: impl Fn(f64, &str) -> Answer) -> SavedRun {
        RunBuilder::new()
            .load("kv2.write", "any", 30.0)
            .phases(2e3, 12e3, 28e3, 40e3)
            .requested(12_000.0, "f1.1", FaultKind::Upgrade, "each", &["n2"])
            .applied(12_001.0, "f1.1")
            .redundancy(13_000.0, 3, 2, 0)
            .healed(15_000.0, "f1.1")
            .redundancy(16_000.0, 3, 3, 1)
            .requested(25_000.0, "f1.2", FaultKind::Upgrade, "each", &["n1"])
            .applied(25_001.0, "f1.2")
            .redundancy(26_000.0, 3, 2, 0)
            .healed(28_000.0, "f1.2")
            .redundancy(29_000.0, 3, 3, 1)
            .traffic_by(0, 0.0, 40e3, answer)
            .build()
    }

    #[test]
    fn passes_when_only_what_was_being_upgraded_failed() {
        let run = upgraded(|t_ms, node| match node {
            "n2" if (12e3..16e3).contains(&t_ms) => Answer::refused(1.0),
            _ => Answer::ok(2.0),
        });
        let (passed, found) = verdict(check, &run);
        assert_eq!(passed, Verdict::Pass, "{}", found.note);
        assert!(has_data(&Facts::of(&run)) && found.checked > 500);
    }

    #[test]
    fn fails_with_the_node_that_no_longer_passes_on_what_it_is_sent() {
        let run = upgraded(|t_ms, node| match node {
            "n2" if (12e3..25e3).contains(&t_ms) => Answer::refused(1.0),
            _ => Answer::ok(2.0),
        });
        let (failed, found) = verdict(check, &run);
        assert_eq!((failed, found.violations.len()), (Verdict::Fail, 1), "{:?}", found.violations);
        let summary = &found.violations[0].summary;
        assert_eq!(summary, "n2 did not serve 90 of 90 kv2.write after f1.1 (n2)");
        let silent = upgraded(|t_ms, node| match node {
            "n3" if t_ms > 30e3 => Answer::timeout(),
            _ => Answer::ok(2.0),
        });
        assert_eq!(verdict(check, &silent).0, Verdict::Fail);
    }

    #[test]
    fn inconclusive_when_a_node_was_not_asked_or_the_cluster_was_never_whole() {
        let mut unasked = upgraded(|_, _| Answer::ok(2.0));
        unasked.history.retain(|op| op.node != Some(node("n3")));
        assert_eq!(verdict(check, &unasked).0, Verdict::Inconclusive);
        let mut broken = upgraded(|_, _| Answer::ok(2.0));
        broken.journal.retain(|entry| entry.t_ms != 16_000.0 || !is_redundancy(entry));
        let (verdict, found) = verdict(check, &broken);
        assert_eq!(verdict, Verdict::Inconclusive);
        assert_eq!(found.note, "1 times the cluster was not whole before the next step");
        assert!(!has_data(&Facts::of(&kill_run().build())));
    }

    fn is_redundancy(entry: &crate::model::Entry) -> bool {
        matches!(entry.event, crate::model::Event::Redundancy { .. })
    }
}
