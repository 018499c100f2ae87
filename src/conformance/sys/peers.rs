//! Joining a raft cluster and leaving it, with servers of a case's own.

use crate::conformance::{Cases, Checked, Keyed, Lab, Source, Spare, SpareConfig, Storage};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// As the document has it.
const JOINS_WITHIN: Duration = Duration::from_secs(30);
const PEERS: &str = "sys/storage/raft/configuration";
const JOIN: &str = "sys/storage/raft/join";
const REMOVE: &str = "sys/storage/raft/remove-peer";

pub fn register(cases: &mut Cases) {
    let source = Source::AlphaPulse;
    cases.add(
        "sys/raft/join-adds-a-node",
        source,
        "a node that joins is told so, takes the cluster's keys, and is one of its servers",
        |lab| async move {
            let (keyed, root) = leader(&lab).await?;
            let second = lab.spare(raft()).await?;
            let asked = lab.of(&second);
            asked
                .post(JOIN, json!({ "leader_api_addr": keyed.spare.endpoint.url }))
                .await?
                .is(200)?
                .has("/joined", true)?;
            unsealed(&keyed, &asked).await?;
            let two = |servers: &Value| servers.as_array().is_some_and(|servers| servers.len() == 2);
            root.get(PEERS).await?.is(200)?.that("/data/config/servers", "are two", two)?;
            Ok(())
        },
    );
    cases.add("sys/raft/joins-under-30-s", source, "a node has joined in less than 30 s", |lab| async move {
        let (keyed, _root) = leader(&lab).await?;
        let second = lab.spare(raft()).await?;
        let began = Instant::now();
        joined(&lab, &keyed, &second).await?;
        let seen = lab.seen("join", json!({ "took_s": began.elapsed().as_secs_f64() }));
        let fits = |took: &Value| took.as_f64().is_some_and(|took| took > 0.0 && took < 30.0);
        seen.that("/took_s", "is between 0 and 30", fits)?;
        Ok(())
    });
    cases.add(
        "sys/raft/joined-node-serves",
        source,
        "a node that joined has what was written before",
        |lab| async move {
            let (keyed, root) = leader(&lab).await?;
            let kv = root.kv2().await?;
            kv.quiet_put("a", json!({ "color": "red" })).await?;
            let second = lab.spare(raft()).await?;
            let asked = joined(&lab, &keyed, &second).await?.as_token(&keyed.root_token);
            let read = || async {
                let read = asked.get(&kv.data("a")).await?;
                read.is(200)?.has("/data/data/color", "red").map(drop)
            };
            asked.eventually(JOINS_WITHIN, read).await
        },
    );
    cases.add(
        "sys/raft/remove-peer-removes",
        source,
        "a peer that is removed is no server of the cluster any more, and the cluster goes on",
        |lab| async move {
            let (keyed, root) = leader(&lab).await?;
            let kv = root.kv2().await?;
            let second = lab.spare(raft()).await?;
            joined(&lab, &keyed, &second).await?;
            let id = other_than_leader(&root).await?;
            root.post(REMOVE, json!({ "server_id": id })).await?.is(204)?;
            let one = |servers: &Value| {
                servers.as_array().is_some_and(|servers| servers.len() == 1 && servers[0]["leader"] == true)
            };
            root.get(PEERS).await?.is(200)?.that("/data/config/servers", "is the leader alone", one)?;
            kv.put("a", json!({ "color": "red" })).await?.is(200)?.has("/data/version", 1)?;
            Ok(())
        },
    );
    cases.add(
        "sys/raft/remove-peer-needs-a-right",
        source,
        "a token without the right to it removes no peer",
        |lab| async move {
            let (_, root) = lab.common("raft", raft()).await?;
            let token = root.powerless_token().await?;
            let id = only_peer(&root).await?;
            let refused = root.as_token(&token).post(REMOVE, json!({ "server_id": id })).await?;
            refused.is(403)?.error_has("permission denied")?;
            root.get(PEERS).await?.is(200)?.has("/data/config/servers/0/node_id", id)?;
            Ok(())
        },
    );
    cases.add(
        "sys/raft/remove-unknown-peer-harmless",
        source,
        "who removes a peer that is not there harms nobody",
        |lab| async move {
            let (_, root) = lab.common("raft", raft()).await?;
            let id = only_peer(&root).await?;
            let answer = root.post(REMOVE, json!({ "server_id": "nobody" })).await?;
            answer.is_one_of(&[204, 400, 404])?;
            root.get(PEERS).await?.is(200)?.has("/data/config/servers/0/node_id", id)?;
            Ok(())
        },
    );
    cases.add(
        "sys/raft/wrong-peer-address",
        source,
        "joining at an address where nobody listens is a clear error, and the node has joined nothing",
        |lab| async move {
            let spare = lab.spare(raft()).await?;
            let asked = lab.of(&spare);
            let refused = asked.post(JOIN, json!({ "leader_api_addr": "http://127.0.0.1:9" })).await?;
            refused.is_one_of(&[400, 500])?.error_has("failed to join raft cluster")?.lacks("/joined")?;
            asked.get("sys/health").await?.is(501)?.has("/initialized", false)?;
            Ok(())
        },
    );
    cases.add(
        "sys/raft/wrong-address-then-right",
        source,
        "a node that was given a wrong address first can join at the right one",
        |lab| async move {
            let (keyed, _root) = leader(&lab).await?;
            let spare = lab.spare(raft()).await?;
            let asked = lab.of(&spare);
            let wrong = json!({ "leader_api_addr": "http://127.0.0.1:9" });
            asked.quietly().post(JOIN, wrong).await?.is_one_of(&[400, 500])?;
            let right = json!({ "leader_api_addr": keyed.spare.endpoint.url });
            asked.post(JOIN, right).await?.is(200)?.has("/joined", true)?;
            unsealed(&keyed, &asked).await
        },
    );
    cases.add(
        "sys/raft/join-with-wrong-keys",
        source,
        "a node that has asked to join but is given keys of another cluster stays sealed and becomes no server",
        |lab| async move {
            let (keyed, root) = leader(&lab).await?;
            let spare = lab.spare(raft()).await?;
            let asked = lab.of(&spare);
            asked.quietly().post(JOIN, json!({ "leader_api_addr": keyed.spare.endpoint.url })).await?.is(200)?;
            let foreign = json!({ "key": "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=" });
            asked.put("sys/unseal", foreign).await?.is_one_of(&[400, 500])?;
            asked.get("sys/seal-status").await?.has("/sealed", true)?;
            let one = |servers: &Value| servers.as_array().is_some_and(|servers| servers.len() == 1);
            root.get(PEERS).await?.is(200)?.that("/data/config/servers", "is one", one)?;
            Ok(())
        },
    );
}

