//! An attach file as it is written, before anything is checked. The doc comments become the descriptions of
//! the JSON Schema, so they speak to people who write attach files.

use super::yaml::Text;
use crate::model::HookName;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_saphyr::Spanned;

/// A running cluster to attach to: where it is, how to log in, and what may be done to it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `nodes`, `token_file` and so on")]
#[schemars(rename = "attach")]
pub(super) struct RawAttach {
    /// The nodes of the cluster.
    #[schemars(with = "Vec<RawNode>", length(min = 1))]
    pub nodes: Spanned<Vec<RawNode>>,
    /// The certificate (PEM) that signed the nodes' certificates; needed for https addresses. Paths are
    /// relative to this file.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub ca_cert: Option<Text>,
    /// A client certificate (PEM), when the cluster asks for one.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub client_cert: Option<Text>,
    /// The key of the client certificate.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub client_key: Option<Text>,
    /// A file that holds a token and nothing else.
    #[schemars(with = "String")]
    pub token_file: Text,
    /// A file with one unseal key a line; without it no node is restarted or sealed.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub unseal_keys_file: Option<Text>,
    /// A PostgreSQL database that the server may make roles in.
    #[serde(default)]
    pub postgres: Option<RawPostgres>,
    /// The `cluster_id` of `sys/health`. Without it, or with that of another cluster, nothing destructive is
    /// done.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("format" = "uuid"))]
    pub disposable: Option<Text>,
}

/// One node.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping such as `{ id: n1, api_addr: https://127.0.0.1:8200 }`")]
#[schemars(rename = "attach-node")]
pub(super) struct RawNode {
    /// How reports call it.
    #[schemars(with = "String")]
    pub id: Text,
    /// Scheme, host and port of its API.
    #[schemars(with = "String", extend("format" = "uri"))]
    pub api_addr: Text,
    /// Shell commands that do something to the node; any subset. Each is run by `sh -c` with VQ_NODE,
    /// VQ_PEERS and VQ_VERSION, may take 30 s, and says by exit status 0 that it is done.
    #[serde(default)]
    pub hooks: Option<RawHooks>,
    /// Its audit file; a checker that lacks it says inconclusive.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub audit_file: Option<Text>,
    /// Its log.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub log_file: Option<Text>,
    /// Its storage folder.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub data_dir: Option<Text>,
}

/// Shell commands that do something to a node.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping such as `{ kill: \"…\", start: \"…\" }`")]
#[schemars(rename = "hooks")]
pub(super) struct RawHooks {
    /// Ends the process at once (SIGKILL).
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    kill: Option<Text>,
    /// Ends the process in order (SIGTERM).
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    stop: Option<Text>,
    /// Starts it; heals `kill` and `stop`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    start: Option<Text>,
    /// Suspends the process (SIGSTOP).
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pause: Option<Text>,
    /// Lets it go on; heals `pause`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    resume: Option<Text>,
    /// Cuts it off from VQ_PEERS.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    isolate: Option<Text>,
    /// Heals `isolate`, and touches no other rule.
    #[serde(default, rename = "heal-isolate")]
    #[schemars(with = "Option<String>")]
    heal_isolate: Option<Text>,
    /// Gives it the program of VQ_VERSION and starts it.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    upgrade: Option<Text>,
}

impl RawHooks {
    pub fn given(&self) -> impl Iterator<Item = (HookName, &Text)> {
        [
            (HookName::Kill, &self.kill),
            (HookName::Stop, &self.stop),
            (HookName::Start, &self.start),
            (HookName::Pause, &self.pause),
            (HookName::Resume, &self.resume),
            (HookName::Isolate, &self.isolate),
            (HookName::HealIsolate, &self.heal_isolate),
            (HookName::Upgrade, &self.upgrade),
        ]
        .into_iter()
        .filter_map(|(hook, text)| text.as_ref().map(|text| (hook, text)))
    }
}

/// A PostgreSQL database.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `url`, `server_url` and `password_file`")]
#[schemars(rename = "attach-postgres")]
pub(super) struct RawPostgres {
    /// As we reach it; without a password.
    #[schemars(with = "String")]
    pub url: Text,
    /// As the server under test reaches it; without a password.
    #[schemars(with = "String")]
    pub server_url: Text,
    /// A file that holds the password and nothing else.
    #[schemars(with = "String")]
    pub password_file: Text,
}
