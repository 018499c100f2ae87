//! `minority-silent`: no node acknowledged a write while it was cut off from the majority.
//!
//! Only a majority can make a write last, so an acknowledgement by anybody else is a promise that nobody keeps. The
//! proof is a write that was sent to a node after it had been cut off, and acknowledged by it before the network
//! was asked to be whole again; what was on its way at either edge proves nothing.

use super::{Checked, line, sentences, violation};
use crate::facts::{Facts, FaultFact, NetworkFact};
use crate::model::{NodeId, Operation, Verdict};

/// Fewer attempts than this show nothing of a node that would acknowledge.
const ATTEMPTS_MIN: u64 = 10;

/// Each node that a fault of the network cut off from the majority, with the times.
type CutOff<'f> = (&'f FaultFact, &'f NodeId, Vec<(f64, f64)>);

pub fn has_data(facts: &Facts) -> bool {
    !cut_off(facts).is_empty()
}

fn cut_off<'f>(facts: &'f Facts) -> Vec<CutOff<'f>> {
    let of = |fault: &'f FaultFact| {
        let network: Option<&'f NetworkFact> = fault.network.as_ref().filter(|_| fault.applied.is_some());
        let nodes =
            network.into_iter().flat_map(|network| network.without_quorum.iter().map(move |n| (network, n)));
        nodes.map(move |(network, node)| (fault, node, network.cut_off_ms(node, facts.end_ms)))
    };
    facts.faults.iter().flat_map(of).filter(|(.., times)| !times.is_empty()).collect()
}

pub fn check(facts: &Facts) -> Checked {
    let mut violations = Vec::new();
    let mut attempts = 0;
    let cut_off = cut_off(facts);
    for (fault, node, times) in &cut_off {
        for op in facts.writes.iter().filter(|op| op.node.as_ref() == Some(node)) {
            let Some((from_ms, _)) = times.iter().find(|time| was_sent_within(op, **time)) else { continue };
            attempts += 1;
            let acknowledged_within =
                times.iter().any(|time| was_sent_within(op, *time) && done_ms(op) <= time.1);
            if op.is_ok() && acknowledged_within {
                let after_ms = done_ms(op) - from_ms;
                violations.push(violation(
                    format!("{node} acknowledged a write {after_ms:.0} ms after {} had cut it off", fault.id),
                    vec![line(op)],
                ));
            }
        }
    }
    let note = sentences([
        if cut_off.is_empty() { "no node was cut off from the majority".to_owned() } else { String::new() },
        if !cut_off.is_empty() && attempts < ATTEMPTS_MIN {
            format!("only {attempts} writes were sent to a node that was cut off; {ATTEMPTS_MIN} are needed")
        } else {
            String::new()
        },
    ]);
    let coverage = if attempts >= ATTEMPTS_MIN { Verdict::Pass } else { Verdict::Inconclusive };
    Checked { checked: attempts, coverage, note, violations }
}

fn was_sent_within(op: &Operation, (from_ms, until_ms): (f64, f64)) -> bool {
    (from_ms..=until_ms).contains(&(op.sent_us as f64 / 1e3))
}

fn done_ms(op: &Operation) -> f64 {
    op.done_us as f64 / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::*;
    use crate::model::{Outcome, Workload};
    use crate::record::SavedRun;

    fn verdict(run: &SavedRun) -> (Verdict, Checked) {
        let found = check(&Facts::of(run));
        (if found.violations.is_empty() { found.coverage } else { Verdict::Fail }, found)
    }

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
        let (verdict, found) = verdict(&isolated_run().build());
        assert_eq!((verdict, found.checked, found.note.as_str()), (Verdict::Pass, 220, ""));
    }

    #[test]
    fn fails_on_one_acknowledgement_in_between_and_on_none_at_the_edges() {
        let (failed, found) = verdict(&acknowledged(20_000.0, 20_100.0));
        assert_eq!(failed, Verdict::Fail);
        let summary = &found.violations[0].summary;
        assert_eq!(summary, "n1 acknowledged a write 8100 ms after f1 had cut it off");
        assert_eq!(found.violations[0].evidence.len(), 1);
        // Sent before the cut, and acknowledged after the heal was asked for.
        for (sent_ms, done_ms) in [(11_940.0, 12_100.0), (22_900.0, 39_995.0)] {
            assert_eq!(verdict(&acknowledged(sent_ms, done_ms)).0, Verdict::Pass);
        }
    }

    #[test]
    fn inconclusive_when_nobody_was_cut_off_or_asked() {
        let killed = kill_run().build();
        assert!(!has_data(&Facts::of(&killed)));
        assert_eq!(verdict(&killed).0, Verdict::Inconclusive);
        let mut unasked = isolated_run().build();
        unasked.history.retain(|op| !op.op.stores_a_version() || op.node != Some(node("n1")) || op.is_ok());
        let (verdict, found) = verdict(&unasked);
        assert_eq!(verdict, Verdict::Inconclusive);
        assert!(found.note.contains("only 0 writes were sent"), "{}", found.note);
    }
}
