//! A cluster that somebody else runs: where it is, how to reach it, and what may be done to it.

use super::NodeId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

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

impl AttachFile {
    /// The same with every path that is relative taken from `folder`.
    pub fn absolute_from(mut self, folder: &Path) -> Self {
        let nodes = self.nodes.iter_mut();
        let of_nodes =
            nodes.flat_map(|node| [&mut node.audit_file, &mut node.log_file, &mut node.data_dir]).flatten();
        let optional = [&mut self.ca_cert, &mut self.client_cert, &mut self.client_key];
        let optional = optional.into_iter().chain([&mut self.unseal_keys_file]).flatten();
        let password = self.postgres.as_mut().map(|postgres| &mut postgres.password_file);
        for path in of_nodes.chain(optional).chain(password).chain([&mut self.token_file]) {
            // An absolute path stays as it is.
            *path = folder.join(&path);
        }
        self
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_relative_path_becomes_absolute() {
        let text = r#"{"nodes": [{"id": "n1", "api_addr": "http://h:1", "audit_file": "a", "log_file": "l",
            "data_dir": "/d"}], "ca_cert": "ca", "client_cert": "cc", "client_key": "ck", "token_file": "t",
            "unseal_keys_file": "u", "postgres": {"url": "", "server_url": "", "password_file": "p"}}"#;
        let file = serde_json::from_str::<AttachFile>(text).unwrap().absolute_from(Path::new("/from"));
        let said = serde_json::to_value(&file).unwrap();
        let node = &said["nodes"][0];
        assert_eq!((&node["audit_file"], &node["log_file"]), (&"/from/a".into(), &"/from/l".into()));
        assert_eq!(node["data_dir"], "/d");
        for (field, path) in [("ca_cert", "ca"), ("client_cert", "cc"), ("client_key", "ck")] {
            assert_eq!(said[field], format!("/from/{path}"));
        }
        assert_eq!((&said["token_file"], &said["unseal_keys_file"]), (&"/from/t".into(), &"/from/u".into()));
        assert_eq!(said["postgres"]["password_file"], "/from/p");
    }
}
