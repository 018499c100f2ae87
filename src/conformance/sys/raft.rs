//! Who leads, and who votes.

use crate::conformance::{Cases, Checked, Lab, Source};
use serde_json::{Value, json};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(10);

pub fn register(cases: &mut Cases) {
    let source = Source::AlphaPulse;
    cases.add(
        "sys/leader/exactly-one",
        source,
        "of three nodes exactly one says that it leads",
        |lab| async move {
            // Some versions leave the field out where they would say no.
            let says_so = async |node: Lab| {
                let leader = node.anonymous().quietly().get("sys/leader").await?;
                let body = leader.is(200)?.value("")?;
                Checked::Ok(usize::from(body["is_self"] == true))
            };
            let active = says_so(lab.clone()).await?;
            let standbys = says_so(lab.standby(0)?).await? + says_so(lab.standby(1)?).await?;
            let seen = lab.seen("who says that it leads", json!({ "active": active, "standbys": standbys }));
            seen.has("/active", 1)?.has("/standbys", 0)?;
            Ok(())
        },
    );
    cases.add("sys/leader/all-name-the-same", source, "all nodes name the same leader", |lab| async move {
        let address = lab.quietly().get("sys/leader").await?.text("/leader_address")?;
        for number in [0, 1] {
            let leader = lab.standby(number)?.anonymous().get("sys/leader").await?;
            leader.has("/leader_address", address.as_str())?;
        }
        Ok(())
    });
    cases.add(
        "sys/leader/standby-follows",
        source,
        "what the leader has committed the standbys have applied shortly after",
        |lab| async move {
            let committed = lab.quietly().get("sys/leader").await?.number("/raft_committed_index")?;
            for number in [0, 1] {
                let standby = lab.standby(number)?.anonymous();
                let words = "is no less than what the leader had committed";
                let follows = || async {
                    let leader = standby.get("sys/leader").await?;
                    let index = |value: &Value| value.as_f64().is_some_and(|index| index >= committed);
                    leader.that("/raft_applied_index", words, index).map(drop)
                };
                standby.eventually(SOON, follows).await?;
            }
            Ok(())
        },
    );
    cases.add(
        "sys/ha-status/one-active-of-three",
        source,
        "the HA status lists three nodes, one of them active",
        |lab| async move {
            let three = |nodes: &Value| {
                let nodes = nodes.as_array().map(Vec::as_slice).unwrap_or_default();
                nodes.len() == 3 && nodes.iter().filter(|node| node["active_node"] == true).count() == 1
            };
            let status = || async {
                lab.get("sys/ha-status").await?.is(200)?.that(
                    "/data/nodes",
                    "are three, one active",
                    three,
                )?;
                Ok(())
            };
            lab.eventually(SOON, status).await
        },
    );
    cases.add(
        "sys/ha-status/needs-a-token",
        source,
        "the HA status is not for everybody",
        |lab| async move {
            lab.anonymous().get("sys/ha-status").await?.is(403)?.lacks("/data")?;
            Ok(())
        },
    );
    cases.add(
        "sys/raft/three-voters",
        source,
        "the raft configuration has three servers that vote, one of them the leader",
        |lab| async move {
            let voters = |servers: &Value| {
                let servers = servers.as_array().map(Vec::as_slice).unwrap_or_default();
                let count = |word: &str| servers.iter().filter(|server| server[word] == true).count();
                servers.len() == 3 && count("voter") == 3 && count("leader") == 1
            };
            let configuration = lab.get("sys/storage/raft/configuration").await?;
            configuration.is(200)?.that("/data/config/servers", "are three voters, one leads", voters)?;
            Ok(())
        },
    );
    cases.add(
        "sys/raft/all-agree-on-the-peers",
        source,
        "a standby names the same raft peers as the leader",
        |lab| async move {
            let peers = peers(&lab.quietly()).await?;
            let standby = lab.standby(0)?;
            let configuration = standby.get("sys/storage/raft/configuration").await?;
            let same = |servers: &Value| ids(servers) == peers;
            configuration.is(200)?.that("/data/config/servers", "are those that the leader names", same)?;
            Ok(())
        },
    );
    cases.add(
        "sys/raft/configuration-needs-a-right",
        source,
        "the raft configuration is not for everybody",
        |lab| async move {
            let token = lab.powerless_token().await?;
            let path = "sys/storage/raft/configuration";
            lab.as_token(&token).get(path).await?.is(403)?.lacks("/data")?;
            lab.anonymous().get(path).await?.is(403)?;
            Ok(())
        },
    );
    cases.add(
        "sys/raft/survives-one-failure",
        source,
        "the cluster is healthy and can lose one node of three",
        |lab| async move {
            let healthy = || async {
                let state = lab.get("sys/storage/raft/autopilot/state").await?;
                state.is(200)?.has("/data/healthy", true)?.has("/data/failure_tolerance", 1)?;
                Ok(())
            };
            lab.eventually(SOON, healthy).await
        },
    );
    cases.add(
        "sys/raft/written-is-on-all-nodes",
        source,
        "what is written to the leader is replicated across all nodes",
        |lab| async move {
            let kv = lab.kv2().await?;
            kv.quiet_put("a", json!({ "color": "red" })).await?;
            for number in [0, 1] {
                let standby = lab.standby(number)?;
                let read = || async {
                    let read = standby.get(&kv.data("a")).await?;
                    read.is(200)?.has("/data/data/color", "red").map(drop)
                };
                standby.eventually(SOON, read).await?;
            }
            Ok(())
        },
    );
    cases.add(
        "sys/raft/write-through-a-standby",
        source,
        "a write that a standby takes is a write of the cluster",
        |lab| async move {
            let kv = lab.kv2().await?;
            let standby = lab.standby(0)?;
            // A standby knows a new mount as soon as it has applied it.
            let body = json!({ "data": { "color": "red" } });
            let written = || async { standby.post(&kv.data("a"), body.clone()).await?.is(200).map(drop) };
            standby.eventually(SOON, written).await?;
            kv.get("a").await?.is(200)?.has("/data/data/color", "red")?;
            Ok(())
        },
    );
}

async fn peers(lab: &Lab) -> Checked<Vec<String>> {
    let configuration = lab.get("sys/storage/raft/configuration").await?;
    Ok(ids(&configuration.value("/data/config/servers")?))
}

fn ids(servers: &Value) -> Vec<String> {
    let servers = servers.as_array().into_iter().flatten();
    let mut ids: Vec<_> =
        servers.filter_map(|server| server["node_id"].as_str()).map(str::to_owned).collect();
    ids.sort();
    ids
}
