//! What every backend offers, and what only some can do.

use super::{Links, StorePlace};
use crate::model::{Edition, NodeId, Strain};
use crate::vault::{ClientError, Endpoint};
use async_trait::async_trait;
use std::path::{Path, PathBuf};
use std::time::Instant;

#[derive(Clone)]
pub struct Node {
    pub id: NodeId,
    pub endpoint: Endpoint,
}

/// What a node writes down, where we can read it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeFiles {
    /// One for each audit device. What they were rotated into lies beside them, and begins with their names.
    pub audit: Vec<PathBuf>,
    /// What the server prints.
    pub log: Option<PathBuf>,
    /// The folder of its storage.
    pub data: Option<PathBuf>,
}

/// What is done to a node's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGKILL.
    Kill,
    /// SIGTERM, and wait for the end.
    Stop,
    /// SIGSTOP, or a freeze of the whole container.
    Pause,
    /// SIGCONT, or the thaw.
    Resume,
    /// SIGHUP: the server opens its audit files anew.
    Reopen,
}

/// Something done to a node.
#[derive(Clone, Debug)]
pub struct Took {
    /// When it was done. What it took to be allowed to is not part of the fault.
    pub at: Instant,
    /// How we know that it took hold.
    pub evidence: String,
}

/// What a fault needs from a backend. A backend that lacks one makes the scenario unsupported there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ability {
    Kill,
    Stop,
    Pause,
    /// Start a node that is down.
    Start,
    /// Unseal keys are at hand.
    Unseal,
    /// A token that may seal, step down and create short-lived tokens.
    Operate,
    /// Cut nodes off from each other, also one way, silently or with a refusal.
    CutPeers,
    /// Cut clients off from a node.
    CutClients,
    /// Delay what nodes send each other, and narrow the way.
    SlowPeers,
    /// Lose a share of the packets between nodes.
    LosePackets,
    /// Fill the disk of a node's audit files or data, without harm to anybody else.
    FillDisk,
    /// Slow a node's disk down.
    SlowDisk,
    /// Limit a node's processor time.
    LimitCpu,
    /// Limit a node's memory.
    LimitMemory,
    /// Take a node off its network.
    Disconnect,
    /// Rename a node's audit file and let the server open a new one.
    RotateAudit,
    /// Take the database beside the cluster away.
    StopDatabase,
    /// Replace a node's program by that of another version.
    Replace,
    /// Take what keeps the key of the seal away, or slow it down.
    DisturbKms,
    /// Replace key shares and the encryption key, and revoke the root token.
    ReplaceKeys,
    /// Take a node's store away, and tell one that is left who its peers are.
    Wipe,
}

