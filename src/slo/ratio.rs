//! Ratios of answered to attempted operations, and the error budget that they burn.

use super::figure::{Figure, Judged};
use super::{undecided, verdict_of};
use crate::facts::interval::{samples_for_ratio, wilson};
use crate::facts::{Facts, Part, due_within, is_served};
use crate::model::{Bound, Budget, Operation, Phase, Unit, Verdict, Workload};

const MONTH_MS: f64 = 30.0 * 86.4e6;

/// Over the whole run from the end of the warm-up; `workload` narrows it to one kind. The figures of the
/// fault phase alone stand in the breakdown and do not count for the row.
pub fn judge(facts: &Facts, bound: Bound, workload: Option<Workload>) -> Judged {
    if bound.unit != Unit::Percent {
        return Figure::unknown(format!("the promise `{bound}` is no share in %")).into();
    }
    let from_ms = facts.judged_from_ms();
    let parts: Vec<_> =
        facts.parts.iter().filter(|part| workload.is_none_or(|kind| part.op == kind)).collect();
    let figures = parts
        .iter()
        .map(|part| {
            let seconds = (facts.load_end_ms - from_ms) / 1e3;
            let figure = share(due_within(&part.ops, from_ms, f64::INFINITY), &bound, seconds);
            (part.name.clone(), figure)
        })
        .collect();
    let none = match workload {
        Some(kind) => format!("the scenario has no load of {kind}"),
        None => "the scenario has no load".into(),
    };
    let mut judged = Judged::worst(&bound, figures, &none);
    if let Some(fault) = facts.phase(Phase::Fault) {
        for part in parts {
            let ops = due_within(&part.ops, fault.start_ms, fault.end_ms);
            if !ops.is_empty() {
                let figure = share(ops, &bound, (fault.end_ms - fault.start_ms) / 1e3);
                judged.breakdown.push(figure.breakdown(&format!("{}, fault phase", part.name)));
            }
        }
    }
    judged
}

fn share(ops: &[&Operation], bound: &Bound, seconds: f64) -> Figure {
    let samples = ops.len() as u64;
    if samples == 0 {
        return Figure::unknown("nothing was attempted");
    }
    let served = ops.iter().filter(|op| is_served(op)).count() as f64;
    let ratio = served / samples as f64;
    let percent = |[low, high]: [f64; 2]| [low * 100.0, high * 100.0];
    let interval = percent(wilson(served, samples as f64));
    let verdict = verdict_of(bound, interval);
    let decided = |interval| verdict_of(bound, percent(interval)) != Verdict::Inconclusive;
    let note = match verdict {
        Verdict::Inconclusive => undecided(samples, samples_for_ratio(ratio, decided), seconds),
        _ => String::new(),
    };
    Figure { measured: Some(ratio * 100.0), interval: Some(interval), samples, verdict, note }
}

/// What the faults of this run cost, and what that means for the month that the document promises. `None`
/// without a fault: an undisturbed run says nothing about failures.
pub fn budget(facts: &Facts) -> Option<Budget> {
    let blueprint = &facts.run.info.scenario.blueprint;
    let objective = blueprint.objectives.iter().find(|objective| objective.id == "availability")?;
    if objective.target.unit != Unit::Percent || facts.parts.is_empty() {
        return None;
    }
    let target_percent = objective.target.value;
    let month_budget_ms = MONTH_MS * (1.0 - target_percent / 100.0);
    let faults = facts.disturbing_faults().count();
    if faults == 0 {
        return None;
    }
    let burned_ms = facts.parts.iter().map(|part| burned_ms(facts, part)).fold(0.0, f64::max);
    let assumed_failures_per_month = blueprint.assumed_failures_per_month;
    let burned_share_percent = match burned_ms {
        0.0 => 0.0,
        // A promise of 100 % leaves no budget: any failure is all of it.
        _ if month_budget_ms <= 0.0 => 100.0,
        _ => burned_ms * 100.0 / month_budget_ms,
    };
    let lost_share = burned_ms / faults as f64 * assumed_failures_per_month / MONTH_MS;
    Some(Budget {
        target_percent,
        month_budget_ms,
        burned_ms,
        burned_share_percent,
        assumed_failures_per_month,
        projected_month_percent: (100.0 * (1.0 - lost_share)).max(0.0),
    })
}

/// Time without service that one operation and route lost to the faults: from each fault to the next, or to
/// the end of watching, the share that was not served times the length.
fn burned_ms(facts: &Facts, part: &Part) -> f64 {
    let mut starts_ms: Vec<f64> = facts.disturbing_faults().map(|fault| fault.requested_ms).collect();
    starts_ms.sort_by(f64::total_cmp);
    starts_ms.push(facts.watched_until_ms());
    let windows = starts_ms.windows(2).map(|pair| (pair[0], pair[1]));
    windows
        .map(|(start_ms, end_ms)| {
            let ops = due_within(&part.ops, start_ms, end_ms);
            let failed = ops.iter().filter(|op| !is_served(op)).count();
            failed as f64 / ops.len().max(1) as f64 * (end_ms - start_ms).max(0.0)
        })
        .sum()
}
