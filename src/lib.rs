//! Vaultquake shakes a Vault-compatible cluster and says, with evidence, what held.

pub mod model;
pub mod record;
pub mod report;
