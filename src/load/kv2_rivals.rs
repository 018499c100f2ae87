//! `kv2.cas` on keys that all loads share: each looks up the newest version and writes with check-and-set on it.
//! Several may do so at once, and of those that saw the same version one at most may win.

use super::keyspace::Keyspace;
use super::kv2_cas::current_version;
use super::kv2_write::write;
use super::outcome::Done;
use super::work::Work;
use crate::vault::Wire;
use async_trait::async_trait;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub struct Kv2Rivals {
    pub keys: Arc<Keyspace>,
}

#[async_trait]
impl Work for Kv2Rivals {
    async fn run(&self, wire: &Wire, draw: u64, deadline: Duration) -> Option<Done> {
        let key = (draw % u64::from(self.keys.shared().end)) as u32;
        let began = Instant::now();
        Some(match current_version(&self.keys, wire, key, deadline).await {
            Ok(version) => {
                let left = deadline.saturating_sub(began.elapsed());
                write(&self.keys, wire, key, Some(version), left).await
            }
            Err(done) => done.with_key(key),
        })
    }
}
