//! `single-leader`: no two nodes acknowledged writes as leader at the same time.
//!
//! What a node claims is only a claim: an isolated old leader makes it for a while without being able to
//! commit anything. So a violation needs acknowledged writes: both nodes acknowledged within a time in which
//! two polls in a row saw each of them active, and the time was too long for a change of leaders or the raft
//! indices contradict one log; or both acknowledged the same version of the same key.

use super::{Checked, line, sentences, violation};
use crate::facts::{Facts, RoleTrack};
use crate::model::{NodeId, Operation, Role, Verdict, Violation};
use std::collections::BTreeMap;

/// Two nodes that are both surely active for longer than this are not in the middle of a change of leaders:
/// several polls of each have seen it.
const OVERLAP_MAX_MS: f64 = 100.0;
/// A node that nobody looked at for longer than this while it was up may have led unseen. What was seen is
/// journalled about once a second.
const UNWATCHED_MAX_MS: f64 = 3_000.0;

pub fn has_data(facts: &Facts) -> bool {
    facts.roles.iter().any(|track| !track.segments.is_empty()) && facts.writes.iter().any(|op| op.is_ok())
}

pub fn check(facts: &Facts) -> Checked {
    let acks: Vec<&Operation> =
        facts.writes.iter().copied().filter(|op| op.is_ok() && op.node.is_some()).collect();
    let mut violations = doubly_acknowledged(&acks);
    let mut claims_only = 0;
    for (i, a) in facts.roles.iter().enumerate() {
        for b in &facts.roles[i + 1..] {
            for (start_ms, end_ms) in overlaps(a, b) {
                match judge_overlap(&acks, &a.node, &b.node, start_ms, end_ms) {
                    Some(found) => violations.push(found),
                    None => claims_only += 1,
                }
            }
        }
    }

    let unseen: Vec<&str> = facts
        .roles
        .iter()
        .filter(|track| track.segments.is_empty())
        .map(|track| track.node.as_str())
        .collect();
    let mut notes = Vec::new();
    if acks.is_empty() {
        notes.push("no write was acknowledged".to_owned());
    }
    if !unseen.is_empty() || facts.roles.is_empty() {
        notes.push(format!("no role was ever seen of {}", unseen.join(", ")));
    }
    let (from_ms, until_ms) = (facts.loaded_from_ms(), facts.watched_until_ms());
    let blind: Vec<String> = facts
        .roles
        .iter()
        .filter(|track| !track.segments.is_empty())
        .filter_map(|track| {
            let (start_ms, end_ms) = track.unwatched(from_ms, until_ms, UNWATCHED_MAX_MS)?;
            Some(format!("{} was not seen from {:.1} s to {:.1} s", track.node, start_ms / 1e3, end_ms / 1e3))
        })
        .collect();
    let watched = blind.is_empty();
    notes.extend(blind);
    if claims_only > 0 {
        notes.push(format!(
            "two nodes claimed to be active at once {claims_only} times, \
             without contradicting acknowledgements"
        ));
    }
    let complete = watched && !acks.is_empty() && !facts.roles.is_empty() && unseen.is_empty();
    let coverage = if complete { Verdict::Pass } else { Verdict::Inconclusive };
    Checked { checked: acks.len() as u64, coverage, note: sentences(notes), violations }
}

/// The times in which both nodes were surely active.
fn overlaps(a: &RoleTrack, b: &RoleTrack) -> Vec<(f64, f64)> {
    let active = |track: &RoleTrack| -> Vec<(f64, f64)> {
        let segments = track.segments.iter().filter(|segment| segment.role == Role::Active);
        segments.map(|segment| (segment.start_ms, segment.last_ms)).collect()
    };
    let mut found = Vec::new();
    for (a_start, a_end) in active(a) {
        for (b_start, b_end) in active(b) {
            let (start_ms, end_ms) = (a_start.max(b_start), a_end.min(b_end));
            if start_ms < end_ms {
                found.push((start_ms, end_ms));
            }
        }
    }
    found
}

