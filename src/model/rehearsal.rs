//! An upgrade, step by step: what an operator reads before the real one.

use super::NodeId;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rehearsal {
    /// Whether the run shows nothing that speaks against the real one.
    pub go: bool,
    /// Null for a run from before snapshots were taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<SnapshotFirst>,
    /// In order of time.
    pub steps: Vec<UpgradeStep>,
    /// How many answers about its configuration the server gave before and after; null when they were not compared.
    pub compared: Option<u32>,
    pub changes: Vec<ConfigurationChange>,
}

/// The snapshot that is taken before any node is replaced.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SnapshotFirst {
    /// Through which it was taken; null when it was not.
    pub node: Option<NodeId>,
    pub bytes: u64,
    /// Of the file as it was received, once everything in it had the digest that its own list names.
    pub sha256: String,
    pub took_ms: f64,
    /// Why there is none that can be relied on; then no node is replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// An answer that is another after the upgrade.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConfigurationChange {
    /// Below `/v1/`.
    pub path: String,
    /// HTTP status; null when the server did not tell of such a path, so that it was not asked for.
    pub before: Option<u16>,
    pub after: u16,
    /// JSON pointers; names only.
    pub fields: Vec<String>,
}

/// What became of one node's turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UpgradeStep {
    pub fault: String,
    pub node: NodeId,
    /// Whether it was the active node when its turn came.
    pub led: bool,
    pub from: String,
    /// What it says that it is since then; null when it did not come back.
    pub to: Option<String>,
    /// From the request until it served again; null when it never did.
    pub back_ms: Option<f64>,
    /// From the request until every voter was healthy; null when that was not seen before the next step.
    pub whole_ms: Option<f64>,
    /// The longest time without service that the step explains; 0 when none was long enough to be listed.
    pub outage_ms: f64,
    /// What was without service for so long.
    pub outage_of: Option<String>,
    /// Requests in vain from the request until the cluster was whole.
    pub unserved: Vec<InVain>,
    /// What was asked in the rest that followed.
    pub rest: Option<RestRow>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InVain {
    pub error: String,
    pub count: u64,
}

/// A stretch in which the cluster was whole and left alone.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RestRow {
    pub lasted_ms: f64,
    pub asked: u64,
    pub unserved: u64,
}
