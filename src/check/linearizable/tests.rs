//! Each way to break the order, by hand; and the decision compared with every order tried out.

use super::decide::{Decision, decide};
use super::step::{Kind, OPEN, Step};
use super::*;
use crate::check::testing::*;
use crate::record::SavedRun;
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

fn verdict(run: &SavedRun) -> (Verdict, Checked) {
    let found = check(&Facts::of(run));
    (if found.violations.is_empty() { found.coverage } else { Verdict::Fail }, found)
}

/// The summary of the only violation, and the operations that prove it.
fn broken(operations: Vec<Operation>) -> (String, Vec<Operation>) {
    let (verdict, found) = verdict(&run_of(operations));
    assert_eq!((verdict, found.violations.len()), (Verdict::Fail, 1), "{}", found.note);
    let evidence = &found.violations[0].evidence;
    let operations = evidence.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    (found.violations[0].summary.clone(), operations)
}

fn passes(operations: Vec<Operation>) {
    let (verdict, found) = verdict(&run_of(operations));
    assert_eq!(verdict, Verdict::Pass, "{:?}", found.violations);
}

#[test]
fn what_overlaps_may_come_in_either_order() {
    passes(vec![
        write(1, 10, 20),
        write(2, 100, 130),
        read(1, 110, 115),
        read(2, 116, 120),
        read(2, 140, 141),
    ]);
    passes(vec![
        read_nothing(1, 15),
        write(1, 10, 20),
        cas(1, 2, 30, 50),
        conflict(1, 90, 40, 60),
        read(2, 61, 62),
    ]);
}

#[test]
fn a_stale_read_through_the_leader_fails_with_the_two_operations_that_show_it() {
    let before = vec![write(1, 10, 20), write(2, 30, 40), read(2, 45, 46), read(2, 47, 48)];
    let (summary, evidence) = broken([before, vec![read(1, 60, 61)]].concat());
    assert!(
        summary.contains("stale read of key 7: version 1 was found by a read sent 20.000 ms after"),
        "{summary}"
    );
    assert_eq!(evidence.iter().map(|op| op.sent_us / 1_000).collect::<Vec<_>>(), [30, 60]);
    // Two reads alone show it as well, when the write itself was never answered.
    let (summary, _) =
        broken(vec![write(1, 10, 20), unanswered(write(2, 30, 40)), read(2, 50, 51), read(1, 60, 61)]);
    assert!(summary.contains("after version 2 had been read"), "{summary}");
    let (summary, _) = broken(vec![write(1, 10, 20), read_nothing(30, 31)]);
    assert!(summary.contains("nothing was found"), "{summary}");
}

#[test]
fn a_read_from_the_future_and_versions_out_of_order_fail() {
    let (summary, evidence) = broken(vec![write(1, 10, 20), read(2, 30, 31), write(2, 40, 50)]);
    assert!(summary.contains("read from the future"), "{summary}");
    assert_eq!(evidence.len(), 2);
    let (summary, _) = broken(vec![write(2, 10, 20), write(1, 30, 40), read(2, 50, 51)]);
    assert!(summary.contains("out of order"), "{summary}");
}

#[test]
fn a_lost_write_fails_when_the_next_one_gets_its_version() {
    let (summary, evidence) = broken(vec![write(1, 10, 20), valued(write(1, 30, 40), 9), read(1, 50, 51)]);
    assert!(summary.contains("acknowledged to two different writes"), "{summary}");
    assert_eq!(evidence.len(), 2);
}

#[test]
fn answers_that_contradict_each_other_fail_at_any_time() {
    for (why, operations) in [
        (
            "has two different values",
            vec![write(1, 10, 20), unanswered(valued(write(1, 10, 20), 5)), valued(read(1, 15, 16), 5)],
        ),
        (
            "is both version 1 and version 2",
            vec![write(1, 10, 20), write(2, 10, 20), valued(read(2, 15, 16), 1)],
        ),
        ("became version 3", vec![write(1, 1, 2), write(2, 3, 4), cas(1, 3, 10, 20), read(3, 30, 31)]),
        (
            "of a write that was refused",
            vec![write(1, 1, 2), conflict(0, 9, 10, 20), write(2, 30, 40), valued(read(2, 50, 51), 9)],
        ),
        ("that no request sent", vec![write(1, 1, 2), valued(read(1, 10, 11), 77)]),
        ("versions begin at 1", vec![write(0, 1, 2), read(1, 3, 4)]),
        ("more than all its writes", vec![write(9, 1, 2), read(9, 3, 4)]),
    ] {
        let (summary, _) = broken(operations);
        assert!(summary.contains(why), "{summary}");
    }
}

