//! Vaultquake shakes a Vault-compatible cluster and says, with evidence, what held.

pub mod analyse;
pub mod check;
pub mod facts;
pub mod model;
pub mod record;
pub mod slo;
