//! The verdict of whole runs: what passes, what cannot, and that judging is repeatable.

use super::*;
use crate::facts::testing::*;
use crate::model::{FaultKind, KnownFinding, Outcome, Phase, SnapshotFirst};

fn passing() -> SavedRun {
    kill_run().probe(22_990.0, "n2", Answer::refused(1.0)).build()
}

#[track_caller]
fn inconclusive(run: &SavedRun, reason: &str) {
    let result = judge(run);
    assert_eq!(result.verdict, Verdict::Inconclusive, "{:?}", result.reasons);
    assert!(result.reasons.iter().any(|text| text.contains(reason)), "{:?}", result.reasons);
}

fn without(mut run: SavedRun, unwanted: impl Fn(&Event) -> bool) -> SavedRun {
    run.journal.retain(|entry| !unwanted(&entry.event));
    run
}

fn with(mut run: SavedRun, t_ms: f64, event: Event) -> SavedRun {
    run.journal.push(crate::model::Entry { t_ms, event });
    run
}

#[test]
fn a_sound_kill_of_the_leader_passes_and_shows_what_does_not_gate() {
    let result = judge(&passing());
    assert_eq!((result.verdict, result.reasons), (Verdict::Pass, vec![]));
    let availability = result.objectives.iter().find(|row| row.id == "availability").unwrap();
    assert_eq!((availability.gating, availability.verdict), (false, Verdict::Fail));
    assert_eq!(result.faults[0].healed_ms, Some(27_000.0));
    assert_eq!((result.failovers.len(), result.outages.len()), (1, 1));
}

#[test]
fn rows_tell_whether_the_scenario_exercises_them() {
    let rows = judge(&steady_run().build()).objectives;
    let exercised = |id: &str| rows.iter().find(|row| row.id == id).unwrap().exercised;
    assert!(exercised("read.p99") && exercised("tls.min"));
    assert!(!exercised("failover.mttr") && !exercised("throughput.node"));
}

#[test]
fn judging_twice_gives_the_same_bytes() {
    let run = passing();
    let bytes = |run| serde_json::to_string(&(judge(run), picture(run))).unwrap();
    assert_eq!(bytes(&run), bytes(&run));
}

#[test]
fn a_lost_write_fails() {
    let mut run = passing();
    let read = run.journal.iter_mut().find_map(|entry| match &mut entry.event {
        Event::ReadBack { current, .. } => Some(current),
        _ => None,
    });
    *read.unwrap() = None;
    let result = judge(&run);
    assert_eq!(result.verdict, Verdict::Fail);
    assert!(result.reasons.iter().any(|reason| reason.starts_with("no-lost-writes fail: key 0 is gone")));
    // Proof stays proof when the harness dies afterwards.
    assert_eq!(judge(&without(run, |event| *event == Event::Ended)).verdict, Verdict::Fail);
}

#[test]
fn faults_without_evidence_are_inconclusive() {
    let applied = |event: &Event| matches!(event, Event::FaultApplied { .. });
    let healed = |event: &Event| matches!(event, Event::Healed { .. });
    let requested = |event: &Event| matches!(event, Event::FaultRequested { .. });
    let reason = "n1 is already down".to_owned();
    let not_applied = Event::FaultNotApplied { fault: "f1".into(), reason };
    let down = with(without(passing(), applied), 12_001.0, not_applied);
    inconclusive(&down, "did not take hold: n1 is already down");
    inconclusive(&without(passing(), applied), "no evidence that fault f1 (kill leader) took hold");
    inconclusive(&without(passing(), healed), "no evidence that fault f1 (kill leader) was healed");
    inconclusive(&without(passing(), requested), "planned 1 times and begun 0 times");
    let heal_failed = Event::HealFailed { fault: "f1".into(), reason: "stays sealed".into() };
    inconclusive(
        &with(without(passing(), healed), 27_000.0, heal_failed),
        "could not be healed: stays sealed",
    );
}

