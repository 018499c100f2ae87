//! A cluster for unit tests: its nodes are scripted servers, and its processes obey or not, as told.

use super::FaultContext;
use crate::cluster::{
    Ability, Access, Cluster, ClusterError, ClusterView, LinkSighting, Links, Node, Signal, StorePlace, Took,
};
use crate::model::{Edition, Entry, LinkMap, NodeId, Party, Role, Span};
use crate::record::Journal;
use crate::vault::testing::Scripted;
use async_trait::async_trait;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub struct Obedient {
    nodes: Vec<Node>,
    /// What `start` says; `None`: that it failed.
    pub starts: Option<Result<String, String>>,
    links: Option<Arc<ScriptedLinks>>,
    /// Holds a folder for each node's store, where a test puts one.
    stores: PathBuf,
}

/// A network in memory that obeys or not, as told.
#[derive(Default)]
pub struct ScriptedLinks {
    pub now: Mutex<LinkMap>,
    /// Every map that it was set to.
    pub asked: Mutex<Vec<LinkMap>>,
    /// Asked for so many maps, it no longer does what it is told.
    pub obeys: Option<usize>,
}

#[async_trait]
impl Links for ScriptedLinks {
    fn way(&self) -> &str {
        "a script"
    }

    async fn set(&self, map: &LinkMap) -> Result<Took, ClusterError> {
        let mut asked = self.asked.lock().unwrap();
        if self.obeys.is_none_or(|times| asked.len() < times) {
            self.now.lock().unwrap().clone_from(map);
        }
        asked.push(map.clone());
        Ok(Took { at: Instant::now(), evidence: "done".into() })
    }

    async fn probe(&self, from: &NodeId, to: &NodeId) -> Result<LinkSighting, ClusterError> {
        const SENT: u32 = 100;
        let of = self.now.lock().unwrap().between(&Party::Node(from.clone()), &Party::Node(to.clone()));
        let arrived = match of.cut {
            Some(_) => 0,
            None => (f64::from(SENT) * (1.0 - of.loss)) as u32,
        };
        Ok(LinkSighting { sent: SENT, arrived, delays_ms: vec![0.1 + of.delay.as_ms(); arrived as usize] })
    }
}

#[async_trait]
impl Cluster for Obedient {
    fn backend(&self) -> &'static str {
        "process"
    }

    fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    fn lacks(&self, _ability: Ability) -> Option<String> {
        None
    }

    async fn signal(&self, _node: &NodeId, signal: Signal) -> Result<Took, ClusterError> {
        Ok(Took { at: Instant::now(), evidence: format!("{signal:?} done") })
    }

    async fn replace(&self, node: &NodeId, _edition: Edition) -> Result<Took, ClusterError> {
        self.signal(node, Signal::Stop).await
    }

    async fn start(&self, node: &NodeId) -> Result<String, ClusterError> {
        match self.starts.clone() {
            Some(Ok(evidence)) => Ok(evidence),
            Some(Err(why)) => Err(ClusterError::NotApplicable(why)),
            None => Err(ClusterError::Failed(format!("{node} does not start"))),
        }
    }

    fn store(&self, node: &NodeId) -> Option<StorePlace> {
        let data = self.stores.join(node.as_str());
        Some(StorePlace { node: node.clone(), data, raft_addr: format!("{node}:1") })
    }

    fn links(&self) -> Option<&dyn Links> {
        self.links.as_deref().map(|links| links as &dyn Links)
    }

    fn pids(&self) -> Vec<u32> {
        Vec::new()
    }

    async fn shut_down(&self) {}
}

/// What faults act on, with one node for each server (`n1` is the first), and the folder of its journal.
pub fn context(
    servers: &[&Scripted],
    starts: Option<Result<String, String>>,
) -> (Arc<FaultContext>, tempfile::TempDir) {
    context_of(servers, starts, None)
}

/// The same with a network between the nodes.
pub fn networked(servers: &[&Scripted], links: Arc<ScriptedLinks>) -> (Arc<FaultContext>, tempfile::TempDir) {
    context_of(servers, None, Some(links))
}

fn context_of(
    servers: &[&Scripted],
    starts: Option<Result<String, String>>,
    links: Option<Arc<ScriptedLinks>>,
) -> (Arc<FaultContext>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let node = |(number, server): (u32, &&Scripted)| Node {
        id: NodeId(format!("n{number}")),
        endpoint: server.endpoint.clone(),
    };
    let nodes: Vec<_> = (1..).zip(servers).map(node).collect();
    let ids = nodes.iter().map(|node| node.id.clone()).collect();
    let context = FaultContext {
        cluster: Arc::new(Obedient { nodes, starts, links, stores: folder.path().join("stores") }),
        view: Arc::new(ClusterView::new(ids)),
        access: Arc::new(Access { unseal_keys: vec!["key".into()], threshold: 1, ..Access::default() }),
        journal: Journal::create(&folder.path().join("journal.jsonl"), Instant::now()).unwrap(),
        prefix: String::new(),
        approle_mount: "approle".into(),
        token_ttl: Span::from_secs(3600),
        database: None,
        kms: None,
        rekeyed: Default::default(),
        keep_keys: Box::new(|_| Ok(())),
        versions: None,
        background: Default::default(),
    };
    (Arc::new(context), folder)
}

/// What the journal in this folder holds.
pub fn journal(folder: &tempfile::TempDir) -> Vec<Entry> {
    let text = std::fs::read_to_string(folder.path().join("journal.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Looks at a node every 5 ms from now on, and always sees this.
pub fn keep_seeing(context: &Arc<FaultContext>, index: usize, role: Role) {
    let view = context.view.clone();
    view.saw(index, role);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(5)).await;
            view.saw(index, role);
        }
    });
}
