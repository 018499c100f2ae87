//! The search against runs that are played, and the schedule of a run that was built by hand.

use super::search::Run;
use super::*;
use crate::model::{FaultKind, Span, Step, Target, Verdict, When};
use crate::scenario::{as_file, scenario_from_text};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::path::Path;

fn step(at_s: u64, fault: FaultKind, target: Target) -> Step {
    let heal_after = (!fault.is_one_shot()).then_some(Span::from_secs(8));
    Step { when: When::Whole, ..Step::plain(Span::from_secs(at_s), fault, target, heal_after) }
}

/// Eight faults, of which the third is a pause of a follower and the sixth a kill of the leader.
fn eight() -> Vec<Step> {
    use FaultKind::*;
    let kinds = [Restart, StepDown, Pause, Restart, Stop, Kill, StepDown, Restart];
    let of = |(index, kind): (usize, FaultKind)| {
        let target = if matches!(kind, Pause | Restart | Stop) { Target::Follower } else { Target::Leader };
        step(10 * index as u64, kind, target)
    };
    kinds.into_iter().enumerate().map(of).collect()
}

/// A bug that a pause opens, and that a kill of the leader then shows.
fn pause_then_kill(steps: &[Step]) -> bool {
    let mut paused = false;
    for step in steps {
        paused |= step.fault == FaultKind::Pause;
        if paused && step.fault == FaultKind::Kill && step.target == Target::Leader {
            return true;
        }
    }
    false
}

fn fails_if(fails: impl Fn(&[Step]) -> bool) -> impl FnMut(&[Step]) -> Option<Outcome> {
    move |steps| Some(if fails(steps) { Outcome::Fails } else { Outcome::Holds })
}

fn search(steps: &[Step], tries: u32, run: &mut Run) -> Shrunk {
    shrink(steps, tries, run, &mut |_, _| {})
}

#[test]
fn two_faults_in_an_order_are_found_among_eight_and_made_as_little_as_they_can_be() {
    let shrunk = search(&eight(), 3, &mut fails_if(pause_then_kill));
    let smallest = shrunk.smallest.unwrap();
    let kinds: Vec<_> = smallest.steps.iter().map(|step| step.fault).collect();
    assert_eq!(kinds, [FaultKind::Pause, FaultKind::Kill]);
    assert_eq!(
        smallest.steps.iter().map(|step| step.heal_after).collect::<Vec<_>>(),
        [Some(Span::from_secs(1)); 2]
    );
    assert_eq!(smallest.steps.iter().map(|step| step.at).collect::<Vec<_>>(), [0, 1].map(Span::from_secs));
    assert_eq!(smallest.rate, Rate { fails: 3, runs: 3, unclear: 0 });
    assert!(shrunk.finished && shrunk.runs < 100, "{}", shrunk.runs);
    // The other way round it does not fail, and nothing is found.
    let reversed: Vec<Step> = eight().into_iter().rev().collect();
    let none = search(&reversed, 3, &mut fails_if(pause_then_kill));
    assert!(none.smallest.is_none() && none.finished);
    assert_eq!(none.runs, 3);
}

#[test]
fn a_kill_that_need_not_be_one_becomes_a_stop_of_a_follower() {
    let shrunk = search(
        &eight(),
        1,
        &mut fails_if(|steps| {
            steps.iter().any(|step| matches!(step.fault, FaultKind::Kill | FaultKind::Stop))
        }),
    );
    let [only] = &shrunk.smallest.unwrap().steps[..] else { panic!("more than one fault is left") };
    assert_eq!((only.fault, &only.target), (FaultKind::Stop, &Target::Follower));
}

#[test]
fn what_fails_only_now_and_then_is_found_with_its_rate() {
    let mut turn = 0;
    let mut run = |steps: &[Step]| {
        turn += 1;
        Some(if pause_then_kill(steps) && turn % 2 == 0 { Outcome::Fails } else { Outcome::Holds })
    };
    let smallest = search(&eight(), 6, &mut run).smallest.unwrap();
    assert_eq!(smallest.steps.len(), 2);
    assert_eq!(smallest.rate.runs, 6);
    assert!(smallest.rate.fails == 3, "{:?}", smallest.rate);
    assert_eq!(smallest.rate.words(), "3 of 6");
}

#[test]
fn what_could_not_be_judged_is_no_failure() {
    let mut unclear = |_: &[Step]| Some(Outcome::Unclear);
    let shrunk = search(&eight(), 2, &mut unclear);
    assert!(shrunk.smallest.is_none() && shrunk.runs == 2);
    let mut turn = 0;
    let mut half = |steps: &[Step]| {
        turn += 1;
        if turn % 3 == 1 {
            return Some(Outcome::Unclear);
        }
        fails_if(pause_then_kill)(steps)
    };
    let smallest = search(&eight(), 3, &mut half).smallest.unwrap();
    assert_eq!(smallest.steps.len(), 2);
    assert!(smallest.rate.words().ends_with("of them inconclusive"), "{:?}", smallest.rate);
}

