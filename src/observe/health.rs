//! `sys/health?standbyok=true` of one node, four times a second (a p99 needs samples): the documented health check,
//! and the readiness probe that a Kubernetes service would route by.

use crate::cluster::ClusterView;
use crate::model::{Event, NodeId};
use crate::record::Journal;
use crate::vault::{Wire, request};
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

const EVERY: Duration = Duration::from_millis(250);
const DEADLINE: Duration = Duration::from_secs(3);
/// As the usual Helm chart has it: probed every 5 s, taken out after the second failure, back after one success.
const READINESS_EVERY_TICKS: u32 = 20;
const FAILURES_MAX: u32 = 2;

pub async fn watch(index: usize, node: NodeId, wire: Wire, view: Arc<ClusterView>, journal: Journal) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut failures = 0;
    for tick in 0u32.. {
        ticks.tick().await;
        let asked_ms = journal.now_ms();
        let answer =
            wire.send(request("GET", "sys/health?standbyok=true", None, Bytes::new()), DEADLINE).await;
        let status = answer.map_or(0, |answer| answer.status);
        let latency_ms = journal.now_ms() - asked_ms;
        journal.write(Event::Health { node: node.clone(), status, latency_ms });
        if tick % READINESS_EVERY_TICKS == 0 {
            failures = if status == 200 { 0 } else { failures + 1 };
            view.set_ready(index, failures < FAILURES_MAX);
        }
    }
}
