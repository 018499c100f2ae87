//! Recovery that goes wrong: what must not come back does not, and nobody is harmed by the attempt. Three nodes serve the
//! cases that ask for harm on every node; none of these cases disturbs another when the server is in order.

use super::peers::joined;
use super::snapshot::{RESTORE, RESTORE_BY_FORCE, restore, save};
use crate::conformance::{Answer, Cases, Checked, Lab, Source, Spare, SpareConfig, Stop, Storage};
use serde_json::{Value, json};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(20);
const JOINS_WITHIN: Duration = Duration::from_secs(30);
const PEERS: &str = "sys/storage/raft/configuration";
const JOIN: &str = "sys/storage/raft/join";
/// As long as a share of five, and none of them.
const FOREIGN_SHARE: &str = "abababababababababababababababababababababababababababababababab01";

pub fn register(cases: &mut Cases) {
    snapshots(cases);
    keys(cases);
    addresses(cases);
}

fn snapshots(cases: &mut Cases) {
    let source = Source::Workflow;
    cases.add(
        "sys/recovery/truncated-snapshot-harms-no-node",
        source,
        "a cluster of three that is given half a snapshot refuses it and goes on with its data on every node",
        |lab| async move {
            harms_no_node(&lab, |mut bytes| {
                bytes.truncate(bytes.len() / 2);
                bytes
            })
            .await
        },
    );
    cases.add(
        "sys/recovery/damaged-snapshot-harms-no-node",
        source,
        "a cluster of three that is given a damaged snapshot refuses it and goes on with its data on every node",
        |lab| async move {
            harms_no_node(&lab, |mut bytes| {
                let middle = bytes.len() / 2;
                bytes[middle] ^= 0xff;
                bytes
            })
            .await
        },
    );
    cases.add(
        "sys/recovery/foreign-snapshot-harms-no-node",
        source,
        "a cluster of three that is given the snapshot of another cluster refuses it and goes on with its data on every node",
        |lab| async move {
            let (_, other) = lab.common("raft", raft()).await?;
            let foreign = save(&other.quietly()).await?;
            harms_no_node(&lab, |_| foreign).await
        },
    );
    cases.add(
        "sys/recovery/forced-snapshot-replaces-all",
        source,
        "a foreign snapshot that is forced replaces everything: the old keys open nothing, and nothing of before is there",
        |lab| async move {
            let (theirs, foreign) = foreign(&lab, 1, 1).await?;
            let spare = lab.spare(raft()).await?;
            let keyed = lab.keyed(&spare, 1, 1).await?;
            let root = keyed.open().await?;
            let kv = root.kv2().await?;
            kv.quiet_put("a", json!({ "color": "red" })).await?;
            restore(&root, RESTORE_BY_FORCE, foreign).await?.is(204)?;
            sealed_by_itself(&keyed.lab).await?;
            keyed.give(0).await?.is(400)?.error_has("key")?;
            keyed.lab.get("sys/seal-status").await?.has("/sealed", true)?;
            keyed.lab.put("sys/unseal", json!({ "key": theirs.keys[0] })).await?.is(200)?.has("/sealed", false)?;
            let as_them = keyed.lab.as_token(&theirs.root_token);
            let gone = || async { as_them.get(&kv.data("a")).await?.is(404).map(drop) };
            as_them.eventually(SOON, gone).await?;
            let unknown = || async { root.get("auth/token/lookup-self").await?.is(403).map(drop) };
            root.eventually(SOON, unknown).await
        },
    );
    cases.add(
        "sys/recovery/forced-snapshot-brings-its-threshold",
        source,
        "after a forced restore the server asks for as many keys as the cluster of the snapshot did",
        |lab| async move {
            let (theirs, foreign) = foreign(&lab, 5, 3).await?;
            let spare = lab.spare(raft()).await?;
            let keyed = lab.keyed(&spare, 1, 1).await?;
            let root = keyed.open().await?;
            restore(&root, RESTORE_BY_FORCE, foreign).await?.is(204)?;
            sealed_by_itself(&keyed.lab).await?;
            keyed.lab.get("sys/seal-status").await?.has("/t", 3)?.has("/n", 5)?;
            for key in &theirs.keys[..2] {
                keyed.lab.quietly().put("sys/unseal", json!({ "key": key })).await?.is(200)?;
            }
            keyed
                .lab
                .put("sys/unseal", json!({ "key": theirs.keys[2] }))
                .await?
                .is(200)?
                .has("/sealed", false)?;
            Ok(())
        },
    );
    cases.add(
        "sys/recovery/forced-snapshot-opens-after-a-restart",
        source,
        "a server that was restored by force and started again opens with the keys of the cluster of the snapshot",
        |lab| async move {
            let (theirs, foreign) = foreign(&lab, 5, 3).await?;
            let spare = lab.spare(raft()).await?;
            let keyed = lab.keyed(&spare, 1, 1).await?;
            let root = keyed.open().await?;
            restore(&root, RESTORE_BY_FORCE, foreign).await?.is(204)?;
            sealed_by_itself(&keyed.lab.quietly()).await?;
            spare.kill();
            spare.start().await.map_err(Stop::Broken)?;
            keyed.lab.get("sys/seal-status").await?.has("/t", 3)?.has("/n", 5)?.has("/sealed", true)?;
            for key in &theirs.keys[..2] {
                keyed.lab.quietly().put("sys/unseal", json!({ "key": key })).await?.is(200)?;
            }
            keyed.lab.put("sys/unseal", json!({ "key": theirs.keys[2] })).await?.is(200)?.has("/sealed", false)?;
            Ok(())
        },
    );
}

