//! Helpers: what is needed beside the cluster. PostgreSQL, in which the server under test makes and drops roles or stores;
//! Redis, the cache of services that stand in front of the cluster; the part of Kubernetes that signs and reviews the
//! tokens of service accounts; a program with the API of AWS KMS, and another server, which keep a seal's key; Prometheus,
//! which says which alerts fire.
//!
//! A helper is started with the run and ends with it, however the run ends; it knows nothing of scenarios or verdicts.

mod database;
mod home;
mod installation;
mod instance;
mod kms;
mod kubernetes;
mod prometheus;
mod redis;
mod scratch;
mod service_token;
mod session;
mod transit_kms;
mod wheel;

pub use database::{Database, ServerAccess};
pub use home::remove_left;
pub use installation::{Installation, PostgresError, fetch_or_find, find};
pub use kms::{Kms, KmsError, find_kms};
pub use kubernetes::Kubernetes;
pub use prometheus::{
    ActiveAlert, Prometheus, PrometheusError, RulesSeen, SCRAPE_EVERY, Watched, find_prometheus,
};
pub use redis::{Heard, Redis, RedisAddress, RedisError, RedisSession, RedisWatch, Stored, find_redis};
pub use scratch::{Ran, RoleFacts, Scratch, TABLE};
pub use session::{Login, Session};
pub use transit_kms::{TransitKms, TransitKmsError};
