//! `lose`: nodes are gone for good, with all that they had stored. Healed as an operator would: nodes with nothing in
//! their stores take the places of those that are lost. Where no majority is left, who is left is first told by the
//! server's own recovery file that nobody else is a peer any more.

use super::node_by_node::{NodeByNode, NodeFault};
use super::{Applied, EVERY, Fault, FaultContext, FaultError, Injected};
use crate::bootstrap::{join, unseal};
use crate::cluster::{Ability, Node, Signal, StorePlace};
use crate::model::{NodeId, Role};
use crate::vault::{Client, wait_until};
use async_trait::async_trait;
use futures_util::future::try_join_all;
use std::time::{Duration, Instant};

pub struct Lose;

/// Two rounds of an election at the server's default timing, and some more; a node that comes back waits longer for its
/// first.
const LEADS_WITHIN: Duration = Duration::from_secs(90);
const REMOVED_WITHIN: Duration = Duration::from_secs(30);
const ASK_EVERY: Duration = Duration::from_millis(100);

const ABILITIES: [Ability; 6] =
    [Ability::Kill, Ability::Stop, Ability::Start, Ability::Unseal, Ability::Operate, Ability::Wipe];

#[async_trait]
impl Fault for Lose {
    fn needs(&self) -> Vec<Ability> {
        ABILITIES.to_vec()
    }

    async fn inject(&self, context: &FaultContext, id: &str, nodes: &[NodeId]) -> Injected {
        if nodes.len() >= context.cluster.nodes().len() {
            let why = "nobody would be left to take others in";
            return Injected { hit: Vec::new(), applied: Err(why.to_owned()) };
        }
        NodeByNode(OneLost).inject(context, id, nodes).await
    }

    async fn heal(&self, context: &FaultContext, _id: &str, nodes: &[NodeId]) -> Result<String, FaultError> {
        let began = Instant::now();
        let all = context.cluster.nodes();
        let (lost, left): (Vec<&Node>, Vec<&Node>) = all.iter().partition(|node| nodes.contains(&node.id));
        let mut evidence = Vec::new();
        if left.len() <= all.len() / 2 {
            evidence.push(recover(context, &left).await?);
        }
        let leader = leader_among(context, &left).await?;
        let operator = context.client(&leader.id)?.with_token(&context.access.root_token);
        for node in &lost {
            evidence.push(remove_peer(&operator, &node.id).await?);
        }
        // Each for itself, as a cluster is formed.
        let joins = lost.iter().map(|node| replace(context, node, leader, &operator));
        evidence.extend(try_join_all(joins).await?);
        evidence.push(format!("whole again {} ms after the repair began", began.elapsed().as_millis()));
        Ok(evidence.join("; "))
    }
}

/// What is done to each of them.
struct OneLost;

#[async_trait]
impl NodeFault for OneLost {
    fn needs(&self) -> &'static [Ability] {
        &ABILITIES
    }

    async fn inject(&self, context: &FaultContext, node: &NodeId) -> Result<Applied, FaultError> {
        let store = context.store(node)?;
        let killed = context.signal(node, Signal::Kill).await?;
        let failed = |error| FaultError::Failed(format!("cannot wipe the store of {node}: {error}"));
        let had = store.wipe().await.map_err(failed)?;
        let left = store.held().await.map_err(failed)?;
        if had.files == 0 || left.files > 0 {
            let why =
                format!("the store of {node} had {} files and has {} after the wipe", had.files, left.files);
            return Err(FaultError::Failed(why));
        }
        let evidence =
            format!("{}; its store, {} files of {} bytes, is empty", killed.evidence, had.files, had.bytes);
        Ok(Applied { at_ms: killed.at_ms, evidence: format!("{node}: {evidence}") })
    }
}

/// Brings back who is left of a cluster that has no majority: stopped, told who is left, started and unsealed.
async fn recover(context: &FaultContext, left: &[&Node]) -> Result<String, FaultError> {
    let began = Instant::now();
    let places = left.iter().map(|node| context.store(&node.id)).collect::<Result<Vec<_>, _>>()?;
    for node in left {
        context.cluster.signal(&node.id, Signal::Stop).await?;
    }
    for place in &places {
        place.write_recovery_file(&places).map_err(|error| {
            FaultError::Failed(format!("cannot write {}: {error}", place.recovery_file().display()))
        })?;
    }
    for node in left {
        context.cluster.start(&node.id).await?;
        unseal(&context.client(&node.id)?, &context.access, super::BACK_WITHIN).await?;
    }
    let leader = leader_among(context, left).await?;
    // The server takes the file away when it has done what it says.
    if let Some(place) = places.iter().find(|place| place.recovery_file().exists()) {
        return Err(FaultError::Failed(format!("{} did not take its recovery file", place.node)));
    }
    let operator = context.client(&leader.id)?.with_token(&context.access.root_token);
    let peers = peers(&operator).await.map_err(FaultError::Failed)?;
    let names: Vec<_> = peers.iter().map(String::as_str).collect();
    if peers.len() != left.len() || !left.iter().all(|node| names.contains(&node.id.as_str())) {
        let why = format!("after the recovery the cluster's servers are {}", names.join(", "));
        return Err(FaultError::Failed(why));
    }
    let (leader, names, took_ms) = (&leader.id, names.join(" and "), began.elapsed().as_millis());
    Ok(format!("{leader} leads {took_ms} ms after the recovery began, with {names} as the cluster's servers"))
}

