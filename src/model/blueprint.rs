//! A documented deployment: topology, seal, TLS, engines, policies, auth, audit, objectives.

use super::{Objective, Span};
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
    Shamir,
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
    pub engine: String,
    /// KV version; absent for engines without versions.
    pub version: Option<u8>,
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