#[test]
fn a_version_before_any_request_that_can_have_made_it_fails() {
    let operations = vec![write(2, 10, 20), read(2, 21, 22), unanswered(write(1, 30, 40))];
    let (summary, _) = broken(operations.clone());
    assert!(summary.contains("version 1 of key 7 was there before any request"), "{summary}");
    passes(operations.into_iter().map(|op| Operation { sent_us: op.sent_us.min(5_000), ..op }).collect());
}

#[test]
fn a_refusal_of_what_was_the_newest_all_the_while_fails() {
    let (summary, evidence) = broken(vec![
        write(1, 10, 20),
        read(1, 25, 26),
        conflict(1, 9, 30, 40),
        read(1, 45, 46),
        write(2, 50, 60),
    ]);
    assert!(summary.contains("fit no order"), "{summary}");
    assert_eq!(evidence.len(), 3, "{evidence:?}");
    // A write that nobody saw end may have come between; one that stands by what an old node knows proves nothing.
    passes(vec![write(1, 10, 20), unanswered(write(2, 25, 26)), conflict(1, 9, 30, 40), read(1, 22, 24)]);
    passes(vec![write(1, 10, 20), via("n2", conflict(1, 9, 30, 40)), read(1, 45, 46)]);
}

#[test]
fn reads_of_others_and_of_a_leader_in_doubt_tell_nothing() {
    let stale = read(1, 60, 61);
    let before = vec![write(1, 10, 20), write(2, 30, 40), read(2, 45, 46)];
    passes([before.clone(), vec![via("n2", stale.clone())]].concat());
    let mut run = run_of([before, vec![stale]].concat());
    assert_eq!(verdict(&run).0, Verdict::Fail);
    let claim = |t_ms, role| crate::model::Entry {
        t_ms,
        event: Event::Role { node: crate::facts::testing::node("n3"), role, previous_ms: t_ms - 20.0 },
    };
    run.journal.extend([claim(75.0, crate::model::Role::Active), claim(95.0, crate::model::Role::Standby)]);
    let (verdict, found) = verdict(&run);
    assert_eq!(verdict, Verdict::Pass);
    assert!(found.note.contains("1 reads were answered by a node that did not lead"), "{}", found.note);
}

#[test]
fn deletions_count_when_the_leader_answered_them() {
    let delete = |sent_ms, done_ms| Operation {
        op: Workload::Kv2Delete,
        version: None,
        digest: None,
        ..write(1, sent_ms, done_ms)
    };
    let undelete = |sent_ms, done_ms| Operation {
        op: Workload::Kv2Undelete,
        digest: None,
        ..write(1, sent_ms, done_ms)
    };
    let deleted = vec![write(1, 10, 20), delete(30, 40), read_deleted(1, 50, 51)];
    passes(deleted.clone());
    passes([deleted.clone(), vec![undelete(60, 70), read(1, 80, 81)]].concat());
    let (summary, evidence) = broken([deleted, vec![read(1, 80, 81)]].concat());
    assert!(summary.contains("2 requests to key 7 fit no order"), "{summary}");
    assert_eq!(evidence.len(), 2);
    // A standby's word for it is none.
    passes(vec![write(1, 10, 20), via("n2", delete(30, 40)), read(1, 50, 51)]);
}

#[test]
fn inconclusive_without_reads_or_writes_or_a_whole_history() {
    for operations in [vec![], vec![write(1, 10, 20)], vec![via("n2", read(1, 30, 31)), write(1, 10, 20)]] {
        let (verdict, found) = verdict(&run_of(operations));
        assert_eq!(verdict, Verdict::Inconclusive);
        assert!(!found.note.is_empty());
    }
    let mut torn = run_of(vec![write(1, 1, 2), valued(read(1, 10, 11), 77)]);
    torn.damage.push("history.jsonl: line 3 is broken".into());
    let (verdict, found) = verdict(&torn);
    assert_eq!(verdict, Verdict::Inconclusive);
    assert!(found.note.contains("the run folder is damaged"), "{}", found.note);
}

fn step(kind: Kind, sent_us: u64, done_us: u64) -> Step {
    Step { kind, sent_us, done_us, at: 0 }
}

