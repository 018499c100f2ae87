//! `minority-silent`: no node acknowledged a write while it was cut off from the majority.
//!
//! Only a majority can make a write last, so an acknowledgement by anybody else is a promise that nobody keeps.

use super::Checked;
use super::silence::{self, Silenced, Words};
use crate::facts::{Facts, FaultFact};

const WORDS: Words = Words {
    what: "a write",
    whom: "a node that was cut off",
    nobody: "no node was cut off from the majority",
};

pub fn has_data(facts: &Facts) -> bool {
    !silenced(facts).is_empty()
}

/// Each node that a fault of the network cut off from the majority.
fn silenced<'f>(facts: &'f Facts) -> Vec<Silenced<'f>> {
    let of = |fault: &'f FaultFact| {
        let network = fault.network.as_ref().filter(|_| fault.applied.is_some());
        let nodes =
            network.into_iter().flat_map(|network| network.without_quorum.iter().map(move |n| (network, n)));
        nodes.map(move |(network, node)| Silenced {
            node,
            because: format!("{} had cut it off", fault.id),
            times: network.cut_off_ms(node, facts.end_ms),
        })
    };
    facts.faults.iter().flat_map(of).filter(|silenced| !silenced.times.is_empty()).collect()
}

pub fn check(facts: &Facts) -> Checked {
    silence::check(&silenced(facts), facts.writes.iter().copied(), &WORDS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::verdict;
    use crate::facts::testing::*;
    use crate::model::{Outcome, Verdict, Workload};
    use crate::record::SavedRun;

    /// The run with the first write that was sent to n1 after `sent_ms` acknowledged at `done_ms`.
    fn acknowledged(sent_ms: f64, done_ms: f64) -> SavedRun {
        let mut run = isolated_run().build();
        let write = run.history.iter_mut().find(|op| {
            op.op == Workload::Kv2Write && op.node == Some(node("n1")) && op.sent_us as f64 / 1e3 >= sent_ms
        });
        let write = write.unwrap();
        (write.outcome, write.done_us) = (Outcome::Ok, (done_ms * 1e3) as u64);
        run
    }

    #[test]
    fn passes_when_the_old_leader_acknowledges_nothing() {
        let (verdict, found) = verdict(check, &isolated_run().build());
        assert_eq!((verdict, found.checked, found.note.as_str()), (Verdict::Pass, 220, ""));
    }

    #[test]
    fn fails_on_one_acknowledgement_in_between_and_on_none_at_the_edges() {
        let (failed, found) = verdict(check, &acknowledged(20_000.0, 20_100.0));
        assert_eq!(failed, Verdict::Fail);
        let summary = &found.violations[0].summary;
        assert_eq!(summary, "n1 acknowledged a write 8100 ms after f1 had cut it off");
        assert_eq!(found.violations[0].evidence.len(), 1);
        // Sent before the cut, and acknowledged after the heal was asked for.
        for (sent_ms, done_ms) in [(11_940.0, 12_100.0), (22_900.0, 39_995.0)] {
            assert_eq!(verdict(check, &acknowledged(sent_ms, done_ms)).0, Verdict::Pass);
        }
    }

    #[test]
    fn inconclusive_when_nobody_was_cut_off_or_asked() {
        let killed = kill_run().build();
        assert!(!has_data(&Facts::of(&killed)));
        assert_eq!(verdict(check, &killed).0, Verdict::Inconclusive);
        let mut unasked = isolated_run().build();
        unasked.history.retain(|op| !op.op.stores_a_version() || op.node != Some(node("n1")) || op.is_ok());
        let (verdict, found) = verdict(check, &unasked);
        assert_eq!(verdict, Verdict::Inconclusive);
        assert!(found.note.contains("only 0 requests were sent"), "{}", found.note);
    }
}
