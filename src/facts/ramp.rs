//! The stages of a ramp, and which of them held.

use super::interval::quantile_ranks;
use super::{CONTAMINATED_SHARE_MAX, Contamination, ControlWindow, Latencies, LoadOps, PhaseSpan};
use super::{due_within, is_served};
use crate::model::{Bound, Event, Operation, Phase, Unit, Workload};
use crate::record::SavedRun;
use std::collections::BTreeSet;

/// A stage with more errors than this has broken.
pub const STAGE_ERROR_PERCENT_MAX: f64 = 1.0;
/// A stage in which less than this share of its rate was acknowledged in time has broken.
pub const MIN_ACHIEVED_SHARE: f64 = 0.95;
/// A stage broke on a busy machine: whoever else used more cores than this on average may be why. What the
/// servers themselves use is their own overload and excuses nothing.
const OTHERS_CORES_MAX: f64 = 0.25;
const HARNESS_LATE: &str = "the harness itself sent late";
const BUSY_WITH_OTHERS: &str = "the machine was busy with others";
const TOO_FEW: &str = "its samples do not decide";

/// Whether a 99th percentile above `bound_us` is the harness's own doing. Latency counts from the intended start,
/// so what was sent late is in it, and a bound kept all the same is kept. A bound that was not kept says nothing
/// about the server when the harness sent late and the time from the actual sending would have kept it.
pub fn sent_too_late(ops: &[&Operation], bound_us: f64, kept: bool) -> Option<String> {
    if kept {
        return None;
    }
    let p99_us = |from: fn(&Operation) -> u64| Latencies::of(ops.iter().map(|op| from(op))).quantile_us(0.99);
    let lag_us = p99_us(|op| op.sent_us.saturating_sub(op.due_us));
    let served_us = p99_us(|op| op.done_us.saturating_sub(op.sent_us));
    let allowed_us = (bound_us * 0.2).max(1_000.0);
    let is_ours = lag_us as f64 > allowed_us && served_us as f64 <= bound_us;
    is_ours.then(|| {
        format!(
            "{HARNESS_LATE}: 99th percentile {:.1} ms, {:.1} ms allowed",
            lag_us as f64 / 1e3,
            allowed_us / 1e3
        )
    })
}

#[derive(Clone, Debug, PartialEq)]
pub struct StageFact {
    /// Index of the load in the scenario.
    pub load: usize,
    pub rate: f64,
    pub start_ms: f64,
    pub end_ms: f64,
    /// Acknowledged within the stage, per second.
    pub achieved: f64,
    pub p99_us: u64,
    pub error_percent: f64,
    pub send_lag_p99_us: u64,
    pub samples: u64,
    /// How many nodes shared the rate.
    pub nodes: usize,
    pub holds: bool,
    /// Why a stage that did not hold says nothing about the server.
    pub doubt: Option<&'static str>,
}

pub(super) fn stages(
    run: &SavedRun,
    loads: &[LoadOps],
    phases: &[PhaseSpan],
    control: &[ControlWindow],
    end_ms: f64,
) -> Vec<StageFact> {
    let steady = phases.iter().find(|span| span.phase == Phase::Steady);
    let ramp_end_ms = steady.map_or(end_ms, |span| span.end_ms);
    let mut stages = Vec::new();
    for (index, load) in loads.iter().enumerate() {
        // (start, rate); the end of the ramp is a start without a rate.
        let mut bounds: Vec<(f64, Option<f64>)> = run
            .journal
            .iter()
            .filter_map(|entry| match entry.event {
                Event::Stage { load, rate } if usize::from(load) == index => Some((entry.t_ms, Some(rate))),
                Event::RampEnded { load, .. } if usize::from(load) == index => Some((entry.t_ms, None)),
                _ => None,
            })
            .collect();
        bounds.push((ramp_end_ms, None));
        bounds.sort_by(|a, b| a.0.total_cmp(&b.0));
        for pair in bounds.windows(2) {
            if let ((start_ms, Some(rate)), (stop_ms, _)) = (pair[0], pair[1]) {
                stages.extend(stage(run, load, control, index, rate, start_ms, stop_ms));
            }
        }
    }
    stages
}

