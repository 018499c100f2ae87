//! What a failure cost: outage, time to the first acknowledged write, lost writes, time to full redundancy.

use super::figure::{Figure, Judged, ms_in, not_a_time};
use super::verdict_of;
use crate::facts::{Facts, FaultFact, LISTED_OUTAGE_MS, is_served, longest_outage_ms};
use crate::model::{Bound, FaultKind, InvariantRow, NodeId, Outage, Unit, Verdict};

/// How often autopilot is asked.
const AUTOPILOT_POLL_MS: f64 = 200.0;
/// Fewer operations than this after the fault cannot show that there was no outage.
const OPERATIONS_MIN: u64 = 20;

/// What the checker of lost writes found.
pub struct LostWrites<'a> {
    pub row: &'a InvariantRow,
    /// Violations that are no known finding.
    pub lost: u64,
}

/// The longest outage that a fault explains, of the worst operation and route.
pub fn rto(facts: &Facts, bound: Bound) -> Judged {
    longest_outage(facts, bound, |_| true)
}

/// The same of upgrades alone.
pub fn upgrade(facts: &Facts, bound: Bound) -> Judged {
    longest_outage(facts, bound, |fault| fault.kind.installs().is_some())
}

fn longest_outage(facts: &Facts, bound: Bound, counts: fn(&FaultFact) -> bool) -> Judged {
    let Some(unit) = ms_in(bound.unit, 1.0) else { return not_a_time(&bound) };
    let faults: Vec<_> = facts.disturbing_faults().filter(|fault| counts(fault)).collect();
    let Some(applied_ms) = faults.iter().filter_map(|fault| fault.applied_ms()).reduce(f64::min) else {
        return Figure::unknown("no fault was applied").into();
    };
    let is_explained = |outage: &Outage| faults.iter().any(|fault| Some(&fault.id) == outage.fault.as_ref());
    let seconds = (facts.load_end_ms - applied_ms).max(0.0) / 1e3;
    let parts = facts
        .parts
        .iter()
        .map(|part| {
            let (operation, route) = (part.op.name(), part.route.to_string());
            let longest_ms = longest_outage_ms(facts.outages.iter().filter(|outage| {
                is_explained(outage) && outage.operation == operation && outage.route == route
            }));
            let after = part.ops.partition_point(|op| (op.due_us as f64) / 1e3 < applied_ms);
            let samples = (part.ops.len() - after) as u64;
            let failed = part.ops[after..].iter().filter(|op| !is_served(op)).count();
            let spacing_ms = seconds * 1e3 / samples.max(1) as f64;
            // What began just before the first waiting request, or is too short to be listed, is not seen.
            let blind_ms = if longest_ms == 0.0 { LISTED_OUTAGE_MS } else { spacing_ms };
            let interval = [longest_ms, longest_ms + blind_ms].map(|ms| ms * unit);
            let mut figure = Figure {
                samples,
                interval: Some(interval),
                verdict: verdict_of(&bound, interval),
                ..Figure::exact(&bound, longest_ms * unit)
            };
            if longest_ms == 0.0 && failed == 0 && bound.holds(0.0) {
                figure.verdict = Verdict::Pass;
            }
            if figure.verdict == Verdict::Pass && samples < OPERATIONS_MIN {
                figure = figure.doubted(format!("only {samples} operations after the fault"));
            } else if longest_ms == 0.0 && spacing_ms > LISTED_OUTAGE_MS {
                figure = figure.doubted(format!(
                    "at one operation every {spacing_ms:.0} ms an outage of {LISTED_OUTAGE_MS} ms can hide"
                ));
            } else if longest_ms == 0.0 {
                let none = format!("no window of {LISTED_OUTAGE_MS} ms or more without a success");
                figure.note = match failed {
                    0 => none,
                    _ => format!("{none}, but {failed} operations failed after the fault"),
                };
            }
            (part.name.clone(), figure)
        })
        .collect();
    Judged::worst(&bound, parts, "the scenario has no load")
}

/// From the fault to the first acknowledged write through the surviving nodes; the worst of all failovers.
pub fn mttr(facts: &Facts, bound: Bound) -> Judged {
    let Some(unit) = ms_in(bound.unit, 1.0) else { return not_a_time(&bound) };
    let parts: Vec<_> = facts
        .failovers
        .iter()
        .map(|failover| {
            let figure = match failover.phases_ms.first_write {
                Some(first_write_ms) => {
                    let ends =
                        [first_write_ms - failover.resolution_ms, first_write_ms + failover.resolution_ms];
                    let interval = ends.map(|end_ms| end_ms.max(0.0) * unit);
                    let verdict = verdict_of(&bound, interval);
                    let note = match verdict {
                        Verdict::Inconclusive => {
                            format!("known only to ± {:.0} ms", failover.resolution_ms)
                        }
                        _ => String::new(),
                    };
                    let measured = Some(first_write_ms * unit);
                    Figure { measured, interval: Some(interval), samples: 1, verdict, note }
                }
                None => never_again(facts, &bound, &failover.fault, unit),
            };
            (failover.fault.clone(), figure)
        })
        .collect();
    let samples = parts.len() as u64;
    let mut judged = Judged::worst(&bound, parts, "no applied fault hit the active node");
    judged.figure.samples = samples;
    judged
}