#[test]
fn a_cluster_that_was_not_sound_around_the_fault_is_inconclusive() {
    let redundancy = |event: &Event| matches!(event, Event::Redundancy { .. });
    inconclusive(&without(passing(), redundancy), "not known whether the cluster was healthy");
    let mut sick = passing();
    let first = sick.journal.iter_mut().find(|entry| redundancy(&entry.event)).unwrap();
    first.event = Event::Redundancy { voters: 2, healthy: 2, failure_tolerance: 0 };
    inconclusive(&sick, "not fully redundant before the first fault");
    let mut slow = passing();
    slow.info.scenario.recovery.within = crate::model::Span::from_secs(2);
    inconclusive(&slow, "did not recover within 2s: it took 3.0 s");
}

#[test]
fn too_few_operations_on_either_side_are_inconclusive() {
    let mut late = passing();
    late.history.retain(|op| !op.op.stores_a_version() || op.due_us >= 11_500_000);
    inconclusive(&late, "writes succeeded before the first fault");
    let mut short = passing();
    short.history.retain(|op| op.due_us < 27_100_000);
    inconclusive(&short, "reads or logins succeeded after the last fault");
    let mut silent = passing();
    silent.history.clear();
    inconclusive(&silent, "only 0 writes succeeded before");
}

#[test]
fn a_run_that_did_not_end_well_is_inconclusive() {
    inconclusive(&without(passing(), |event| *event == Event::Ended), "did not come to its end");
    inconclusive(&without(passing(), |_| true), "the journal is missing");
    let mut torn = passing();
    torn.damage.push("history.jsonl: the last line is cut off".into());
    inconclusive(&torn, "the last line is cut off");
    inconclusive(&with(passing(), 5e3, Event::Aborted { reason: "90 s".into() }), "aborted: 90 s");
    inconclusive(&with(passing(), 5e3, Event::Interrupted { signal: "SIGINT".into() }), "by SIGINT");
    inconclusive(&with(passing(), 5e3, Event::HarnessError { reason: "disk full".into() }), "disk full");
    assert_eq!(harness_failed(&passing()), None);
    let failed = with(passing(), 5e3, Event::HarnessError { reason: "disk full".into() });
    assert_eq!(harness_failed(&failed).as_deref(), Some("disk full"));
    let mut foreign = passing();
    foreign.history[0].load = Some(9);
    inconclusive(&foreign, "a load that the scenario does not have");
}

#[test]
fn a_promise_of_time_is_not_broken_while_others_have_the_machine() {
    let used = |other| {
        let seconds = (0..40).map(|second| crate::model::Entry {
            t_ms: f64::from(second) * 1e3,
            event: Event::Cpu {
                window_ms: 1e3,
                servers: 0.3,
                harness: 0.2,
                siblings: 0.0,
                other,
                steal: 0.0,
            },
        });
        let mut run = kill_run().expect(&["availability", "failover.rpo"]).build();
        run.info.machine.cores = 2;
        run.journal.retain(|entry| !matches!(entry.event, Event::Cpu { .. }));
        run.journal.splice(0..0, seconds);
        run
    };
    assert_eq!(judge(&used(0.8)).verdict, Verdict::Fail);
    inconclusive(&used(1.3), "others had the machine");
    // Whose servers are not told apart from others.
    let mut attached = used(1.3);
    attached.info.backend = "attach".into();
    assert_eq!(judge(&attached).verdict, Verdict::Fail);
}

#[test]
fn trouble_of_the_harness_is_no_failure_of_the_server() {
    let mut run = kill_run().expect(&["availability"]).build();
    assert_eq!(judge(&run).verdict, Verdict::Fail);
    run.journal.retain(|entry| entry.event != Event::Ended);
    inconclusive(&run, "the harness was in trouble itself");
    let result = judge(&run);
    let parts = || result.objectives.iter().flat_map(|row| &row.breakdown);
    assert!(parts().count() > 0 && parts().all(|part| part.verdict != Verdict::Fail));
    let mut late = kill_run().expect(&["availability"]).build();
    late.history.iter_mut().for_each(|op| op.sent_us = op.due_us + 150_000);
    inconclusive(&late, "did not keep its schedule");
}

#[test]
fn a_scenario_that_expects_nothing_is_inconclusive() {
    inconclusive(&kill_run().expect(&[]).build(), "expects nothing");
}