fn raft() -> SpareConfig {
    SpareConfig::new(Storage::Raft)
}

async fn leader(lab: &Lab) -> Checked<(Keyed, Lab)> {
    let spare = lab.spare(raft()).await?;
    let keyed = lab.keyed(&spare, 1, 1).await?;
    let root = keyed.open().await?;
    Ok((keyed, root))
}

/// Joins quietly and waits until the node is a standby; asks it without a token.
pub(super) async fn joined(lab: &Lab, leader: &Keyed, second: &Spare) -> Checked<Lab> {
    let asked = lab.of(second);
    let body = json!({ "leader_api_addr": leader.spare.endpoint.url });
    asked.quietly().post(JOIN, body).await?.is(200)?;
    unsealed(leader, &asked.quietly()).await?;
    Ok(asked)
}

/// A key is taken once the node has heard of the cluster, and must then not be given again.
async fn unsealed(leader: &Keyed, asked: &Lab) -> Checked {
    let quiet = asked.quietly();
    let key = json!({ "key": leader.keys[0] });
    let taken = || async { quiet.put("sys/unseal", key.clone()).await?.is(200).map(drop) };
    quiet.eventually(JOINS_WITHIN, taken).await?;
    asked.eventually(JOINS_WITHIN, || async { asked.get("sys/health").await?.is(429).map(drop) }).await
}

async fn only_peer(root: &Lab) -> Checked<String> {
    root.quietly().get(PEERS).await?.text("/data/config/servers/0/node_id")
}

async fn other_than_leader(root: &Lab) -> Checked<String> {
    let peers = root.quietly().get(PEERS).await?;
    let leads = peers.value("/data/config/servers/0/leader")? == true;
    peers.text(if leads { "/data/config/servers/1/node_id" } else { "/data/config/servers/0/node_id" })
}