fn keys(cases: &mut Cases) {
    let source = Source::Workflow;
    cases.add(
        "sys/recovery/lost-keys-are-final",
        source,
        "with two of the three keys that are needed nothing opens it: no wrong third one, no key twice, no token, no restart",
        |lab| async move {
            let spare = lab.spare(raft()).await?;
            let keyed = lab.keyed(&spare, 5, 3).await?;
            let stays_sealed = || async {
                keyed.lab.get("sys/seal-status").await?.has("/sealed", true)?;
                keyed.root().get("auth/token/lookup-self").await?.is(503)?.error_has("sealed")?;
                Checked::Ok(())
            };
            two_keys(&keyed).await?;
            keyed.lab.put("sys/unseal", json!({ "key": FOREIGN_SHARE })).await?.is(400)?.error_has("key")?;
            stays_sealed().await?;
            two_keys(&keyed).await?;
            keyed.give(1).await?.is(200)?.has("/sealed", true)?.has("/progress", 2)?;
            spare.kill();
            spare.start().await.map_err(Stop::Broken)?;
            keyed.lab.get("sys/seal-status").await?.has("/sealed", true)?.has("/progress", 0)?;
            two_keys(&keyed).await?;
            stays_sealed().await
        },
    );
    cases.add(
        "sys/recovery/lost-keys-cannot-be-made-anew",
        source,
        "a sealed server makes no new keys and no new root token, and is not initialised or restored over",
        |lab| async move {
            let spare = lab.spare(raft()).await?;
            let keyed = lab.keyed(&spare, 5, 3).await?;
            two_keys(&keyed).await?;
            let root = keyed.root();
            let one_share = json!({ "secret_shares": 1, "secret_threshold": 1 });
            root.put("sys/init", one_share.clone())
                .await?
                .is(400)?
                .error_has("already initialized")?
                .lacks("/keys")?;
            for path in ["sys/rekey/init", "sys/generate-root/attempt"] {
                root.put(path, one_share.clone()).await?.is_one_of(&[400, 405, 503])?.lacks("/nonce")?;
            }
            restore(&root, RESTORE_BY_FORCE, vec![b'x'; 4096]).await?.is(503)?.error_has("sealed")?;
            let status = keyed.lab.get("sys/seal-status").await?;
            status.has("/sealed", true)?.has("/t", 3)?.has("/n", 5)?;
            // The one that was found again.
            keyed.give(4).await?.is(200)?.has("/sealed", false)?;
            Ok(())
        },
    );
}

