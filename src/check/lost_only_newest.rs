//! `lost-only-newest`: where so many nodes were lost for good that no majority was left, what is missing is the newest.
//!
//! A majority had everything that was acknowledged, but who is left need not have been of it. What it has is a beginning of
//! the log: a write may be missing with all that came after it, and never from the middle. So a loss is a violation when
//! something that was sent after its acknowledgement is there, or when it was sent after the nodes were lost. How much is missing is a figure.

use super::no_lost_writes::{self, Loss};
use super::{Checked, line, sentences, violation};
use crate::facts::{Facts, FaultFact};
use crate::model::{FaultKind, Operation, Verdict, Violation};

/// The faults that left no majority to go on with.
fn losses_of_quorum<'f>(facts: &'f Facts) -> impl Iterator<Item = &'f FaultFact> {
    let leaves_none =
        |fault: &&FaultFact| facts.nodes().saturating_sub(fault.nodes.len()) <= facts.nodes() / 2;
    facts
        .faults
        .iter()
        .filter(|fault| fault.kind == FaultKind::Lose && fault.applied.is_some())
        .filter(leaves_none)
}

pub fn has_data(facts: &Facts) -> bool {
    losses_of_quorum(facts).next().is_some()
}

pub fn check(facts: &Facts) -> Checked {
    let found = no_lost_writes::find(facts);
    let (mut violations, mut lost) = (Vec::new(), Vec::new());
    for loss in found.lost {
        match losses_of_quorum(facts).find(|fault| may_have_been_lost_by(fault, loss.op)) {
            None => violations.push(loss.violation),
            Some(fault) => match newer_and_kept(&loss, &found.kept, fault) {
                Some(newer) => violations.push(from_the_middle(&loss, newer)),
                None => lost.push((loss.op, fault)),
            },
        }
    }
    let nobody = || "no fault left the cluster without a majority".to_owned();
    let quorum_lost = has_data(facts);
    let note = sentences([if quorum_lost { in_words(&lost) } else { nobody() }, found.note]);
    let coverage = if quorum_lost { found.coverage } else { Verdict::Inconclusive };
    Checked { checked: found.checked, coverage, note, violations }
}

/// What was sent later was acknowledged by who was left, and that is there.
fn may_have_been_lost_by(fault: &FaultFact, op: &Operation) -> bool {
    fault.applied_ms().is_some_and(|applied_ms| (op.sent_us as f64 / 1e3) < applied_ms)
        && was_done_before_repair(op, fault)
}

fn was_done_before_repair(op: &Operation, fault: &FaultFact) -> bool {
    fault.heal_requested_ms.is_none_or(|repair_ms| done_ms(op) < repair_ms)
}

/// The newest write of before the repair that was sent after this one was acknowledged, and is there.
fn newer_and_kept<'a>(loss: &Loss, kept: &[&'a Operation], fault: &FaultFact) -> Option<&'a Operation> {
    let newer = |op: &&&Operation| op.sent_us > loss.op.done_us && was_done_before_repair(op, fault);
    kept.iter().filter(newer).max_by_key(|op| op.sent_us).copied()
}

fn from_the_middle(loss: &Loss, newer: &Operation) -> Violation {
    let after_ms = (newer.sent_us - loss.op.done_us) as f64 / 1e3;
    let summary = format!(
        "{}, and a write that was sent {after_ms:.0} ms after its acknowledgement is there",
        loss.violation.summary
    );
    let mut evidence = vec![line(newer)];
    evidence.extend(loss.violation.evidence.iter().cloned());
    violation(summary, evidence)
}

fn in_words(lost: &[(&Operation, &FaultFact)]) -> String {
    // One that is missing on several nodes is one.
    let count = lost.iter().map(|(op, _)| op.id).collect::<std::collections::BTreeSet<_>>().len();
    let before_ms = |(op, fault): &(&Operation, &FaultFact)| Some(fault.applied_ms()? - done_ms(op));
    match lost.iter().filter_map(before_ms).reduce(f64::max) {
        None => "nothing acknowledged is lost: who was left had it all".to_owned(),
        Some(oldest_ms) => format!(
            "{count} acknowledged writes are lost, the newest: the first of them had been acknowledged {:.0} ms before the \
             nodes were lost",
            oldest_ms.max(0.0)
        ),
    }
}

