//! Every objective three ways: kept, not kept for the right reason, and not to be decided.

use super::*;
use crate::facts::testing::*;
use crate::model::{Entry, Event, FaultKind, ObjectiveRow, Phase, Rate, RatePlan, Span, Verdict::*};
use crate::record::SavedRun;

fn row(run: &SavedRun, id: &str) -> ObjectiveRow {
    let result = crate::analyse::judge(run);
    result.objectives.into_iter().find(|row| row.id == id).expect("the row exists")
}

#[track_caller]
fn check(run: RunBuilder, id: &str, verdict: Verdict, measured: Option<f64>, note: &str) {
    let row = row(&run.build(), id);
    assert_eq!(row.verdict, verdict, "{row:?}");
    match (row.measured, measured) {
        (Some(got), Some(expected)) => {
            assert!((got - expected).abs() < expected.abs() * 0.002 + 1e-9, "{row:?}")
        }
        (got, expected) => assert_eq!(got, expected, "{row:?}"),
    }
    assert!(row.note.contains(note), "{row:?}");
}

fn reads(rate: f64, seconds: f64, answer: impl Fn(f64) -> Answer) -> RunBuilder {
    let end_ms = seconds * 1e3;
    RunBuilder::new()
        .load("kv2.read", "leader", rate)
        .phases(0.0, end_ms, end_ms, end_ms)
        .traffic(0, 0.0, end_ms, answer)
}

#[test]
fn read_p99() {
    check(steady_run(), "read.p99", Pass, Some(1.5), "");
    let every_20th = |slow: f64| move |t_ms: f64| Answer::ok(if t_ms % 200.0 == 0.0 { slow } else { 1.0 });
    check(reads(100.0, 30.0, every_20th(9.0)), "read.p99", Fail, Some(9.0), "");
    // Just over 1 % is slow: the 99th percentile is above, and its interval is not.
    let near = |t_ms: f64| Answer::ok(if t_ms % 900.0 == 0.0 { 9.0 } else { 1.0 });
    check(reads(100.0, 9.0, near), "read.p99", Inconclusive, Some(9.0), "samples do not decide it");
    check(
        reads(100.0, 2.0, |_| Answer::ok(1.0)),
        "read.p99",
        Inconclusive,
        Some(1.0),
        "about 381 would: 4 s",
    );
    check(reads(10.0, 5.0, |_| Answer::ok(1.0)), "read.p99", Inconclusive, None, "50 operations");
    check(RunBuilder::new(), "read.p99", Inconclusive, None, "no steady phase");
}

#[test]
fn what_asks_for_the_whole_machine_is_not_judged_where_others_had_a_share() {
    let beside = |answer_ms: f64| {
        let mut run = reads(100.0, 30.0, move |_| Answer::ok(answer_ms)).expect(&["read.p99"]).build();
        run.info.side_by_side = 2;
        row(&run, "read.p99")
    };
    for (answer_ms, alone) in [(1.0, Pass), (9.0, Fail)] {
        check(reads(100.0, 30.0, move |_| Answer::ok(answer_ms)), "read.p99", alone, Some(answer_ms), "");
        let row = beside(answer_ms);
        assert_eq!((row.verdict, row.measured.is_some()), (Inconclusive, true), "{row:?}");
        assert!(row.note.contains("up to 2 runs shared the machine"), "{row:?}");
        assert!(row.breakdown.iter().all(|part| part.verdict == Inconclusive), "{row:?}");
    }
    let mut run = steady_run().build();
    run.info.side_by_side = 2;
    assert_eq!(row(&run, "failover.rpo").verdict, row(&steady_run().build(), "failover.rpo").verdict);
}