#[test]
fn a_known_finding_does_not_gate_and_one_no_longer_seen_fails() {
    let finding = |always| KnownFinding {
        id: "K7".into(),
        server: "openbao".into(),
        versions: vec!["2.7.2".into()],
        invariant: "no-lost-writes".into(),
        matches: "key 0 is gone".into(),
        command: "vaultquake run x.yaml".into(),
        scenarios: vec!["tested".into()],
        always,
    };
    let mut lossy = passing();
    lossy.info.known_findings = vec![finding(true)];
    for entry in &mut lossy.journal {
        if let Event::ReadBack { key: 0, current, .. } = &mut entry.event {
            *current = None;
        }
    }
    let result = judge(&lossy);
    assert_eq!(result.verdict, Verdict::Pass, "{:?}", result.reasons);
    assert!(result.invariants[0].violations.iter().all(|violation| violation.known.as_deref() == Some("K7")));
    let mut gone = passing();
    gone.info.known_findings = vec![finding(true)];
    assert_eq!(judge(&gone).verdict, Verdict::Fail);
    // It gates even where the scenario does not expect the invariant, but only a run that is whole.
    gone.info.scenario.expect.retain(|id| id != "no-lost-writes");
    assert_eq!(judge(&gone).verdict, Verdict::Fail);
    gone.info.known_findings = vec![finding(false)];
    assert_eq!(judge(&gone).verdict, Verdict::Pass);
    gone.info.known_findings = vec![finding(true)];
    inconclusive(&with(gone, 30e3, Event::Aborted { reason: "90 s".into() }), "aborted");
}

#[test]
fn load_rows_add_up_and_the_probe_is_in_none() {
    let run = passing();
    let result = judge(&run);
    let all: Vec<_> = result.load.iter().filter(|row| row.phase == "all").collect();
    assert_eq!(all.iter().map(|row| row.planned).sum::<u64>(), run.history.len() as u64 - 1);
    for total in all {
        let phases = result.load.iter().filter(|row| row.name == total.name && row.phase != "all");
        assert_eq!(phases.map(|row| row.ok + row.failed + row.unknown).sum::<u64>(), total.planned);
    }
    let fault = result.load.iter().find(|row| row.operation == "kv2.write" && row.phase == "fault").unwrap();
    assert_eq!((fault.planned, fault.ok, fault.failed), (300, 80, 220));
}

#[test]
fn operations_that_were_never_recorded_are_trouble_of_the_harness() {
    let mut thin = passing();
    // A third of the steady reads is missing: the plan still says how many there should be.
    thin.history.retain(|op| op.op.stores_a_version() || !(5_000_000..8_333_000).contains(&op.due_us));
    let steady = |run: &SavedRun| {
        let rows = judge(run).load;
        rows.into_iter().find(|row| row.operation == "kv2.read" && row.phase == "steady").unwrap()
    };
    assert_eq!((steady(&thin).planned, steady(&thin).sent), (1_000, 666));
    inconclusive(&thin, "only 666 of 1000 planned operations of kv2.read via any");
    let mut poisson = passing();
    poisson.info.scenario.load[1].arrivals = crate::model::Arrivals::Poisson;
    poisson.history.retain(|op| !op.op.stores_a_version() || !(5_000_000..6_500_000).contains(&op.due_us));
    assert_eq!(judge(&poisson).verdict, Verdict::Pass, "170 of 200 is within Poisson's spread");
    poisson.info.scenario.load[1].arrivals = crate::model::Arrivals::Constant;
    inconclusive(&poisson, "only 170 of 200");
}

