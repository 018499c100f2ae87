//! A row per load and phase, and one for the whole run, warm-up included.

use crate::facts::{Facts, Latencies, LoadOps, PhaseSpan, due_within};
use crate::model::{ErrorKind, LoadRow, Operation, Outcome, Phase, RatePlan};

pub fn load_rows(facts: &Facts) -> Vec<LoadRow> {
    let mut rows = Vec::new();
    for (index, load) in facts.loads.iter().enumerate() {
        let mut total = 0.0;
        for span in facts.phases.iter().filter(|span| (Phase::WarmUp..=Phase::Recovery).contains(&span.phase))
        {
            let ops = due_within(&load.ops, span.start_ms, span.end_ms);
            let planned = planned(facts, index, span);
            total += planned.unwrap_or(ops.len() as f64);
            if !ops.is_empty() || planned.is_some_and(|planned| planned >= 1.0) {
                rows.push(row(load, span.phase.name(), planned, ops));
            }
        }
        rows.push(row(load, "all", Some(total), &load.ops));
    }
    rows
}

/// How many operations the load's rate asks for in a phase; `None` where a ramp has no say any more.
pub fn planned(facts: &Facts, index: usize, span: &PhaseSpan) -> Option<f64> {
    let length_s = (span.end_ms - span.start_ms).max(0.0) / 1e3;
    match (&facts.loads[index].load.rate, span.phase) {
        (RatePlan::Constant(rate), _) => Some(rate.0 * length_s),
        (RatePlan::Ramp { stages, .. }, Phase::WarmUp) => stages.first().map(|rate| rate.0 * length_s),
        (RatePlan::Ramp { .. }, Phase::Steady) => {
            let stages = facts.stages.iter().filter(|stage| stage.load == index);
            Some(stages.map(|stage| stage.rate * (stage.end_ms - stage.start_ms) / 1e3).sum())
        }
        (RatePlan::Ramp { .. }, _) => None,
    }
}

fn row(load: &LoadOps, phase: &str, planned: Option<f64>, ops: &[&Operation]) -> LoadRow {
    let with = |outcome: Outcome| ops.iter().filter(|op| op.outcome == outcome).count() as u64;
    // What found no node for its route was due and never sent.
    let sent = || ops.iter().filter(|op| op.node.is_some());
    LoadRow {
        name: load.name.clone(),
        operation: load.load.workload.name().into(),
        route: load.load.route.to_string(),
        phase: phase.into(),
        planned: planned.map_or(ops.len() as u64, |planned| planned.round() as u64),
        sent: sent().count() as u64,
        ok: with(Outcome::Ok),
        failed: with(Outcome::Failed),
        conflicts: ops.iter().filter(|op| op.error == Some(ErrorKind::CasConflict)).count() as u64,
        unknown: with(Outcome::Unknown),
        send_lag_p99_us: Latencies::of(sent().map(|op| op.sent_us.saturating_sub(op.due_us)))
            .quantile_us(0.99),
        latency_us: Latencies::of(ops.iter().map(|op| op.latency_us())).summary(),
    }
}
