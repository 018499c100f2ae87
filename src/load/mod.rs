//! Open-loop load: when a request is due never depends on how earlier ones fared. Records every operation;
//! judges nothing, and knows nothing of faults.

mod approle_login;
mod database;
mod engine;
mod failover_probe;
mod isolation_probe;
mod keyspace;
mod kv2_cas;
mod kv2_read;
mod kv2_remove;
mod kv2_rivals;
mod kv2_write;
mod leases;
mod outcome;
mod ramp;
mod route;
mod schedule;
mod work;
mod works;

pub use database::DatabasePlan;
pub use engine::{LoadEngine, LoadPlan, RunningLoad};
pub use failover_probe::FailoverProbe;
pub use keyspace::{Keyspace, KeyspacePlan, key_of_path};
pub use kv2_read::read_secret;
pub use leases::Leases;
pub use schedule::Schedule;
