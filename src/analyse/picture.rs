//! What the pictures of a report are drawn from.

use crate::facts::{Facts, Latencies, LoadOps, due_within};
use crate::model::{
    ErrorCount, ErrorKind, Event, Lane, Operation, Outcome, PercentileCurve, Phase, Picture, RampStage,
    Second, Series,
};
use crate::record::SavedRun;
use std::collections::BTreeMap;

/// Where the percentile curves have their points.
const PERCENTILES: [f64; 16] =
    [0.0, 10.0, 25.0, 50.0, 60.0, 70.0, 80.0, 90.0, 95.0, 97.5, 99.0, 99.5, 99.9, 99.95, 99.99, 100.0];

pub fn picture(run: &SavedRun) -> Picture {
    let facts = Facts::of(run);
    let objective_ms = facts.contamination_ms();
    let terms = facts.events().filter_map(|(t_ms, event)| match event {
        Event::Term { term, .. } => Some((t_ms, *term)),
        _ => None,
    });
    let lanes = facts.roles.iter().map(|track| Lane {
        node: track.node.clone(),
        segments: track.segments.iter().map(|segment| (segment.start_ms, segment.role)).collect(),
    });
    let ramp = facts.stages.iter().map(|stage| RampStage {
        load: facts.loads[stage.load].name.clone(),
        rate: stage.rate,
        achieved: stage.achieved,
        p99_us: stage.p99_us,
        error_percent: stage.error_percent,
        holds: stage.holds,
    });
    let contaminated = facts.control.iter().filter(|window| window.contaminates(objective_ms));
    Picture {
        end_ms: facts.end_ms,
        series: facts.loads.iter().map(series).collect(),
        lanes: lanes.collect(),
        percentile_curves: facts.loads.iter().flat_map(|load| curves(&facts, load)).collect(),
        errors: facts.loads.iter().flat_map(errors).collect(),
        contaminated_ms: contaminated.map(|window| (window.start_ms, window.end_ms)).collect(),
        terms: terms.collect(),
        ramp: ramp.collect(),
        deviations: run.info.scenario.blueprint.deviations.clone(),
        machine: Some(run.info.machine.clone()),
    }
}

fn series(load: &LoadOps) -> Series {
    let mut latencies = Latencies::default();
    let seconds = load
        .ops
        .chunk_by(|a, b| a.due_us / 1_000_000 == b.due_us / 1_000_000)
        .map(|ops| {
            latencies.clear();
            ops.iter().for_each(|op| latencies.record(op.latency_us()));
            let with = |outcome: Outcome| ops.iter().filter(|op| op.outcome == outcome).count() as u64;
            Second {
                start_ms: (ops[0].due_us / 1_000_000) as f64 * 1e3,
                ok: with(Outcome::Ok),
                failed: with(Outcome::Failed),
                unknown: with(Outcome::Unknown),
                p50_us: latencies.quantile_us(0.5),
                p99_us: latencies.quantile_us(0.99),
                max_us: latencies.max_us(),
            }
        })
        .collect();
    Series { name: load.name.clone(), seconds }
}

fn curves(facts: &Facts, load: &LoadOps) -> Vec<PercentileCurve> {
    let spans = facts.phases.iter().filter(|span| (Phase::Steady..=Phase::Recovery).contains(&span.phase));
    spans
        .filter_map(|span| {
            let ops = due_within(&load.ops, span.start_ms, span.end_ms);
            let latencies = Latencies::of(ops.iter().map(|op| op.latency_us()));
            let points =
                PERCENTILES.map(|percentile| (percentile, latencies.quantile_us(percentile / 100.0)));
            let (name, phase) = (load.name.clone(), span.phase.name().into());
            (!ops.is_empty()).then(|| PercentileCurve { name, phase, points: points.to_vec() })
        })
        .collect()
}

fn errors(load: &LoadOps) -> Vec<ErrorCount> {
    let mut counts: BTreeMap<(String, String, &str), ErrorCount> = BTreeMap::new();
    for op in load.ops.iter().filter(|op| op.outcome != Outcome::Ok) {
        let node = op.node.as_ref().map_or("none".into(), |node| node.to_string());
        let (error, outcome) = (error_text(op), op.outcome);
        let (first_ms, last_ms) = (op.due_us as f64 / 1e3, op.due_us as f64 / 1e3);
        let kind = if outcome == Outcome::Failed { "failed" } else { "unknown" };
        let count = counts.entry((node.clone(), error.clone(), kind)).or_insert_with(|| ErrorCount {
            load: load.name.clone(),
            node,
            error,
            outcome,
            count: 0,
            first_ms,
            last_ms,
        });
        count.count += 1;
        count.last_ms = count.last_ms.max(last_ms);
    }
    counts.into_values().collect()
}

fn error_text(op: &Operation) -> String {
    match (op.error, op.status) {
        (Some(ErrorKind::Status) | None, Some(status)) => format!("status {status}"),
        (Some(kind), _) => kind.name().into(),
        (None, None) => "no reason recorded".into(),
    }
}