#[test]
fn the_row_is_the_worst_route() {
    let run = reads(100.0, 30.0, |_| Answer::ok(1.0)).load("kv2.read", "standby", 50.0);
    let row = row(&run.traffic(1, 0.0, 30e3, |_| Answer::ok(7.0)).build(), "read.p99");
    assert_eq!((row.verdict, row.samples, row.breakdown.len()), (Fail, 1_500, 2));
    assert_eq!(row.breakdown.iter().map(|part| part.verdict).collect::<Vec<_>>(), [Pass, Fail]);
}

#[test]
fn read_p50_and_write_p99() {
    check(steady_run(), "read.p50", Pass, Some(1.5), "");
    check(reads(100.0, 10.0, |_| Answer::ok(3.0)), "read.p50", Fail, Some(3.0), "");
    check(reads(10.0, 5.0, |_| Answer::ok(1.0)), "read.p50", Inconclusive, None, "at least 100");
    check(steady_run(), "write.p99", Pass, Some(8.0), "");
    let writes = |latency_ms: f64, seconds: f64| {
        let run = RunBuilder::new().load("kv2.write", "leader", 20.0);
        let run = run.phases(0.0, seconds * 1e3, seconds * 1e3, seconds * 1e3);
        run.traffic(0, 0.0, seconds * 1e3, move |_| Answer::ok(latency_ms))
    };
    check(writes(80.0, 30.0), "write.p99", Fail, Some(80.0), "");
    check(writes(8.0, 10.0), "write.p99", Inconclusive, Some(8.0), "200 samples do not decide it");
}

#[test]
fn a_stall_of_two_seconds_shows_as_a_p99_of_two_seconds() {
    let stalled = |t_ms: f64| Answer::ok(if (4e3..6e3).contains(&t_ms) { 6_001.0 - t_ms } else { 1.0 });
    let row = row(&reads(100.0, 10.0, stalled).build(), "read.p99");
    assert_eq!(row.verdict, Fail);
    assert!((1_880.0..2_001.0).contains(&row.measured.unwrap()), "{row:?}");
}

#[test]
fn a_busy_machine_or_a_late_harness_makes_latency_inconclusive() {
    let mut noisy = steady_run().build();
    for entry in noisy.journal.iter_mut().filter(|entry| (10e3..15e3).contains(&entry.t_ms)) {
        if matches!(entry.event, Event::Control { .. }) {
            entry.event = control_second(entry.t_ms, 6.0).event;
        }
    }
    let noisy = row(&noisy, "read.p99");
    assert_eq!(noisy.verdict, Inconclusive);
    assert!(
        noisy.note.contains("in 5 of 30 seconds") && noisy.note.contains("servers 6.0 s"),
        "{}",
        noisy.note
    );
    let mut blind = steady_run().build();
    blind.journal.retain(|entry| !matches!(entry.event, Event::Control { .. }));
    assert!(row(&blind, "read.p99").note.contains("recorded 0 of 30 seconds"));
    let mut gaps = steady_run().build();
    gaps.journal.retain(|e| !matches!(e.event, Event::Control { .. } if (10e3..14e3).contains(&e.t_ms)));
    assert_eq!(row(&gaps, "read.p99").verdict, Inconclusive);
    // One window of four seconds weighs as much as four of one.
    gaps.journal.push(Entry {
        t_ms: 13_000.0,
        event: match control_second(0.0, 6.0).event {
            Event::Control { stall_p99_ms, stall_max_ms, echo_p99_ms, echo_max_ms, .. } => {
                Event::Control { window_ms: 4e3, stall_p99_ms, stall_max_ms, echo_p99_ms, echo_max_ms }
            }
            other => other,
        },
    });
    assert!(row(&gaps, "read.p99").note.contains("in 4 of 30 seconds"), "{}", row(&gaps, "read.p99").note);
    // Latency counts from the intended start: kept although sent late is kept; not kept because of it is open.
    let late = |_| Answer::ok(2.0).sent_late(1.5);
    check(reads(100.0, 30.0, late), "read.p99", Pass, Some(2.0), "");
    let too_late = |_| Answer::ok(7.0).sent_late(4.0);
    check(reads(100.0, 30.0, too_late), "read.p99", Inconclusive, Some(7.0), "the harness itself sent late");
    let slow_besides = |_| Answer::ok(12.0).sent_late(4.0);
    check(reads(100.0, 30.0, slow_besides), "read.p99", Fail, Some(12.0), "");
}