/// The node of them that leads, seen from now on.
async fn leader_among<'n>(context: &FaultContext, nodes: &[&'n Node]) -> Result<&'n Node, FaultError> {
    let leader = wait_until("a node that is left leads", LEADS_WITHIN, EVERY, || {
        let leads = |node: &&&Node| {
            let index = context.view.index_of(&node.id);
            index.is_some_and(|index| context.view.role(index) == Role::Active)
        };
        std::future::ready(nodes.iter().find(leads).copied().ok_or_else(|| "none does".to_owned()))
    });
    Ok(leader.await?)
}

/// The ids of the cluster's servers.
async fn peers(operator: &Client) -> Result<Vec<String>, String> {
    let answer = operator.get("sys/storage/raft/configuration").await.map_err(|error| error.to_string())?;
    let servers = answer.body["data"]["config"]["servers"].as_array();
    let servers = servers.ok_or_else(|| format!("status {}: {}", answer.status, answer.errors()))?;
    let ids = servers.iter().filter_map(|server| server["node_id"].as_str());
    Ok(ids.map(str::to_owned).collect())
}

async fn remove_peer(operator: &Client, node: &NodeId) -> Result<String, FaultError> {
    let began = Instant::now();
    let what = format!("{node} is no server of the cluster any more");
    wait_until(&what, REMOVED_WITHIN, ASK_EVERY, || async {
        if !peers(operator).await?.iter().any(|peer| peer == node.as_str()) {
            return Ok(());
        }
        let body = serde_json::json!({ "server_id": node });
        match operator.post("sys/storage/raft/remove-peer", body).await {
            Ok(_) => Err("it was asked to go just now".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    })
    .await?;
    Ok(format!("{what} after {} ms", began.elapsed().as_millis()))
}

/// Starts a node with nothing in its store, lets it join, and waits until it has what the others have.
async fn replace(
    context: &FaultContext,
    node: &Node,
    leader: &Node,
    operator: &Client,
) -> Result<String, FaultError> {
    let began = Instant::now();
    let id = &node.id;
    let started = context.cluster.start(id).await?;
    let status = context.client(id)?.get("sys/seal-status").await?;
    if status.body["initialized"] != false {
        return Err(FaultError::Failed(format!(
            "{id} was to begin with nothing, and is initialised already"
        )));
    }
    let ca_text = match context.cluster.ca_file() {
        None => None,
        Some(path) => Some(
            std::fs::read_to_string(path)
                .map_err(|error| FaultError::Failed(format!("cannot read {}: {error}", path.display())))?,
        ),
    };
    let (_, asked, voter) =
        join(node, &leader.endpoint.url, ca_text.as_deref(), &context.access, operator).await?;
    let joined_ms = (voter - asked).as_millis();
    let serves = context.serves_again(id).await?;
    let took_ms = began.elapsed().as_millis();
    Ok(format!(
        "{id}: {started} with nothing in its store; a voter {joined_ms} ms after it asked to join; {serves} ({took_ms} ms in all)"
    ))
}

impl FaultContext {
    fn store(&self, node: &NodeId) -> Result<StorePlace, FaultError> {
        let store = self.cluster.store(node);
        store.ok_or_else(|| FaultError::NotApplicable(format!("the store of {node} is not ours")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::testing::{context, keep_seeing};
    use crate::vault::testing::Scripted;
    use serde_json::{Value, json};
    use std::path::PathBuf;
    use std::sync::{Arc, Mutex};

    /// What three scripted nodes know of each other.
    #[derive(Default)]
    struct Story {
        peers: Vec<&'static str>,
        /// Nodes that come back with what they had.
        initialised: bool,
        /// The recovery file, which a survivor takes when it is unsealed.
        takes: Option<PathBuf>,
        removed: Vec<String>,
    }

    async fn node(id: &'static str, story: &Arc<Mutex<Story>>) -> Scripted {
        let story = story.clone();
        Scripted::start(move |what, body: &Value| {
            let mut story = story.lock().unwrap();
            Some((200, match what {
                "GET sys/storage/raft/configuration" => {
                    let server = |id: &&str| json!({ "node_id": id, "voter": true });
                    json!({ "data": { "config": { "servers": story.peers.iter().map(server).collect::<Vec<_>>() } } })
                }
                "POST sys/storage/raft/remove-peer" => {
                    let id = body["server_id"].as_str().unwrap_or_default().to_owned();
                    story.peers.retain(|peer| *peer != id);
                    story.removed.push(id);
                    json!({})
                }
                "POST sys/storage/raft/join" => {
                    story.peers.push(id);
                    json!({})
                }
                "PUT sys/unseal" => {
                    if let Some(file) = story.takes.take_if(|_| id == "n1") {
                        std::fs::remove_file(file).unwrap();
                        story.peers = vec!["n1"];
                    }
                    json!({ "sealed": false })
                }
                "GET sys/seal-status" => json!({ "sealed": false, "initialized": story.initialised }),
                _ => json!({ "raft_committed_index": 7, "raft_applied_index": 7 }),
            }))
        })
        .await
    }

    struct Ground {
        context: Arc<FaultContext>,
        story: Arc<Mutex<Story>>,
        _nodes: [Scripted; 3],
        folder: tempfile::TempDir,
    }

    /// Three nodes with something in their stores, of which n1 leads.
    async fn ground() -> Ground {
        let story = Arc::new(Mutex::new(Story { peers: vec!["n1", "n2", "n3"], ..Story::default() }));
        let nodes = [node("n1", &story).await, node("n2", &story).await, node("n3", &story).await];
        let (context, folder) = context(&[&nodes[0], &nodes[1], &nodes[2]], Some(Ok("started".into())));
        keep_seeing(&context, 0, Role::Active);
        keep_seeing(&context, 1, Role::Standby);
        keep_seeing(&context, 2, Role::Standby);
        for id in ["n1", "n2", "n3"] {
            let raft = context.store(&NodeId::new(id)).unwrap().data.join("raft");
            std::fs::create_dir_all(&raft).unwrap();
            std::fs::write(raft.join("raft.db"), "12345").unwrap();
        }
        Ground { context, story, _nodes: nodes, folder }
    }

    fn ids(ids: &[&str]) -> Vec<NodeId> {
        ids.iter().copied().map(NodeId::new).collect()
    }

    #[tokio::test]
    async fn a_lost_node_has_nothing_and_one_that_had_nothing_was_not_lost() {
        let ground = ground().await;
        let lost = Lose.inject(&ground.context, "f1", &ids(&["n2"])).await;
        let evidence = lost.applied.map_err(|why| panic!("{why}")).unwrap().evidence;
        assert_eq!(evidence, "n2: Kill done; its store, 1 files of 5 bytes, is empty");
        let all = Lose.inject(&ground.context, "f0", &ids(&["n1", "n2", "n3"])).await;
        assert!(all.hit.is_empty() && all.applied.err().unwrap().starts_with("nobody would be left"));
        let again = Lose.inject(&ground.context, "f2", &ids(&["n2"])).await;
        assert_eq!(again.applied.err().unwrap(), "the store of n2 had 0 files and has 0 after the wipe");
        std::fs::remove_dir_all(ground.folder.path().join("stores/n3")).unwrap();
        let unknown = Lose.inject(&ground.context, "f3", &ids(&["n3"])).await;
        assert!(unknown.applied.err().unwrap().contains("cannot wipe the store of n3"));
    }

    #[tokio::test]
    async fn an_empty_node_takes_the_place_of_the_lost_one() {
        let ground = ground().await;
        let healed = Lose.heal(&ground.context, "f1", &ids(&["n2"])).await.unwrap();
        assert!(healed.contains("n2 is no server of the cluster any more"), "{healed}");
        assert!(healed.contains("started with nothing in its store; a voter"), "{healed}");
        assert!(healed.contains("caught up with index 7"), "{healed}");
        let story = ground.story.lock().unwrap();
        assert_eq!(
            (story.removed.as_slice(), story.peers.as_slice()),
            (&["n2".to_owned()][..], &["n1", "n3", "n2"][..])
        );
    }

    #[tokio::test]
    async fn a_node_that_comes_back_with_what_it_had_replaces_nobody() {
        let ground = ground().await;
        ground.story.lock().unwrap().initialised = true;
        let error = Lose.heal(&ground.context, "f1", &ids(&["n2"])).await.unwrap_err().to_string();
        assert_eq!(error, "n2 was to begin with nothing, and is initialised already");
    }

    #[tokio::test]
    async fn the_last_one_is_told_that_it_is_alone_before_others_join() {
        let ground = ground().await;
        let file = ground.context.store(&NodeId::new("n1")).unwrap().recovery_file();
        let told = file.clone();
        ground.story.lock().unwrap().takes = Some(file.clone());
        let healed = Lose.heal(&ground.context, "f1", &ids(&["n2", "n3"])).await.unwrap();
        assert!(healed.starts_with("n1 leads "), "{healed}");
        assert!(healed.contains("with n1 as the cluster's servers"), "{healed}");
        let story = ground.story.lock().unwrap();
        assert!(!told.exists() && story.removed.is_empty(), "nobody is left to be removed");
        assert_eq!(story.peers.len(), 3);
    }

    #[tokio::test]
    async fn a_recovery_file_that_is_not_taken_recovers_nothing() {
        let ground = ground().await;
        let error = Lose.heal(&ground.context, "f1", &ids(&["n2", "n3"])).await.unwrap_err().to_string();
        assert_eq!(error, "n1 did not take its recovery file");
    }
}
