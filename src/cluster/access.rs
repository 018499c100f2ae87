//! The keys to a cluster. Lives in memory and in the run folder's private part, nowhere else; it has no
//! `Debug`, so that it cannot be printed by accident.

use serde::{Deserialize, Serialize};

#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Access {
    pub root_token: String,
    /// Empty for an attached cluster that did not give them.
    pub unseal_keys: Vec<String>,
    /// How many of them open a node; 0 where it opens itself.
    pub threshold: usize,
    /// Where nodes open themselves: what proves to the server that its keepers want something.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recovery_keys: Vec<String>,
    /// Key shares that were replaced, the newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retired_keys: Vec<String>,
    /// What the cluster was initialised with, where `root_token` is another operator's so that this one can be revoked.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub initial_root: String,
    pub tenants: Vec<TenantAccess>,
}

impl Access {
    /// Whether nodes need no key of ours.
    pub fn opens_itself(&self) -> bool {
        self.threshold == 0
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct TenantAccess {
    pub tenant_id: String,
    pub role_id: String,
    pub secret_id: String,
    pub token: String,
}