fn judge_overlap(
    acks: &[&Operation],
    a: &NodeId,
    b: &NodeId,
    start_ms: f64,
    end_ms: f64,
) -> Option<Violation> {
    let within = |op: &Operation| op.sent_us as f64 / 1e3 >= start_ms && op.done_us as f64 / 1e3 <= end_ms;
    let by = |node: &NodeId| -> Vec<&Operation> {
        acks.iter().copied().filter(|op| op.node.as_ref() == Some(node) && within(op)).collect()
    };
    let (by_a, by_b) = (by(a), by(b));
    let (Some(&first_a), Some(&first_b)) = (by_a.first(), by_b.first()) else { return None };
    let length_ms = end_ms - start_ms;
    let contradiction = contradicting_indices(&by_a, &by_b);
    if contradiction.is_none() && length_ms <= OVERLAP_MAX_MS {
        return None;
    }
    let (evidence, how) = match contradiction {
        Some((one, other)) => ([one, other], "with raft indices that cannot be of one log"),
        None => ([first_a, first_b], "and both acknowledged writes"),
    };
    Some(violation(
        format!("{a} and {b} were both active for {length_ms:.0} ms from {start_ms:.0} ms on, {how}"),
        evidence.map(line).to_vec(),
    ))
}

/// Two writes, one over before the other was sent, whose indices do not grow; or two writes of one index.
fn contradicting_indices<'o>(
    by_a: &[&'o Operation],
    by_b: &[&'o Operation],
) -> Option<(&'o Operation, &'o Operation)> {
    let mut indexed: Vec<(&Operation, u64, bool)> = Vec::new();
    indexed.extend(by_a.iter().filter_map(|op| op.index.map(|index| (*op, index, true))));
    indexed.extend(by_b.iter().filter_map(|op| op.index.map(|index| (*op, index, false))));

    let mut used: BTreeMap<u64, (&Operation, bool)> = BTreeMap::new();
    for &(op, index, of_a) in &indexed {
        match used.insert(index, (op, of_a)) {
            Some((other, other_of_a)) if other_of_a != of_a => return Some((other, op)),
            _ => {}
        }
    }
    // Sweep by time: the highest index acknowledged by each side before each write was sent.
    let mut by_sent = indexed.clone();
    by_sent.sort_by_key(|(op, ..)| (op.sent_us, op.id));
    let mut by_done = indexed;
    by_done.sort_by_key(|(op, ..)| (op.done_us, op.id));
    let mut highest: [Option<(u64, &Operation)>; 2] = [None, None];
    let mut done = by_done.into_iter().peekable();
    for (op, index, of_a) in by_sent {
        while let Some((earlier, earlier_index, earlier_of_a)) =
            done.next_if(|(earlier, ..)| earlier.done_us < op.sent_us)
        {
            let side = &mut highest[usize::from(earlier_of_a)];
            if side.is_none_or(|(highest, _)| highest < earlier_index) {
                *side = Some((earlier_index, earlier));
            }
        }
        if let Some((highest, earlier)) = highest[usize::from(!of_a)]
            && highest >= index
        {
            return Some((earlier, op));
        }
    }
    None
}

fn doubly_acknowledged(acks: &[&Operation]) -> Vec<Violation> {
    let mut first: BTreeMap<(u32, u64), &Operation> = BTreeMap::new();
    let mut violations = Vec::new();
    for &op in acks {
        let (Some(key), Some(version)) = (op.key, op.version) else { continue };
        let earlier = *first.entry((key, version)).or_insert(op);
        if let (Some(one), Some(other)) = (&earlier.node, &op.node)
            && one != other
        {
            violations.push(violation(
                format!("{one} and {other} both acknowledged version {version} of key {key}"),
                vec![line(earlier), line(op)],
            ));
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::*;
    use crate::record::SavedRun;

    fn verdict(run: &SavedRun) -> (Verdict, Checked) {
        let found = check(&Facts::of(run));
        (if found.violations.is_empty() { found.coverage } else { Verdict::Fail }, found)
    }

    /// Both nodes claim to be active from `from` to `to`; n1 and n2 get writes every 20 ms.
    fn two_claims(from_ms: f64, to_ms: f64, n2_answers: bool) -> SavedRun {
        let answer = move |_| if n2_answers { Answer::ok(2.0) } else { Answer::refused(2.0) };
        RunBuilder::new()
            .load("kv2.write", "n1", 50.0)
            .load("kv2.write", "n2", 50.0)
            .phases(0.0, 1e3, 2e3, 5e3)
            .role("n2", from_ms, Role::Active, from_ms - 20.0)
            .role("n1", to_ms + 20.0, Role::Standby, to_ms)
            .traffic(0, 0.0, to_ms, |_| Answer::ok(2.0))
            .traffic(1, from_ms, 5e3, answer)
            .build()
    }

    #[test]
    fn passes_through_an_ordinary_failover() {
        let (verdict, found) = verdict(&kill_run().build());
        assert_eq!((verdict, found.note.as_str()), (Verdict::Pass, ""));
        assert!(found.checked > 500);
    }

    #[test]
    fn fails_when_both_acknowledge_for_long() {
        let (verdict, found) = verdict(&two_claims(1_000.0, 3_000.0, true));
        assert_eq!(verdict, Verdict::Fail);
        assert!(found.violations[0].summary.contains("n1 and n2 were both active for 2000 ms"));
    }

    #[test]
    fn fails_when_indices_contradict_one_log_however_short() {
        let mut run = two_claims(1_000.0, 1_060.0, true);
        // The synthetic indices of the first load all precede those of the second; make one collide.
        let taken = run.history.iter().find(|op| op.load == Some(1)).and_then(|op| op.index);
        let early = run.history.iter_mut().find(|op| op.load == Some(0) && op.due_us == 1_000_000).unwrap();
        early.index = taken.map(|index| index + 40);
        let (verdict, found) = verdict(&run);
        assert_eq!(verdict, Verdict::Fail);
        assert!(found.violations[0].summary.contains("cannot be of one log"));
    }

    #[test]
    fn claims_alone_are_noted_and_no_violation() {
        let (verdict, found) = verdict(&two_claims(1_000.0, 3_000.0, false));
        assert_eq!(verdict, Verdict::Pass);
        assert!(found.note.contains("claimed to be active at once 1 times"), "{}", found.note);
    }

    #[test]
    fn fails_when_two_nodes_acknowledge_the_same_version() {
        let mut run = kill_run().build();
        let write = run.history.iter().find(|op| op.op.stores_a_version()).unwrap().clone();
        run.history.push(Operation { id: 99_999, node: Some(node("n3")), ..write });
        let (verdict, found) = verdict(&run);
        assert_eq!(verdict, Verdict::Fail);
        assert!(found.violations[0].summary.contains("both acknowledged version 1 of key"));
    }

    #[test]
    fn inconclusive_when_a_watcher_stops_or_pauses_but_not_while_its_node_is_down() {
        let unseen = |name: &str, from_ms: f64, to_ms: f64| {
            let mut run = kill_run().build();
            run.journal.retain(|entry| match &entry.event {
                crate::model::Event::Indices { node, .. } => {
                    node.0 != name || !(from_ms..to_ms).contains(&entry.t_ms)
                }
                _ => true,
            });
            verdict(&run)
        };
        let (stopped, found) = unseen("n3", 30_500.0, 1e9);
        assert_eq!(stopped, Verdict::Inconclusive);
        assert!(found.note.contains("n3 was not seen from 30.0 s to 40.0 s"), "{}", found.note);
        assert_eq!(unseen("n2", 5_500.0, 9_500.0).0, Verdict::Inconclusive);
        assert_eq!(unseen("n2", 5_500.0, 7_500.0).0, Verdict::Pass);
        assert_eq!(unseen("n1", 12_500.0, 26_000.0).0, Verdict::Pass);
    }

    #[test]
    fn inconclusive_without_roles_or_writes() {
        let mut blind = kill_run().build();
        blind
            .journal
            .retain(|e| !matches!(&e.event, crate::model::Event::Role { node, .. } if node.0 == "n3"));
        let mut silent = kill_run().build();
        silent.history.clear();
        for run in [blind, silent] {
            assert_eq!(verdict(&run).0, Verdict::Inconclusive);
        }
    }
}
