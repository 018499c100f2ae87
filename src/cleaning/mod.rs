//! Removes what killed runs left, on this machine, on its container engine and on attached clusters. Touches nothing that a living run
//! has, and nothing that does not carry a name of ours.

mod cluster;
mod engine;
mod run;

pub use cluster::clean_cluster;
pub use engine::clean_engine;
pub use run::{clean_out, clean_run};

use std::path::PathBuf;

/// What was found and done for one run folder, for one cluster, or on the container engine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// The run folder; none for a cluster or an engine.
    pub folder: Option<PathBuf>,
    /// A living run holds its lock: nothing was touched.
    pub alive: bool,
    /// What was done, a sentence each; empty when nothing was left.
    pub did: Vec<String>,
    /// What could not be done, a sentence each.
    pub trouble: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum CleanError {
    #[error("{} is not a run folder of ours: it has no private/lock", .0.display())]
    NotARun(PathBuf),
    /// Nothing was done on the cluster.
    #[error("{0}")]
    Refused(String),
    #[error("{0}")]
    Failed(String),
}
