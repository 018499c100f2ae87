//! Less of something than a node is used to: room, disk writes, processor, memory, network.

use super::{ByteCount, Rate, Span};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strain {
    /// No room is left on the disk that holds this.
    FullDisk(Disk),
    /// Writes that reach the disk, per second.
    SlowDisk { writes: Rate },
    /// Processor time per time: 0.5 is half of one core.
    Cpu { cores: f64 },
    /// For everything that the node's process keeps in memory.
    Memory { limit: ByteCount },
    /// Its network interface is gone.
    NoNetwork,
    /// What it asks somebody beside the cluster arrives so much later, and so do the answers.
    SlowAnswers { delay: Span },
}

/// A disk of its own that a node can be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disk {
    /// For its audit files.
    Audit,
    /// For raft's log and the store.
    Data,
}

impl Disk {
    pub const ALL: [Disk; 2] = [Disk::Audit, Disk::Data];

    /// The folder below the node's own that is on it.
    pub fn folder(self) -> &'static str {
        match self {
            Disk::Audit => "audit",
            Disk::Data => "data",
        }
    }
}

impl Strain {
    /// What was asked for, in words.
    pub fn words(&self) -> String {
        match self {
            Strain::FullDisk(Disk::Audit) => "no room for audit entries".to_owned(),
            Strain::FullDisk(Disk::Data) => "no room for data".to_owned(),
            Strain::SlowDisk { writes } => format!("{writes} writes to the disk"),
            Strain::Cpu { cores } => format!("{cores} of a core"),
            Strain::Memory { limit } => format!("{limit} of memory"),
            Strain::NoNetwork => "no network".to_owned(),
            Strain::SlowAnswers { delay } => format!("everything {delay} later, each way"),
        }
    }
}