#[test]
fn availability() {
    let conflict = |t_ms: f64| if t_ms % 100.0 == 0.0 { Answer::conflict(2.0) } else { Answer::ok(2.0) };
    check(reads(2_000.0, 20.0, |_| Answer::ok(1.0)), "availability", Pass, Some(100.0), "");
    check(reads(2_000.0, 20.0, conflict), "availability", Pass, Some(100.0), "");
    check(kill_run(), "availability", Fail, Some(71.05), "kv2.write via leader");
    check(
        reads(100.0, 20.0, |_| Answer::ok(1.0)),
        "availability",
        Inconclusive,
        Some(100.0),
        "38411 would: 6 min",
    );
    check(RunBuilder::new(), "availability", Inconclusive, None, "no load");
    let parts = row(&kill_run().build(), "availability").breakdown;
    assert!(parts.iter().any(|part| part.part == "kv2.write via leader, fault phase"), "{parts:?}");
}

#[test]
fn auth_success() {
    let logins = |seconds: f64, answer: fn(f64) -> Answer| {
        let end_ms = seconds * 1e3;
        let run = RunBuilder::new().load("approle.login", "any", 50.0).phases(0.0, end_ms, end_ms, end_ms);
        run.traffic(0, 0.0, end_ms, answer)
    };
    let bad = |t_ms: f64| if t_ms % 500.0 == 0.0 { Answer::refused(1.0) } else { Answer::ok(4.0) };
    check(logins(30.0, |_| Answer::ok(4.0)), "auth.success", Pass, Some(100.0), "");
    check(logins(30.0, bad), "auth.success", Fail, Some(96.0), "");
    check(logins(4.0, |_| Answer::ok(4.0)), "auth.success", Inconclusive, Some(100.0), "samples do not");
    check(steady_run(), "auth.success", Inconclusive, None, "no load of approle.login");
}

/// A failure of a follower at 12 s that nobody notices through the leader.
fn follower_kill(rate: f64) -> RunBuilder {
    follower_kill_answered(rate, |_| Answer::ok(2.0))
}

fn follower_kill_answered(rate: f64, answer: impl Fn(f64) -> Answer) -> RunBuilder {
    RunBuilder::new()
        .load("kv2.write", "leader", rate)
        .phases(0.0, 12e3, 27e3, 40e3)
        .requested(12_000.0, "f1", FaultKind::Kill, "follower", &["n3"])
        .applied(12_001.0, "f1")
        .redundancy(13_000.0, 3, 2, 0)
        .healed(27_000.0, "f1")
        .redundancy(29_000.0, 3, 3, 1)
        .traffic(0, 0.0, 40e3, answer)
}

#[test]
fn failover_rto() {
    check(follower_kill(20.0), "failover.rto", Pass, Some(0.0), "no window of 100 ms or more");
    let one_failed = |t_ms: f64| if t_ms == 12_000.0 + 50.0 { Answer::refused(1.0) } else { Answer::ok(2.0) };
    let short = || follower_kill_answered(20.0, one_failed);
    check(short(), "failover.rto", Inconclusive, Some(0.0), "but 1 operations failed after the fault");
    assert_eq!(row(&short().build(), "failover.rto").interval, Some([0.0, 0.1]));
    check(short().promise("failover.rto", "< 1 s"), "failover.rto", Pass, Some(0.0), "");
    check(kill_run(), "failover.rto", Fail, Some(11.002), "kv2.write via leader");
    check(kill_run().promise("failover.rto", "< 30 s"), "failover.rto", Pass, Some(11.002), "");
    check(follower_kill(5.0), "failover.rto", Inconclusive, Some(0.0), "an outage of 100 ms can hide");
    check(steady_run(), "failover.rto", Inconclusive, None, "no fault was applied");
}

