//! Brings a cluster from processes that listen to the documented deployment: initialised, unsealed, joined,
//! three healthy voters, engines, policies and logins in place. Idempotent; each step is named as it is done.

mod database;
mod deployment;
mod engines;
mod form;
mod made;
mod saved;
mod unseal;

pub use database::set_up_database;
pub use deployment::{apply, login, make_operator, policy_name};
pub use form::{Formed, form, form_running, join, wait_for_redundancy};
pub use made::{Made, MadeLog, find_ours, is_ours, made_file, prefix_of, remove};
pub use saved::SavedState;
pub use unseal::unseal;

use crate::cluster::ClusterError;
use crate::record::RecordError;
use crate::vault::ClientError;

#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error(transparent)]
    Api(#[from] ClientError),
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error("{0}")]
    Unexpected(String),
}

/// Told of each finished step and how long it took.
pub trait Progress: Send + Sync {
    fn step(&self, step: &str, took: std::time::Duration);
}
