//! `no-lost-writes`: every acknowledged KV v2 write is there after recovery.
//!
//! An acknowledged (key, version) is lost when the key is gone, when its newest version is older, when the
//! version should still be retained and is not, when it holds another value, or when the same version
//! was acknowledged twice. Versions that the server has trimmed since can only be checked for the last.
//! A write of unknown outcome may be there or not: never a violation.

use super::{Checked, line, sentences, violation};
use crate::facts::{Facts, RoleTrack};
use crate::model::{Entry, Event, Operation, Outcome, Verdict, Violation};
use std::collections::{BTreeMap, BTreeSet};

/// KV v2 keeps this many versions of a key unless its mount says otherwise, and no blueprint's does.
pub(super) const RETAINED_VERSIONS: u64 = 10;

struct Read<'a> {
    entry: &'a Entry,
    node: &'a str,
    current: Option<u64>,
    versions: BTreeMap<u64, &'a str>,
}

pub fn has_data(facts: &Facts) -> bool {
    facts.writes.iter().any(|op| op.is_ok())
        || facts.events().any(|(_, event)| matches!(event, Event::ReadBack { .. }))
}

pub fn check(facts: &Facts) -> Checked {
    let Found { lost, checked, coverage, note, .. } = find(facts);
    let violations = lost.into_iter().map(|loss| loss.violation).collect();
    Checked { checked, coverage, note, violations }
}

/// An acknowledged write that is not there, or not as it was acknowledged.
pub(super) struct Loss<'a> {
    pub op: &'a Operation,
    pub violation: Violation,
}

/// What became of every acknowledged write.
pub(super) struct Found<'a> {
    pub lost: Vec<Loss<'a>>,
    /// Those that were found as they were acknowledged, on each node that was read.
    pub kept: Vec<&'a Operation>,
    pub checked: u64,
    pub coverage: Verdict,
    pub note: String,
}

pub(super) fn find<'a>(facts: &Facts<'a>) -> Found<'a> {
    let reads = read_back(facts);
    let (mut lost, mut kept): (Vec<Loss>, Vec<&Operation>) = Default::default();
    let (mut checked, mut trimmed, mut emptied, mut unclear, mut unread) = (0, 0, 0, 0, 0);
    let mut disputed = 0;
    let removed = removed(facts);
    let mut acknowledged: BTreeMap<(u32, u64), &Operation> = BTreeMap::new();
    let mut acks = 0;
    for op in facts.writes.iter().filter(|op| op.is_ok()) {
        acks += 1;
        let (Some(key), Some(version)) = (op.key, op.version) else {
            unclear += 1;
            continue;
        };
        if let Some(first) = acknowledged.insert((key, version), op)
            && first.digest != op.digest
            // Missing already: that its number was given away again says nothing more.
            && !lost.iter().any(|loss| loss.op.id == first.id)
        {
            let what = format!("version {version} of key {key} was acknowledged for two different values");
            lost.push(Loss { op: first, violation: violation(what, vec![line(first), line(op)]) });
        }
        if removed.contains(&key) {
            emptied += 1;
            continue;
        }
        let Some(reads) = reads.get(&key) else {
            unread += 1;
            continue;
        };
        let (mut compared, mut everywhere) = (false, true);
        for read in reads {
            let seen = look(op, key, version, read);
            everywhere &= matches!(seen, Seen::Kept);
            match seen {
                Seen::Kept => compared = true,
                Seen::Trimmed => {}
                Seen::Behind(_) if is_disputed(facts, read) => disputed += 1,
                Seen::Behind(summary) | Seen::Lost(summary) => {
                    compared = true;
                    let violation = violation(summary, vec![line(op), line(read.entry)]);
                    lost.push(Loss { op, violation });
                }
            }
        }
        if everywhere {
            kept.push(op);
        }
        if compared { checked += 1 } else { trimmed += 1 }
    }

    let failed: BTreeSet<u32> = facts
        .events()
        .filter_map(|(_, event)| match event {
            Event::ReadBackFailed { key, .. } => Some(*key),
            _ => None,
        })
        .collect();
    let done = facts.events().any(|(_, event)| matches!(event, Event::ReadBackDone { .. }));
    let complete = done && failed.is_empty() && unread == 0 && unclear == 0 && disputed == 0 && checked > 0;
    let when = |condition: bool, text: String| if condition { text } else { String::new() };
    let note = sentences([
        when(acks == 0, "no write was acknowledged".into()),
        when(!done, "the read-back after recovery is missing or was not finished".into()),
        when(!failed.is_empty(), format!("{} keys could not be read back", failed.len())),
        when(unread > 0, format!("{unread} acknowledged writes are of keys that were not read back")),
        when(unclear > 0, format!("{unclear} acknowledgements named no version")),
        when(
            disputed > 0,
            format!(
                "{disputed} acknowledged versions were missing on a node beside which another claimed to lead"
            ),
        ),
        when(
            trimmed > 0,
            format!("{trimmed} acknowledged versions were trimmed since and checked for double use only"),
        ),
        when(
            emptied > 0,
            format!(
                "{emptied} acknowledged versions are of keys that the load deleted from, for double use only"
            ),
        ),
    ]);
    let coverage = if complete { Verdict::Pass } else { Verdict::Inconclusive };
    Found { lost, kept, checked, coverage, note }
}

