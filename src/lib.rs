//! Vaultquake shakes a Vault-compatible cluster and says, with evidence, what held.

pub mod analyse;
pub mod bootstrap;
pub mod check;
pub mod cleaning;
pub mod cli;
pub mod cluster;
pub mod compose;
pub mod docker;
pub mod facts;
pub mod fault;
pub mod load;
pub mod machine;
pub mod model;
pub mod netns;
pub mod observe;
pub mod proxy;
pub mod record;
pub mod report;
pub mod runner;
pub mod scenario;
pub mod secrecy;
pub mod server;
pub mod slo;
pub mod up;
pub mod vault;
pub mod watchdog;
