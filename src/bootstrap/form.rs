//! Forms one raft cluster of nodes that are running: init, unseal, join, voters.

use super::{BootstrapError, Progress, SavedState, unseal};
use crate::cluster::{Access, Cluster, Node, Signal, StorePlace};
use crate::model::{NodeId, Seal};
use crate::vault::{Client, ClientError, wait_until};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

pub struct Formed {
    pub access: Access,
    /// When each joining node asked, and when it was first seen as a voter.
    pub joins: Vec<(NodeId, Instant, Instant)>,
    pub ready_at: Instant,
    /// Whether the first node came back with a store that it was given.
    pub reused_state: bool,
}

/// The first election alone takes 10 s at the server's default timing.
const INIT_WITHIN: Duration = Duration::from_secs(60);
/// Between two requests of a node to be let in.
const ASK_AGAIN: Duration = Duration::from_millis(500);
const JOIN_WITHIN: Duration = Duration::from_secs(60);
const VOTERS_WITHIN: Duration = Duration::from_secs(90);
const EVERY: Duration = Duration::from_millis(50);

/// Starts the nodes and forms the cluster. `ca_file` is what joining nodes trust the first one by. With `saved` the first
/// node comes back with the store that is kept there, or leaves one for later.
pub async fn form(
    cluster: &dyn Cluster,
    seal: &Seal,
    ca_file: Option<&Path>,
    saved: Option<&SavedState>,
    progress: &dyn Progress,
) -> Result<Formed, BootstrapError> {
    let saved = saved.zip(cluster.nodes().first().and_then(|first| cluster.store(&first.id)));
    let reused = match &saved {
        Some((saved, place)) if saved.exists() => {
            let began = Instant::now();
            let access = saved.restore(place).await?;
            progress.step(&format!("give {} a saved store", place.node), began.elapsed());
            Some(access)
        }
        _ => None,
    };
    let reused_state = reused.is_some();
    let formed = form_with(cluster, seal, ca_file, saved.as_ref(), reused, progress).await;
    match (&formed, &saved) {
        (Err(error), Some((saved, _))) if reused_state => {
            saved.remove();
            let hint = "the first node had come back with a saved store, which is removed: try again";
            Err(BootstrapError::Unexpected(format!("{error}; {hint}")))
        }
        _ => formed.map(|formed| Formed { reused_state, ..formed }),
    }
}

async fn form_with(
    cluster: &dyn Cluster,
    seal: &Seal,
    ca_file: Option<&Path>,
    saved: Option<&(&SavedState, StorePlace)>,
    reused: Option<Access>,
    progress: &dyn Progress,
) -> Result<Formed, BootstrapError> {
    let nodes = cluster.nodes();
    let began = Instant::now();
    let starts = nodes.iter().map(|node| cluster.start(&node.id));
    futures_util::future::try_join_all(starts).await?;
    progress.step(&format!("start {} nodes", nodes.len()), began.elapsed());
    let access = match (reused, nodes.first()) {
        (Some(access), _) => access,
        (None, None) => return Err(no_node()),
        (None, Some(first)) => {
            let access = initialise(first, seal, progress).await?;
            if let Some((saved, place)) = saved {
                keep(cluster, first, &access, saved, place, progress).await?;
            }
            access
        }
    };
    join_all(nodes, None, access, ca_file, progress).await
}

/// A store can only be copied while nobody writes to it.
async fn keep(
    cluster: &dyn Cluster,
    first: &Node,
    access: &Access,
    saved: &SavedState,
    place: &StorePlace,
    progress: &dyn Progress,
) -> Result<(), BootstrapError> {
    let began = Instant::now();
    unseal(&Client::new(&first.endpoint)?, access, INIT_WITHIN).await?;
    wait_until_active(&Client::new(&first.endpoint)?).await?;
    cluster.signal(&first.id, Signal::Stop).await?;
    let kept = saved.save(place, access).await;
    cluster.start(&first.id).await?;
    let step = match kept {
        Ok(()) => format!("keep the store of {} for later runs", first.id),
        // This run does not need it.
        Err(error) => error.to_string(),
    };
    progress.step(&step, began.elapsed());
    Ok(())
}

/// Forms a cluster of nodes that listen. `first_addr` is where the others reach the API of the first one, where that is
/// not where we do.
pub async fn form_running(
    nodes: &[Node],
    first_addr: Option<&str>,
    seal: &Seal,
    ca_file: Option<&Path>,
    progress: &dyn Progress,
) -> Result<Formed, BootstrapError> {
    let access = initialise(nodes.first().ok_or_else(no_node)?, seal, progress).await?;
    join_all(nodes, first_addr, access, ca_file, progress).await
}

fn no_node() -> BootstrapError {
    BootstrapError::Unexpected("a cluster needs a node".into())
}

async fn wait_until_active(client: &Client) -> Result<(), ClientError> {
    wait_until("the first node becomes active", INIT_WITHIN, EVERY, || async {
        client.get("sys/health").await.map(drop).map_err(|error| error.to_string())
    })
    .await
}