#[test]
fn failover_mttr() {
    let run = kill_run().build();
    let mttr = row(&run, "failover.mttr");
    assert_eq!((mttr.verdict, mttr.samples), (Pass, 1));
    assert!((mttr.measured.unwrap() - 11.001).abs() < 1e-9, "{mttr:?}");
    // Writes by the leader's route go to the dead node, so without the probe the first one through n2 is the
    // first attempt there: the service may have been back long before.
    let promised = |bound: &str| kill_run().promise("failover.mttr", bound);
    check(promised("< 15 s"), "failover.mttr", Inconclusive, Some(11.001), "f1: known only to ± 10999 ms");
    let probed = |bound: &str| promised(bound).probe(22_900.0, "n2", Answer::refused(1.0));
    check(probed("< 15 s"), "failover.mttr", Pass, Some(11.001), "");
    check(probed("< 5 s"), "failover.mttr", Fail, Some(11.001), "f1");
    check(follower_kill(20.0), "failover.mttr", Inconclusive, None, "no applied fault hit the active node");
}

#[test]
fn a_write_that_is_never_acknowledged_again_fails_only_after_the_promised_time() {
    let dead = |within: &str| {
        RunBuilder::new()
            .promise("failover.mttr", within)
            .load("kv2.write", "leader", 20.0)
            .phases(0.0, 12e3, 27e3, 40e3)
            .requested(12_000.0, "f1", FaultKind::Kill, "leader", &["n1"])
            .applied(12_001.0, "f1")
            .traffic(0, 0.0, 12e3, |_| Answer::ok(2.0))
            .traffic(0, 12e3, 40e3, |_| Answer::refused(2.0))
    };
    check(dead("< 20 s"), "failover.mttr", Fail, None, "no write was acknowledged in the 28.0 s");
    check(dead("< 60 s"), "failover.mttr", Inconclusive, None, "no write was acknowledged");
}

#[test]
fn failover_rpo() {
    check(kill_run(), "failover.rpo", Pass, Some(0.0), "");
    let mut lossy = kill_run().build();
    for entry in &mut lossy.journal {
        if let Event::ReadBack { key: 3, versions, .. } = &mut entry.event {
            versions.pop();
        }
    }
    let lost = row(&lossy, "failover.rpo");
    assert_eq!((lost.verdict, lost.measured), (Fail, Some(1.0)));
    let mut unread = kill_run().build();
    unread.journal.retain(|entry| !matches!(entry.event, Event::ReadBackDone { .. }));
    assert_eq!(row(&unread, "failover.rpo").verdict, Inconclusive);
}

fn kill_run_heard(keep: impl Fn(f64, &Event) -> bool) -> SavedRun {
    let mut run = kill_run().build();
    run.journal.retain(|entry| keep(entry.t_ms, &entry.event));
    run
}

#[test]
fn a_token_that_runs_out_is_nothing_to_recover_from() {
    let expiring =
        || steady_run().requested(12_000.0, "f1", FaultKind::Expire, "token", &[]).applied(12_001.0, "f1");
    check(expiring(), "failover.rto", Inconclusive, None, "no fault was applied");
    let run = expiring().build();
    assert!(!promises(&Facts::of(&run)).iter().any(|promise| promise.id == "recovery.redundancy"));
    assert_eq!(recovery(&Facts::of(&run)).note, "no fault was applied");
    // A kill beside it counts from the kill alone.
    let both = kill_run().requested(39_000.0, "f2", FaultKind::Expire, "token", &[]).applied(39_001.0, "f2");
    check(both, "recovery.redundancy", Pass, Some(3.0), "");
}

