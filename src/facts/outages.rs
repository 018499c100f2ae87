//! Outages: windows in which at least one operation was due and none was served.
//!
//! Per operation and route, let `s0` and `s1` be served operations that completed one after the other. An
//! operation is *waiting* in between when it is due before `s1` completes, is not over when `s0` completes,
//! and is due later than every operation served up to `s0` (a request that hangs while later ones are
//! served is an error, not an outage). The window begins at the earliest intended start of a waiting
//! operation, though not before `s0` completed, and ends when `s1` completes, or with the last
//! operation of the part if nothing followed. Healthy traffic thus gives windows as long as a latency; only longer ones are listed.

use super::{FaultFact, Part, due_within, is_served};
use crate::model::{Operation, Outage, Workload};

/// Shorter windows are latency, not outage; also the resolution at which "no downtime" is judged.
pub const LISTED_OUTAGE_MS: f64 = 100.0;
/// The same of programs that were all served.
const LISTED_OUTAGE_OF_PROGRAMS_MS: f64 = 1_000.0;

pub(super) fn outages(parts: &[Part], faults: &[FaultFact], within_ms: f64) -> Vec<Outage> {
    let mut outages: Vec<Outage> = parts
        .iter()
        .flat_map(|part| {
            windows(&part.ops)
                .into_iter()
                .map(|(start_us, end_us)| (start_us as f64 / 1e3, end_us as f64 / 1e3))
                .filter(|(start_ms, end_ms)| end_ms - start_ms >= LISTED_OUTAGE_MS)
                .filter(|window| part.op != Workload::Program || is_outage_of_a_program(part, *window))
                .map(|(start_ms, end_ms)| Outage {
                    operation: part.op.name().into(),
                    route: part.route.to_string(),
                    start_ms,
                    end_ms,
                    fault: cause(faults, within_ms, start_ms, end_ms),
                })
        })
        .collect();
    outages.sort_by(|a, b| {
        a.start_ms
            .total_cmp(&b.start_ms)
            .then_with(|| (&a.operation, &a.route).cmp(&(&b.operation, &b.route)))
    });
    outages
}

/// Starting a process takes longer than what is listed of requests: what counts is that one was in vain, or that none came
/// to its end for a long time.
fn is_outage_of_a_program(part: &Part, (start_ms, end_ms): (f64, f64)) -> bool {
    let in_vain = due_within(&part.ops, start_ms, end_ms).iter().any(|op| !is_served(op));
    in_vain || end_ms - start_ms >= LISTED_OUTAGE_OF_PROGRAMS_MS
}

/// The longest outage of one operation and route; 0 when none was long enough to be listed.
pub fn longest_outage_ms<'o>(outages: impl IntoIterator<Item = &'o Outage>) -> f64 {
    outages.into_iter().map(|outage| outage.end_ms - outage.start_ms).fold(0.0, f64::max)
}

/// The disturbing fault whose time, until it had to be recovered from, overlaps; the nearest of several.
fn cause(faults: &[FaultFact], within_ms: f64, start_ms: f64, end_ms: f64) -> Option<String> {
    faults
        .iter()
        .filter(|fault| fault.disturbs())
        .filter_map(|fault| fault.applied_ms().map(|applied_ms| (fault, applied_ms)))
        .filter(|(fault, _)| {
            let over_ms = fault.over_ms().unwrap_or(f64::INFINITY);
            fault.requested_ms <= end_ms && start_ms <= over_ms + within_ms
        })
        .min_by(|(_, a), (_, b)| (a - start_ms).abs().total_cmp(&(b - start_ms).abs()))
        .map(|(fault, _)| fault.id.clone())
}

/// All windows of one part, in µs; `ops` by intended start.
fn windows(ops: &[&Operation]) -> Vec<(u64, u64)> {
    let Some(first) = ops.first() else { return Vec::new() };
    let load_end_us = ops.iter().map(|op| op.done_us).max().unwrap_or(0);
    let mut served: Vec<&Operation> = ops.iter().copied().filter(|op| is_served(op)).collect();
    served.sort_by_key(|op| (op.done_us, op.id));

    let mut windows = Vec::new();
    let mut next = 0;
    let mut s0_done_us = first.due_us;
    let mut served_due_us = None;
    let ends = served.iter().map(|op| (op.done_us, Some(op.due_us))).chain([(load_end_us, None)]);
    for (s1_done_us, s1_due_us) in ends {
        while ops.get(next).is_some_and(|op| {
            // The very first window has no `s0`: everything is waiting.
            served_due_us.is_some_and(|served| op.due_us <= served || op.done_us <= s0_done_us)
        }) {
            next += 1;
        }
        if let Some(waiting) = ops.get(next) {
            let start_us = waiting.due_us.max(s0_done_us);
            if start_us < s1_done_us {
                windows.push((start_us, s1_done_us));
            }
        }
        s0_done_us = s1_done_us;
        served_due_us = served_due_us.max(s1_due_us);
    }
    windows
}