/// From a first node with a store to the full number of voters.
async fn join_all(
    nodes: &[Node],
    first_addr: Option<&str>,
    access: Access,
    ca_file: Option<&Path>,
    progress: &dyn Progress,
) -> Result<Formed, BootstrapError> {
    let (first, others) = nodes.split_first().ok_or_else(no_node)?;
    let first_addr = first_addr.unwrap_or(&first.endpoint.url);
    let leader = Client::new(&first.endpoint)?;
    let began = Instant::now();
    unseal(&leader, &access, INIT_WITHIN).await?;
    let operator = leader.with_token(&access.root_token);
    wait_until_active(&operator).await?;
    // Ours, not the document's: it only lets joined nodes become voters sooner.
    let speed_up = json!({ "server_stabilization_time": "1s" });
    operator.post("sys/storage/raft/autopilot/configuration", speed_up).await?;
    progress.step(&format!("unseal {}", first.id), began.elapsed());

    let began = Instant::now();
    let ca_text = match ca_file {
        None => None,
        Some(path) => Some(std::fs::read_to_string(path).map_err(|error| {
            BootstrapError::Unexpected(format!("cannot read {}: {error}", path.display()))
        })?),
    };
    let joins = others.iter().map(|node| join(node, first_addr, ca_text.as_deref(), &access, &operator));
    let joins = futures_util::future::try_join_all(joins).await?;
    progress.step(&format!("join {} nodes as voters", others.len()), began.elapsed());

    let began = Instant::now();
    wait_for_redundancy(&operator, nodes.len(), VOTERS_WITHIN).await?;
    progress.step(&format!("{} healthy voters", nodes.len()), began.elapsed());
    Ok(Formed { access, joins, ready_at: Instant::now(), reused_state: false })
}

async fn initialise(first: &Node, seal: &Seal, progress: &dyn Progress) -> Result<Access, BootstrapError> {
    let began = Instant::now();
    let client = Client::new(&first.endpoint)?;
    let opens_itself = seal.kind.opens_itself();
    let body = match opens_itself {
        false => json!({ "secret_shares": seal.shares, "secret_threshold": seal.threshold }),
        true => json!({ "recovery_shares": seal.shares, "recovery_threshold": seal.threshold }),
    };
    let answer = client.call(reqwest::Method::PUT, "sys/init", Some(&body)).await?;
    if !answer.is_success() {
        let problem = format!("sys/init answered {}: {}", answer.status, answer.errors());
        return Err(BootstrapError::Unexpected(problem));
    }
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(|key| key.as_str().map(str::to_owned)).collect()
    };
    let given = if opens_itself { "recovery_keys_base64" } else { "keys_base64" };
    let keys = texts(&answer.body[given]);
    let is_whole = keys.len() == usize::from(seal.shares);
    let (unseal_keys, recovery_keys) = if opens_itself { (Vec::new(), keys) } else { (keys, Vec::new()) };
    let access = Access {
        root_token: answer.body["root_token"].as_str().unwrap_or_default().to_owned(),
        threshold: if opens_itself { 0 } else { seal.threshold.into() },
        unseal_keys,
        recovery_keys,
        ..Access::default()
    };
    if access.root_token.is_empty() || !is_whole {
        return Err(BootstrapError::Unexpected(
            "sys/init answered without the keys or the root token".into(),
        ));
    }
    let what = if opens_itself { "recovery shares" } else { "shares" };
    let step = format!("initialise with {} {what}, threshold {}", seal.shares, seal.threshold);
    progress.step(&step, began.elapsed());
    Ok(access)
}

/// Asks a node without a store to join, unseals it and waits until it is a voter.
pub async fn join(
    node: &Node,
    first_addr: &str,
    ca_text: Option<&str>,
    access: &Access,
    operator: &Client,
) -> Result<(NodeId, Instant, Instant), BootstrapError> {
    let client = Client::new(&node.endpoint)?;
    let asked = Instant::now();
    let mut body = json!({ "leader_api_addr": first_addr });
    if let Some(text) = ca_text {
        body["leader_ca_cert"] = text.into();
    }
    // A leader that is busy with a loss, or new, may refuse the first time.
    wait_until(&format!("{} may join", node.id), JOIN_WITHIN, ASK_AGAIN, || async {
        client.post("sys/storage/raft/join", body.clone()).await.map_err(|error| error.to_string())
    })
    .await?;
    unseal(&client, access, JOIN_WITHIN).await?;
    wait_until(&format!("{} is a voter", node.id), VOTERS_WITHIN, EVERY, || async {
        let answer =
            operator.get("sys/storage/raft/configuration").await.map_err(|error| error.to_string())?;
        let servers = answer.body["data"]["config"]["servers"].as_array().cloned().unwrap_or_default();
        match servers.iter().find(|server| server["node_id"] == node.id.as_str()) {
            Some(server) if server["voter"] == true => Ok(()),
            Some(_) => Err("a non-voter".to_owned()),
            None => Err("not a member".to_owned()),
        }
    })
    .await?;
    Ok((node.id.clone(), asked, Instant::now()))
}

/// Every node a healthy voter, and the loss of a minority bearable, as autopilot says. (It lags the raft
/// configuration: a first kill before it agrees would lose quorum.)
pub async fn wait_for_redundancy(
    operator: &Client,
    nodes: usize,
    within: Duration,
) -> Result<(), ClientError> {
    wait_until("every node is a healthy voter", within, EVERY, || async {
        let answer =
            operator.get("sys/storage/raft/autopilot/state").await.map_err(|error| error.to_string())?;
        let state = &answer.body["data"];
        let voters = state["voters"].as_array().map_or(0, Vec::len);
        let tolerance = state["failure_tolerance"].as_u64().unwrap_or(0) as usize;
        if voters == nodes && state["healthy"] == true && tolerance >= (nodes - 1) / 2 {
            return Ok(());
        }
        Err(format!("{voters} voters, healthy: {}, failure tolerance {tolerance}", state["healthy"]))
    })
    .await
}