fn stored(version: u64, sent_us: u64, done_us: u64) -> Step {
    step(Kind::Write { value: version, version: Some(version), expected: None }, sent_us, done_us)
}

fn found(version: u64, sent_us: u64, done_us: u64) -> Step {
    step(Kind::Read { version, value: version }, sent_us, done_us)
}

#[test]
fn a_deleted_version_comes_back_only_by_an_undelete() {
    let deleted =
        [stored(1, 10, 20), step(Kind::Delete, 30, 40), step(Kind::ReadDeleted { version: 1 }, 50, 51)];
    let revived = [deleted.as_slice(), &[found(1, 60, 61)]].concat();
    assert_eq!(decide(&deleted), Decision::Linearizable);
    assert_eq!(decide(&revived), Decision::Violation(Broken::NoOrder));
    assert_eq!(shrink::shrink(&revived).unwrap(), [2, 3], "the two reads alone show it");
    for (undone, holds) in [
        (step(Kind::Undelete { version: 1 }, 52, 55), true),
        (step(Kind::Undelete { version: 1 }, 52, OPEN), true),
        (step(Kind::Undelete { version: 1 }, 62, OPEN), false),
        (step(Kind::Undelete { version: 2 }, 52, 55), false),
    ] {
        let steps = [revived.as_slice(), &[undone]].concat();
        assert_eq!(decide(&steps) == Decision::Linearizable, holds, "{undone:?}");
    }
    let destroyed = step(Kind::Destroy { version: 1 }, 30, 40);
    let undeleted = step(Kind::Undelete { version: 1 }, 52, 55);
    let steps = [stored(1, 10, 20), destroyed, undeleted, found(1, 60, 61)];
    assert_eq!(decide(&steps), Decision::Violation(Broken::NoOrder), "destroyed is for ever");
}

/// One key with that many deletions in flight at once, any of which may hit any of the versions.
fn tangle(deletions: u64) -> Vec<Step> {
    let deletes = (0..deletions).map(|n| step(Kind::Delete, 10 + n, 1_000 + n));
    let undeletes = (0..deletions).map(|n| step(Kind::Undelete { version: 1 + n }, 10 + n, 1_000 + n));
    let writes = (1..=deletions).map(|n| stored(n, n, 900 + n));
    let reads =
        [step(Kind::ReadDeleted { version: deletions }, 2_000, 2_001), found(deletions, 2_002, 2_003)];
    deletes.chain(undeletes).chain(writes).chain(reads).collect()
}

#[test]
fn a_search_that_hits_its_bound_gives_up_and_says_neither() {
    assert_eq!(decide(&tangle(3)), Decision::Violation(Broken::NoOrder));
    assert_eq!(decide(&tangle(14)), Decision::GaveUp);
    // The two reads, and the one undelete that might have come between them.
    assert_eq!(shrink::shrink(&tangle(3)).unwrap().len(), 3);
}

#[test]
fn the_decision_is_that_of_trying_every_order() {
    let mut decided = [0u32; 2];
    for seed in 0..150_000 {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut steps = testing::right(&mut rng, 9, seed % 2 == 0);
        let falsified = seed % 3;
        for _ in 0..falsified {
            testing::falsify(&mut rng, &mut steps);
        }
        let holds = testing::linearizable(&steps);
        assert!(holds || falsified > 0, "a right history holds: seed {seed}: {steps:#?}");
        assert_eq!(decide(&steps) == Decision::Linearizable, holds, "seed {seed}: {steps:#?}");
        decided[usize::from(holds)] += 1;
    }
    // Both ways, and neither by chance.
    assert!(decided.iter().all(|count| *count > 20_000), "{decided:?}");
}

proptest! {
    #[test]
    fn what_is_left_after_shrinking_still_breaks_and_nothing_more_can_go(seed in any::<u64>(), deletions in any::<bool>()) {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut steps = testing::right(&mut rng, 8, deletions);
        for _ in 0..3 {
            testing::falsify(&mut rng, &mut steps);
        }
        if decide(&steps) != Decision::Linearizable {
            let kept = shrink::shrink(&steps).unwrap();
            prop_assert!(!testing::linearizable(&shrink::only(&steps, &kept)));
            for i in 0..kept.len() {
                let fewer = [&kept[..i], &kept[i + 1..]].concat();
                prop_assert!(testing::linearizable(&shrink::only(&steps, &fewer)));
            }
        }
    }
}
