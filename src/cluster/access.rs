//! The keys to a cluster. Lives in memory and in the run folder's private part, nowhere else; it has no
//! `Debug`, so that it cannot be printed by accident.

use serde::{Deserialize, Serialize};

#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Access {
    pub root_token: String,
    /// Empty for an attached cluster that did not give them.
    pub unseal_keys: Vec<String>,
    /// How many of them open a node.
    pub threshold: usize,
    pub tenants: Vec<TenantAccess>,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct TenantAccess {
    pub tenant_id: String,
    pub role_id: String,
    pub secret_id: String,
    pub token: String,
}
