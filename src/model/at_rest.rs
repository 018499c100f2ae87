//! What a run's files tell once nobody writes to them any more: which requests were audited, and where secrets were
//! looked for. Names and numbers only, never what was found.

use super::NodeId;
use serde::{Deserialize, Serialize};

/// The audit files of all nodes, joined with what the load had acknowledged.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AuditRead {
    pub files: Vec<AuditFileRead>,
    /// Nodes of which nothing, or not all, could be read.
    pub unread: Vec<Unread>,
    pub acknowledged: u64,
    /// Of those, how many stand in the files with request and answer.
    pub audited: u64,
    /// Acknowledged with nothing in the answer by which their entries could be found.
    pub unjoinable: u64,
    /// The first of those that are not there in whole.
    pub missing: Vec<Unaudited>,
    pub missing_total: u64,
    /// Entries of tenants' requests whose fields were looked at.
    pub entries_of_tenants: u64,
    /// Of those, how many had every field.
    pub complete_entries: u64,
    pub lacking: Vec<LackingField>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditFileRead {
    pub node: NodeId,
    pub file: String,
    pub bytes: u64,
    pub entries: u64,
    /// Lines, or beginnings of lines, that are no entry.
    pub broken: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unread {
    pub node: NodeId,
    pub reason: String,
}

/// Acknowledged operations with fewer entries than there must be: one by its request, or all on one path where answers
/// carry no id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unaudited {
    /// The first of them, by their ids in the history.
    pub operations: Vec<u64>,
    pub acknowledged: u64,
    /// How many have an entry of their request, and of a successful answer.
    pub requests: u64,
    pub answers: u64,
    /// How many have both.
    pub whole: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LackingField {
    pub field: String,
    pub entries: u64,
}

/// Where the run's secrets were looked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PlaintextSearch {
    pub places: Vec<SearchedPlace>,
    pub unread: Vec<Unread>,
    /// How many secrets, and in which spellings.
    pub secrets: u64,
    pub forms: Vec<String>,
    /// The first of them, each spelling in each file once.
    pub hits: Vec<PlaintextHit>,
    /// How many times in all.
    pub hits_total: u64,
}

/// A kind of file in which a secret could stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlaceKind {
    Audit,
    ServerLog,
    StoredData,
    /// What of the run folder may be shared.
    RunFolder,
}

impl PlaceKind {
    /// Those that a server writes.
    pub const OF_SERVERS: [PlaceKind; 3] = [PlaceKind::Audit, PlaceKind::ServerLog, PlaceKind::StoredData];

    pub fn name(self) -> &'static str {
        match self {
            PlaceKind::Audit => "audit files",
            PlaceKind::ServerLog => "server log",
            PlaceKind::StoredData => "stored data",
            PlaceKind::RunFolder => "run folder",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SearchedPlace {
    pub kind: PlaceKind,
    /// `None` for what is ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeId>,
    pub files: u64,
    pub bytes: u64,
    /// Whether a word that must be there was found: a search that does not find it finds nothing.
    pub control_found: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlaintextHit {
    pub kind: PlaceKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeId>,
    pub file: String,
    /// Where it begins, the first time.
    pub offset: u64,
    pub times: u64,
    /// Which secret, by name.
    pub secret: String,
    pub form: String,
}
