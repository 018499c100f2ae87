//! The clusters of runs that go on beside one another in one process: their servers are no strangers to each other.

use super::Cluster;
use std::sync::{Arc, Mutex, Weak};

/// Shared by the runs of one command.
#[derive(Clone)]
pub struct Siblings {
    at_once: u16,
    clusters: Arc<Mutex<Vec<Weak<dyn Cluster>>>>,
}

impl Siblings {
    /// For runs of which at most `at_once` go on at any time.
    pub fn at_once(at_once: u16) -> Self {
        Self { at_once, clusters: Arc::default() }
    }

    /// For a run that has no other beside it.
    pub fn none() -> Self {
        Self::at_once(1)
    }

    /// The run itself included; 1 means that it is alone.
    pub fn at_most(&self) -> u16 {
        self.at_once
    }

    /// Tells the others of a cluster, for as long as it lives.
    pub fn join(&self, cluster: &Arc<dyn Cluster>) {
        let mut clusters = self.clusters.lock().unwrap();
        clusters.retain(|other| other.strong_count() > 0);
        clusters.push(Arc::downgrade(cluster));
    }

    /// Process ids of the servers that are not of this cluster.
    pub fn pids_beside(&self, own: &Arc<dyn Cluster>) -> Vec<u32> {
        // Taken out of the lock: a cluster whose last owner is in here ends its processes.
        let clusters: Vec<_> = self.clusters.lock().unwrap().iter().filter_map(Weak::upgrade).collect();
        let others = clusters.iter().filter(|other| !Arc::ptr_eq(other, own));
        others.flat_map(|other| other.pids()).collect()
    }
}
