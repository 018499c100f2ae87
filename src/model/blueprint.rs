//! A documented deployment: topology, seal, TLS, engines, policies, auth, audit, objectives.

use super::{AlertRule, Objective, Span};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Blueprint {
    pub name: String,
    pub summary: String,
    /// The document it follows.
    pub source: String,
    pub nodes: u8,
    pub seal: Seal,
    pub tls: Tls,
    pub audit: Vec<AuditDevice>,
    /// How many tenants are set up, each with its own paths, policy and AppRole role.
    pub tenants: u16,
    pub mounts: Vec<Mount>,
    pub policies: Vec<Policy>,
    pub approle: AppRole,
    pub objectives: Vec<Objective>,
    /// What a monitoring system has to tell of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alerts: Vec<AlertRule>,
    /// For the projected month: how often a failure like the tested one is assumed to happen.
    pub assumed_failures_per_month: f64,
    /// Where we knowingly differ from the document, printed in every report.
    pub deviations: Vec<Deviation>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seal {
    pub kind: SealKind,
    pub shares: u8,
    pub threshold: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SealKind {
    /// Opened by a person with key shares.
    Shamir,
    /// Opened by the transit engine of another server, which keeps the key.
    Transit,
    /// Opened by a key in a file beside the server.
    Static,
}

impl SealKind {
    pub const ALL: [SealKind; 3] = [SealKind::Shamir, SealKind::Transit, SealKind::Static];

    pub fn name(self) -> &'static str {
        match self {
            SealKind::Shamir => "shamir",
            SealKind::Transit => "transit",
            SealKind::Static => "static",
        }
    }

    /// Whether a node that was started opens itself. What initialising gives out then recovers, and opens nothing.
    pub fn opens_itself(self) -> bool {
        self != SealKind::Shamir
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tls {
    pub enabled: bool,
    /// The oldest version accepted: `tls12` or `tls13`, as the server's configuration spells it.
    pub min_version: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditDevice {
    /// `file`.
    pub kind: String,
    pub name: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mount {
    pub path: String,
    /// Mounted with nothing set up in it; what its engine says of that means nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub empty: bool,
    #[serde(flatten)]
    pub engine: Engine,
}

/// A secret engine with what is set up in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "engine", rename_all = "lowercase")]
pub enum Engine {
    Kv(Kv),
    Transit {
        /// The one key that everybody encrypts with.
        key: String,
    },
    Pki(Pki),
    Database(DatabaseEngine),
}

impl Blueprint {
    /// The path and the engine of the first mount that fits and has something set up in it.
    pub fn mount<'b, T>(&'b self, fits: impl Fn(&'b Engine) -> Option<T>) -> Option<(&'b str, T)> {
        self.in_use().find_map(|mount| Some((mount.path.as_str(), fits(&mount.engine)?)))
    }

    /// The mounts that a load can be for.
    pub fn in_use(&self) -> impl Iterator<Item = &Mount> {
        self.mounts.iter().filter(|mount| !mount.empty)
    }

    /// Where credentials of a database are given out, and which.
    pub fn database(&self) -> Option<(&str, &DatabaseEngine)> {
        self.mount(|engine| match engine {
            Engine::Database(database) => Some(database),
            _ => None,
        })
    }
}

impl Engine {
    /// The server's name of it.
    pub fn name(&self) -> &'static str {
        match self {
            Engine::Kv(_) => "kv",
            Engine::Transit { .. } => "transit",
            Engine::Pki(_) => "pki",
            Engine::Database(_) => "database",
        }
    }
}

/// Versioned secrets, and where those of the load stand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kv {
    pub version: u8,
    /// Folders of the load's secrets below the mount, used in turn; `{tenant_id}` is replaced. Never empty.
    #[serde(default = "Kv::folders_by_default")]
    pub folders: Vec<String>,
    #[serde(default)]
    pub writer: Writer,
}

impl Kv {
    /// A folder for each tenant.
    pub fn folders_by_default() -> Vec<String> {
        vec!["tenants/{tenant_id}/exchanges".to_owned()]
    }
}

/// Whose token secrets are written with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Writer {
    /// Each tenant writes its own.
    #[default]
    Tenant,
    /// Applications only read; a person or a job with more rights writes.
    Operator,
}

/// A certificate authority of the engine's own, and a role that issues certificates for one name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pki {
    pub ca_name: String,
    pub ca_ttl: Span,
    pub role: String,
    /// The one name that certificates are for.
    pub domain: String,
    /// How long a certificate is valid unless less is asked for.
    pub ttl: Span,
    pub max_ttl: Span,
}

/// Credentials of a database, made when they are asked for and dropped when their lease ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DatabaseEngine {
    /// The server's name of the connection.
    pub connection: String,
    /// How long credentials live unless they are renewed.
    pub default_ttl: Span,
    pub max_ttl: Span,
    pub roles: Vec<DatabaseRole>,
}

/// What one kind of credentials may do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DatabaseRole {
    pub name: String,
    /// What stands between `GRANT` and `TO`; without it they can log in and no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grants: Option<String>,
}

/// A policy; one per tenant when its name contains `{tenant_id}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    pub name: String,
    /// HCL, with `{tenant_id}` to be replaced.
    pub rules: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AppRole {
    pub mount: String,
    /// One role per tenant when it contains `{tenant_id}`.
    pub role: String,
    pub policies: Vec<String>,
    pub token_ttl: Span,
    pub token_max_ttl: Option<Span>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deviation {
    pub documented: String,
    pub tested: String,
    pub why: String,
}
