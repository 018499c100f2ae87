//! Watches a cluster from outside while load and faults run, and writes what it saw to the journal. It never
//! changes the cluster and never judges.

mod control;
mod cpu;
mod health;
mod read_back;
mod roles;
mod term;
mod tls;
mod token;

pub use read_back::read_back;
pub use tls::probe_tls;
pub use token::look_up_token;

use crate::cluster::{Cluster, ClusterView};
use crate::record::Journal;
use crate::vault::Wire;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Everything that runs beside the load. Dropping it stops it.
pub struct Observers {
    tasks: JoinSet<()>,
    control: control::ControlProbe,
}

impl Observers {
    /// `root_token` reads the term and redundancy from autopilot; without one they stay unknown.
    pub fn start(
        cluster: Arc<dyn Cluster>,
        view: Arc<ClusterView>,
        journal: Journal,
        root_token: Option<&str>,
    ) -> Result<Self, rustls::Error> {
        let mut tasks = JoinSet::new();
        let mut wires = Vec::new();
        for (index, node) in cluster.nodes().iter().enumerate() {
            // Own connections: the load's queues must not delay what we see.
            tasks.spawn(roles::watch(
                index,
                node.id.clone(),
                Wire::new(&node.endpoint)?,
                view.clone(),
                journal.clone(),
            ));
            tasks.spawn(health::watch(
                index,
                node.id.clone(),
                Wire::new(&node.endpoint)?,
                view.clone(),
                journal.clone(),
            ));
            wires.push(Wire::new(&node.endpoint)?);
        }
        if let Some(token) = root_token {
            tasks.spawn(term::watch(wires, view, token.to_owned(), journal.clone()));
        }
        tasks.spawn(cpu::watch(cluster, journal.clone()));
        Ok(Self { tasks, control: control::ControlProbe::start(journal) })
    }

    pub async fn stop(mut self) {
        self.control.stop();
        self.tasks.shutdown().await;
    }
}