#[cfg(test)]
mod tests {
    use super::super::Facts;
    use super::super::testing::*;

    fn listed(run: &crate::record::SavedRun) -> Vec<(String, f64, f64, Option<String>)> {
        let facts = Facts::of(run);
        facts
            .outages
            .iter()
            .map(|o| (format!("{} {}", o.operation, o.route), o.start_ms, o.end_ms, o.fault.clone()))
            .collect()
    }

    #[test]
    fn healthy_traffic_has_no_outage() {
        assert_eq!(listed(&steady_run().build()), vec![]);
    }

    #[test]
    fn a_program_is_out_when_it_ran_in_vain_or_not_at_all() {
        let run = |answer: fn(f64) -> Answer| {
            let builder = RunBuilder::new().load("program", "any", 2.0).phases(0.0, 10e3, 20e3, 30e3);
            listed(&builder.traffic(0, 0.0, 20e3, answer).build())
        };
        assert_eq!(run(|_| Answer::ok(300.0)), vec![], "that is how long a process takes");
        let in_vain = run(|t_ms| if t_ms == 5e3 { Answer::refused(300.0) } else { Answer::ok(300.0) });
        assert_eq!(in_vain, vec![("program any".into(), 5_000.0, 5_800.0, None)]);
        let late =
            run(|t_ms| if (5e3..6e3).contains(&t_ms) { Answer::ok(4_000.0) } else { Answer::ok(100.0) });
        assert_eq!(late, vec![("program any".into(), 5_000.0, 6_100.0, None)]);
    }

    #[test]
    fn an_outage_runs_from_the_first_unanswered_request_to_the_next_success() {
        let run = kill_run().build();
        assert_eq!(listed(&run), vec![("kv2.write leader".into(), 12_000.0, 23_002.0, Some("f1".into()))]);
    }

    #[test]
    fn without_another_success_it_lasts_to_the_end_of_the_load() {
        let run = RunBuilder::new()
            .load("kv2.write", "leader", 20.0)
            .phases(0.0, 10_000.0, 20_000.0, 30_000.0)
            .traffic(0, 0.0, 5_000.0, |_| Answer::ok(2.0))
            .traffic(0, 5_000.0, 8_000.0, |_| Answer::refused(1.0))
            .build();
        assert_eq!(listed(&run), vec![("kv2.write leader".into(), 5_000.0, 7_951.0, None)]);
    }

    #[test]
    fn without_another_success_it_does_not_last_as_long_as_another_load() {
        let run = RunBuilder::new()
            .load("kv2.write", "leader", 20.0)
            .load("kv2.read", "any", 20.0)
            .phases(0.0, 10_000.0, 20_000.0, 30_000.0)
            .traffic(0, 0.0, 5_000.0, |_| Answer::ok(2.0))
            .traffic(0, 5_000.0, 8_000.0, |_| Answer::refused(1.0))
            .traffic(1, 0.0, 30_000.0, |_| Answer::ok(1.0))
            .build();
        assert_eq!(listed(&run), vec![("kv2.write leader".into(), 5_000.0, 7_951.0, None)]);
    }

    #[test]
    fn a_request_that_hangs_is_an_outage_only_until_a_later_one_is_served() {
        let run = RunBuilder::new()
            .load("kv2.write", "leader", 5.0)
            .phases(0.0, 10_000.0, 20_000.0, 30_000.0)
            .traffic(0, 0.0, 20_000.0, |t| if t == 4_000.0 { Answer::timeout() } else { Answer::ok(2.0) })
            .build();
        assert_eq!(listed(&run), vec![("kv2.write leader".into(), 4_000.0, 4_202.0, None)]);
    }

    #[test]
    fn a_stall_without_any_error_is_an_outage_too() {
        let run = RunBuilder::new()
            .load("kv2.read", "leader", 100.0)
            .phases(0.0, 10_000.0, 20_000.0, 30_000.0)
            .traffic(0, 0.0, 20_000.0, |t| {
                Answer::ok(if (5e3..7e3).contains(&t) { 7_001.0 - t } else { 1.0 })
            })
            .build();
        assert_eq!(listed(&run), vec![("kv2.read leader".into(), 5_000.0, 7_001.0, None)]);
    }
}