impl Ability {
    pub const ALL: [Ability; 21] = [
        Ability::Kill,
        Ability::Stop,
        Ability::Pause,
        Ability::Start,
        Ability::Unseal,
        Ability::Operate,
        Ability::CutPeers,
        Ability::CutClients,
        Ability::SlowPeers,
        Ability::LosePackets,
        Ability::FillDisk,
        Ability::SlowDisk,
        Ability::LimitCpu,
        Ability::LimitMemory,
        Ability::Disconnect,
        Ability::RotateAudit,
        Ability::StopDatabase,
        Ability::Replace,
        Ability::DisturbKms,
        Ability::ReplaceKeys,
        Ability::Wipe,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Ability::Kill => "kill a node",
            Ability::Stop => "stop a node",
            Ability::Pause => "pause and resume a node",
            Ability::Start => "start a node",
            Ability::Unseal => "unseal a node",
            Ability::Operate => "use an operator's token",
            Ability::CutPeers => "cut nodes off from each other",
            Ability::CutClients => "cut clients off from a node",
            Ability::SlowPeers => "slow the network between nodes",
            Ability::LosePackets => "lose packets between nodes",
            Ability::FillDisk => "fill a node's disk",
            Ability::SlowDisk => "slow a node's disk",
            Ability::LimitCpu => "limit a node's processor time",
            Ability::LimitMemory => "limit a node's memory",
            Ability::Disconnect => "take a node off its network",
            Ability::RotateAudit => "rotate a node's audit file",
            Ability::StopDatabase => "take the database away",
            Ability::Replace => "replace a node's program",
            Ability::DisturbKms => "disturb the KMS of the seal",
            Ability::ReplaceKeys => "replace the cluster's keys",
            Ability::Wipe => "wipe a node's store",
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// Nothing was done, and nothing needed to be: the node is already in another state.
    #[error("{0}")]
    NotApplicable(String),
    #[error("{0}")]
    Failed(String),
    #[error(transparent)]
    Api(#[from] ClientError),
}

impl ClusterError {
    /// A node is to be upgraded, and nobody said to what.
    pub fn no_second_version() -> Self {
        Self::NotApplicable("there is no second version".to_owned())
    }
}

#[async_trait]
pub trait Cluster: Send + Sync {
    /// `process`, `docker` or `attach`.
    fn backend(&self) -> &'static str;

    fn nodes(&self) -> &[Node];

    /// Why this backend cannot do it; `None` when it can.
    fn lacks(&self, ability: Ability) -> Option<String>;

    /// Does it, and returns when, and how we know that it took hold.
    async fn signal(&self, node: &NodeId, signal: Signal) -> Result<Took, ClusterError>;

    /// Ends a node in good order, and lets its next start be of this version.
    async fn replace(&self, node: &NodeId, _edition: Edition) -> Result<Took, ClusterError> {
        Err(ClusterError::NotApplicable(format!("the program of {node} is not ours to replace")))
    }

    /// Starts a node that is down; returns once its API answers, sealed or not.
    async fn start(&self, node: &NodeId) -> Result<String, ClusterError>;

    /// What a node writes down; nothing where it is not ours to read.
    fn files(&self, _node: &NodeId) -> NodeFiles {
        NodeFiles::default()
    }

    /// Where a node keeps its store; `None` where it is not ours to fill or to take away.
    fn store(&self, _node: &NodeId) -> Option<StorePlace> {
        None
    }

    /// The CA that signed every node's certificate; a joining node needs its text.
    fn ca_file(&self) -> Option<&Path> {
        None
    }

    /// How a node came down by itself; `None` while it runs.
    async fn ended(&self, _node: &NodeId) -> Option<String> {
        None
    }

    /// Gives a node less than it had; only asked of who does not lack it.
    async fn strain(&self, node: &NodeId, strain: &Strain) -> Result<Took, ClusterError> {
        Err(ClusterError::NotApplicable(format!("{node} cannot be given {}", strain.words())))
    }

    /// Takes the strain away again; returns how we know.
    async fn relieve(&self, node: &NodeId, strain: &Strain) -> Result<String, ClusterError> {
        Err(ClusterError::NotApplicable(format!("{node} was not given {}", strain.words())))
    }

    /// The network between the nodes, where it can be disturbed.
    fn links(&self) -> Option<&dyn Links> {
        None
    }

    /// Told before a node is sealed by API: a backend whose nodes outlive the harness records it, or refuses.
    async fn before_seal(&self, _node: &NodeId) -> Result<(), ClusterError> {
        Ok(())
    }

    /// Told when nothing remains to be undone on a node.
    fn healed(&self, _node: &NodeId) -> Result<(), ClusterError> {
        Ok(())
    }

    /// Process ids of the running servers that are on this machine, for CPU accounting.
    fn pids(&self) -> Vec<u32>;

    /// Why nothing that happens to the nodes from now on says anything about the server; `None` while it does.
    fn trouble(&self) -> Option<String> {
        None
    }

    /// Takes down everything this backend started. Safe to call twice.
    async fn shut_down(&self);

    fn node(&self, id: &NodeId) -> Option<&Node> {
        self.nodes().iter().find(|node| &node.id == id)
    }
}
