//! Whether the run itself can carry a verdict: did the faults take hold, was the cluster sound before and
//! after, is the folder whole, did the harness do its part. Judges no server.

use super::load_rows::planned;
use crate::facts::{Facts, FaultFact, Latencies, due_within};
use crate::model::{Arrivals, Event, FaultKind, Phase, SUCCESSES_MIN, Target, Verdict};
use crate::slo;
use std::collections::BTreeMap;

/// A load of which less than this share was recorded did not run as planned.
const RECORDED_SHARE_MIN: f64 = 0.95;
/// A harness that sends later than this (99th percentile over the run) has not kept its own schedule.
const SEND_LAG_MAX_US: u64 = 100_000;

/// Why the run cannot pass, in plain words.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    pub text: String,
    /// Trouble of the harness: then even a promise that was not kept says nothing about the server.
    pub ours: bool,
}

pub fn reasons(facts: &Facts) -> Vec<Reason> {
    let ours = harness(facts).into_iter().map(|text| Reason { text, ours: true });
    let about_the_run = stops(facts).into_iter().chain(faults(facts)).chain(surroundings(facts));
    ours.chain(about_the_run.map(|text| Reason { text, ours: false })).collect()
}

fn harness(facts: &Facts) -> Vec<String> {
    let run = facts.run;
    let mut reasons = Vec::new();
    if run.journal.is_empty() {
        reasons.push("the journal is missing or empty".into());
    } else if !run.ended() {
        reasons.push("the run did not come to its end: the harness died or is still running".into());
    }
    reasons.extend(run.damage.iter().map(|damage| format!("the run folder is damaged: {damage}")));
    for (_, event) in facts.events() {
        if let Event::HarnessError { reason } = event {
            reasons.push(format!("the harness failed: {reason}"));
        }
    }
    reasons.extend(unrecorded(facts));
    let loads = facts.loads.len();
    let foreign =
        run.history.iter().filter(|op| op.load.is_some_and(|load| usize::from(load) >= loads)).count();
    if foreign > 0 {
        reasons.push(format!("{foreign} operations belong to a load that the scenario does not have"));
    }
    let lags = facts.loads.iter().flat_map(|load| &load.ops).filter(|op| op.node.is_some());
    let lag_us = Latencies::of(lags.map(|op| op.sent_us.saturating_sub(op.due_us))).quantile_us(0.99);
    if lag_us > SEND_LAG_MAX_US {
        reasons.push(format!(
            "the harness did not keep its schedule: 99th percentile of the send lag {:.0} ms",
            lag_us as f64 / 1e3
        ));
    }
    reasons
}

/// Loads of which less was recorded in the steady phase than their rate asks for.
fn unrecorded(facts: &Facts) -> Vec<String> {
    let Some(steady) = facts.phase(Phase::Steady) else { return Vec::new() };
    let mut reasons = Vec::new();
    for (index, load) in facts.loads.iter().enumerate() {
        let recorded = due_within(&load.ops, steady.start_ms, steady.end_ms).len() as f64;
        let planned = planned(facts, index, steady).unwrap_or(0.0);
        // What chance may leave out: single arrivals at the edges, and Poisson's own spread.
        let chance = match load.load.arrivals {
            Arrivals::Constant => 1.0,
            Arrivals::Poisson => 4.0 * planned.sqrt(),
        };
        if recorded < RECORDED_SHARE_MIN * planned - chance {
            reasons.push(format!(
                "only {recorded:.0} of {planned:.0} planned operations of {} were recorded in the steady phase",
                load.name
            ));
        }
    }
    reasons
}

fn stops(facts: &Facts) -> Vec<String> {
    let stop = |(_, event): (f64, &Event)| match event {
        Event::Aborted { reason } => Some(format!("the run was aborted: {reason}")),
        Event::Interrupted { signal } => Some(format!("the run was interrupted by {signal}")),
        _ => None,
    };
    facts.events().filter_map(stop).collect()
}