fn done_ms(op: &Operation) -> f64 {
    op.done_us as f64 / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::verdict;
    use crate::facts::testing::*;
    use crate::model::{Event, NodeId};
    use crate::record::SavedRun;

    /// Ten writes a second until `nodes` are lost at 5 s, acknowledged after 2 ms each; repaired from 15 s on.
    fn lost_run(nodes: &[&str]) -> SavedRun {
        RunBuilder::new()
            .load("kv2.write", "leader", 10.0)
            .phases(0.0, 5e3, 18e3, 20e3)
            .traffic(0, 0.0, 5e3, |_| Answer::ok(2.0))
            .requested(4_990.0, "f1", FaultKind::Lose, "majority", nodes)
            .applied(5_001.0, "f1")
            .event(15_000.0, Event::HealRequested { fault: "f1".into() })
            .healed(18_000.0, "f1")
            .build()
    }

    const MAJORITY: [&str; 2] = ["n1", "n2"];

    /// The run with these of its fifty writes missing when they are read back.
    fn without(mut run: SavedRun, missing: &[usize]) -> SavedRun {
        for number in missing {
            let op = run.history[*number].clone();
            for entry in &mut run.journal {
                if let Event::ReadBack { key, current, versions, .. } = &mut entry.event
                    && Some(*key) == op.key
                {
                    versions.retain(|(version, _)| Some(*version) != op.version);
                    *current = versions.last().map(|(version, _)| *version);
                }
            }
        }
        run
    }

    #[test]
    fn passes_when_nothing_or_only_the_newest_is_lost_and_says_how_much() {
        let (passed, found) = verdict(check, &lost_run(&MAJORITY));
        assert_eq!((passed, found.checked), (Verdict::Pass, 50));
        assert!(found.note.starts_with("nothing acknowledged is lost"), "{}", found.note);
        let (passed, found) = verdict(check, &without(lost_run(&MAJORITY), &[48, 49]));
        assert_eq!(passed, Verdict::Pass);
        let said = "2 acknowledged writes are lost, the newest: the first of them had been acknowledged 199 ms before the \
                    nodes were lost";
        assert_eq!(found.note, said);
    }

    #[test]
    fn fails_when_something_newer_is_there() {
        let (failed, found) = verdict(check, &without(lost_run(&MAJORITY), &[48]));
        assert_eq!((failed, found.violations.len()), (Verdict::Fail, 1));
        let summary = &found.violations[0].summary;
        assert!(
            summary.ends_with("and a write that was sent 98 ms after its acknowledgement is there"),
            "{summary}"
        );
        assert_eq!(found.violations[0].evidence.len(), 3);
    }

    #[test]
    fn fails_when_what_was_sent_after_the_loss_is_lost() {
        for at_ms in [4_850.0, 19_000.0] {
            let mut run = lost_run(&MAJORITY);
            let last = run.history.last_mut().unwrap();
            (last.sent_us, last.done_us) = (at_ms as u64 * 1_000, at_ms as u64 * 1_000 + 2_000);
            for entry in &mut run.journal {
                if matches!(entry.event, Event::FaultApplied { .. }) {
                    entry.t_ms = 4_840.0;
                }
            }
            assert_eq!(verdict(check, &without(run, &[49])).0, Verdict::Fail, "{at_ms}");
        }
    }

    #[test]
    fn a_version_that_was_given_away_again_is_lost_once() {
        let mut run = lost_run(&MAJORITY);
        let lost = run.history[49].clone();
        let again = Operation {
            id: 900,
            sent_us: 19_000_000,
            done_us: 19_002_000,
            node: Some(NodeId::new("n3")),
            digest: Some("ffff".into()),
            ..lost.clone()
        };
        run.history.push(again);
        for entry in &mut run.journal {
            if let Event::ReadBack { key, versions, .. } = &mut entry.event
                && Some(*key) == lost.key
            {
                versions.last_mut().unwrap().1 = "ffff".into();
            }
        }
        let (passed, found) = verdict(check, &run);
        assert_eq!(passed, Verdict::Pass, "{:?}", found.violations);
        assert!(found.note.starts_with("1 acknowledged writes are lost"), "{}", found.note);
    }

    #[test]
    fn inconclusive_where_a_majority_was_left_and_then_every_loss_counts() {
        let run = lost_run(&["n1"]);
        assert!(!has_data(&Facts::of(&run)) && has_data(&Facts::of(&lost_run(&MAJORITY))));
        assert_eq!(verdict(check, &run).0, Verdict::Inconclusive);
        assert_eq!(verdict(check, &without(run, &[49])).0, Verdict::Fail);
    }
}
