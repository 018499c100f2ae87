//! Faults as data: kinds and targets. How to inject them is the `fault` module's job.

use super::{Credential, NodeId};
use serde::{Deserialize, Serialize};
use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// SIGKILL; healed by starting and unsealing the node.
    Kill,
    /// SIGTERM and wait for the exit; healed by starting and unsealing the node.
    Stop,
    /// SIGSTOP; healed by SIGCONT.
    Pause,
    /// SIGTERM, then start and unseal: heals itself, so `heal_after` is the time it stays down.
    Restart,
    /// The active node is asked to give up leadership; one-shot.
    StepDown,
    /// The node is sealed by API; healed by unsealing it.
    Seal,
    /// A token, lease or secret id made with a scaled TTL is watched to its end; one-shot.
    Expire,
    /// Tokens or leases are made and, once every node knows them, revoked, one through each node; one-shot.
    Revoke,
    /// Nodes are cut off from the rest, both ways.
    Isolate,
    /// A node hears nobody, and everybody hears it.
    CannotHear,
    /// Nobody hears a node, and it hears everybody.
    CannotSpeak,
    /// One node hears all, and the others hear only it.
    Bridge,
    /// Each node cannot hear the one before it.
    Ring,
    /// Who cannot hear whom, one by one.
    Partition,
    /// A node's links are slow, narrow or lossy.
    Degrade,
    /// The disk of a node's audit file has no room left.
    FillAudit,
    /// The disk of a node's data has no room left.
    FillData,
    /// A node writes to its disk only so often.
    SlowDisk,
    /// A node gets only so much of a core.
    LimitCpu,
    /// A node gets only so much memory; the kernel ends it when it wants more.
    LimitMemory,
    /// A node has no network at all.
    Disconnect,
    /// A node's audit file is renamed, and the server opens a new one; one-shot.
    RotateAudit,
    /// A restart, in which the node gets the program of the version that it is to have.
    Upgrade,
    /// A restart, in which the node gets the program of the version that it had at first.
    Downgrade,
    /// The key shares are replaced by others; one-shot.
    Rekey,
    /// What is written from now on is encrypted with another key; one-shot.
    RotateKeyring,
    /// The token that the cluster was initialised with is revoked; one-shot.
    RevokeRoot,
    /// A node is gone for good with all that it had stored; healed by an empty one that takes its place.
    Lose,
    /// Thousands of leases or logins at once; one-shot.
    Storm,
}

/// One of the two versions of an upgrade, as `--from` and `--to` name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edition {
    From,
    To,
}

impl Edition {
    /// What belongs to it; nothing where there is no second version.
    pub fn pick<T>(self, from: T, to: Option<T>) -> Option<T> {
        match self {
            Edition::From => Some(from),
            Edition::To => to,
        }
    }
}

/// How a leader gives up before its program is replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HandOver {
    /// It hands over as it ends.
    #[default]
    Stop,
    /// It is told to step down first, and another leads when it ends.
    StepDown,
}

impl HandOver {
    pub const ALL: [HandOver; 2] = [HandOver::Stop, HandOver::StepDown];

    pub fn name(self) -> &'static str {
        match self {
            HandOver::Stop => "stop",
            HandOver::StepDown => "step-down",
        }
    }
}

impl FaultKind {
    pub const ALL: [FaultKind; 29] = [
        FaultKind::Kill,
        FaultKind::Stop,
        FaultKind::Pause,
        FaultKind::Restart,
        FaultKind::StepDown,
        FaultKind::Seal,
        FaultKind::Expire,
        FaultKind::Revoke,
        FaultKind::Isolate,
        FaultKind::CannotHear,
        FaultKind::CannotSpeak,
        FaultKind::Bridge,
        FaultKind::Ring,
        FaultKind::Partition,
        FaultKind::Degrade,
        FaultKind::FillAudit,
        FaultKind::FillData,
        FaultKind::SlowDisk,
        FaultKind::LimitCpu,
        FaultKind::LimitMemory,
        FaultKind::Disconnect,
        FaultKind::RotateAudit,
        FaultKind::Upgrade,
        FaultKind::Downgrade,
        FaultKind::Rekey,
        FaultKind::RotateKeyring,
        FaultKind::RevokeRoot,
        FaultKind::Lose,
        FaultKind::Storm,
    ];

