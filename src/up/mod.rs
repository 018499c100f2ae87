//! A bootstrapped cluster to play with, in the foreground or kept by an owner process, and its end. Measures
//! and judges nothing.

mod attach_file;
mod detach;
mod down;
mod folder;
mod owner;

pub use detach::{detach, own};
pub use down::{Down, down};
pub use folder::{UpFolder, state_root};
pub use owner::run;

use crate::bootstrap::BootstrapError;
use crate::model::{Blueprint, NodeId, ServerTuning};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io;
use std::path::PathBuf;

/// What to bring up.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UpRequest {
    pub blueprint: Blueprint,
    pub tuning: ServerTuning,
    /// The server binary.
    pub binary: PathBuf,
}

/// How far an `up` is; `state.json` in its folder. Holds no secret, only where they are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum UpState {
    Starting,
    Ready(UpCluster),
    Failed { reason: String },
}

/// A cluster that is up. Its `Display` is what a person is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UpCluster {
    pub name: String,
    /// The process that owns the servers.
    pub pid: u32,
    pub cluster_id: String,
    pub endpoints: Vec<(NodeId, String)>,
    pub ca_file: Option<PathBuf>,
    /// Holds the root token, mode 0600.
    pub token_file: PathBuf,
    /// For `run --backend attach --cluster`.
    pub attach_file: PathBuf,
}

#[derive(Debug, thiserror::Error)]
pub enum UpError {
    #[error("`{0}` is not a name for a cluster: use small letters, digits and `-`, 40 at most")]
    BadName(String),
    #[error(
        "a cluster named `{name}` is up already; `vaultquake down {name}` ends it, or give this one another name"
    )]
    AlreadyUp { name: String },
    #[error("no cluster named `{name}` is up; up are: {}", up.join(", "))]
    NotUp { name: String, up: Vec<String> },
    #[error("no cluster is up")]
    NoneUp,
    #[error("several clusters are up, name one: {}", up.join(", "))]
    SeveralUp { up: Vec<String> },
    #[error("{what}: {}: {source}", path.display())]
    Io { what: &'static str, path: PathBuf, source: io::Error },
    #[error("cannot bring the cluster up: {0}")]
    Bootstrap(#[from] BootstrapError),
    /// Told to end before it was up; nothing of it remains.
    #[error("interrupted before the cluster was up")]
    Interrupted,
    #[error("{0}")]
    Failed(String),
}

impl fmt::Display for UpCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "cluster `{}` is up, process {}", self.name, self.pid)?;
        for (id, url) in &self.endpoints {
            writeln!(f, "  {id}           {url}")?;
        }
        if let Some(ca) = &self.ca_file {
            writeln!(f, "  CA           {}", ca.display())?;
        }
        writeln!(f, "  token file   {}", self.token_file.display())?;
        writeln!(f, "  attach file  {}", self.attach_file.display())
    }
}
