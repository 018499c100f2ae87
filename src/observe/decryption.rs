//! After everything has settled: has every node decrypt every ciphertext that was ever acknowledged, and journals what came
//! back, by digest.

use crate::cluster::Node;
use crate::load::{Ciphertext, LoadEngine, TransitMount};
use crate::model::{Event, NodeId};
use crate::record::Journal;
use crate::vault::{Wire, request};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const BATCH: usize = 100;
const DEADLINE: Duration = Duration::from_secs(10);
/// A standby hears of a new version of the key a little later; what is refused is asked again so often, so far apart.
const AGAIN: u32 = 6;
const AGAIN_AFTER: Duration = Duration::from_millis(500);
/// Of the server's words; they name causes, and no text is worth more.
const REASON_MAX: usize = 200;

/// `wires` are those of the nodes, in their order; `token` may decrypt.
pub async fn decrypt_everywhere(
    nodes: &[Node],
    wires: &[Arc<Wire>],
    mount: &TransitMount,
    engine: &LoadEngine,
    token: &str,
    journal: &Journal,
) {
    let ciphertexts = engine.ciphertexts.all();
    let of_node = nodes.iter().zip(wires).map(|(node, wire)| {
        let asking = Asking { node: &node.id, wire, mount, engine, token, journal };
        let ciphertexts = ciphertexts.clone();
        async move { asking.decrypt(ciphertexts).await }
    });
    futures_util::future::join_all(of_node).await;
}

struct Asking<'a> {
    node: &'a NodeId,
    wire: &'a Wire,
    mount: &'a TransitMount,
    engine: &'a LoadEngine,
    token: &'a str,
    journal: &'a Journal,
}

/// What a node said of a batch; what it said nothing of is in neither.
#[derive(Default)]
struct Said {
    plaintexts: Vec<(u32, String)>,
    refused: BTreeMap<u32, String>,
}

#[derive(Deserialize)]
struct Body {
    data: Results,
}

#[derive(Deserialize)]
struct Results {
    batch_results: Vec<Opened>,
}

#[derive(Deserialize)]
struct Opened {
    #[serde(default)]
    plaintext: String,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Refused {
    errors: Vec<String>,
}

impl Asking<'_> {
    async fn decrypt(&self, mut left: Vec<Arc<Ciphertext>>) {
        let node = self.node;
        let mut refused = BTreeMap::new();
        for attempt in 0..=AGAIN {
            if attempt > 0 {
                tokio::time::sleep(AGAIN_AFTER).await;
            }
            let mut opened = Vec::new();
            for batch in left.chunks(BATCH) {
                let Some(said) = self.ask(batch).await else { break };
                opened.extend(said.plaintexts.iter().map(|(number, _)| *number));
                refused.extend(said.refused);
                if !said.plaintexts.is_empty() {
                    self.journal.write(Event::Decrypted { node: node.clone(), plaintexts: said.plaintexts });
                }
            }
            opened.sort_unstable();
            left.retain(|ciphertext| opened.binary_search(&ciphertext.number).is_err());
            if left.is_empty() {
                break;
            }
        }
        // What it refused once and decrypted later had only not arrived.
        refused.retain(|number, _| left.iter().any(|ciphertext| ciphertext.number == *number));
        let unanswered = (left.len() - refused.len()) as u32;
        if !refused.is_empty() {
            let refused = refused.into_iter().collect();
            self.journal.write(Event::DecryptionRefused { node: node.clone(), refused });
        }
        let key_version = self.key_version().await;
        self.journal.write(Event::DecryptionDone { node: node.clone(), unanswered, key_version });
    }

    /// `None` without a clear answer.
    async fn ask(&self, batch: &[Arc<Ciphertext>]) -> Option<Said> {
        let input: Vec<_> = batch.iter().map(|one| json!({ "ciphertext": one.text })).collect();
        let body = json!({ "batch_input": input }).to_string();
        let asked = request("POST", &self.mount.path_to("decrypt"), Some(self.token), body.into());
        let answer = self.wire.send(asked, DEADLINE).await.ok()?;
        if !matches!(answer.status, 200 | 400 | 403 | 404) {
            return None;
        }
        let mut said = Said::default();
        // With one that it refuses the server answers 400 for all, and still tells of each.
        if let Ok(Body { data }) = serde_json::from_slice::<Body>(&answer.body) {
            if data.batch_results.len() != batch.len() {
                return None;
            }
            for (ciphertext, opened) in batch.iter().zip(data.batch_results) {
                let number = ciphertext.number;
                match opened.error.filter(|error| !error.is_empty()) {
                    Some(error) => _ = said.refused.insert(number, short(&error)),
                    None => {
                        let digest = self.engine.keys.digest_of_base64(&opened.plaintext)?;
                        said.plaintexts.push((number, digest));
                    }
                }
            }
            return Some(said);
        }
        let Refused { errors } = serde_json::from_slice(&answer.body).ok()?;
        let reason = short(&format!("status {}: {}", answer.status, errors.join("; ")));
        said.refused = batch.iter().map(|one| (one.number, reason.clone())).collect();
        Some(said)
    }

    /// The newest version of the key that the node knows, once it is as new as what was acknowledged, or at last.
    async fn key_version(&self) -> Option<u64> {
        #[derive(Deserialize)]
        struct Body {
            data: Key,
        }
        #[derive(Deserialize)]
        struct Key {
            latest_version: u64,
        }
        let mut known = None;
        for attempt in 0..=AGAIN {
            if attempt > 0 {
                tokio::time::sleep(AGAIN_AFTER).await;
            }
            let asked = request("GET", &self.mount.key_path(), Some(self.token), Bytes::new());
            let Ok(answer) = self.wire.send(asked, DEADLINE).await else { continue };
            let body = serde_json::from_slice::<Body>(&answer.body).ok().filter(|_| answer.status == 200);
            known = body.map(|body| body.data.latest_version).or(known);
            if known >= Some(self.engine.ciphertexts.key_version()) {
                break;
            }
        }
        known
    }
}

fn short(reason: &str) -> String {
    reason.chars().take(REASON_MAX).collect()
}