    pub fn name(self) -> &'static str {
        match self {
            FaultKind::Kill => "kill",
            FaultKind::Stop => "stop",
            FaultKind::Pause => "pause",
            FaultKind::Restart => "restart",
            FaultKind::StepDown => "step-down",
            FaultKind::Seal => "seal",
            FaultKind::Expire => "expire",
            FaultKind::Revoke => "revoke",
            FaultKind::Isolate => "isolate",
            FaultKind::CannotHear => "cannot-hear",
            FaultKind::CannotSpeak => "cannot-speak",
            FaultKind::Bridge => "bridge",
            FaultKind::Ring => "ring",
            FaultKind::Partition => "partition",
            FaultKind::Degrade => "degrade",
            FaultKind::FillAudit => "fill-audit",
            FaultKind::FillData => "fill-data",
            FaultKind::SlowDisk => "slow-disk",
            FaultKind::LimitCpu => "limit-cpu",
            FaultKind::LimitMemory => "limit-memory",
            FaultKind::Disconnect => "disconnect",
            FaultKind::RotateAudit => "rotate-audit",
            FaultKind::Upgrade => "upgrade",
            FaultKind::Downgrade => "downgrade",
            FaultKind::Rekey => "rekey",
            FaultKind::RotateKeyring => "rotate-keyring",
            FaultKind::RevokeRoot => "revoke-root",
            FaultKind::Lose => "lose",
            FaultKind::Storm => "storm",
        }
    }

    /// Whether nothing remains to be healed once it has happened.
    pub fn is_one_shot(self) -> bool {
        matches!(self, FaultKind::StepDown) || self.disturbs_nobody()
    }

    /// Whether no service has to recover from it: what it is about goes on beside the load.
    pub fn disturbs_nobody(self) -> bool {
        self.is_of_credentials() || self.replaces_keys() || matches!(self, FaultKind::RotateAudit)
    }

    /// Whether it replaces something that guards the cluster as a whole.
    pub fn replaces_keys(self) -> bool {
        matches!(self, FaultKind::Rekey | FaultKind::RotateKeyring | FaultKind::RevokeRoot)
    }

    /// Whether it only makes tokens and the like and watches them end.
    pub fn is_of_credentials(self) -> bool {
        matches!(self, FaultKind::Expire | FaultKind::Revoke | FaultKind::Storm)
    }

    /// The version that its nodes come back with, where that is not the one that they had.
    pub fn installs(self) -> Option<Edition> {
        match self {
            FaultKind::Upgrade => Some(Edition::To),
            FaultKind::Downgrade => Some(Edition::From),
            _ => None,
        }
    }

    /// Whether its nodes stay where they are and go on, slowly or refusing: nobody has to take over.
    pub fn only_hampers(self) -> bool {
        matches!(self, FaultKind::FillAudit | FaultKind::SlowDisk | FaultKind::LimitCpu)
    }

    /// Whether it is done to the network and leaves every process alone.
    pub fn is_of_links(self) -> bool {
        matches!(
            self,
            FaultKind::Isolate
                | FaultKind::CannotHear
                | FaultKind::CannotSpeak
                | FaultKind::Bridge
                | FaultKind::Ring
                | FaultKind::Partition
                | FaultKind::Degrade
        )
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Whom a fault is meant for; resolved to nodes at the moment of injection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    Leader,
    /// One node that is not the leader, drawn with the run's seed.
    Follower,
    /// Every node in turn, followers first and the leader last, with the cluster healthy in between.
    Each,
    /// All nodes at the same moment.
    All,
    /// More than half of the nodes, the leader among them, at the same moment.
    Majority,
    /// The most nodes that are no majority, the leader among them.
    Minority,
    /// The nodes that a `partition` names.
    Named,
    Node(NodeId),
    /// For `expire` and `revoke`: what is made for it.
    Credential(Credential),
    /// The database beside the cluster.
    Database,
    /// What keeps the key of the cluster's seal.
    Kms,
    /// For `storm`: leases are made and end.
    Leases,
    /// For `storm`: every tenant logs in, many times.
    Logins,
}

impl Target {
    /// The words a scenario may use for nodes beside their names.
    pub const WORDS: [&'static str; 10] =
        ["leader", "follower", "each", "all", "majority", "minority", "database", "kms", "leases", "logins"];

    /// Whether it stands beside the cluster and is none of its nodes.
    pub fn is_beside(&self) -> bool {
        matches!(self, Target::Database | Target::Kms | Target::Leases | Target::Logins)
    }

    /// Whether it is one of the words that are no node's name.
    pub fn is_word(text: &str) -> bool {
        Self::WORDS.contains(&text) || Credential::ALL.iter().any(|credential| credential.name() == text)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Target::Leader => "leader",
            Target::Follower => "follower",
            Target::Each => "each",
            Target::All => "all",
            Target::Majority => "majority",
            Target::Minority => "minority",
            Target::Named => "named",
            Target::Credential(credential) => credential.name(),
            Target::Database => "database",
            Target::Kms => "kms",
            Target::Leases => "leases",
            Target::Logins => "logins",
            Target::Node(id) => id.as_str(),
        })
    }
}

impl From<&str> for Target {
    fn from(text: &str) -> Self {
        match text {
            "leader" => Target::Leader,
            "follower" => Target::Follower,
            "each" => Target::Each,
            "all" => Target::All,
            "majority" => Target::Majority,
            "minority" => Target::Minority,
            "named" => Target::Named,
            "database" => Target::Database,
            "kms" => Target::Kms,
            "leases" => Target::Leases,
            "logins" => Target::Logins,
            other => match Credential::ALL.into_iter().find(|credential| credential.name() == other) {
                Some(credential) => Target::Credential(credential),
                None => Target::Node(NodeId::new(other)),
            },
        }
    }
}

impl Serialize for Target {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Target::from(String::deserialize(deserializer)?.as_str()))
    }
}
