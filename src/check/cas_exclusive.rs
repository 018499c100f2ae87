//! `cas-exclusive`: of all check-and-sets on the same version of a key, at most one is acknowledged, and what it
//! stores is the very next version.
//!
//! An acknowledgement names the version that was stored, so both follow from answers alone, whatever node gave them
//! and whenever. A check-and-set that was refused must not be read later; one of unknown outcome may.
//! The check tells little unless several were in flight at once, so the note says how often that was so.

use super::{Checked, line, sentences, violation};
use crate::facts::Facts;
use crate::model::{ErrorKind, Operation, Outcome, Verdict, Workload};
use std::collections::HashMap;

pub fn has_data(facts: &Facts) -> bool {
    attempts(facts).next().is_some()
}

/// Check-and-sets with what they expected.
fn attempts<'a>(facts: &Facts<'a>) -> impl Iterator<Item = (&'a Operation, (u32, u64))> {
    let history: &'a [Operation] = &facts.run.history;
    let cas = history.iter().filter(|op| op.op == Workload::Kv2Cas);
    cas.filter_map(|op| Some((op, (op.key?, op.expected?))))
}

pub fn check(facts: &Facts) -> Checked {
    let mut winners: HashMap<(u32, u64), &Operation> = HashMap::new();
    let mut contenders: HashMap<(u32, u64), u32> = HashMap::new();
    let mut refused: HashMap<(u32, &str), &Operation> = HashMap::new();
    let mut violations = Vec::new();
    for (op, (key, expected)) in attempts(facts) {
        if op.is_ok() || op.outcome == Outcome::Unknown || op.error == Some(ErrorKind::CasConflict) {
            *contenders.entry((key, expected)).or_default() += 1;
        }
        if let (Outcome::Failed, Some(digest)) = (op.outcome, &op.digest) {
            refused.insert((key, digest), op);
        }
        if !op.is_ok() {
            continue;
        }
        if let Some(version) = op.version
            && version != expected + 1
        {
            let summary =
                format!("a check-and-set on version {expected} of key {key} became version {version}");
            violations.push(violation(summary, vec![line(op)]));
        }
        if let Some(first) = winners.insert((key, expected), op) {
            let summary = format!("two check-and-sets on version {expected} of key {key} were acknowledged");
            violations.push(violation(summary, vec![line(first), line(op)]));
        }
    }
    for read in facts.run.history.iter().filter(|op| op.op == Workload::Kv2Read && op.is_ok()) {
        let (Some(key), Some(digest)) = (read.key, &read.digest) else { continue };
        if let Some(op) = refused.remove(&(key, digest.as_str())) {
            let summary = format!("a check-and-set on key {key} was refused, and its value was read");
            violations.push(violation(summary, vec![line(op), line(read)]));
        }
    }

    let acknowledged = winners.len() as u64;
    let contended = contenders.values().filter(|count| **count > 1).count();
    let note = sentences([
        if acknowledged == 0 { "no check-and-set was acknowledged".into() } else { String::new() },
        if contended == 0 {
            "no two check-and-sets expected the same version, so none had a rival".into()
        } else {
            format!("{contended} versions had more than one check-and-set")
        },
    ]);
    let coverage = if acknowledged > 0 && contended > 0 { Verdict::Pass } else { Verdict::Inconclusive };
    Checked { checked: acknowledged, coverage, note, violations }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::*;

    fn verdict(operations: Vec<Operation>) -> (Verdict, Checked) {
        let run = run_of(operations);
        let found = check(&Facts::of(&run));
        (if found.violations.is_empty() { found.coverage } else { Verdict::Fail }, found)
    }

    fn fails(operations: Vec<Operation>, why: &str) {
        let (verdict, found) = verdict(operations);
        assert_eq!((verdict, found.violations.len()), (Verdict::Fail, 1));
        assert!(found.violations[0].summary.contains(why), "{}", found.violations[0].summary);
    }

    #[test]
    fn passes_when_one_of_several_wins() {
        let (verdict, found) = verdict(vec![cas(1, 2, 10, 20), conflict(1, 9, 10, 20), cas(2, 3, 30, 40)]);
        assert_eq!((verdict, found.checked), (Verdict::Pass, 2));
        assert!(found.note.contains("1 versions had more than one"), "{}", found.note);
    }

    #[test]
    fn fails_when_two_win_one_skips_or_a_refused_one_is_there() {
        fails(vec![cas(1, 2, 10, 20), valued(cas(1, 2, 12, 22), 9)], "two check-and-sets on version 1");
        fails(vec![cas(1, 3, 10, 20), conflict(1, 9, 10, 20)], "became version 3");
        let there = vec![cas(1, 2, 10, 20), conflict(1, 9, 10, 20), valued(read(3, 30, 31), 9)];
        fails(there, "was refused, and its value was read");
    }

    #[test]
    fn an_unknown_outcome_may_have_won_as_well_as_not() {
        let late = unanswered(valued(cas(1, 2, 12, 22), 9));
        assert_eq!(verdict(vec![cas(1, 2, 10, 20), late.clone(), cas(2, 3, 30, 40)]).0, Verdict::Pass);
    }

    #[test]
    fn inconclusive_without_a_rival_or_a_winner() {
        for operations in [vec![], vec![cas(1, 2, 10, 20)], vec![conflict(1, 8, 1, 2), conflict(1, 9, 1, 2)]]
        {
            assert_eq!(verdict(operations).0, Verdict::Inconclusive);
        }
    }
}
