//! After the last fault: until the cluster is whole again, and until it has served enough to be judged.

use super::Stop;
use crate::bootstrap::wait_for_redundancy;
use crate::cluster::ClusterView;
use crate::fault::FaultContext;
use crate::load::LoadEngine;
use crate::model::{SUCCESSES_MIN, Scenario};
use crate::observe;
use crate::vault::Client;
use std::time::{Duration, Instant};

/// After an interruption the person waits: healing is waited for only so long.
const RECOVERY_AFTER_STOP: Duration = Duration::from_secs(10);

/// Waits for full redundancy.
pub(super) async fn redundant_again(
    scenario: &Scenario,
    faults: &FaultContext,
    view: &ClusterView,
    stop: &Stop,
) {
    let began = Instant::now();
    let nodes = faults.cluster.nodes();
    loop {
        // Looked up each time: the person may lose patience while the cluster recovers.
        let within = if stop.is_asked() { RECOVERY_AFTER_STOP } else { scenario.recovery.within.0 };
        if began.elapsed() >= within {
            break;
        }
        let left = within.saturating_sub(began.elapsed()).min(Duration::from_secs(5));
        if let Some(leader) = view.leader()
            && let Ok(client) = Client::new(&nodes[leader].endpoint)
        {
            let operator = client.with_token(&faults.access.root_token);
            if wait_for_redundancy(&operator, nodes.len(), left).await.is_ok() {
                break;
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Holds the load so that there is something to judge after the fault: as long as the scenario says, and on, within the
/// time for the recovery, where a cluster that calls itself whole does not serve again yet.
pub(super) async fn hold(scenario: &Scenario, engine: &LoadEngine, stop: &Stop) {
    engine.count_successes_from_now();
    let began = Instant::now();
    stop.wait(scenario.recovery.hold.0).await;
    let disturbs = scenario.timeline.iter().any(|step| !step.fault.disturbs_nobody());
    let kinds = [false, true]
        .map(|writes| (writes, scenario.load.iter().any(|load| load.workload.stores_a_version() == writes)));
    let serves =
        || kinds.iter().all(|&(writes, is_asked)| !is_asked || engine.successes(writes) >= SUCCESSES_MIN);
    while disturbs && !stop.is_asked() && !serves() && began.elapsed() < scenario.recovery.within.0 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// What watches tokens and leases ends by itself, a bounded time after their end.
pub(super) async fn end_of_watches(faults: &FaultContext, stop: &Stop) {
    let mut background = std::mem::take(&mut *faults.background.lock().unwrap());
    tokio::select! {
        () = observe::tell_of_panics(&mut background, &faults.journal) => {}
        () = stop.asked() => {}
    }
}
