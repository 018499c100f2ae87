//! The instrument shows what was done to it: fast and slow elections, and a stall that a closed loop would hide.

use super::harness::{Finished, Running, finish, place, result};
use super::runs;
use vaultquake::analyse::picture;
use vaultquake::model::{Event, Operation, Role, Workload};
use vaultquake::record::read_run;

fn mttr_s(run: &Finished) -> f64 {
    run.ended.expect_code(0);
    let result = result(&run.folder);
    let row = result.objectives.iter().find(|row| row.id == "failover.mttr").expect("failover.mttr");
    let failover = result.failovers.first().expect("a failover");
    let (write_ms, log_ms) = (failover.phases_ms.first_write.unwrap(), failover.log_ready_ms.unwrap());
    assert!((write_ms - log_ms).abs() <= 50.0, "first write {write_ms} ms, the log says {log_ms} ms");
    row.measured.expect("a figure")
}

pub fn tells_multiplier_1_from_5() {
    let (fast, slow) = (mttr_s(runs::leader_kill_fast()), mttr_s(runs::leader_kill()));
    assert!((1.0..=5.0).contains(&fast), "multiplier 1: {fast} s");
    assert!((7.0..=20.0).contains(&slow), "multiplier 5: {slow} s");
}

/// The leader sleeps for 2 s, which is too short for an election at the default timing: only the clients notice.
pub fn shows_a_stall_of_two_seconds() {
    let text = runs::fast("{ at: 0s, pause: leader, heal_after: 2s }")
        .replace("server: { performance_multiplier: 1 }\n", "")
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
