//! About how long a run takes, from its scenario alone: what a budget is planned with. Rather too long than too short, since
//! a run that has begun is not cut off.

use super::timeline_rules;
use crate::model::{RestoreInto, Scenario, Span, SuiteBackend, Target};
use std::time::Duration;

/// From nothing to voters, engines and keys: the first election alone takes 5 to 10 s at the server's own timing.
const SET_UP: Duration = Duration::from_secs(20);
/// Until every voter is healthy again after the last fault.
const SETTLE: Duration = Duration::from_secs(10);
/// Between two nodes of `each`, beside what the step itself asks for.
const TURN: Duration = Duration::from_secs(8);
/// Read-back, audit files, teardown and judging.
const COLLECT: Duration = Duration::from_secs(10);
/// Every path of every node's API.
const WALK: Duration = Duration::from_secs(8);
/// A cluster of its own that a snapshot is restored into.
const RESTORE: Duration = Duration::from_secs(25);
/// A database beside the cluster.
const DATABASE: Duration = Duration::from_secs(5);
/// Containers and their network.
const CONTAINERS: Duration = Duration::from_secs(6);

/// About how long a run of it takes on a machine that has little else to do.
pub fn about(scenario: &Scenario, backend: SuiteBackend) -> Span {
    let nodes = scenario.blueprint.nodes;
    let each = scenario.timeline.iter().filter(|step| step.target == Target::Each).count() as u32;
    let faults = match scenario.timeline.is_empty() {
        true => Duration::ZERO,
        false => {
            let planned = timeline_rules::length(&scenario.timeline, nodes).0;
            planned + TURN * each * u32::from(nodes) + SETTLE
        }
    };
    let extra = [
        (scenario.expects("node-agreement") || scenario.replaces_versions(), WALK),
        (scenario.expects("snapshot-equal"), RESTORE),
        (scenario.recovery.restore_into == RestoreInto::All, SET_UP),
        (scenario.uses_a_database(), DATABASE),
        (backend == SuiteBackend::Docker, CONTAINERS),
    ];
    let extra: Duration = extra.into_iter().filter(|(holds, _)| *holds).map(|(_, takes)| takes).sum();
    Span(
        SET_UP + scenario.warm_up.0 + scenario.steady.0 + faults + scenario.recovery.hold.0 + COLLECT + extra,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::load_scenario;
    use std::path::Path;

    #[test]
    fn what_waits_for_more_takes_longer() {
        let of = |name: &str, backend| {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(name);
            about(&load_scenario(&path).unwrap(), backend)
        };
        let kill = of("failover/leader-kill.yaml", SuiteBackend::Process);
        assert!((Span::from_secs(50)..Span::from_secs(90)).contains(&kill), "{kill}");
        assert!(of("failover/leader-kill.yaml", SuiteBackend::Docker) > kill);
        assert!(of("upgrade/rolling.yaml", SuiteBackend::Process) > kill);
        assert!(of("backup/snapshot-under-load.yaml", SuiteBackend::Process).0 > RESTORE);
    }
}