#[test]
fn the_picture_shows_what_happened() {
    let mut run = with(passing(), 5e3, Event::Term { term: 3, leader: node("n1") });
    run.journal.push(control_second(41_000.0, 9.0));
    let picture = picture(&run);
    assert_eq!(picture.series[1].seconds[13].failed, 20);
    assert_eq!(picture.series[1].seconds[30].p99_us, 2_000);
    assert_eq!(picture.lanes[1].segments.len(), 2);
    assert_eq!(picture.contaminated_ms, vec![(40_000.0, 41_000.0)]);
    assert_eq!(picture.terms, vec![(5e3, 3)]);
    let error = &picture.errors[1];
    assert_eq!((error.load.as_str(), error.count, error.first_ms), ("kv2.write via leader", 220, 12_000.0));
    assert_eq!((error.error.as_str(), error.outcome), ("connection refused", Outcome::Failed));
    let steady = picture.percentile_curves.iter().find(|curve| curve.phase == Phase::Steady.name()).unwrap();
    assert!(steady.points.windows(2).all(|pair| pair[0].1 <= pair[1].1));
}

#[test]
fn half_a_million_operations_are_judged_in_seconds() {
    let run = RunBuilder::new()
        .load("kv2.read", "any", 4_000.0)
        .load("kv2.write", "leader", 1_000.0)
        .phases(0.0, 100e3, 100e3, 100e3)
        .traffic(0, 0.0, 100e3, |_| Answer::ok(2.0))
        .traffic(1, 0.0, 100e3, |_| Answer::ok(9.0))
        .requested(50_000.0, "f1", FaultKind::StepDown, "leader", &["n1"])
        .applied(50_001.0, "f1")
        .build();
    let begun = std::time::Instant::now();
    assert_eq!(judge(&run).load.len(), 4);
    let took = begun.elapsed();
    // Far above what it takes, so that a busy machine does not fail it and a quadratic loop does.
    assert!(took.as_secs() < 20, "{took:?}");
    eprintln!("500 000 operations judged in {took:?}");
}

fn saved(run: &SavedRun) -> (tempfile::TempDir, crate::record::RunFolder) {
    let out = tempfile::tempdir().unwrap();
    let folder = crate::record::RunFolder::create(out.path(), run.info.started_at, "tested", 42).unwrap();
    fn lines<T: serde::Serialize>(values: &[T]) -> Vec<u8> {
        values
            .iter()
            .flat_map(|value| serde_json::to_vec(value).into_iter().chain([vec![b'\n']]))
            .flatten()
            .collect()
    }
    std::fs::write(folder.run_json(), serde_json::to_vec(&run.info).unwrap()).unwrap();
    std::fs::write(folder.journal(), lines(&run.journal)).unwrap();
    std::fs::write(folder.history(), lines(&run.history)).unwrap();
    for (node, log) in &run.logs {
        std::fs::write(folder.logs().join(format!("{node}.log")), log).unwrap();
    }
    (out, folder)
}

#[test]
fn a_folder_read_back_is_judged_like_the_run_itself() {
    let run = passing();
    let (_out, folder) = saved(&run);
    let again = crate::record::read_run(&folder).unwrap();
    let bytes = |run| serde_json::to_string(&judge(run)).unwrap();
    assert_eq!(bytes(&again), bytes(&run));
}

#[test]
fn a_folder_cut_off_anywhere_never_passes() {
    let run = passing();
    let (_out, folder) = saved(&run);
    for path in [folder.journal(), folder.history()] {
        let whole = std::fs::read(&path).unwrap();
        for part in [0, 1, 4, 9] {
            std::fs::write(&path, &whole[..whole.len() * part / 10]).unwrap();
            inconclusive(&crate::record::read_run(&folder).unwrap(), "");
        }
        std::fs::remove_file(&path).unwrap();
        inconclusive(&crate::record::read_run(&folder).unwrap(), "damaged");
        std::fs::write(&path, &whole).unwrap();
    }
}

#[test]
fn an_upgrade_without_a_snapshot_is_a_no_go_whatever_else_was_seen() {
    let whole = SnapshotFirst { node: Some(node("n1")), bytes: 1, ..SnapshotFirst::default() };
    let sheet = |snapshot| judge(&with(passing(), 11e3, Event::SnapshotFirst(snapshot))).rehearsal;
    assert_eq!(sheet(whole.clone()), None, "nothing was upgraded, and nothing spoke against it");
    let refused = sheet(SnapshotFirst { trouble: Some("no space left".into()), ..whole }).unwrap();
    assert!(!refused.go && refused.steps.is_empty());
}