fn faults(facts: &Facts) -> Vec<String> {
    let mut reasons: Vec<String> = facts.faults.iter().filter_map(trouble_with).collect();
    let mut begun: BTreeMap<(FaultKind, String), usize> = BTreeMap::new();
    for fault in &facts.faults {
        *begun.entry((fault.kind, fault.target.to_string())).or_default() += 1;
    }
    let mut planned: BTreeMap<(FaultKind, String), usize> = BTreeMap::new();
    for step in &facts.run.info.scenario.timeline {
        // One request per node, or one for all of them, as it was done.
        let each = step.target == Target::Each;
        let nodes =
            if each && facts.faults.iter().all(|fault| fault.nodes.len() <= 1) { facts.nodes() } else { 1 };
        *planned.entry((step.fault, step.target.to_string())).or_default() += usize::from(step.times) * nodes;
    }
    for ((kind, target), times) in planned {
        let done = begun.get(&(kind, target.clone())).copied().unwrap_or(0);
        if done < times {
            reasons.push(format!("{kind} {target} was planned {times} times and begun {done} times"));
        }
    }
    reasons
}

fn trouble_with(fault: &FaultFact) -> Option<String> {
    let FaultFact { id, kind, target, .. } = fault;
    if let Some(reason) = &fault.not_applied {
        return Some(format!("fault {id} ({kind} {target}) did not take hold: {reason}"));
    }
    if fault.applied.is_none() {
        return Some(format!("there is no evidence that fault {id} ({kind} {target}) took hold"));
    }
    if let Some(reason) = &fault.heal_failed {
        return Some(format!("fault {id} ({kind} {target}) could not be healed: {reason}"));
    }
    fault
        .over_ms()
        .is_none()
        .then(|| format!("there is no evidence that fault {id} ({kind} {target}) was healed"))
}

/// Health before the first fault, recovery after the last, and enough operations on both sides.
fn surroundings(facts: &Facts) -> Vec<String> {
    let mut reasons = Vec::new();
    let Some(first_ms) = facts.disturbing_faults().map(|fault| fault.requested_ms).reduce(f64::min) else {
        return reasons;
    };
    match facts.redundancy.full_at(first_ms) {
        Some(true) => {}
        Some(false) => reasons.push("the cluster was not fully redundant before the first fault".into()),
        None => reasons.push("it is not known whether the cluster was healthy before the first fault".into()),
    }
    let recovery = slo::recovery(facts);
    if recovery.verdict != Verdict::Pass && facts.last_fault_over_ms().is_some() {
        let note = match recovery.measured {
            Some(seconds) => format!("it took {seconds:.1} s"),
            None => recovery.note,
        };
        reasons.push(format!(
            "the cluster did not recover within {}: {note}",
            facts.run.info.scenario.recovery.within
        ));
    }
    for (kind, writes) in [("reads or logins", false), ("writes", true)] {
        let ops = || {
            let loads =
                facts.loads.iter().filter(move |load| load.load.workload.stores_a_version() == writes);
            loads.flat_map(|load| &load.ops)
        };
        if !facts.loads.iter().any(|load| load.load.workload.stores_a_version() == writes) {
            continue;
        }
        let before = ops().filter(|op| op.is_ok() && (op.done_us as f64) / 1e3 < first_ms).count();
        if before < SUCCESSES_MIN {
            reasons.push(format!(
                "only {before} {kind} succeeded before the first fault; at least {SUCCESSES_MIN} are needed"
            ));
        }
        if let Some(over_ms) = facts.last_fault_over_ms() {
            let after = ops().filter(|op| op.is_ok() && op.due_us as f64 / 1e3 >= over_ms).count();
            if after < SUCCESSES_MIN {
                reasons.push(format!(
                    "only {after} {kind} succeeded after the last fault; at least {SUCCESSES_MIN} are needed"
                ));
            }
        }
    }
    reasons
}