fn addresses(cases: &mut Cases) {
    let source = Source::AlphaPulse;
    cases.add(
        "sys/recovery/member-stays-where-it-is",
        source,
        "a node with data that is told to join another cluster stays what it is, and the other has no new server",
        |lab| async move {
            let (_, other) = lab.common("raft", raft()).await?;
            let there = other.quietly().get("sys/leader").await?.text("/leader_address")?;
            let spare = lab.spare(raft()).await?;
            let keyed = lab.keyed(&spare, 1, 1).await?;
            let root = keyed.open().await?;
            let kv = root.kv2().await?;
            kv.quiet_put("a", json!({ "color": "red" })).await?;
            keyed.lab.quietly().post(JOIN, json!({ "leader_api_addr": there })).await?.is_one_of(&[200, 400, 500])?;
            let one = |servers: &Value| servers.as_array().is_some_and(|servers| servers.len() == 1);
            other.get(PEERS).await?.is(200)?.that("/data/config/servers", "is one", one)?;
            root.get(PEERS).await?.is(200)?.that("/data/config/servers", "is one", one)?;
            kv.get("a").await?.is(200)?.has("/data/data/color", "red")?;
            Ok(())
        },
    );
    cases.add(
        "sys/recovery/member-is-told-that-it-did-not-join",
        source,
        "a node with data that is told to join another cluster is told that it has not",
        |lab| async move {
            let (_, other) = lab.common("raft", raft()).await?;
            let there = other.quietly().get("sys/leader").await?.text("/leader_address")?;
            let spare = lab.spare(raft()).await?;
            let keyed = lab.keyed(&spare, 1, 1).await?;
            keyed.open().await?;
            let answer = keyed.lab.post(JOIN, json!({ "leader_api_addr": there })).await?;
            answer.is_one_of(&[400, 500])?.lacks("/joined")?;
            Ok(())
        },
    );
    cases.add(
        "sys/recovery/wrong-address-in-configuration",
        source,
        "a node whose configuration names a peer that is not there starts, joins nothing and takes no key",
        |lab| async move {
            let spare = lab.spare(joining(&lab, &["http://127.0.0.1:9"])?).await?;
            let asked = lab.of(&spare);
            asked.get("sys/health").await?.is(501)?.has("/initialized", false)?.has("/sealed", true)?;
            let key = json!({ "key": "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=" });
            asked.put("sys/unseal", key).await?.is(400)?.error_has("not initialized")?;
            Ok(())
        },
    );
    cases.add(
        "sys/recovery/one-right-address-is-enough",
        source,
        "a node whose configuration names one peer that is not there and one that is joins by itself",
        |lab| async move {
            let spare = lab.spare(raft()).await?;
            let leader = lab.keyed(&spare, 1, 1).await?;
            let root = leader.open().await?;
            let second = lab.spare(joining(&lab, &["http://127.0.0.1:9", &spare.endpoint.url])?).await?;
            let asked = lab.of(&second);
            let heard =
                || async { asked.get("sys/health").await?.is(503)?.has("/initialized", true).map(drop) };
            asked.eventually(JOINS_WITHIN, heard).await?;
            asked.quietly().put("sys/unseal", json!({ "key": leader.keys[0] })).await?.is(200)?;
            asked
                .eventually(JOINS_WITHIN, || async { asked.get("sys/health").await?.is(429).map(drop) })
                .await?;
            let two = |servers: &Value| servers.as_array().is_some_and(|servers| servers.len() == 2);
            root.get(PEERS).await?.is(200)?.that("/data/config/servers", "are two", two)?;
            Ok(())
        },
    );
}

fn raft() -> SpareConfig {
    SpareConfig::new(Storage::Raft)
}

