//! `snapshot-equal`: a snapshot taken under load, restored into a cluster of its own, holds what it must and nothing else.
//!
//! Every write that was acknowledged before the snapshot was asked for must be in it with the value that was acknowledged.
//! What was under way meanwhile may be in it or not. Every version in it must be one that somebody wrote, with that value,
//! and sent before the snapshot was whole.

use super::no_lost_writes::{RETAINED_VERSIONS, removed};
use super::{Checked, line, sentences, violation};
use crate::facts::Facts;
use crate::model::{Entry, Event, Operation, Outcome, Verdict, Violation};
use std::collections::{BTreeMap, HashMap, HashSet};

struct Taken {
    asked_us: u64,
    whole_us: u64,
}

/// What the restored store holds of one key.
struct Held<'a> {
    entry: &'a Entry,
    /// 0 when there is no such key.
    newest: u64,
    versions: BTreeMap<u64, &'a str>,
}

pub fn has_data(facts: &Facts) -> bool {
    facts
        .events()
        .any(|(_, event)| matches!(event, Event::SnapshotTaken { .. } | Event::SnapshotFailed { .. }))
}

pub fn check(facts: &Facts) -> Checked {
    let taken = facts.events().find_map(|(t_ms, event)| match event {
        Event::SnapshotTaken { asked_ms, .. } => {
            Some(Taken { asked_us: (asked_ms * 1e3) as u64, whole_us: (t_ms * 1e3).ceil() as u64 })
        }
        _ => None,
    });
    let failed = facts.events().find_map(|(_, event)| match event {
        Event::SnapshotFailed { reason } => Some(reason.clone()),
        _ => None,
    });
    let whole = facts.events().find_map(|(_, event)| match event {
        Event::RestoredAll { took_ms, .. } => Some(*took_ms),
        _ => None,
    });
    let Some(taken) = taken else {
        let note = failed.unwrap_or_else(|| "no snapshot was taken".into());
        return Checked { checked: 0, coverage: Verdict::Inconclusive, note, violations: Vec::new() };
    };
    let (checked, violations) = compare(facts, &taken);
    let is_whole = whole.is_some() && failed.is_none() && checked > 0;
    let note = sentences([
        whole.map_or_else(String::new, |took_ms| format!("served {:.1} s after the upload", took_ms / 1e3)),
        lost_with_the_cluster(facts, &taken),
        failed.unwrap_or_default(),
        if whole.is_none() { "the restored store was not read in whole".into() } else { String::new() },
        if checked == 0 {
            "nothing that was acknowledged before it could be compared".into()
        } else {
            String::new()
        },
    ]);
    let coverage = if is_whole { Verdict::Pass } else { Verdict::Inconclusive };
    Checked { checked, coverage, note, violations }
}

/// What a restore costs, whatever the snapshot holds.
fn lost_with_the_cluster(facts: &Facts, taken: &Taken) -> String {
    let later = facts.writes.iter().filter(|op| op.is_ok() && op.sent_us > taken.whole_us);
    let last_us = later.clone().map(|op| op.done_us).max();
    match (later.count(), last_us) {
        (0, _) | (_, None) => String::new(),
        (count, Some(last_us)) => format!(
            "{count} writes of the {:.1} s after it were acknowledged, and would be lost with the cluster",
            (last_us - taken.whole_us) as f64 / 1e6
        ),
    }
}

fn compare(facts: &Facts, taken: &Taken) -> (u64, Vec<Violation>) {
    let restored = restored(facts);
    let removed = removed(facts);
    let (mut checked, mut violations) = (0, Vec::new());
    let mut written: HashMap<(u32, &str), &Operation> = HashMap::new();
    let mut counted: HashSet<(u32, u64)> = HashSet::new();
    for op in facts.writes.iter().filter(|op| op.outcome != Outcome::Failed) {
        let (Some(key), Some(digest)) = (op.key, op.digest.as_deref()) else { continue };
        written.insert((key, digest), op);
        let Some(version) = op.version.filter(|_| op.is_ok() && op.done_us < taken.asked_us) else {
            continue;
        };
        let Some(held) = restored.get(&key) else { continue };
        if removed.contains(&key) || !counted.insert((key, version)) {
            continue;
        }
        let is_trimmed = held.newest >= version + RETAINED_VERSIONS;
        if held.newest < version || !is_trimmed && held.versions.get(&version) != Some(&digest) {
            violations.push(violation(
                format!(
                    "version {version} of key {key} was acknowledged {:.1} ms before the snapshot was asked for, and \
                     is not in it",
                    (taken.asked_us - op.done_us) as f64 / 1e3
                ),
                vec![line(op), line(held.entry)],
            ));
        }
        checked += 1;
    }
    for (key, held) in &restored {
        for (version, digest) in &held.versions {
            match written.get(&(*key, *digest)) {
                Some(op) if op.version.is_some_and(|wrote| wrote != *version) => violations.push(violation(
                    format!(
                        "version {version} of key {key} in the snapshot holds the value of another version"
                    ),
                    vec![line(op), line(held.entry)],
                )),
                Some(op) if op.sent_us > taken.whole_us => violations.push(violation(
                    format!("version {version} of key {key} is in the snapshot and was written after it"),
                    vec![line(op), line(held.entry)],
                )),
                Some(_) => {}
                None => violations.push(violation(
                    format!("version {version} of key {key} in the snapshot holds what nobody wrote"),
                    vec![line(held.entry)],
                )),
            }
        }
    }
    (checked, violations)
}