#[test]
fn recovery_redundancy() {
    check(kill_run(), "recovery.redundancy", Pass, Some(3.0), "");
    assert_eq!(row(&kill_run().build(), "recovery.redundancy").interval, Some([2.8, 3.0]));
    let within = |run: RunBuilder, within: u64| {
        let mut run = run.build();
        run.info.scenario.recovery.within = Span::from_secs(within);
        row(&run, "recovery.redundancy")
    };
    assert_eq!(within(kill_run(), 2).verdict, Fail);
    let never = || kill_run().redundancy(35_000.0, 3, 2, 0);
    assert_eq!(within(never(), 10).verdict, Fail);
    assert!(within(never(), 10).note.contains("was not back when watching ended, 13.0 s"));
    assert_eq!(within(never(), 60).verdict, Inconclusive);
    // The last "full" from before the fault is no evidence: autopilot must have been heard after the heal.
    let silent = || {
        kill_run_heard(|t_ms, event| {
            !(t_ms > 12_000.0 && matches!(event, Event::Redundancy { .. } | Event::Term { .. }))
        })
    };
    let silent_row = row(&silent(), "recovery.redundancy");
    assert_eq!((silent_row.verdict, silent_row.measured), (Inconclusive, None));
    assert!(silent_row.note.contains("autopilot was not heard"), "{silent_row:?}");
    let mut unnoticed = silent();
    unnoticed.journal.push(Entry { t_ms: 27_800.0, event: Event::Term { term: 3, leader: node("n2") } });
    assert_eq!(row(&unnoticed, "recovery.redundancy").measured, Some(0.8));
    check(
        steady_run().expect(&["recovery.redundancy"]),
        "recovery.redundancy",
        Inconclusive,
        None,
        "no fault",
    );
}

#[test]
fn cluster_init_and_node_join() {
    let ready = |took_ms, reused_state| Event::ClusterReady { took_ms, reused_state };
    check(steady_run().event(1.0, ready(14e3, false)), "cluster.init", Pass, Some(14.0 / 60.0), "");
    check(steady_run().event(1.0, ready(400e3, false)), "cluster.init", Fail, Some(400.0 / 60.0), "");
    check(
        steady_run().event(1.0, ready(14e3, true)),
        "cluster.init",
        Inconclusive,
        Some(14.0 / 60.0),
        "saved store",
    );
    let init = row(&steady_run().event(1.0, ready(14e3, false)).build(), "cluster.init");
    assert_eq!(init.interval, Some([0.2325, 0.233333]), "the resolution, at six digits");
    assert_eq!(init.measured, Some(0.233333));
    let at_the_bound = steady_run().promise("cluster.init", "< 14 s").event(1.0, ready(14_020.0, false));
    check(at_the_bound, "cluster.init", Inconclusive, Some(14.02), "one poll cannot tell apart");
    check(steady_run(), "cluster.init", Inconclusive, None, "never seen");
    let joined = |name: &str, voter_ms| Event::NodeJoined { node: node(name), requested_ms: 1e3, voter_ms };
    let one = || steady_run().event(1.0, joined("n2", 12e3));
    check(one().event(1.0, joined("n3", 14e3)), "node.join", Pass, Some(13.0), "");
    check(one().event(1.0, joined("n3", 44e3)), "node.join", Fail, Some(43.0), "n3");
    check(one(), "node.join", Inconclusive, Some(11.0), "only 1 of 2");
    check(steady_run(), "node.join", Inconclusive, None, "no node joined");
}

