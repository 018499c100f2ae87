//! What the proxies of one run share: the real nodes behind them, and what has passed through so far.

use crate::asked::{Asked, Kind};
use hyper::HeaderMap;
use hyper::header::{CONNECTION, CONTENT_LENGTH, DATE, TRANSFER_ENCODING};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};
use vaultquake::cluster::{Node, Signal};
use vaultquake::vault::{RawAnswer, Wire};

/// No answer: the connection is closed.
pub type Answer = Option<RawAnswer>;

/// Longer than any client of ours waits.
const WITHIN: Duration = Duration::from_secs(30);
/// Reads that are kept of each secret; many more than a run makes.
const KEPT_MAX: usize = 2_000;

pub struct Lab {
    wires: Vec<Wire>,
    /// Known from the beginning where the cluster was there before, else from its initialisation.
    operator_token: OnceLock<String>,
    /// Whether it is the cluster into which a snapshot is restored.
    is_restored: bool,
    leader: AtomicUsize,
    /// Who led first.
    first_leader: OnceLock<usize>,
    /// Bugs show from the load's first read on: what comes before is setting up.
    armed: AtomicBool,
    turns: AtomicU64,
    /// Whether a node was paused, and whether a leader was killed after that.
    paused: AtomicBool,
    lost_its_leader: AtomicBool,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// By path of the secret: answers to reads of it, oldest first.
    reads: HashMap<String, Vec<(Instant, RawAnswer)>>,
    /// By path: the newest version that was acknowledged.
    newest: HashMap<String, u64>,
    /// Moments that a bug wants to remember, and answers.
    moments: HashMap<String, Instant>,
    kept: HashMap<String, RawAnswer>,
    /// What was written last.
    last_value: Option<String>,
    /// By path: the value of a write that was refused, with what it expected.
    refused: HashMap<String, (Value, u64)>,
}

impl Lab {
    pub fn new(nodes: &[Node]) -> Result<Self, rustls::Error> {
        let wires = nodes.iter().map(|node| Wire::new(&node.endpoint));
        Ok(Self {
            wires: wires.collect::<Result<_, _>>()?,
            operator_token: OnceLock::new(),
            is_restored: false,
            leader: AtomicUsize::new(0),
            first_leader: OnceLock::new(),
            armed: AtomicBool::new(false),
            turns: AtomicU64::new(0),
            paused: AtomicBool::new(false),
            lost_its_leader: AtomicBool::new(false),
            seen: Mutex::default(),
        })
    }

    pub fn of_operator(self, token: &str) -> Self {
        Self { operator_token: OnceLock::from(token.to_owned()), ..self }
    }

    /// Of the cluster into which a snapshot of another is restored: no load comes to it.
    pub fn restored(self) -> Self {
        Self { is_restored: true, armed: AtomicBool::new(true), ..self }
    }

    pub fn is_restored(&self) -> bool {
        self.is_restored
    }

    /// Empty before there is one.
    pub fn operator_token(&self) -> String {
        self.operator_token.get().cloned().unwrap_or_default()
    }

    /// Whether this node was the leader before anything was done to it.
    pub fn led_first(&self, node: usize) -> bool {
        self.first_leader.get() == Some(&node)
    }

    pub fn nodes(&self) -> usize {
        self.wires.len()
    }

    pub fn is_armed(&self) -> bool {
        self.armed.load(Ordering::Relaxed)
    }

    pub fn leader(&self) -> usize {
        self.leader.load(Ordering::Relaxed)
    }

    /// Before it is given to the node.
    pub fn note_signal(&self, node: Option<usize>, signal: Signal) {
        match signal {
            Signal::Pause => self.paused.store(true, Ordering::Relaxed),
            Signal::Kill if self.paused.load(Ordering::Relaxed) && node == Some(self.leader()) => {
                self.lost_its_leader.store(true, Ordering::Relaxed);
            }
            _ => {}
        }
    }

    pub fn was_paused_then_lost_its_leader(&self) -> bool {
        self.lost_its_leader.load(Ordering::Relaxed)
    }

    /// A standby, the same as long as the leader is.
    pub fn culprit(&self) -> usize {
        (self.leader() + 1) % self.wires.len()
    }

    /// True for one in `n` of all times that it is asked, in no rhythm, and the same in every run.
    pub fn one_in(&self, n: u64) -> bool {
        (self.turn().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33).is_multiple_of(n)
    }

    pub fn turn(&self) -> u64 {
        self.turns.fetch_add(1, Ordering::Relaxed)
    }

    pub async fn forward(&self, asked: &Asked) -> Answer {
        self.forward_to(asked.node, asked).await
    }

    /// What the real node answers.
    pub async fn forward_to(&self, node: usize, asked: &Asked) -> Answer {
        let mut answer = self.wires[node].send(asked.request(), WITHIN).await.ok()?;
        for name in [CONNECTION, CONTENT_LENGTH, DATE, TRANSFER_ENCODING] {
            answer.headers.remove(name);
        }
        self.note(node, asked, &answer);
        Some(answer)
    }

