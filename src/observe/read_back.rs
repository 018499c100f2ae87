//! After recovery: asks the cluster for every key that had an acknowledged write, and journals what it holds.

use crate::load::{Keyspace, read_secret};
use crate::model::{Event, NodeId};
use crate::record::Journal;
use crate::vault::{RawAnswer, Wire, request};
use bytes::Bytes;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

const AT_ONCE: usize = 8;
const DEADLINE: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
struct Body {
    data: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    current_version: u64,
    versions: BTreeMap<u64, Version>,
}

#[derive(Deserialize)]
struct Version {
    deletion_time: String,
    destroyed: bool,
}

/// Reads through `wire` (the active node) with an operator's token. Gives up, and then does not say that it is done,
/// when not one key of a batch can be read: each of them takes as long as its deadline.
pub async fn read_back(
    keys: &Keyspace,
    written: &[u32],
    node: &NodeId,
    wire: &Wire,
    token: &str,
    journal: &Journal,
) {
    let tell = |key, held: Result<Held, String>| match held {
        Ok((current, versions)) => Event::ReadBack { key, node: node.clone(), current, versions },
        Err(reason) => Event::ReadBackFailed { key, reason },
    };
    if read_all(keys, written, wire, token, |key, held| journal.write(tell(key, held))).await {
        journal.write(Event::ReadBackDone { keys: written.len() as u32 });
    }
}

/// The same from a cluster into which a snapshot was restored.
pub async fn read_restored(
    keys: &Keyspace,
    written: &[u32],
    wire: &Wire,
    token: &str,
    journal: &Journal,
) -> Result<(), String> {
    let failed = Mutex::new(None);
    let is_whole = read_all(keys, written, wire, token, |key, held| match held {
        Ok((current, versions)) => journal.write(Event::Restored { key, current, versions }),
        Err(reason) => *failed.lock().unwrap() = Some(format!("key {key} of the restored store: {reason}")),
    })
    .await;
    match failed.into_inner().unwrap() {
        Some(reason) => Err(reason),
        None if !is_whole => Err("the restored store could not be read".into()),
        None => Ok(()),
    }
}

/// Whether it came to its end.
async fn read_all(
    keys: &Keyspace,
    written: &[u32],
    wire: &Wire,
    token: &str,
    tell: impl Fn(u32, Result<Held, String>),
) -> bool {
    for batch in written.chunks(AT_ONCE) {
        let reads = batch.iter().map(|&key| async move { (key, read_key(keys, key, wire, token).await) });
        let mut any = false;
        for (key, held) in futures_util::future::join_all(reads).await {
            any |= held.is_ok();
            tell(key, held);
        }
        if !any {
            return false;
        }
    }
    true
}

type Held = (Option<u64>, Vec<(u64, String)>);

async fn read_key(keys: &Keyspace, key: u32, wire: &Wire, token: &str) -> Result<Held, String> {
    let answer = get(wire, &keys.metadata_path(key), token).await?;
    if answer.status == 404 {
        return Ok((None, Vec::new()));
    }
    let Body { data } = match answer.status {
        200 => serde_json::from_slice(&answer.body).map_err(|error| format!("metadata: {error}"))?,
        status => return Err(format!("metadata: status {status}")),
    };
    let mut versions = Vec::new();
    for (number, version) in data.versions {
        if version.destroyed || !version.deletion_time.is_empty() {
            continue;
        }
        let answer = get(wire, &format!("{}?version={number}", keys.data_path(key)), token).await?;
        match read_secret(keys, &answer) {
            Some((read, digest)) if read == number => versions.push((number, digest)),
            _ => return Err(format!("version {number}: status {}", answer.status)),
        }
    }
    Ok((Some(data.current_version), versions))
}

async fn get(wire: &Wire, path: &str, token: &str) -> Result<RawAnswer, String> {
    let asked = request("GET", path, Some(token), Bytes::new());
    wire.send(asked, DEADLINE).await.map_err(|failure| format!("no answer: {failure:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::TenantAccess;
    use crate::load::KeyspacePlan;
    use crate::vault::testing::Scripted;
    use serde_json::json;

    #[tokio::test]
    async fn it_gives_up_after_a_batch_that_failed_altogether() {
        let tenant = TenantAccess {
            tenant_id: "t1".into(),
            role_id: String::new(),
            secret_id: String::new(),
            token: String::new(),
        };
        let plan = KeyspacePlan { shared: 40, cas: 0 };
        let keys = Keyspace::new(plan, "secret".into(), vec![tenant], "canary".into());
        let written: Vec<u32> = keys.shared().collect();
        // Either no key can be read, or one of each batch.
        for (readable, failed) in [(false, AT_ONCE), (true, 35)] {
            let server = Scripted::start(move |what, _| {
                let key: usize = what.rsplit('-').next().unwrap().parse().unwrap();
                let is_read = readable && key % AT_ONCE == 3;
                Some((if is_read { 404 } else { 503 }, json!({})))
            })
            .await;
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("journal.jsonl");
            let journal = Journal::create(&path, std::time::Instant::now()).unwrap();
            let wire = Wire::new(&server.endpoint).unwrap();
            read_back(&keys, &written, &NodeId::new("n1"), &wire, "", &journal).await;
            let text = std::fs::read_to_string(&path).unwrap();
            assert_eq!(text.matches("read_back_failed").count(), failed);
            assert_eq!(text.contains("read_back_done"), readable);
        }
    }
}
