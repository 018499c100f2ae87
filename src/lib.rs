//! Vaultquake shakes a Vault-compatible cluster and says, with evidence, what held.

pub mod cli;
pub mod machine;
pub mod model;
pub mod observe;
pub mod record;
pub mod server;