fn stage(
    run: &SavedRun,
    load: &LoadOps,
    control: &[ControlWindow],
    index: usize,
    rate: f64,
    start_ms: f64,
    end_ms: f64,
) -> Option<StageFact> {
    let ops = due_within(&load.ops, start_ms, end_ms);
    if ops.is_empty() || end_ms <= start_ms {
        return None;
    }
    let in_time = ops.iter().filter(|op| op.is_ok() && op.done_us as f64 / 1e3 <= end_ms).count();
    let achieved = in_time as f64 / ((end_ms - start_ms) / 1e3);
    let errors = ops.iter().filter(|op| !is_served(op)).count();
    let error_percent = errors as f64 * 100.0 / ops.len() as f64;
    let latencies = Latencies::of(ops.iter().map(|op| op.latency_us()));
    let p99_us = latencies.quantile_us(0.99);
    let send_lag_p99_us =
        Latencies::of(ops.iter().map(|op| op.sent_us.saturating_sub(op.due_us))).quantile_us(0.99);
    let nodes = ops.iter().filter_map(|op| op.node.as_ref()).collect::<BTreeSet<_>>().len();

    let bound = latency_bound_us(run, load.load.workload);
    let fast = bound.is_none_or(|bound| bound.holds(p99_us as f64));
    let complete = achieved >= MIN_ACHIEVED_SHARE * rate;
    let holds = fast && complete && error_percent <= STAGE_ERROR_PERCENT_MAX;
    let doubt = bound.filter(|_| !holds).and_then(|bound| {
        let Contamination { bad_ms, covered_ms } =
            Contamination::of(control, start_ms, end_ms, bound.value / 1e3);
        if sent_too_late(ops, bound.value, holds).is_some() {
            Some(HARNESS_LATE)
        } else if bad_ms > covered_ms * CONTAMINATED_SHARE_MAX
            && others_cores(run, start_ms, end_ms) > OTHERS_CORES_MAX
        {
            Some(BUSY_WITH_OTHERS)
        } else if complete && error_percent <= STAGE_ERROR_PERCENT_MAX && may_hold(&latencies, bound) {
            Some(TOO_FEW)
        } else {
            None
        }
    });
    Some(StageFact {
        load: index,
        rate,
        start_ms,
        end_ms,
        achieved,
        p99_us,
        error_percent,
        send_lag_p99_us,
        samples: ops.len() as u64,
        nodes,
        holds,
        doubt,
    })
}

/// Whether the true 99th percentile may lie within the bound, although the measured one does not.
fn may_hold(latencies: &Latencies, bound: Bound) -> bool {
    let [low, _] = quantile_ranks(0.99, latencies.count());
    low.is_none_or(|rank| bound.holds(latencies.at_rank_us(rank) as f64))
}

/// How many cores others than servers and harness used on average.
fn others_cores(run: &SavedRun, start_ms: f64, end_ms: f64) -> f64 {
    let used = run.journal.iter().filter_map(|entry| match entry.event {
        Event::Cpu { other, .. } if entry.t_ms > start_ms && entry.t_ms <= end_ms => Some(other),
        _ => None,
    });
    used.sum::<f64>() / ((end_ms - start_ms) / 1e3)
}

/// The 99th percentile that the blueprint promises for this kind of operation, in µs.
fn latency_bound_us(run: &SavedRun, workload: Workload) -> Option<Bound> {
    let id = match workload {
        Workload::Kv2Read => "read.p99",
        Workload::Kv2Write | Workload::Kv2Cas => "write.p99",
        // Nobody promises anything of the others.
        _ => return None,
    };
    let objective = run.info.scenario.blueprint.objectives.iter().find(|objective| objective.id == id)?;
    let us_per_unit = match objective.target.unit {
        Unit::Ms => 1e3,
        Unit::S => 1e6,
        _ => return None,
    };
    Some(Bound { value: objective.target.value * us_per_unit, ..objective.target })
}