#[test]
fn a_search_that_is_ended_keeps_the_smallest_so_far() {
    let mut sizes = Vec::new();
    let mut left = 12;
    let mut run = |steps: &[Step]| {
        left -= 1;
        (left > 0).then(|| fails_if(pause_then_kill)(steps)).flatten()
    };
    let shrunk = shrink(&eight(), 1, &mut run, &mut |smallest, _| sizes.push(smallest.steps.len()));
    let smallest = shrunk.smallest.unwrap();
    assert!(!shrunk.finished && pause_then_kill(&smallest.steps));
    assert_eq!(sizes.last(), Some(&smallest.steps.len()));
    assert!(sizes.is_sorted_by(|before, after| before > after), "{sizes:?}");
    assert!(smallest.steps.len() < 8);
}

proptest! {
    /// Whatever is needed, and nothing else, is left; each question is asked at most once of a bug that always shows.
    #[test]
    fn exactly_what_is_needed_is_left(needed in prop::collection::btree_set(0usize..12, 1..4)) {
        let all: Vec<Step> = (0..12).map(|index| step(10 * index, FaultKind::Seal, Target::Follower)).collect();
        let marks: Vec<u16> = (0..12).collect();
        let all: Vec<Step> = all.into_iter().zip(&marks).map(|(step, mark)| Step { times: mark + 1, ..step }).collect();
        let mut asked = Vec::new();
        let mut run = |steps: &[Step]| {
            assert!(!asked.contains(&steps.to_vec()));
            asked.push(steps.to_vec());
            let has = |index: &usize| steps.iter().any(|step| usize::from(step.times) == index + 1);
            Some(if needed.iter().all(has) { Outcome::Fails } else { Outcome::Holds })
        };
        let smallest = search(&all, 1, &mut run).smallest.unwrap();
        let left: Vec<usize> = smallest.steps.iter().map(|step| usize::from(step.times) - 1).collect();
        prop_assert_eq!(left, needed.into_iter().collect::<Vec<_>>());
    }
}

fn rows() -> BTreeSet<String> {
    BTreeSet::from(["no-lost-writes".to_owned()])
}

/// A run in which the second of three faults did not take hold.
fn run() -> crate::record::SavedRun {
    use crate::facts::testing::RunBuilder;
    let builder = RunBuilder::new().load("kv2.write", "leader", 20.0).expect(&["no-lost-writes"]);
    let mut run = builder
        .phases(1_000.0, 10_000.0, 60_000.0, 70_000.0)
        .requested(12_340.0, "f1", FaultKind::Pause, "follower", &["n3"])
        .applied(12_345.0, "f1")
        .healed(20_400.0, "f1")
        .requested(30_000.0, "f2", FaultKind::StepDown, "leader", &["n1"])
        .requested(41_000.0, "f3", FaultKind::Kill, "leader", &["n1"])
        .applied(41_010.0, "f3")
        .build();
    run.info.scenario.summary = "Two faults, one after the other.".into();
    for step in &mut run.info.scenario.timeline {
        step.when = When::Whole;
    }
    run
}

#[test]
fn what_happened_is_a_scenario_that_can_be_read() {
    let run = run();
    let Schedule { scenario, notes } = happened(&run).unwrap();
    let text = as_file(&scenario, "./blueprint.yaml", &notes).unwrap();
    assert!(text.contains("pause: follower"), "{text}");
    assert!(text.lines().any(|line| line.contains("at: 2s400ms") && line.ends_with("# n3")), "{text}");
    assert!(
        text.lines().any(|line| line.contains("at: 31s, kill: leader") && line.ends_with("# n1, which led")),
        "{text}"
    );
    assert!(!text.contains("step-down: leader") && text.contains("# Left out: 1"), "{text}");
    assert!(scenario.seed == Some(run.info.seed) && scenario.name.ends_with("-seed-42"), "{text}");
    // The blueprint of a run built by hand is no file.
    let text = text.replace("./blueprint.yaml", "alphapulse");
    let read = scenario_from_text(Path::new("schedule.yaml"), &text)
        .unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    assert_eq!(read.timeline, scenario.timeline);
    // Repeated, it keeps its name.
    assert_eq!(happened::named(&scenario.name, "seed-42"), scenario.name);
    assert_eq!(happened::named(&"x".repeat(64), "smallest").len(), 64);
}

#[test]
fn a_run_whose_faults_have_fixed_times_has_no_schedule() {
    let mut run = run();
    run.info.scenario.timeline[0].when = When::Due;
    assert!(happened(&run).is_none());
}

#[test]
fn only_the_same_row_is_the_same_failure() {
    let mut result = crate::analyse::judge(&run());
    let verdict = |result: &mut crate::model::RunResult, id: &str, verdict| {
        result.invariants.iter_mut().filter(|row| row.id == id).for_each(|row| row.verdict = verdict);
    };
    for (is, becomes) in [
        (Verdict::Fail, Outcome::Fails),
        (Verdict::Pass, Outcome::Holds),
        (Verdict::Inconclusive, Outcome::Unclear),
    ] {
        verdict(&mut result, "no-lost-writes", is);
        assert_eq!(outcome(&result, &rows()), becomes);
    }
    // Others fail for reasons of their own, and what does not gate is no failure.
    verdict(&mut result, "no-lost-writes", Verdict::Pass);
    result
        .invariants
        .iter_mut()
        .filter(|row| row.id != "no-lost-writes")
        .for_each(|row| row.verdict = Verdict::Fail);
    assert!(failed_rows(&result).is_empty());
    assert_eq!(outcome(&result, &rows()), Outcome::Holds);
    verdict(&mut result, "no-lost-writes", Verdict::Fail);
    assert_eq!(failed_rows(&result), rows());
}
