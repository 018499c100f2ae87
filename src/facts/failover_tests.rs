//! Failover phases on hand-made runs: what counts, and what must not.

use super::Facts;
use super::testing::*;
use crate::model::{Failover, FaultKind, Role};

fn failovers(run: RunBuilder) -> Vec<Failover> {
    Facts::of(&run.build()).failovers
}

#[track_caller]
fn near(got: Option<f64>, expected: f64) {
    assert!(got.is_some_and(|got| (got - expected).abs() < 0.01), "{got:?} is not {expected}");
}

#[test]
fn a_kill_of_the_leader_has_all_its_phases() {
    let found = failovers(kill_run().probe(22_990.0, "n2", Answer::refused(1.0)));
    let [failover] = &found[..] else { panic!("{found:?}") };
    let phases = &failover.phases_ms;
    assert_eq!(failover.new_leader, Some(node("n2")));
    near(phases.elected, 10_300.0);
    near(phases.active, 10_799.0);
    near(phases.first_write, 11_001.0);
    near(phases.redundant, 17_999.0);
    near(failover.log_ready_ms, 10_900.0);
    assert!(phases.first_error.unwrap() < 60.0 && phases.first_read.unwrap() < 60.0, "{phases:?}");
    assert!((failover.resolution_ms - 10.0).abs() < 0.01, "{}", failover.resolution_ms);
}

#[test]
fn the_probe_refines_the_first_write() {
    let found = failovers(kill_run().probe(22_905.0, "n2", Answer::ok(4.0)));
    near(found[0].phases_ms.first_write, 10_908.0);
}

#[test]
fn an_answer_that_was_on_its_way_does_not_count() {
    // Sent before the kill, and acknowledged through a follower after it.
    let found = failovers(kill_run().probe(11_990.0, "n3", Answer::ok(40.0)));
    near(found[0].phases_ms.first_write, 11_001.0);
}

#[test]
fn a_write_that_the_old_leader_still_took_is_not_the_first_of_the_new_one() {
    // A leader that is told to stop refuses one request and still serves what a follower passes on to it.
    let found = failovers(
        kill_run()
            .probe(12_005.0, "n3", Answer::refused(1.0))
            .probe(12_016.0, "n2", Answer::ok(3.0))
            // Seen by the poll as gone, and yet it drains: only an election makes a new leader.
            .probe(12_030.0, "n2", Answer::ok(3.0)),
    );
    near(found[0].phases_ms.first_write, 11_001.0);
}

#[test]
fn a_fault_on_a_follower_is_no_failover() {
    let run = RunBuilder::new()
        .load("kv2.write", "leader", 20.0)
        .phases(0.0, 12e3, 27e3, 40e3)
        .requested(12_000.0, "f1", FaultKind::Kill, "follower", &["n3"])
        .applied(12_001.0, "f1")
        .traffic(0, 0.0, 40e3, |_| Answer::ok(2.0));
    assert_eq!(failovers(run), vec![]);
}

#[test]
fn what_was_not_seen_is_null() {
    let run = RunBuilder::new()
        .phases(0.0, 12e3, 27e3, 40e3)
        .requested(12_000.0, "f1", FaultKind::Pause, "leader", &["n1"])
        .applied(12_001.0, "f1");
    let found = failovers(run);
    assert_eq!(found[0].phases_ms, crate::model::FailoverPhases::default());
    assert_eq!((&found[0].new_leader, found[0].log_ready_ms), (&None, None));
}

#[test]
fn after_a_step_down_the_same_node_may_lead_again() {
    let run = RunBuilder::new()
        .load("kv2.write", "leader", 100.0)
        .phases(0.0, 12e3, 15e3, 30e3)
        .requested(12_000.0, "f1", FaultKind::StepDown, "leader", &["n1"])
        .applied(12_005.0, "f1")
        .role("n1", 12_020.0, Role::Standby, 12_000.0)
        .role("n1", 12_700.0, Role::Active, 12_680.0)
        .traffic(0, 0.0, 12_010.0, |_| Answer::ok(2.0))
        .traffic(0, 12_010.0, 12_710.0, |_| Answer::refused(2.0))
        .traffic(0, 12_710.0, 30e3, |_| Answer::ok(2.0));
    let found = failovers(run);
    assert_eq!(found[0].new_leader, Some(node("n1")));
    near(found[0].phases_ms.active, 695.0);
    near(found[0].phases_ms.first_write, 707.0);
    near(found[0].phases_ms.first_error, 5.0);
}

#[test]
fn a_fault_without_a_quorum_is_recovered_from_through_its_own_nodes() {
    let run = RunBuilder::new()
        .load("kv2.write", "leader", 20.0)
        .phases(0.0, 12e3, 27e3, 40e3)
        .requested(12_000.0, "f1", FaultKind::Kill, "all", &["n1", "n2", "n3"])
        .applied(12_001.0, "f1")
        .role("n1", 12_020.0, Role::Unreachable, 12_000.0)
        .healed(27_000.0, "f1")
        .role("n1", 29_000.0, Role::Active, 28_980.0)
        .traffic(0, 0.0, 12e3, |_| Answer::ok(2.0))
        .traffic(0, 12e3, 30e3, |_| Answer::refused(2.0))
        .traffic(0, 30e3, 40e3, |_| Answer::ok(2.0));
    let found = failovers(run);
    near(found[0].phases_ms.active, 16_999.0);
    near(found[0].phases_ms.first_write, 18_001.0);
}