fn restored<'a>(facts: &Facts<'a>) -> BTreeMap<u32, Held<'a>> {
    let journal: &'a [Entry] = &facts.run.journal;
    let held = journal.iter().filter_map(|entry| match &entry.event {
        Event::Restored { key, current, versions } => {
            let versions = versions.iter().map(|(number, digest)| (*number, digest.as_str())).collect();
            Some((*key, Held { entry, newest: current.unwrap_or(0), versions }))
        }
        _ => None,
    });
    held.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::*;
    use crate::record::SavedRun;

    /// Writes until 5 s, a snapshot asked for at 3 s that was whole at 3.2 s and holds what `keeps` lets through.
    fn run(keeps: impl Fn(&Operation) -> Option<String>) -> SavedRun {
        let mut run = RunBuilder::new()
            .load("kv2.write", "leader", 10.0)
            .phases(0.0, 1e3, 2e3, 5e3)
            .traffic(0, 0.0, 5e3, |_| Answer::ok(2.0))
            .event(3_200.0, Event::SnapshotTaken { node: node("n1"), asked_ms: 3e3, bytes: 4_000 })
            .build();
        let mut held: BTreeMap<u32, Vec<(u64, String)>> = BTreeMap::new();
        for op in &run.history {
            let versions = held.entry(op.key.unwrap()).or_default();
            versions.extend(keeps(op).map(|digest| (op.version.unwrap(), digest)));
        }
        for (key, versions) in held {
            let current = versions.last().map(|(version, _)| *version);
            run.journal.push(Entry { t_ms: 6e3, event: Event::Restored { key, current, versions } });
        }
        let whole = Event::RestoredAll { keys: KEYS as u32, took_ms: 900.0 };
        run.journal.push(Entry { t_ms: 6_100.0, event: whole });
        run
    }

    fn until(op: &Operation, t_ms: f64) -> Option<String> {
        op.digest.clone().filter(|_| op.sent_us as f64 / 1e3 < t_ms)
    }

    fn verdict(run: &SavedRun) -> (Verdict, Checked) {
        let found = check(&Facts::of(run));
        (if found.violations.is_empty() { found.coverage } else { Verdict::Fail }, found)
    }

    #[test]
    fn what_was_acknowledged_before_must_be_in_it_and_what_was_under_way_may() {
        for t_ms in [3e3, 3_100.0, 3_200.0] {
            let (verdict, found) = verdict(&run(|op| until(op, t_ms)));
            assert_eq!((verdict, found.checked), (Verdict::Pass, 30), "{t_ms}: {:?}", found.violations);
            assert!(found.note.starts_with("served 0.9 s after the upload; 1"), "{}", found.note);
            assert!(
                found.note.ends_with("acknowledged, and would be lost with the cluster"),
                "{}",
                found.note
            );
        }
    }

    #[test]
    fn a_write_that_is_missing_changed_or_too_new_fails() {
        let (missing, found) = verdict(&run(|op| until(op, 2_800.0)));
        assert_eq!(missing, Verdict::Fail);
        assert!(found.violations[0].summary.contains("and is not in it"), "{}", found.violations[0].summary);
        let other =
            |op: &Operation| until(op, 3e3).map(|digest| if op.id == 12 { "ffff".into() } else { digest });
        let (changed, found) = verdict(&run(other));
        assert_eq!(changed, Verdict::Fail);
        assert!(found.violations.iter().any(|v| v.summary.contains("what nobody wrote")));
        let (too_new, found) = verdict(&run(|op| until(op, 3_400.0)));
        assert_eq!(too_new, Verdict::Fail);
        assert!(found.violations[0].summary.contains("was written after it"));
    }

    #[test]
    fn a_version_with_the_value_of_another_fails() {
        let mut run = run(|op| until(op, 3e3));
        let versions = run.journal.iter_mut().find_map(|entry| match &mut entry.event {
            Event::Restored { versions, .. } => Some(versions),
            _ => None,
        });
        let versions = versions.unwrap();
        versions[1].1 = versions[0].1.clone();
        let (verdict, found) = verdict(&run);
        assert_eq!(verdict, Verdict::Fail);
        assert!(found.violations.iter().any(|v| v.summary.contains("value of another version")));
    }

    #[test]
    fn inconclusive_when_it_was_not_taken_restored_or_read_in_whole() {
        let is_whole = |entry: &Entry| matches!(entry.event, Event::RestoredAll { .. });
        let mut unread = run(|op| until(op, 3e3));
        unread.journal.retain(|entry| !is_whole(entry));
        let mut failed = run(|op| until(op, 3e3));
        let event = Event::SnapshotFailed { reason: "no answer".into() };
        failed.journal.push(Entry { t_ms: 7e3, event });
        let mut empty = run(|op| until(op, 3e3));
        empty.history.clear();
        empty.journal.retain(|entry| !matches!(entry.event, Event::Restored { .. }));
        for run in [unread, failed, empty, RunBuilder::new().build()] {
            let (verdict, found) = verdict(&run);
            assert_eq!(verdict, Verdict::Inconclusive, "{:?}", found.violations);
            assert!(!found.note.is_empty());
        }
    }

    #[test]
    fn a_write_of_unknown_outcome_may_be_in_it() {
        let mut run = run(|op| until(op, 3e3));
        let write = run.history.iter_mut().find(|op| op.id == 5).unwrap();
        (write.outcome, write.version) = (Outcome::Unknown, None);
        assert_eq!(verdict(&run).0, Verdict::Pass);
    }
}