#[test]
fn health_latency() {
    let polled = |run: RunBuilder, every_ms: f64, answer: &dyn Fn(&str, f64) -> (u16, f64)| {
        let mut run = run;
        for step in 1..(31e3 / every_ms) as u32 {
            for name in ["n1", "n2", "n3"] {
                let t_ms = f64::from(step) * every_ms;
                let (status, latency_ms) = answer(name, t_ms);
                run = run.event(t_ms, Event::Health { node: node(name), status, latency_ms });
            }
        }
        run
    };
    let fine = |_: &str, _: f64| (200, 3.0);
    check(polled(steady_run(), 50.0, &fine), "health.latency", Pass, Some(3.0), "");
    check(polled(steady_run(), 50.0, &|_, _| (200, 300.0)), "health.latency", Fail, Some(300.0), "");
    let sealed = |name: &str, t_ms: f64| (if name == "n2" && t_ms == 9e3 { 503 } else { 200 }, 3.0);
    check(polled(steady_run(), 50.0, &sealed), "health.latency", Fail, Some(3.0), "n2: 1 of 619 checks");
    check(
        polled(steady_run(), 1e3, &fine),
        "health.latency",
        Inconclusive,
        Some(3.0),
        "samples do not decide",
    );
    check(steady_run(), "health.latency", Inconclusive, None, "no health check");
    // The node that a fault took down is not asked to be healthy meanwhile; any other is.
    let dead = |name: &str, t_ms: f64| {
        if name == "n1" && (12e3..27e3).contains(&t_ms) { (0, 1_000.0) } else { (200, 3.0) }
    };
    check(polled(kill_run(), 25.0, &dead), "health.latency", Pass, Some(3.0), "");
}

#[test]
fn token_ttl() {
    let looked_up = |ttl_s, renewable| steady_run().event(1e3, Event::TokenLookup { ttl_s, renewable });
    check(looked_up(3_599.0, true), "token.ttl", Pass, Some(3_599.0 / 3_600.0), "");
    check(looked_up(1_800.0, true), "token.ttl", Fail, Some(0.5), "");
    check(steady_run(), "token.ttl", Inconclusive, None, "no token was looked up");
    let mut run = looked_up(3_600.0, false).build();
    for objective in &mut run.info.scenario.blueprint.objectives {
        objective.words = Some("Token TTL: 1 hour (renewable)".into());
    }
    assert_eq!(row(&run, "token.ttl").verdict, Fail);
}

#[test]
fn tls_min() {
    let probe = |run: RunBuilder, name: &str, accepted: &[&str], refused: &[&str]| {
        let [accepted, refused] =
            [accepted, refused].map(|names| names.iter().map(|n| n.to_string()).collect());
        run.event(1e3, Event::TlsProbe { node: node(name), accepted, refused })
    };
    let good = |run, name| probe(run, name, &["TLSv1.3"], &["TLSv1.2"]);
    let two = || good(good(steady_run(), "n1"), "n2");
    check(good(two(), "n3"), "tls.min", Pass, Some(1.3), "");
    check(probe(two(), "n3", &["TLSv1.2", "TLSv1.3"], &[]), "tls.min", Fail, Some(1.2), "n3");
    check(probe(two(), "n3", &["TLSv1.3"], &[]), "tls.min", Inconclusive, Some(1.3), "no older version");
    check(two(), "tls.min", Inconclusive, Some(1.3), "1 nodes were not probed");
    check(steady_run(), "tls.min", Inconclusive, None, "probed");
}

/// Stages of 5 s at 400, 800, 1200 and 1600/s on one node.
fn ramp(answer: impl Fn(f64) -> Answer) -> RunBuilder {
    let mut run = RunBuilder::new().load("kv2.read", "n1", 400.0).expect(&["throughput.knee"]);
    for stage in 0..4 {
        let (from_ms, rate) = (5e3 * f64::from(stage), 400.0 * f64::from(stage + 1));
        run = run.event(from_ms, Event::Stage { load: 0, rate });
        run = run.traffic_at(0, rate, from_ms, from_ms + 5e3, |_, _| answer(rate));
    }
    run.phases(0.0, 20e3, 20e3, 20e3)
}

