//! The instrument shows what was done to the cluster: fast and slow elections, and a stall that a closed loop
//! would hide.

use super::harness::{Finished, Running, finish, place, result};
use super::runs;
use vaultquake::analyse::picture;
use vaultquake::model::{Event, Operation, Role, Workload};
use vaultquake::record::{SavedRun, read_run};

/// CPU seconds per second that neither servers nor harness had, in the second around `t_ms`.
fn cpu_of_others(saved: &SavedRun, t_ms: f64) -> f64 {
    let around = saved.journal.iter().filter_map(|entry| match entry.event {
        Event::Cpu { window_ms, other, .. } if entry.t_ms >= t_ms && entry.t_ms - window_ms <= t_ms => {
            Some(other / window_ms * 1e3)
        }
        _ => None,
    });
    around.fold(0.0, f64::max)
}

fn mttr_s(run: &Finished) -> f64 {
    run.ended.expect_code(0);
    let result = result(&run.folder);
    let row = result.objectives.iter().find(|row| row.id == "failover.mttr").expect("failover.mttr");
    let failover = result.failovers.first().expect("a failover");
    let (write_ms, log_ms) = (failover.phases_ms.first_write.unwrap(), failover.log_ready_ms.unwrap());
    let applied_ms = result.faults[0].applied_ms.unwrap();
    let saved = read_run(&run.folder).unwrap();
    // The first commit is the server's work: where others have the CPU it takes longer, and that is no error
    // of the instrument.
    let busy = cpu_of_others(&saved, applied_ms + write_ms) > 0.5;
    let most_ms = if busy { 500.0 } else { 50.0 };
    let apart_ms = write_ms - log_ms;
    assert!((-50.0..=most_ms).contains(&apart_ms), "first write {write_ms} ms, the log says {log_ms} ms");
    let error_ms = failover.phases_ms.first_error.unwrap();
    // What must hold on any machine: a write was under way when the new leader was ready, or soon afterwards.
    let sent_ms = |op: &Operation| op.sent_us as f64 / 1e3 - applied_ms;
    let done_ms = |op: &Operation| op.done_us as f64 / 1e3 - applied_ms;
    let acknowledged = |op: &&Operation| op.op == Workload::Kv2Write && op.is_ok() && sent_ms(op) > error_ms;
    let first = saved.history.iter().filter(acknowledged).map(sent_ms).reduce(f64::min).unwrap();
    assert!(first <= log_ms + 50.0, "first asked {first} ms after the fault, ready at {log_ms} ms");
    let seen = saved.history.iter().filter(acknowledged).map(done_ms).reduce(f64::min).unwrap();
    assert!((seen - write_ms).abs() < 1.0, "the history has {seen} ms, the result {write_ms} ms");
    row.measured.expect("a figure")
}

pub fn tells_multiplier_1_from_5() {
    let (fast, slow) = (mttr_s(runs::leader_kill_fast()), mttr_s(runs::leader_kill()));
    // A follower waits one to two heartbeat timeouts (1 s × multiplier), at random, before it stands for election;
    // a vote that is split costs another round.
    assert!((0.9..4.5).contains(&fast), "multiplier 1: {fast} s");
    assert!((4.9..25.0).contains(&slow), "multiplier 5: {slow} s");
}

/// The leader sleeps for 2 s, too short for an election at the default timing: only the clients notice.
pub fn shows_a_stall_of_two_seconds() {
    let text = runs::fast("{ at: 0s, pause: leader, heal_after: 2s }")
        .replace("server: { performance_multiplier: 1 }\n", "")
        // More reads than the server has permits for, held up beside writes, lock it up for good (docs/findings.md), and
        // on a busy machine a stall holds up more than its two seconds' worth.
        .replace("rate: 50/s", "rate: 10/s")
        .replace("rate: 20/s", "rate: 50/s")
        .replace("steady: 3s", "steady: 5s")
        .replace("hold: 2s", "hold: 6s");
    let run = finish(Running::scenario(&place("stall"), &text));
    run.ended.expect_code(0);
    let saved = read_run(&run.folder).unwrap();
    let judged = result(&run.folder);
    let applied_ms = judged.faults[0].applied_ms.expect("applied");

    let others = saved.journal.iter().filter(|entry| {
        let Event::Role { node, role: Role::Active, .. } = &entry.event else { return false };
        entry.t_ms > applied_ms && *node != judged.faults[0].nodes[0]
    });
    assert_eq!(others.count(), 0, "another node took over");

    let is_write = |op: &&Operation| op.load.is_some() && op.op == Workload::Kv2Write;
    let around = |op: &&Operation| {
        let due_ms = op.due_us as f64 / 1e3;
        due_ms >= applied_ms - 4e3 && due_ms < applied_ms + 6e3
    };
    let writes = saved.history.iter().filter(is_write).filter(around);
    let mut latencies_us: Vec<u64> = writes.map(|op| op.latency_us()).collect();
    latencies_us.sort_unstable();
    assert!(latencies_us.len() >= 450, "{} writes in 10 s", latencies_us.len());
    let p99_s = latencies_us[latencies_us.len() * 99 / 100] as f64 / 1e6;
    assert!((1.5..=3.0).contains(&p99_s), "p99 of 10 s around the stall: {p99_s} s");

    let picture = picture(&saved);
    let series = picture.series.iter().find(|series| series.name.contains("kv2.write")).expect("writes");
    let p99_of = |from_ms: f64, to_ms: f64| {
        let seconds = series
            .seconds
            .iter()
            .filter(move |second| second.start_ms + 1e3 > from_ms && second.start_ms < to_ms);
        seconds.map(|second| second.p99_us as f64 / 1e6).fold(0.0, f64::max)
    };
    let (before_s, during_s) =
        (p99_of(applied_ms - 4e3, applied_ms - 1e3), p99_of(applied_ms, applied_ms + 2e3));
    assert!((1.5..=3.0).contains(&during_s), "worst second of the stall: p99 {during_s} s");
    assert!(before_s < 1.0, "worst second before the stall: p99 {before_s} s");

    let row = judged.load.iter().find(|row| row.operation == "kv2.write" && row.phase == "all").unwrap();
    assert!(row.latency_us.max >= 1_800_000, "the slowest write took {} us", row.latency_us.max);
}
