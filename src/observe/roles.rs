//! Role, seal state and raft index of one node, every 20 ms, from `sys/leader`: it needs no token, and one
//! answer tells all three.

use crate::cluster::ClusterView;
use crate::model::{Event, NodeId, Role};
use crate::record::Journal;
use crate::vault::{RawAnswer, Wire, request};
use bytes::Bytes;
use serde::Deserialize;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::{MissedTickBehavior, interval_at};

const EVERY: Duration = Duration::from_millis(20);
/// A node that does not answer so long is taken for unreachable. It bounds how late a hang is noticed.
const DEADLINE: Duration = Duration::from_millis(250);
const BATCH_EVERY: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
struct Leader {
    #[serde(default)]
    is_self: bool,
    #[serde(default)]
    raft_applied_index: u64,
    #[serde(default)]
    raft_committed_index: u64,
}

pub async fn watch(index: usize, node: NodeId, wire: Wire, view: Arc<ClusterView>, journal: Journal) {
    // Not at the same moment as the other nodes' polls: together they would be felt by the load.
    let offset = EVERY * index as u32 / view.ids().len().max(1) as u32;
    let mut ticks = interval_at((Instant::now() + offset).into(), EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut last: Option<(Role, f64)> = None;
    let mut samples = Vec::new();
    let mut batch_began = Instant::now();
    loop {
        ticks.tick().await;
        let asked_ms = journal.now_ms();
        let answer = wire.send(request("GET", "sys/leader", None, Bytes::new()), DEADLINE).await;
        let seen_ms = journal.now_ms();
        let (role, indices) = read(answer.ok());
        view.saw(index, role);
        if last.is_none_or(|(before, _)| before != role) {
            let previous_ms = last.map_or(asked_ms, |(_, at)| at);
            journal.write_at(seen_ms, Event::Role { node: node.clone(), role, previous_ms });
        }
        last = Some((role, asked_ms));
        if let Some((applied, committed)) = indices {
            samples.push((seen_ms, applied, committed));
        }
        if batch_began.elapsed() >= BATCH_EVERY && !samples.is_empty() {
            journal.write(Event::Indices { node: node.clone(), samples: std::mem::take(&mut samples) });
            batch_began = Instant::now();
        }
    }
}

fn read(answer: Option<RawAnswer>) -> (Role, Option<(u64, u64)>) {
    let Some(answer) = answer else { return (Role::Unreachable, None) };
    match (answer.status, serde_json::from_slice::<Leader>(&answer.body)) {
        (200, Ok(leader)) => {
            let role = if leader.is_self { Role::Active } else { Role::Standby };
            (role, Some((leader.raft_applied_index, leader.raft_committed_index)))
        }
        (503, _) => (Role::Sealed, None),
        _ => (Role::Confused, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_follow_what_the_server_was_seen_to_answer() {
        let answer = |status, body: &str| {
            Some(RawAnswer { status, headers: Default::default(), body: body.to_owned().into() })
        };
        let active =
            r#"{"ha_enabled":true,"is_self":true,"raft_committed_index":31,"raft_applied_index":30}"#;
        assert_eq!(read(answer(200, active)), (Role::Active, Some((30, 31))));
        assert_eq!(read(answer(200, r#"{"is_self":false}"#)), (Role::Standby, Some((0, 0))));
        assert_eq!(read(answer(503, r#"{"errors":["Vault is sealed"]}"#)), (Role::Sealed, None));
        assert_eq!(read(answer(500, "")), (Role::Confused, None));
        assert_eq!(read(None), (Role::Unreachable, None));
    }
}