/// No write was acknowledged after the fault: a failure once the run has waited longer than promised.
fn never_again(facts: &Facts, bound: &Bound, fault: &str, unit: f64) -> Figure {
    let fault = facts.faults.iter().rev().find(|candidate| candidate.id == fault);
    let applied_ms = fault.and_then(|fault| fault.applied_ms()).unwrap_or(facts.load_end_ms);
    let waited_ms = (facts.load_end_ms - applied_ms).max(0.0);
    let why = format!("no write was acknowledged in the {:.1} s that followed", waited_ms / 1e3);
    let writes = facts.writes.iter().any(|op| op.sent_us as f64 / 1e3 > applied_ms);
    let verdict =
        if writes && !bound.holds(waited_ms * unit) { Verdict::Fail } else { Verdict::Inconclusive };
    Figure { samples: 1, verdict, ..Figure::unknown(why) }
}

/// Acknowledged writes that were missing after recovery.
pub fn rpo(writes: &LostWrites, bound: Bound) -> Judged {
    let LostWrites { row, lost } = writes;
    let samples = row.checked;
    if *lost == 0 && (row.verdict == Verdict::Inconclusive || samples == 0) {
        return Figure { samples, ..Figure::unknown(row.note.clone()) }.into();
    }
    let figure = match bound.unit {
        Unit::Count => Figure { samples, ..Figure::exact(&bound, *lost as f64) },
        // Kept in seconds exactly when nothing is lost; how many seconds a loss is cannot be told.
        _ if *lost == 0 => Figure { samples, ..Figure::exact(&bound, 0.0) },
        _ => {
            let why = format!("{lost} acknowledged writes are lost");
            Figure { samples, verdict: Verdict::Fail, ..Figure::unknown(why) }
        }
    };
    figure.into()
}

/// What was repaired from then on, where something was lost for good.
fn repair(facts: &Facts, from_ms: f64) -> String {
    let repaired = facts
        .disturbing_faults()
        .find(|fault| fault.kind == FaultKind::Lose && fault.recovers_from_ms() == Some(from_ms));
    repaired.map_or(String::new(), |fault| {
        let nodes: Vec<_> = fault.nodes.iter().map(NodeId::as_str).collect();
        format!(
            "from the beginning of the repair; an empty {} took the place of what was lost",
            nodes.join(" and an empty ")
        )
    })
}

/// From the end of the last fault, or from the beginning of the repair of what was lost, to the time since which every voter
/// was healthy.
pub fn recovery(facts: &Facts, bound: Bound) -> Figure {
    if facts.disturbing_faults().next().is_none() {
        return Figure::unknown("no fault was applied");
    }
    let Some(over_ms) = facts.recovers_from_ms() else {
        return Figure::unknown("a fault was not healed, so nothing could come back");
    };
    let until_ms = facts.watched_until_ms();
    if facts.redundancy.first_heard_ms(over_ms, until_ms).is_none() {
        return Figure::unknown("autopilot was not heard after the last fault was over");
    }
    match facts.redundancy.full_from(over_ms, until_ms) {
        Some(full_ms) => {
            let took_ms = full_ms - over_ms;
            // What was full before is journalled again only with the next term.
            let unchanged = facts.redundancy.full_at(over_ms) == Some(true);
            let resolution_ms = if unchanged { took_ms } else { AUTOPILOT_POLL_MS };
            let figure = Figure::polled(&bound, took_ms / 1e3, resolution_ms / 1e3);
            let note = [figure.note, repair(facts, over_ms)]
                .into_iter()
                .filter(|note| !note.is_empty())
                .collect::<Vec<_>>()
                .join("; ");
            Figure { note, ..figure }
        }
        None => {
            let watched_s = (until_ms - over_ms).max(0.0) / 1e3;
            let verdict = if bound.holds(watched_s) { Verdict::Inconclusive } else { Verdict::Fail };
            let why =
                format!("full redundancy was not back when watching ended, {watched_s:.1} s after the heal");
            Figure { samples: 1, verdict, ..Figure::unknown(why) }
        }
    }
}