#[test]
fn throughput() {
    let breaks_at = |limit: f64| move |rate: f64| Answer::ok(if rate >= limit { 30.0 } else { 2.0 });
    check(
        ramp(breaks_at(1_600.0)),
        "throughput.knee",
        Pass,
        Some(1_200.0),
        "1200 /s held and 1600 /s did not",
    );
    check(ramp(breaks_at(1_600.0)), "throughput.node", Pass, Some(1_200.0), "");
    check(ramp(breaks_at(800.0)), "throughput.knee", Pass, Some(400.0), "");
    check(
        ramp(breaks_at(800.0)),
        "throughput.node",
        Fail,
        Some(400.0),
        "at 800 /s per node it no longer held; CPU",
    );
    check(ramp(breaks_at(9e9)), "throughput.knee", Inconclusive, Some(1_600.0), "must go higher");
    check(ramp(breaks_at(0.0)), "throughput.knee", Inconclusive, None, "must begin lower");
    check(ramp(breaks_at(0.0)), "throughput.node", Fail, None, "at 400 /s");
    let late = |rate: f64| if rate > 800.0 { Answer::ok(30.0).sent_late(27.0) } else { Answer::ok(2.0) };
    check(ramp(late), "throughput.knee", Inconclusive, Some(800.0), "the harness itself sent late");
    check(ramp(late), "throughput.node", Inconclusive, Some(800.0), "the harness itself sent late");
    check(steady_run().expect(&["throughput.knee"]), "throughput.knee", Inconclusive, None, "no ramp");
    let errors = |rate: f64| if rate > 800.0 { Answer::refused(1.0) } else { Answer::ok(2.0) };
    check(ramp(errors), "throughput.knee", Pass, Some(800.0), "");
}

#[test]
fn a_doubtful_stage_widens_the_knee_and_does_not_hide_it() {
    let late_then_broken = |rate: f64| match rate as u32 {
        1_200 => Answer::ok(30.0).sent_late(27.0),
        1_600 => Answer::ok(300.0).sent_late(27.0),
        _ => Answer::ok(2.0),
    };
    let knee = row(&ramp(late_then_broken).build(), "throughput.knee");
    assert_eq!((knee.verdict, knee.measured, knee.interval), (Pass, Some(800.0), Some([800.0, 1_600.0])));
    assert!(knee.note.contains("since the harness itself sent late; CPU in these 20 s"), "{knee:?}");
    check(ramp(late_then_broken), "throughput.node", Inconclusive, Some(800.0), "");
}

#[test]
fn a_stage_whose_samples_do_not_decide_is_doubtful() {
    let one_slow_in = |every: usize| {
        let mut run = ramp(|rate| Answer::ok(if rate > 1_200.0 { 30.0 } else { 2.0 })).build();
        let stage = run.history.iter_mut().filter(|op| (10_000_000..15_000_000).contains(&op.due_us));
        for op in stage.step_by(every) {
            op.done_us = op.due_us + 6_000;
        }
        row(&run, "throughput.knee")
    };
    // 67 of 6000 are a little more than the hundredth that may be slow; 120 are too many beyond doubt.
    let (little, many) = (one_slow_in(90), one_slow_in(50));
    assert_eq!((little.verdict, little.interval), (Pass, Some([800.0, 1_600.0])));
    assert!(little.note.contains("its samples do not decide"), "{little:?}");
    assert_eq!((many.verdict, many.interval), (Pass, Some([800.0, 1_200.0])));
}

#[test]
fn only_others_excuse_a_stage_that_broke_on_a_busy_machine() {
    let busy_with = |others: f64| {
        let mut run = ramp(|rate| Answer::ok(if rate > 800.0 { 30.0 } else { 2.0 })).build();
        for entry in run.journal.iter_mut().filter(|entry| entry.t_ms > 10e3) {
            match &mut entry.event {
                Event::Control { stall_p99_ms, .. } => *stall_p99_ms = 20.0,
                Event::Cpu { other, .. } => *other = others,
                _ => {}
            }
        }
        row(&run, "throughput.knee")
    };
    assert_eq!((busy_with(0.05).verdict, busy_with(0.05).measured), (Pass, Some(800.0)));
    assert_eq!(busy_with(0.6).verdict, Inconclusive);
    assert!(busy_with(0.6).note.contains("busy with others"), "{:?}", busy_with(0.6));
}

