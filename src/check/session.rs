//! `session`: what a client wrote it reads, what it read does not go back, its writes come in its order, whichever
//! node it asks.
//!
//! Standbys answer reads themselves and without the index header may not have heard of the newest write: that is how
//! they are meant to work, so a client that goes back is measured, not condemned. Where a document promises a bound
//! (objective `staleness`), one that goes back further is a violation; where none does, clients that
//! went back are shown as figures and the row is inconclusive. Writes of one client in the wrong order are a
//! violation always.

use super::{Checked, line, sentences, violation};
use crate::facts::Facts;
use crate::model::{Bound, Unit, Verdict};

pub fn has_data(facts: &Facts) -> bool {
    facts.writes.iter().any(|op| op.is_ok()) && facts.sessions().reads > 0
}

pub fn check(facts: &Facts) -> Checked {
    let sessions = facts.sessions();
    let objectives = &facts.run.info.scenario.blueprint.objectives;
    let bound = objectives.iter().find(|objective| objective.id == "staleness").map(|o| o.target);
    let mut violations: Vec<_> = sessions
        .backwards
        .iter()
        .map(|[earlier, later]| {
            let summary = format!(
                "a client's write to key {} became an older version than its write before",
                later.key.unwrap_or_default()
            );
            violation(summary, vec![line(earlier), line(later)])
        })
        .collect();
    let mut beyond: Vec<_> = sessions
        .noticed()
        .filter(|read| bound.is_some_and(|bound| !holds(&bound, read.by_us)))
        .filter_map(|read| Some((read, read.missed?)))
        .collect();
    beyond.sort_by_key(|(read, _)| (std::cmp::Reverse(read.by_us), read.read.id));
    violations.extend(beyond.into_iter().map(|(stale, missed)| {
        let what = if missed.op.stores_a_version() { "its own write of" } else { "having read" };
        let summary = format!(
            "a client read version {} of key {} after {what} version {}, {:.1} ms out of date; promised {}",
            stale.read.version.unwrap_or(0),
            stale.read.key.unwrap_or_default(),
            missed.version.unwrap_or(0),
            stale.by_us as f64 / 1e3,
            bound.map(|bound| bound.to_string()).unwrap_or_default(),
        );
        violation(summary, vec![line(missed), line(stale.newer), line(stale.read)])
    }));

    let unbounded = bound.is_none() && sessions.noticed().next().is_some();
    let coverage = if sessions.reads == 0 || unbounded { Verdict::Inconclusive } else { Verdict::Pass };
    let note = sentences([
        if sessions.reads == 0 {
            "nothing was read through other nodes than the leader".into()
        } else {
            sessions.in_words()
        },
        if unbounded { "no document bounds how far a client may go back".into() } else { String::new() },
    ]);
    Checked { checked: sessions.reads, coverage, note, violations }
}

fn holds(bound: &Bound, us: u64) -> bool {
    let per_unit = match bound.unit {
        Unit::S => 1e6,
        Unit::Minutes => 60e6,
        _ => 1e3,
    };
    bound.holds(us as f64 / per_unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::*;
    use crate::model::{Objective, Operation};

    fn verdict(operations: Vec<Operation>, promised: Option<&str>) -> (Verdict, Checked) {
        let mut run = run_of(operations);
        let (id, source) = ("staleness".into(), "a-document.txt".into());
        run.info.scenario.blueprint.objectives.extend(promised.map(|text| Objective {
            id,
            target: text.parse().unwrap(),
            source,
            words: None,
        }));
        let found = check(&Facts::of(&run));
        (if found.violations.is_empty() { found.coverage } else { Verdict::Fail }, found)
    }

    /// Client 0 writes version 2, and version 1 is read from a standby 60 ms later.
    fn behind(client: u16) -> Vec<Operation> {
        let read = by_client(client, via("n2", read(1, 100, 101)));
        vec![by_client(9, write(1, 10, 20)), write(2, 30, 40), read]
    }

    #[test]
    fn a_client_that_misses_its_own_write_is_held_to_the_promise() {
        assert_eq!(verdict(behind(0), Some("<= 60 ms")).0, Verdict::Pass);
        let (failed, found) = verdict(behind(0), Some("<= 59 ms"));
        assert_eq!(failed, Verdict::Fail);
        let summary = &found.violations[0].summary;
        assert!(
            summary.contains("version 1 of key 7 after its own write of version 2, 60.0 ms"),
            "{summary}"
        );
        let (unbounded, found) = verdict(behind(0), None);
        assert_eq!(unbounded, Verdict::Inconclusive);
        assert!(found.note.contains("1 of them its own write"), "{}", found.note);
    }

    #[test]
    fn another_clients_old_read_is_a_figure() {
        let (verdict, found) = verdict(behind(1), None);
        assert_eq!(verdict, Verdict::Pass);
        assert!(found.note.contains("1 of 1 reads") && found.note.contains("0 missed"), "{}", found.note);
    }

    #[test]
    fn going_back_behind_an_earlier_read_counts_too() {
        let mut operations = behind(1);
        operations.push(by_client(1, via("n3", read(2, 60, 61))));
        let (failed, found) = verdict(operations, Some("<= 59 ms"));
        assert_eq!(failed, Verdict::Fail);
        assert!(found.violations[0].summary.contains("after having read version 2"));
        assert_eq!(found.checked, 2);
    }

    #[test]
    fn writes_of_one_client_in_the_wrong_order_fail_always() {
        let read = via("n2", read(1, 100, 101));
        let (failed, found) = verdict(vec![write(2, 10, 20), write(1, 30, 40), read.clone()], None);
        assert_eq!(failed, Verdict::Fail);
        assert!(found.violations[0].summary.contains("older version than its write before"));
        let others = vec![write(2, 10, 20), by_client(1, write(1, 15, 40)), by_client(2, read)];
        assert_ne!(verdict(others, None).0, Verdict::Fail);
    }

    #[test]
    fn inconclusive_without_reads_through_standbys() {
        let (verdict, found) = verdict(vec![write(1, 10, 20), read(1, 30, 31)], None);
        assert_eq!((verdict, found.checked), (Verdict::Inconclusive, 0));
    }
}
