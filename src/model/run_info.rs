//! `run.json`: what was asked and of whom, written before anything is started.

use super::{NodeId, Scenario};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunInfo {
    /// Version of the run folder's format.
    pub version: u32,
    /// Names everything the run makes: `vq-<run>-…`.
    pub run_id: String,
    pub scenario: Scenario,
    pub seed: u64,
    pub backend: String,
    pub server: Server,
    /// What nodes are upgraded to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgraded_to: Option<Server>,
    pub nodes: Vec<NodeInfo>,
    /// Wall clock at the run clock's zero, to join the server's own log lines.
    pub started_at: jiff::Timestamp,
    pub machine: Machine,
    /// The command that repeats the run.
    pub command: String,
    pub vaultquake: String,
    /// Known differences of the server, as they stood when the run was made.
    pub known_findings: Vec<KnownFinding>,
    /// Everything that is not the server's default or differs from the document.
    pub overrides: Vec<String>,
    /// At most so many runs of one command went on at once, this one included.
    #[serde(default = "alone")]
    pub side_by_side: u16,
}

impl RunInfo {
    pub fn servers(&self) -> Servers {
        match &self.upgraded_to {
            None => Servers::One(self.server.clone()),
            Some(to) => Servers::Several(vec![self.server.clone(), to.clone()]),
        }
    }
}

/// What older run folders do not say, since nothing else was possible.
pub(super) fn alone() -> u16 {
    1
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    pub product: String,
    pub version: String,
}

/// Of an upgrade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versions {
    pub from: Server,
    pub to: Server,
}

/// Who was under test: one, or what nodes were one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Servers {
    One(Server),
    Several(Vec<Server>),
}

impl Servers {
    pub fn all(&self) -> &[Server] {
        match self {
            Servers::One(server) => std::slice::from_ref(server),
            Servers::Several(servers) => servers,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeInfo {
    pub id: NodeId,
    pub api_addr: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    pub os: String,
    pub kernel: String,
    pub cpu: String,
    pub cores: u32,
    pub memory_mib: u64,
}

/// An entry of `known-findings.yaml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KnownFinding {
    pub id: String,
    /// The product, such as `openbao`.
    pub server: String,
    /// Exact versions it was seen on.
    pub versions: Vec<String>,
    pub invariant: String,
    /// A violation is this finding when its summary contains this text.
    #[serde(rename = "match")]
    pub matches: String,
    /// Shows it again.
    pub command: String,
    /// Scenario names in which an `always` finding must be seen.
    #[serde(default)]
    pub scenarios: Vec<String>,
    /// Whether not seeing it means that this file is no longer true.
    pub always: bool,
}
