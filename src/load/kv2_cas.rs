//! `kv2.cas`: a check-and-set write on the version this client knows to be the newest. Each key is used by one
//! operation at a time, so that a conflict is never of our own making.

use super::keyspace::Keyspace;
use super::kv2_write::write;
use super::outcome::{Done, of_failure, of_status};
use super::work::Work;
use crate::model::{ErrorKind, Outcome};
use crate::vault::{Wire, request};
use async_trait::async_trait;
use bytes::Bytes;
use serde::Deserialize;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub struct Kv2Cas {
    keys: Arc<Keyspace>,
    slots: Vec<Mutex<Slot>>,
}

#[derive(Clone, Copy)]
struct Slot {
    busy: bool,
    /// `None` after an unknown outcome: the next operation looks first.
    version: Option<u64>,
}

impl Kv2Cas {
    /// `seeded` is the version that every key has at the start.
    pub fn new(keys: Arc<Keyspace>, seeded: u64) -> Self {
        let slots = keys.cas().map(|_| Mutex::new(Slot { busy: false, version: Some(seeded) })).collect();
        Self { keys, slots }
    }

    fn claim(&self, draw: u64) -> Option<(usize, Option<u64>)> {
        let first = (draw % self.slots.len() as u64) as usize;
        (0..self.slots.len()).map(|step| (first + step) % self.slots.len()).find_map(|index| {
            let mut slot = self.slots[index].lock().unwrap();
            let free = !slot.busy;
            slot.busy = true;
            free.then_some((index, slot.version))
        })
    }

    async fn current_version(&self, wire: &Wire, key: u32, deadline: Duration) -> Result<u64, Done> {
        #[derive(Deserialize)]
        struct Body {
            data: Metadata,
        }
        #[derive(Deserialize)]
        struct Metadata {
            current_version: u64,
        }
        let asked =
            request("GET", &self.keys.metadata_path(key), Some(&self.keys.tenant(key).token), Bytes::new());
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
}

#[async_trait]
impl Work for Kv2Cas {
    async fn run(&self, wire: &Wire, draw: u64, deadline: Duration) -> Done {
        let Some((index, known)) = self.claim(draw) else {
            // More in flight than keys: the plan keeps this from happening within the deadline.
            return Done::new(Outcome::Failed, Some(ErrorKind::NoNode));
        };
        let key = self.keys.cas().start + index as u32;
        let began = Instant::now();
        let done = match known {
            Some(version) => write(&self.keys, wire, key, Some(version), deadline).await,
            None => match self.current_version(wire, key, deadline).await {
                Ok(version) => {
                    let left = deadline.saturating_sub(began.elapsed());
                    write(&self.keys, wire, key, Some(version), left).await
                }
                Err(done) => done.with_key(key),
            },
        };
        let done = match done {
            Done { outcome: Outcome::Failed, status: Some(400), .. } => {
                Done { error: Some(ErrorKind::CasConflict), ..done }
            }
            done => done,
        };
        let version = match (done.outcome, done.error) {
            (Outcome::Ok, _) => done.version,
            // Certainly without effect: what was known still holds.
            (Outcome::Failed, error) if error != Some(ErrorKind::CasConflict) => known,
            _ => None,
        };
        *self.slots[index].lock().unwrap() = Slot { busy: false, version };
        done
    }
}
