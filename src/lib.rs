//! Vaultquake shakes a Vault-compatible cluster and says, with evidence, what held.

pub mod bootstrap;
pub mod cleaning;
pub mod cluster;
pub mod fault;
pub mod load;
pub mod machine;
pub mod model;
pub mod observe;
pub mod record;
pub mod runner;
pub mod up;
pub mod vault;
pub mod watchdog;
