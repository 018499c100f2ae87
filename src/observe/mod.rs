//! Watches a cluster from outside while load and faults run, and writes what it saw to the journal. It never
//! changes the cluster and never judges.

mod agreement;
mod alerts;
mod at_rest;
mod certificates;
mod control;
mod cpu;
mod database;
mod decryption;
mod health;
mod read_back;
mod roles;
mod term;
mod tls;
mod token;

pub use agreement::{Configuration, compare_nodes};
pub use alerts::AlertObserver;
pub use at_rest::{Asked, NodeRemains, Remains, look_at_rest};
pub use certificates::{note_authority, note_certificates};
pub use database::wait_for_no_roles;
pub use decryption::decrypt_everywhere;
pub use read_back::{read_back, read_restored};
pub use tls::probe_tls;
pub use token::look_up_token;

use crate::cluster::{Cluster, ClusterView, Siblings};
use crate::helper::Database;
use crate::model::Event;
use crate::record::Journal;
use crate::vault::Wire;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Everything that runs beside the load. Dropping it stops it.
pub struct Observers {
    tasks: JoinSet<()>,
    control: control::ControlProbe,
    journal: Journal,
}

impl Observers {
    /// `root_token` reads the term and redundancy from autopilot; without one they stay unknown.
    pub fn start(
        cluster: Arc<dyn Cluster>,
        siblings: Siblings,
        view: Arc<ClusterView>,
        journal: Journal,
        root_token: Option<&str>,
        database: Option<Arc<Database>>,
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
        if let Some(database) = database {
            tasks.spawn(database::watch(database, journal.clone()));
        }
        tasks.spawn(cpu::watch(cluster, siblings, journal.clone()));
        Ok(Self { tasks, control: control::ControlProbe::start(journal.clone()), journal })
    }

    pub async fn stop(mut self) {
        self.control.stop();
        self.tasks.abort_all();
        tell_of_panics(&mut self.tasks, &self.journal).await;
    }
}

/// Waits for the tasks, and journals those that broke: what they should have seen is missing.
pub async fn tell_of_panics(tasks: &mut JoinSet<()>, journal: &Journal) {
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended
            && error.is_panic()
        {
            journal.write(Event::HarnessError { reason: format!("an observer broke: {error}") });
        }
    }
}

/// Whether something with this period is due `now`; if so the next time is `period` later. Times that were missed
/// are not made up for.
fn is_due(due: &mut Instant, period: Duration, now: Instant) -> bool {
    let is_due = now >= *due;
    if is_due {
        *due = (*due + period).max(now);
    }
    is_due
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_holds_however_rarely_it_is_looked_at() {
        let began = Instant::now();
        // Ticks of 3 s, as a hanging node makes them, against a period of 5 s.
        let mut due = began;
        let seen: Vec<_> = (0..8)
            .map(|tick| tick * 3)
            .filter(|s| is_due(&mut due, Duration::from_secs(5), began + Duration::from_secs(*s)))
            .collect();
        assert_eq!(seen, [0, 6, 12, 15, 21]);
    }

    #[tokio::test]
    async fn an_observer_that_breaks_is_told_of() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        let journal = Journal::create(&path, Instant::now()).unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async { panic!("an observer breaks, as this test wants") });
        tasks.spawn(std::future::pending());
        tokio::time::sleep(Duration::from_millis(20)).await;
        tasks.abort_all();
        tell_of_panics(&mut tasks, &journal).await;
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.matches("harness_error").count(), 1, "{text}");
    }
}