/// Keys of which the load itself may have removed versions: what is missing there proves nothing.
pub(super) fn removed(facts: &Facts) -> BTreeSet<u32> {
    let may_remove = |op: &&Operation| op.op.removes_a_version() && op.outcome != Outcome::Failed;
    facts.run.history.iter().filter(may_remove).filter_map(|op| op.key).collect()
}

/// Whether another node claimed to lead beside the one that was read: then this may be one that has been left behind
/// and does not know it, and what it lacks proves nothing.
fn is_disputed(facts: &Facts, read: &Read) -> bool {
    let t_ms = read.entry.t_ms;
    let claims =
        |track: &&RoleTrack| track.may_be_active().any(|(from_ms, to_ms)| (from_ms..=to_ms).contains(&t_ms));
    let claimants: Vec<_> = facts.roles.iter().filter(claims).map(|track| track.node.as_str()).collect();
    claimants.len() > 1 && claimants.contains(&read.node)
}

enum Seen {
    Kept,
    Trimmed,
    /// Not there, as on a node that has not heard of it.
    Behind(String),
    Lost(String),
}

fn look(op: &Operation, key: u32, version: u64, read: &Read) -> Seen {
    let node = read.node;
    let Some(current) = read.current else {
        return Seen::Behind(format!("key {key} is gone on {node}; its version {version} was acknowledged"));
    };
    if current < version {
        return Seen::Behind(format!(
            "version {version} of key {key} was acknowledged, and {node} holds only version {current}"
        ));
    }
    match read.versions.get(&version) {
        Some(digest) if op.digest.as_deref().is_none_or(|acknowledged| acknowledged == *digest) => Seen::Kept,
        Some(_) => Seen::Lost(format!(
            "version {version} of key {key} holds another value on {node} than acknowledged"
        )),
        None => {
            // Anything newer than the oldest version kept, or within the server's own window, must be there.
            let oldest = read.versions.keys().next().copied().unwrap_or(u64::MAX);
            if version > oldest || current - version < RETAINED_VERSIONS {
                Seen::Lost(format!(
                    "version {version} of key {key} was acknowledged and is missing on {node}"
                ))
            } else {
                Seen::Trimmed
            }
        }
    }
}