    fn note(&self, node: usize, asked: &Asked, answer: &RawAnswer) {
        let mut seen = self.seen.lock().unwrap();
        match asked.kind {
            Kind::Leader if body(answer)["is_self"] == true => {
                self.leader.store(node, Ordering::Relaxed);
                self.first_leader.get_or_init(|| node);
            }
            Kind::Other if asked.path == "sys/init" => {
                if let Some(token) = body(answer)["root_token"].as_str() {
                    self.operator_token.get_or_init(|| token.to_owned());
                }
            }
            Kind::Read => {
                self.armed.store(true, Ordering::Relaxed);
                let reads = seen.reads.entry(asked.path.clone()).or_default();
                if answer.status == 200 && reads.len() < KEPT_MAX {
                    reads.push((Instant::now(), answer.clone()));
                }
            }
            Kind::Write | Kind::Cas if answer.status == 200 => {
                let version = body(answer)["data"]["version"].as_u64().unwrap_or(0);
                seen.last_value = asked.json()["data"]["api_secret"].as_str().map(str::to_owned);
                let newest = seen.newest.entry(asked.path.clone()).or_default();
                *newest = version.max(*newest);
            }
            Kind::Cas if answer.status == 400 => {
                let asked_for = asked.json();
                let expected = asked_for["options"]["cas"].as_u64().unwrap_or(0);
                seen.refused.insert(asked.path.clone(), (asked_for["data"].clone(), expected));
            }
            _ => {}
        }
    }

    /// What a read of this secret was answered, the newest that is at least `age` old.
    pub fn read_before(&self, path: &str, age: Duration) -> Answer {
        let seen = self.seen.lock().unwrap();
        let reads = seen.reads.get(path)?;
        reads.iter().rev().find(|(at, _)| at.elapsed() >= age).map(|(_, answer)| answer.clone())
    }

    pub fn newest(&self, path: &str) -> u64 {
        self.seen.lock().unwrap().newest.get(path).copied().unwrap_or(0)
    }

    /// Counts on, as a server would that stores by itself.
    pub fn next_version(&self, path: &str) -> u64 {
        let mut seen = self.seen.lock().unwrap();
        let newest = seen.newest.entry(path.to_owned()).or_default();
        *newest += 1;
        *newest
    }

    pub fn last_value(&self) -> Option<String> {
        self.seen.lock().unwrap().last_value.clone()
    }

    pub fn refused(&self, path: &str) -> Option<(Value, u64)> {
        self.seen.lock().unwrap().refused.get(path).cloned()
    }

    /// How long ago this was asked for the first time; then zero.
    pub fn since(&self, what: &str) -> Duration {
        self.seen.lock().unwrap().moments.entry(what.to_owned()).or_insert_with(Instant::now).elapsed()
    }

    /// Whether nobody has asked before; not to be mixed with `since` of the same.
    pub fn is_first(&self, what: &str) -> bool {
        self.seen.lock().unwrap().moments.insert(what.to_owned(), Instant::now()).is_none()
    }

    pub fn keep(&self, what: &str, answer: &RawAnswer) {
        self.seen.lock().unwrap().kept.insert(what.to_owned(), answer.clone());
    }

    pub fn kept(&self, what: &str) -> Answer {
        self.seen.lock().unwrap().kept.get(what).cloned()
    }
}

pub fn body(answer: &RawAnswer) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_default()
}

pub fn told(status: u16, body: Value) -> RawAnswer {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", "application/json".parse().expect("it is a word"));
    RawAnswer { status, headers, body: body.to_string().into() }
}

/// The same answer with its body changed.
pub fn changed(answer: &RawAnswer, change: impl FnOnce(&mut Value)) -> RawAnswer {
    let mut text = body(answer);
    change(&mut text);
    RawAnswer { body: text.to_string().into(), ..answer.clone() }
}

/// As the server acknowledges a write.
pub fn stored(version: u64) -> RawAnswer {
    let data = json!({ "version": version, "created_time": "2026-01-01T00:00:00Z", "deletion_time": "",
        "destroyed": false, "custom_metadata": null });
    static REQUESTS: AtomicU64 = AtomicU64::new(0);
    let request = REQUESTS.fetch_add(1, Ordering::Relaxed);
    // In the order that the server keeps.
    let body = format!(r#"{{"request_id":"00000000-0000-4000-8000-{request:012}","data":{data}}}"#);
    RawAnswer { body: body.into(), ..told(200, json!({})) }
}

pub fn no_content() -> RawAnswer {
    RawAnswer { status: 204, headers: HeaderMap::new(), body: Default::default() }
}

pub fn refused(status: u16, why: &str) -> RawAnswer {
    told(status, json!({ "errors": [why] }))
}
