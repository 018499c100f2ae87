//! Latency objectives: a percentile of the steady phase, per operation and route, from the intended start.

use super::figure::{Figure, Judged, ms_in, not_a_time};
use super::{undecided, verdict_of};
use crate::facts::interval::{quantile_ranks, samples_for_quantile};
use crate::facts::{
    CONTAMINATED_SHARE_MAX, Contamination, Facts, Latencies, PhaseSpan, due_within, sent_too_late,
};
use crate::model::{Bound, Event, Operation, Phase, RatePlan, Verdict, Workload};

/// Fewer operations than this say nothing about any percentile.
const OPERATIONS_MIN: usize = 100;
/// Less of the time covered by the control probe than this, and the machine's share is not known.
const COVERED_SHARE_MIN: f64 = 0.9;

pub fn judge(facts: &Facts, bound: Bound, workload: Workload, quantile: f64) -> Judged {
    let Some(unit_ms) = ms_in(bound.unit, 1.0).map(|units_per_ms| 1.0 / units_per_ms) else {
        return not_a_time(&bound);
    };
    let Some(steady) = facts.phase(Phase::Steady) else {
        return Figure::unknown("there was no steady phase").into();
    };
    let doubt = contamination(facts, steady, bound.value * unit_ms);
    let mut parts = Vec::new();
    let mut ramps = 0;
    for part in facts.parts.iter().filter(|part| part.op == workload) {
        let ramp = facts.loads.iter().any(|load| {
            let same = load.load.workload == part.op && load.load.route == part.route;
            same && matches!(load.load.rate, RatePlan::Ramp { .. })
        });
        if ramp {
            ramps += 1;
            continue;
        }
        let ops = due_within(&part.ops, steady.start_ms, steady.end_ms);
        let mut figure = percentile(ops, &bound, quantile, steady);
        let late = sent_too_late(ops, bound.value * unit_ms * 1e3, figure.verdict == Verdict::Pass);
        if let Some(doubt) = late.as_ref().or(doubt.as_ref()) {
            figure = figure.doubted(doubt.clone());
        }
        parts.push((part.name.clone(), figure));
    }
    let none = match ramps {
        0 => format!("the scenario has no load of {workload}"),
        _ => format!("the load of {workload} is a ramp, which has no steady rate to judge"),
    };
    Judged::worst(&bound, parts, &none)
}

fn percentile(ops: &[&Operation], bound: &Bound, quantile: f64, steady: &PhaseSpan) -> Figure {
    let samples = ops.len() as u64;
    if ops.len() < OPERATIONS_MIN {
        let why = format!("{samples} operations in the steady phase; at least {OPERATIONS_MIN} are needed");
        return Figure { samples, ..Figure::unknown(why) };
    }
    let in_unit = |us: u64| ms_in(bound.unit, us as f64 / 1e3).unwrap_or(f64::NAN);
    let latencies = Latencies::of(ops.iter().map(|op| op.latency_us()));
    let measured = Some(in_unit(latencies.quantile_us(quantile)));
    let ranks = quantile_ranks(quantile, samples);
    let [low, high] = ranks.map(|rank| rank.map(|rank| in_unit(latencies.at_rank_us(rank))));
    let interval = low.zip(high).map(|(low, high)| [low, high]);
    // Without an upper end the percentile may be anything above the lower one.
    let verdict = verdict_of(bound, [low.unwrap_or(0.0), high.unwrap_or(f64::INFINITY)]);
    let mut note = String::new();
    if verdict == Verdict::Inconclusive {
        let keep = ops.iter().filter(|op| bound.holds(in_unit(op.latency_us()))).count();
        let needed = samples_for_quantile(quantile, keep as f64 / samples as f64);
        note = undecided(samples, needed, (steady.end_ms - steady.start_ms) / 1e3);
    }
    Figure { measured, interval, samples, verdict, note }
}

/// Why the machine cannot carry a judgement against `objective_ms`, with the CPU figures beside it.
fn contamination(facts: &Facts, steady: &PhaseSpan, objective_ms: f64) -> Option<String> {
    let Contamination { bad_ms, covered_ms } =
        Contamination::of(&facts.control, steady.start_ms, steady.end_ms, objective_ms);
    let steady_ms = steady.end_ms - steady.start_ms;
    if covered_ms < steady_ms * COVERED_SHARE_MIN {
        return Some(format!(
            "the control probe recorded {:.0} of {:.0} seconds, so the machine's own share is not known",
            covered_ms / 1e3,
            steady_ms / 1e3
        ));
    }
    (bad_ms > covered_ms * CONTAMINATED_SHARE_MAX).then(|| {
        format!(
            "the machine was not quiet: in {:.0} of {:.0} seconds the control probe alone was slower than the \
             objective; {}",
            bad_ms / 1e3,
            covered_ms / 1e3,
            cpu(facts, steady.start_ms, steady.end_ms)
        )
    })
}

/// Who used the CPU in `[start_ms, end_ms)`, in words.
pub fn cpu(facts: &Facts, start_ms: f64, end_ms: f64) -> String {
    let mut sum = [0.0; 5];
    for (t_ms, event) in facts.events() {
        if let Event::Cpu { servers, harness, siblings, other, steal, .. } = event
            && t_ms > start_ms
            && t_ms <= end_ms
        {
            for (sum, part) in sum.iter_mut().zip([servers, harness, siblings, other, steal]) {
                *sum += part;
            }
        }
    }
    let seconds = (end_ms - start_ms) / 1e3;
    let [servers, harness, siblings, other, steal] = sum;
    let beside = match facts.run.info.side_by_side {
        0 | 1 => String::new(),
        _ => format!("servers of other runs {siblings:.1} s, "),
    };
    format!(
        "CPU in these {seconds:.0} s on {} cores: servers {servers:.1} s, harness {harness:.1} s, {beside}\
         others {other:.1} s, steal {steal:.1} s",
        facts.run.info.machine.cores
    )
}
