//! Term, leader and redundancy as autopilot says, through whichever node is active. The term at about 1 Hz,
//! the redundancy five times a second and journalled when it changes.

use super::is_due;
use crate::cluster::ClusterView;
use crate::model::{Event, NodeId};
use crate::record::Journal;
use crate::vault::{Wire, request};
use bytes::Bytes;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::{MissedTickBehavior, interval};

const EVERY: Duration = Duration::from_millis(200);
const TERM_EVERY: Duration = Duration::from_secs(1);
const DEADLINE: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
struct Body {
    data: State,
}

#[derive(Deserialize)]
struct State {
    failure_tolerance: u8,
    leader: String,
    servers: BTreeMap<String, Server>,
    voters: Vec<String>,
}

#[derive(Deserialize)]
struct Server {
    last_term: u64,
    healthy: bool,
}

pub async fn watch(wires: Vec<Wire>, view: Arc<ClusterView>, token: String, journal: Journal) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut last_redundancy = None;
    let mut term_due = Instant::now();
    loop {
        ticks.tick().await;
        let Some(leader) = view.leader() else { continue };
        let asked = request("GET", "sys/storage/raft/autopilot/state", Some(&token), Bytes::new());
        let Ok(answer) = wires[leader].send(asked, DEADLINE).await else { continue };
        let Ok(Body { data }) = serde_json::from_slice(&answer.body) else { continue };
        let healthy =
            data.voters.iter().filter(|id| data.servers.get(*id).is_some_and(|server| server.healthy));
        let redundancy = (data.voters.len() as u8, healthy.count() as u8, data.failure_tolerance);
        if last_redundancy.replace(redundancy) != Some(redundancy) {
            let (voters, healthy, failure_tolerance) = redundancy;
            journal.write(Event::Redundancy { voters, healthy, failure_tolerance });
        }
        if let Some(server) = data.servers.get(&data.leader)
            && is_due(&mut term_due, TERM_EVERY, Instant::now())
        {
            journal.write(Event::Term { term: server.last_term, leader: NodeId::new(data.leader) });
        }
    }
}
