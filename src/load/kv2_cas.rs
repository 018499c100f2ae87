//! `kv2.cas`: a check-and-set write on the version this client knows to be the newest. Each key is used by one
//! operation at a time, whichever load it belongs to, so that a conflict is never of our own making.

use super::keyspace::Keyspace;
use super::kv2_write::write;
use super::outcome::{Done, of_failure, of_status};
use super::work::Work;
use crate::model::{ErrorKind, Outcome};
use crate::vault::{Wire, request};
use async_trait::async_trait;
use bytes::Bytes;
use serde::Deserialize;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub struct Kv2Cas {
    keys: Arc<Keyspace>,
    /// Longest unused first, so that no key gets more versions than the mount keeps.
    free: Mutex<VecDeque<Slot>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Slot {
    key: u32,
    /// `None` after an unknown outcome: the next operation looks first.
    version: Option<u64>,
}

impl Kv2Cas {
    /// `seeded` is the version that every key has at the start.
    pub fn new(keys: Arc<Keyspace>, seeded: u64) -> Self {
        let free = keys.cas().map(|key| Slot { key, version: Some(seeded) }).collect();
        Self { keys, free: Mutex::new(free) }
    }

    /// `None` when every key is in use.
    fn claim(&self) -> Option<Slot> {
        self.free.lock().unwrap().pop_front()
    }

    fn release(&self, slot: Slot) {
        self.free.lock().unwrap().push_back(slot);
    }
}

/// The newest version of a key, for a request that needs to know it first.
pub async fn current_version(
    keys: &Keyspace,
    wire: &Wire,
    key: u32,
    deadline: Duration,
) -> Result<u64, Done> {
    #[derive(Deserialize)]
    struct Body {
        data: Metadata,
    }
    #[derive(Deserialize)]
    struct Metadata {
        current_version: u64,
    }
    let asked = request("GET", &keys.metadata_path(key), Some(keys.writer_token(key)), Bytes::new());
    // Nothing was written yet, so whatever happens here is a failure and not unknown.
    let failed = |done: Done| Done { outcome: Outcome::Failed, ..done };
    let answer = wire.send(asked, deadline).await.map_err(|failure| failed(of_failure(failure)))?;
    let body = serde_json::from_slice::<Body>(&answer.body);
    match body {
        Ok(body) if answer.status == 200 => Ok(body.data.current_version),
        _ => {
            let done = of_status(&answer);
            Err(failed(Done { error: done.error.or(Some(ErrorKind::Malformed)), ..done }))
        }
    }
}

#[async_trait]
impl Work for Kv2Cas {
    async fn run(&self, wire: &Wire, _draw: u64, deadline: Duration) -> Option<Done> {
        let Slot { key, version: known } = self.claim()?;
        let began = Instant::now();
        let done = match known {
            Some(version) => write(&self.keys, wire, key, Some(version), deadline).await,
            None => match current_version(&self.keys, wire, key, deadline).await {
                Ok(version) => {
                    let left = deadline.saturating_sub(began.elapsed());
                    write(&self.keys, wire, key, Some(version), left).await
                }
                Err(done) => done.with_key(key),
            },
        };
        let version = match (done.outcome, done.error) {
            (Outcome::Ok, _) => done.version,
            // Certainly without effect: what was known still holds.
            (Outcome::Failed, error) if error != Some(ErrorKind::CasConflict) => known,
            _ => None,
        };
        self.release(Slot { key, version });
        Some(done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::TenantAccess;
    use crate::load::KeyspacePlan;
    use crate::vault::testing::Scripted;
    use serde_json::json;

    fn cas(keys: u32) -> Kv2Cas {
        let tenant = TenantAccess {
            tenant_id: "t1".into(),
            role_id: String::new(),
            secret_id: String::new(),
            token: String::new(),
        };
        let plan = KeyspacePlan { shared: 0, cas: keys };
        Kv2Cas::new(Arc::new(Keyspace::new(plan, "secret".into(), vec![tenant], "canary".into())), 1)
    }

    #[test]
    fn keys_are_used_in_turn_and_never_twice_at_once() {
        let cas = cas(3);
        let used: Vec<_> = (0..3).map(|_| cas.claim().unwrap()).collect();
        assert_eq!(used.iter().map(|slot| slot.key).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(cas.claim(), None);
        cas.release(used[1]);
        cas.release(used[0]);
        assert_eq!(cas.claim(), Some(used[1]));
    }

    #[tokio::test]
    async fn only_a_refusal_for_its_version_is_a_conflict() {
        for (text, error, known) in [
            ("check-and-set parameter did not match the current version", ErrorKind::CasConflict, None),
            ("upgrading from non-versioned to versioned data", ErrorKind::Status, Some(1)),
        ] {
            let server = Scripted::start(move |_, _| Some((400, json!({ "errors": [text] })))).await;
            let cas = cas(1);
            let wire = Wire::new(&server.endpoint).unwrap();
            let done = cas.run(&wire, 0, Duration::from_secs(5)).await.unwrap();
            assert_eq!((done.outcome, done.error), (Outcome::Failed, Some(error)));
            assert_eq!(cas.claim(), Some(Slot { key: 0, version: known }));
        }
    }
}
