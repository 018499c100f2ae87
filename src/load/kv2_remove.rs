//! `kv2.delete` soft-deletes whatever version is the newest then, `kv2.undelete` brings the one that was newest
//! before it was sent back, `kv2.destroy` destroys that one for ever.

use super::keyspace::Keyspace;
use super::kv2_cas::current_version;
use super::outcome::{Done, concluded};
use super::work::Work;
use crate::model::Workload;
use crate::vault::{Wire, request};
use async_trait::async_trait;
use bytes::Bytes;
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub struct Kv2Remove {
    pub keys: Arc<Keyspace>,
    /// Which of the three.
    pub how: Workload,
}

#[async_trait]
impl Work for Kv2Remove {
    async fn run(&self, wire: &Wire, draw: u64, deadline: Duration) -> Option<Done> {
        let key = (draw % u64::from(self.keys.shared().end)) as u32;
        let token = Some(self.keys.writer_token(key));
        if self.how == Workload::Kv2Delete {
            let asked = request("DELETE", &self.keys.data_path(key), token, Bytes::new());
            let answer = wire.send(asked, deadline).await;
            return Some(concluded(answer).with_key(key));
        }
        let began = Instant::now();
        let version = match current_version(&self.keys, wire, key, deadline).await {
            Ok(version) => version,
            Err(done) => return Some(done.with_key(key)),
        };
        let path = match self.how {
            Workload::Kv2Destroy => self.keys.destroy_path(key),
            _ => self.keys.undelete_path(key),
        };
        let body = json!({ "versions": [version] });
        let asked = request("POST", &path, token, body.to_string().into());
        let answer = wire.send(asked, deadline.saturating_sub(began.elapsed())).await;
        Some(Done { version: Some(version), ..concluded(answer).with_key(key) })
    }
}
