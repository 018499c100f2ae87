//! Which figures a scenario can show at all. What it does not exercise is no gap in its evidence.

use crate::model::{FaultKind, Load, RatePlan, Route, Scenario, Shape, Step, Target, Workload};

/// Whether a run of the scenario is meant to leave data for an objective.
pub fn exercises(scenario: &Scenario, backend: &str, id: &str) -> bool {
    let ramp = |rate: &RatePlan| matches!(rate, RatePlan::Ramp { .. });
    let steady =
        |workload: Workload| scenario.load.iter().any(|load| load.workload == workload && !ramp(&load.rate));
    let mut disturbing =
        scenario.timeline.iter().filter(|step| !step.fault.disturbs_nobody() && !step.target.is_beside());
    match id {
        "read.p50" | "read.p99" => steady(Workload::Kv2Read),
        "write.p99" => steady(Workload::Kv2Write),
        "throughput.cluster" => {
            scenario.load.iter().any(|load| ramp(&load.rate) && !load.route.is_one_node())
        }
        "throughput.node" | "throughput.knee" => scenario.load.iter().any(|load| ramp(&load.rate)),
        "availability" => !scenario.load.is_empty(),
        "staleness" => {
            let by_others = |load: &Load| load.workload == Workload::Kv2Read && load.route != Route::Leader;
            let writes = |load: &Load| load.workload.stores_a_version();
            scenario.load.iter().any(by_others) && scenario.load.iter().any(writes)
        }
        "auth.success" => scenario.load.iter().any(|load| load.workload == Workload::ApproleLogin),
        // Where it is scaled down, `lease-expiry` says whether it is kept.
        "db.ttl" => scenario.lease_ttl.is_none() && steady(Workload::DatabaseCreds),
        "pki.ttl" => scenario.load.iter().any(|load| load.workload == Workload::PkiIssue),
        "rotation" => scenario.load.iter().any(|load| load.workload == Workload::TransitRotate),
        "failover.rto" | "recovery.redundancy" => disturbing.next().is_some(),
        "failover.mttr" => disturbing.any(takes_the_leader_away),
        "failover.rpo" => scenario.load.iter().any(|load| load.workload.stores_a_version()),
        // Who attaches finds a cluster that has long been there.
        "cluster.init" | "node.join" => backend != "attach",
        "audit.coverage" | "audit.fields" => !scenario.load.is_empty(),
        "audit.secrecy" => scenario.load.iter().any(|load| load.workload.stores_a_version()),
        // Promised, and carried so that nobody thinks otherwise; nothing in this version measures them.
        "quorum" | "audit.retention" | "backup.interval" | "backup.encrypted" => false,
        "token.renewal" | "unseal.keys" => false,
        "unseal.auto" => {
            scenario.blueprint.seal.kind.opens_itself() && scenario.timeline.iter().any(starts_nodes)
        }
        "upgrade.rolling" => scenario.replaces_versions(),
        "alerts" => scenario.alerts.is_some(),
        "resources" | "metrics" => false,
        _ => true,
    }
}

/// Whether nodes of it are down, and started again.
fn starts_nodes(step: &Step) -> bool {
    matches!(step.fault, FaultKind::Kill | FaultKind::Stop | FaultKind::Restart) && !step.target.is_beside()
}

fn takes_the_leader_away(step: &Step) -> bool {
    if step.fault.only_hampers() {
        return false;
    }
    let of_links = step.link.as_ref().map(|link| &link.shape);
    match (of_links, &step.target) {
        (_, Target::Follower) | (Some(Shape::Group), Target::Majority) => false,
        (None | Some(Shape::Group | Shape::Apart | Shape::Deaf | Shape::Mute), _) => true,
        (Some(Shape::Bridge | Shape::Ring | Shape::Grudge(_) | Shape::Every), _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::*;

    #[test]
    fn a_scenario_shows_what_its_load_and_faults_can_show() {
        let steady = steady_run().build().info.scenario;
        let kill = kill_run().build().info.scenario;
        for (id, in_steady, in_kill) in [
            ("read.p99", true, true),
            ("throughput.node", false, false),
            ("auth.success", false, false),
            ("failover.rto", false, true),
            ("failover.mttr", false, true),
            ("failover.rpo", true, true),
            ("tls.min", true, true),
            ("audit.coverage", true, true),
            ("audit.retention", false, false),
        ] {
            let shown = [&steady, &kill].map(|scenario| exercises(scenario, "process", id));
            assert_eq!(shown, [in_steady, in_kill], "{id}");
        }
        assert!(exercises(&kill, "process", "cluster.init") && !exercises(&kill, "attach", "cluster.init"));
        let mut isolated = isolated_run().build().info.scenario;
        assert!(exercises(&isolated, "process", "failover.mttr"));
        isolated.timeline[0].link.as_mut().unwrap().shape = Shape::Every;
        assert!(!exercises(&isolated, "process", "failover.mttr"));
        let mut follower = kill;
        follower.timeline[0].target = Target::Follower;
        assert!(!exercises(&follower, "process", "failover.mttr"));
    }
}