fn read_back<'a>(facts: &Facts<'a>) -> BTreeMap<u32, Vec<Read<'a>>> {
    let mut reads: BTreeMap<u32, Vec<Read>> = BTreeMap::new();
    for entry in &facts.run.journal {
        if let Event::ReadBack { key, node, current, versions } = &entry.event {
            let versions = versions.iter().map(|(number, digest)| (*number, digest.as_str())).collect();
            let read = Read { entry, node: node.as_str(), current: *current, versions };
            reads.entry(*key).or_default().push(read);
        }
    }
    reads
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::*;
    use crate::record::SavedRun;
    use proptest::prelude::*;

    fn verdict(run: &SavedRun) -> (Verdict, Checked) {
        let found = check(&Facts::of(run));
        let verdict = if found.violations.is_empty() { found.coverage } else { Verdict::Fail };
        (verdict, found)
    }

    /// Few enough writes that no version is trimmed.
    fn small_run() -> SavedRun {
        RunBuilder::new()
            .load("kv2.write", "leader", 10.0)
            .phases(0.0, 1e3, 2e3, 5e3)
            .traffic(0, 0.0, 5e3, |_| Answer::ok(2.0))
            .build()
    }

    fn edit_first_read_back(run: &mut SavedRun, edit: impl Fn(&mut Option<u64>, &mut Vec<(u64, String)>)) {
        let read = run.journal.iter_mut().find_map(|entry| match &mut entry.event {
            Event::ReadBack { current, versions, .. } => Some((current, versions)),
            _ => None,
        });
        let (current, versions) = read.expect("a key was read back");
        edit(current, versions);
    }

    #[test]
    fn passes_when_everything_acknowledged_is_there() {
        let (verdict, found) = verdict(&small_run());
        assert_eq!((verdict, found.checked, found.note.as_str()), (Verdict::Pass, 50, ""));
    }

    #[test]
    fn trimmed_versions_are_counted_and_said() {
        let run = kill_run().build();
        let (verdict, found) = verdict(&run);
        let acks = run.history.iter().filter(|op| op.op.stores_a_version() && op.is_ok()).count() as u64;
        assert_eq!((verdict, found.checked), (Verdict::Pass, 10 * KEYS));
        assert!(found.note.contains(&format!("{} acknowledged versions were trimmed", acks - 10 * KEYS)));
    }

    #[test]
    fn fails_for_each_way_to_lose_a_write() {
        for (why, edit) in [
            ("holds only version", (|current, _| *current = Some(3)) as fn(&mut _, &mut Vec<(u64, String)>)),
            ("is gone", |current, _| *current = None),
            ("holds another value", |_, versions| versions[2].1 = "ffff".into()),
            ("is missing", |_, versions| drop(versions.remove(3))),
            ("is missing", |_, versions| versions.clear()),
        ] {
            let mut run = small_run();
            edit_first_read_back(&mut run, edit);
            let (verdict, found) = verdict(&run);
            assert_eq!(verdict, Verdict::Fail, "{why}");
            assert!(found.violations[0].summary.contains(why), "{}", found.violations[0].summary);
            assert_eq!(found.violations[0].evidence.len(), 2);
        }
    }

    #[test]
    fn fails_when_a_version_is_acknowledged_twice() {
        let mut run = small_run();
        let twin = Operation { id: 999, digest: Some("ffff".into()), ..run.history[3].clone() };
        run.history.push(twin);
        let (verdict, found) = verdict(&run);
        assert_eq!(verdict, Verdict::Fail);
        assert!(found.violations.iter().any(|v| v.summary.contains("two different values")));
    }

    #[test]
    fn inconclusive_without_a_whole_read_back_or_without_writes() {
        let is_done = |event: &Event| matches!(event, Event::ReadBackDone { .. });
        let mut unfinished = small_run();
        unfinished.journal.retain(|entry| !is_done(&entry.event));
        let mut unread = small_run();
        unread.journal.retain(|entry| !matches!(entry.event, Event::ReadBack { key: 2, .. }));
        let mut failed = small_run();
        let event = Event::ReadBackFailed { key: 2, reason: "timeout".into() };
        failed.journal.push(Entry { t_ms: 5_550.0, event });
        let mut silent = small_run();
        silent.history.clear();
        for run in [unfinished, unread, failed, silent] {
            let (verdict, found) = verdict(&run);
            assert_eq!(verdict, Verdict::Inconclusive);
            assert!(!found.note.is_empty());
        }
    }

    #[test]
    fn a_violation_found_in_half_a_read_back_still_fails() {
        let mut run = small_run();
        run.journal.retain(|entry| !matches!(entry.event, Event::ReadBackDone { .. }));
        edit_first_read_back(&mut run, |current, _| *current = None);
        assert_eq!(verdict(&run).0, Verdict::Fail);
    }

    #[test]
    fn what_one_of_two_claimants_lacks_is_in_doubt_and_what_it_holds_instead_is_not() {
        let claimed_by = |name: &str, edit: fn(&mut Option<u64>, &mut Vec<(u64, String)>)| {
            let mut run = RunBuilder::new()
                .load("kv2.write", "leader", 10.0)
                .phases(0.0, 1e3, 2e3, 5e3)
                .traffic(0, 0.0, 5e3, |_| Answer::ok(2.0))
                .role(name, 1_000.0, crate::model::Role::Active, 980.0)
                .build();
            edit_first_read_back(&mut run, edit);
            verdict(&run)
        };
        let (doubted, found) = claimed_by("n2", |current, _| *current = Some(3));
        assert_eq!(doubted, Verdict::Inconclusive);
        assert!(found.note.contains("beside which another claimed to lead"), "{}", found.note);
        assert_eq!(claimed_by("n1", |current, _| *current = Some(3)).0, Verdict::Fail);
        assert_eq!(claimed_by("n2", |_, versions| versions[2].1 = "ffff".into()).0, Verdict::Fail);
    }

    #[test]
    fn a_write_of_unknown_outcome_may_be_there_or_not() {
        let mut run = small_run();
        let write = run.history.last().unwrap().clone();
        for (id, version) in [(900, None), (901, Some(77))] {
            run.history.push(Operation { id, version, outcome: Outcome::Unknown, ..write.clone() });
        }
        assert_eq!(verdict(&run).0, Verdict::Pass);
    }

    #[test]
    fn what_the_load_deleted_is_not_lost_and_not_checked() {
        let mut run = small_run();
        edit_first_read_back(&mut run, |_, versions| versions.clear());
        assert_eq!(verdict(&run).0, Verdict::Fail);
        let delete =
            Operation { op: crate::model::Workload::Kv2Delete, key: Some(0), ..run.history[0].clone() };
        run.history.push(delete);
        let (verdict, found) = verdict(&run);
        assert_eq!(verdict, Verdict::Pass);
        assert!(found.note.contains("keys that the load deleted from"), "{}", found.note);
    }

    proptest! {
        #[test]
        fn removing_any_acknowledged_version_from_the_read_back_is_a_lost_write(
            of_key in 0..KEYS as u32,
            at in 0usize..10,
            long in any::<bool>(),
        ) {
            let mut run = if long { kill_run().build() } else { small_run() };
            let versions = run.journal.iter_mut().find_map(|entry| match &mut entry.event {
                Event::ReadBack { key, versions, .. } if *key == of_key => Some(versions),
                _ => None,
            });
            let versions = versions.expect("every key was read back");
            versions.remove(at % versions.len());
            prop_assert_eq!(verdict(&run).0, Verdict::Fail);
        }
    }
}
