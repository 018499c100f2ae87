//! How long a run takes and how much it sends, from its scenario alone.

use crate::load::KeyspacePlan;
use crate::model::{Load, RatePlan, Scenario, Step, Target, Unit, Workload};
use std::time::Duration;

pub(super) fn is_ramp(load: &Load) -> bool {
    matches!(load.rate, RatePlan::Ramp { .. })
}

/// A ramp takes as long as its stages, whatever `steady` says.
pub(super) fn steady_for(scenario: &Scenario) -> Duration {
    let ramps = scenario.load.iter().filter_map(|load| load.rate.ramp_length());
    ramps.max().unwrap_or(scenario.steady).0
}

/// The longest that the load of a run can take.
pub(super) fn longest(scenario: &Scenario) -> Duration {
    let timeline = scenario.timeline.iter().map(|step| {
        step.at.0
            + step.jitter.0
            + step.every.0 * u32::from(step.times)
            + step.heal_after.unwrap_or_default().0
    });
    scenario.warm_up.0
        + steady_for(scenario)
        + timeline.max().unwrap_or_default()
        + scenario.recovery.within.0
        + scenario.recovery.hold.0
}

/// How long the timeline takes at the least; none where nothing is done.
pub(super) fn faults_for(scenario: &Scenario) -> Option<Duration> {
    let over = |step: &Step| {
        let turn = step.heal_after.unwrap_or_default().0 + step.rest.unwrap_or_default().0;
        let turns = if step.target == Target::Each { u32::from(scenario.blueprint.nodes) } else { 1 };
        step.at.0 + turn * turns
    };
    scenario.timeline.iter().map(over).max()
}

pub(super) fn keyspace_plan(scenario: &Scenario) -> KeyspacePlan {
    if let Some(shared) = scenario.keys {
        return KeyspacePlan { shared, cas: 0 };
    }
    // More keys than needed only cost their first write.
    let lasts = longest(scenario);
    let rate_of = |workload| -> f64 {
        let of_workload = scenario.load.iter().filter(|load| load.workload == workload);
        of_workload.map(|load| load.rate.highest()).sum()
    };
    let (writes, cas) = (rate_of(Workload::Kv2Write), rate_of(Workload::Kv2Cas));
    KeyspacePlan::for_load(writes * lasts.as_secs_f64(), cas * lasts.as_secs_f64(), cas)
}

/// The read p99 that the blueprint promises; the server's usual 10 ms where it promises none.
pub(super) fn ramp_objective_us(scenario: &Scenario) -> u64 {
    let promised = scenario.blueprint.objectives.iter().find(|objective| objective.id == "read.p99");
    let ms = promised.filter(|objective| objective.target.unit == Unit::Ms).map_or(10.0, |o| o.target.value);
    (ms * 1e3) as u64
}
