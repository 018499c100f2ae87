//! `kv2.write`: a new version of a tenant's credential, with a value never used before.

use super::keyspace::Keyspace;
use super::outcome::{Done, malformed, of_failure, of_status};
use super::work::Work;
use crate::model::ErrorKind;
use crate::vault::{Wire, request};
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

pub struct Kv2Write {
    pub keys: Arc<Keyspace>,
    next: AtomicU32,
}

impl Kv2Write {
    pub fn new(keys: Arc<Keyspace>) -> Self {
        Self { keys, next: AtomicU32::new(0) }
    }
}

/// Writes `key`, with check-and-set on `cas` if given.
pub async fn write(keys: &Keyspace, wire: &Wire, key: u32, cas: Option<u64>, deadline: Duration) -> Done {
    #[derive(Deserialize)]
    struct Body {
        data: Stored,
    }
    #[derive(Deserialize)]
    struct Stored {
        version: u64,
    }
    let value = keys.fresh_value();
    let mut body = json!({ "data": { "api_key": format!("key-{key}"), "api_secret": value } });
    if let Some(version) = cas {
        body["options"] = json!({ "cas": version });
    }
    let asked = request("POST", &keys.data_path(key), Some(keys.writer_token(key)), body.to_string().into());
    let done = match wire.send(asked, deadline).await {
        Err(failure) => of_failure(failure),
        Ok(answer) => {
            let done = of_status(&answer);
            match (done.error, serde_json::from_slice::<Body>(&answer.body)) {
                // A 400 may have other reasons, such as a mount that is being upgraded.
                (Some(_), _) if cas.is_some() && answer.status == 400 && says_cas(&answer.body) => {
                    Done { error: Some(ErrorKind::CasConflict), ..done }
                }
                (None, Ok(body)) => Done { version: Some(body.data.version), ..done },
                (None, Err(_)) => malformed(done),
                _ => done,
            }
        }
    };
    Done { digest: Some(keys.digest(&value)), expected: cas, ..done.with_key(key) }
}

/// Whether the server's error text is about the check-and-set.
fn says_cas(body: &[u8]) -> bool {
    String::from_utf8_lossy(body).contains("check-and-set")
}

#[async_trait]
impl Work for Kv2Write {
    async fn run(&self, wire: &Wire, _draw: u64, deadline: Duration) -> Option<Done> {
        // In turn rather than at random: no key gets more versions than the mount keeps.
        let key = self.next.fetch_add(1, Ordering::Relaxed) % self.keys.shared().end;
        Some(write(&self.keys, wire, key, None, deadline).await)
    }
}
