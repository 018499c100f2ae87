//! A row per load and phase, and one for the whole run, warm-up included.

use crate::facts::{Facts, Latencies, LoadOps, due_within};
use crate::model::{ErrorKind, LoadRow, Operation, Outcome, Phase};

pub fn load_rows(facts: &Facts) -> Vec<LoadRow> {
    let mut rows = Vec::new();
    for load in &facts.loads {
        for span in facts.phases.iter().filter(|span| (Phase::WarmUp..=Phase::Recovery).contains(&span.phase))
        {
            let ops = due_within(&load.ops, span.start_ms, span.end_ms);
            if !ops.is_empty() {
                rows.push(row(load, span.phase.name(), ops));
            }
        }
        rows.push(row(load, "all", &load.ops));
    }
    rows
}

fn row(load: &LoadOps, phase: &str, ops: &[&Operation]) -> LoadRow {
    let with = |outcome: Outcome| ops.iter().filter(|op| op.outcome == outcome).count() as u64;
    // What found no node for its route was due and never sent.
    let sent = || ops.iter().filter(|op| op.node.is_some());
    LoadRow {
        name: load.name.clone(),
        operation: load.load.workload.name().into(),
        route: load.load.route.to_string(),
        phase: phase.into(),
        planned: ops.len() as u64,
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
