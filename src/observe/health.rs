//! `sys/health?standbyok=true` of one node, four times a second (a p99 needs samples): the documented health check,
//! and the readiness probe that a Kubernetes service would route by.

use super::is_due;
use crate::cluster::ClusterView;
use crate::model::{Event, NodeId};
use crate::record::Journal;
use crate::vault::{Wire, request};
use bytes::Bytes;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::{MissedTickBehavior, interval_at};

const EVERY: Duration = Duration::from_millis(250);
const DEADLINE: Duration = Duration::from_secs(3);
/// As the usual Helm chart has it: probed every 5 s, taken out after the second failure, back after one success.
const READINESS_EVERY: Duration = Duration::from_secs(5);
const FAILURES_MAX: u32 = 2;

pub async fn watch(index: usize, node: NodeId, wire: Wire, view: Arc<ClusterView>, journal: Journal) {
    // Not at the same moment as the other nodes' polls: together they would be felt by the load.
    let offset = EVERY * index as u32 / view.ids().len().max(1) as u32;
    let mut ticks = interval_at((Instant::now() + offset).into(), EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut failures = 0;
    let mut readiness_due = Instant::now();
    loop {
        ticks.tick().await;
        let asked_ms = journal.now_ms();
        let answer =
            wire.send(request("GET", "sys/health?standbyok=true", None, Bytes::new()), DEADLINE).await;
        let status = answer.map_or(0, |answer| answer.status);
        let latency_ms = journal.now_ms() - asked_ms;
        journal.write(Event::Health { node: node.clone(), status, latency_ms });
        // By the clock: a node that hangs makes fewer ticks.
        if is_due(&mut readiness_due, READINESS_EVERY, Instant::now()) {
            failures = if status == 200 { 0 } else { failures + 1 };
            view.set_ready(index, failures < FAILURES_MAX);
        }
    }
}
