//! A cluster that somebody else runs: where it is, how to reach it, and what may be done to it.

use super::NodeId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What an attach file says, with paths already resolved. Serialises to the attach file's own grammar.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttachFile {
    pub nodes: Vec<AttachNode>,
    /// Always there when a node's address is https.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_cert: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_cert: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_key: Option<PathBuf>,
    /// Holds a token and nothing else.
    pub token_file: PathBuf,
    /// One unseal key a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unseal_keys_file: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postgres: Option<AttachPostgres>,
    /// The `cluster_id` of the one cluster that may be harmed; without it nothing destructive is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disposable: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttachNode {
    pub id: NodeId,
    /// Scheme, host and port, without a path.
    pub api_addr: String,
    /// Shell commands, by what they do to the node; any subset.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hooks: BTreeMap<HookName, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit_file: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_file: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_dir: Option<PathBuf>,
}

/// A database that the server may make roles in; no password stands in a URL.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttachPostgres {
    /// As we reach it.
    pub url: String,
    /// As the server under test reaches it.
    pub server_url: String,
    pub password_file: PathBuf,
}

/// What a hook does to its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HookName {
    Kill,
    Stop,
    Start,
    Pause,
    Resume,
    Isolate,
    HealIsolate,
    Upgrade,
}

impl HookName {
    pub fn name(self) -> &'static str {
        match self {
            HookName::Kill => "kill",
            HookName::Stop => "stop",
            HookName::Start => "start",
            HookName::Pause => "pause",
            HookName::Resume => "resume",
            HookName::Isolate => "isolate",
            HookName::HealIsolate => "heal-isolate",
            HookName::Upgrade => "upgrade",
        }
    }
}
