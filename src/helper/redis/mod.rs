//! Redis: the cache and the channel of systems that stand in front of a cluster.

mod instance;
mod session;
mod watch;

pub use instance::Redis;
pub use session::{RedisAddress, RedisSession, Stored};
pub use watch::{Heard, RedisWatch};

use crate::server::find_in_path;
use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

/// Where Debian's package puts it, for who has a short PATH.
const DEBIAN: &str = "/usr/bin/redis-server";

#[derive(Debug, thiserror::Error)]
pub enum RedisError {
    #[error("there is no redis-server on this machine; install it (Debian: apt install redis-server)")]
    Missing,
    #[error("Redis: {0}")]
    Failed(String),
}

impl RedisError {
    fn failed(doing: &str, why: impl fmt::Display) -> Self {
        Self::Failed(format!("cannot {doing}: {why}"))
    }
}

/// The program, where it is on this machine; downloads nothing.
pub fn find_redis(search_path: &OsStr) -> Result<PathBuf, RedisError> {
    find_in_path("redis-server", search_path)
        .or_else(|| Some(PathBuf::from(DEBIAN)).filter(|path| Path::is_file(path)))
        .ok_or(RedisError::Missing)
}