#[test]
fn a_ramp_is_no_steady_load() {
    let mut run = ramp(|_| Answer::ok(2.0)).build();
    let stages = [400.0, 800.0, 1_200.0, 1_600.0].map(Rate).to_vec();
    run.info.scenario.load[0].rate = RatePlan::Ramp { stages, every: Span::from_secs(5) };
    assert!(row(&run, "read.p99").note.contains("is a ramp"));
}

#[test]
fn the_budget_is_burned_by_what_the_faults_made_fail() {
    let run = kill_run().build();
    let budget = budget(&Facts::of(&run)).expect("availability is promised");
    assert!((budget.month_budget_ms - 259_200.0).abs() < 1e-3);
    // 220 of 560 writes failed in the 28 s from the fault on.
    assert!((budget.burned_ms - 11_000.0).abs() < 1e-6, "{budget:?}");
    assert!((budget.burned_share_percent - 4.2438).abs() < 1e-3);
    assert!((budget.projected_month_percent - 99.9995756).abs() < 1e-6);
    assert_eq!(super::budget(&Facts::of(&steady_run().build())), None);
}

#[test]
fn failures_without_an_outage_burn_too_and_several_faults_are_averaged() {
    // Every third read goes to the dead node for 15 s: never a gap, and yet 5 s of service.
    let mut reads = kill_run().build();
    let facts = Facts::of(&reads);
    assert!(!facts.outages.iter().any(|outage| outage.operation == "kv2.read"));
    reads.history.retain(|op| !op.op.stores_a_version());
    let budget = budget(&Facts::of(&reads)).unwrap();
    assert!((budget.burned_ms - 5_000.0).abs() < 20.0, "{budget:?}");
    let mut twice = RunBuilder::new()
        .load("kv2.write", "leader", 20.0)
        .phases(0.0, 10e3, 30e3, 50e3)
        .traffic(0, 0.0, 50e3, |t_ms| {
            let down = (10e3..14e3).contains(&t_ms) || (30e3..32e3).contains(&t_ms);
            if down { Answer::refused(1.0) } else { Answer::ok(2.0) }
        });
    for (at_ms, id) in [(10e3, "f1"), (30e3, "f2")] {
        twice = twice.requested(at_ms, id, FaultKind::StepDown, "leader", &["n1"]).applied(at_ms + 1.0, id);
    }
    let budget = super::budget(&Facts::of(&twice.build())).unwrap();
    assert!((budget.burned_ms - 6_000.0).abs() < 1e-6, "{budget:?}");
    let projected = 100.0 - 3_000.0 / (30.0 * 86.4e6) * 100.0;
    assert!((budget.projected_month_percent - projected).abs() < 1e-9, "{budget:?}");
}

#[test]
fn what_nobody_promised_or_measures_is_inconclusive() {
    check(steady_run().expect(&["quorum"]), "quorum", Inconclusive, None, "promises nothing");
    check(steady_run().promise("quorum", "= 2"), "quorum", Inconclusive, None, "nothing in this version");
    check(steady_run().promise("read.p99", "< 5 %"), "read.p99", Inconclusive, None, "is no time");
    check(steady_run().promise("availability", "< 5 ms"), "availability", Inconclusive, None, "no share");
}

#[test]
fn without_a_phase_the_run_is_judged_without_a_panic() {
    let mut run = kill_run().build();
    run.journal
        .retain(|Entry { event, .. }| !matches!(event, Event::Phase { phase } if *phase > Phase::Setup));
    assert_eq!(row(&run, "read.p99").verdict, Inconclusive);
}