/// Raft storage whose node looks for a leader at these addresses by itself.
fn joining(lab: &Lab, addresses: &[&str]) -> Checked<SpareConfig> {
    let data = lab.folder()?.join("data");
    std::fs::create_dir_all(&data).map_err(Stop::broken)?;
    let retries =
        addresses.iter().map(|address| format!("  retry_join {{ leader_api_addr = {address:?} }}\n"));
    let retries: String = retries.collect();
    let (data, node) = (data.display().to_string(), lab.name("joining"));
    let stanza = format!(
        "storage \"raft\" {{\n  path = {data:?}\n  node_id = {node:?}\n  performance_multiplier = 1\n{retries}}}"
    );
    Ok(SpareConfig::new(Storage::Stanza(stanza)))
}

/// A cluster with so many keys, gone since, and what it left: keys, token and snapshot.
async fn foreign(
    lab: &Lab,
    shares: usize,
    threshold: usize,
) -> Checked<(crate::conformance::Keyed, Vec<u8>)> {
    let spare = lab.spare(raft()).await?;
    let keyed = lab.keyed(&spare, shares, threshold).await?;
    let root = keyed.open().await?;
    let bytes = save(&root.quietly()).await?;
    spare.kill();
    Ok((keyed, bytes))
}

/// It answers a forced restore first, and seals itself some time after.
async fn sealed_by_itself(lab: &Lab) -> Checked {
    let sealed = || async { lab.get("sys/seal-status").await?.has("/sealed", true).map(drop) };
    lab.eventually(SOON, sealed).await
}

/// Gives the first two keys, of three that are needed, quietly.
async fn two_keys(keyed: &crate::conformance::Keyed) -> Checked {
    for key in &keyed.keys[..2] {
        keyed.lab.quietly().put("sys/unseal", json!({ "key": key })).await?.is(200)?;
    }
    Ok(())
}

/// The leader of three, and the others, all asked as root. Several cases share them.
async fn three(lab: &Lab) -> Checked<(Lab, [Lab; 2])> {
    let start = async {
        let spare = lab.spare(raft()).await?;
        let keyed = lab.keyed(&spare, 1, 1).await?;
        keyed.open().await?;
        let mut spares = vec![spare];
        for _ in 0..2 {
            let next = lab.spare(raft()).await?;
            joined(&lab.quietly(), &keyed, &next).await?;
            spares.push(next);
        }
        Ok((spares, keyed.root_token))
    };
    let (spares, token) = lab.common_of("three", start).await?;
    let root = |spare: &Spare| lab.of(spare).as_token(&token);
    Ok((root(&spares[0]), [root(&spares[1]), root(&spares[2])]))
}

/// What became of a good snapshot is refused by the leader of three, and what was written stands on every node.
async fn harms_no_node(lab: &Lab, spoil: impl FnOnce(Vec<u8>) -> Vec<u8>) -> Checked {
    let (leader, standbys) = three(lab).await?;
    let kv = leader.kv2().await?;
    let bytes = save(&leader.quietly()).await?;
    kv.quiet_put("a", json!({ "color": "red" })).await?;
    refused(&restore(&leader, RESTORE, spoil(bytes)).await?)?;
    let red = async |node: &Lab, status: u16| {
        let read = || async {
            node.get("sys/health").await?.is(status)?.has("/sealed", false)?;
            node.get(&kv.data("a")).await?.is(200)?.has("/data/data/color", "red").map(drop)
        };
        node.eventually(SOON, read).await
    };
    red(&leader, 200).await?;
    for standby in &standbys {
        red(standby, 429).await?;
    }
    let three = |servers: &Value| servers.as_array().is_some_and(|servers| servers.len() == 3);
    leader.get(PEERS).await?.is(200)?.that("/data/config/servers", "are three", three)?;
    kv.put("b", json!({ "color": "blue" })).await?.is(200)?.has("/data/version", 1)?;
    Ok(())
}

fn refused(answer: &Answer) -> Checked {
    answer.is_one_of(&[400, 500])?.error_has("snapshot").map(drop)
}
