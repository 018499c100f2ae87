//! After recovery: asks the cluster for every key that had an acknowledged write, and journals what it holds.

use crate::load::{Keyspace, read_secret};
use crate::model::{Event, NodeId};
use crate::record::Journal;
use crate::vault::{RawAnswer, Wire, request};
use bytes::Bytes;
use serde::Deserialize;
use std::collections::BTreeMap;
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

/// Reads through `wire` (the active node) with an operator's token.
pub async fn read_back(
    keys: &Keyspace,
    written: &[u32],
    node: &NodeId,
    wire: &Wire,
    token: &str,
    journal: &Journal,
) {
    for batch in written.chunks(AT_ONCE) {
        let reads = batch.iter().map(|&key| async move {
            let event = match read_key(keys, key, wire, token).await {
                Ok((current, versions)) => Event::ReadBack { key, node: node.clone(), current, versions },
                Err(reason) => Event::ReadBackFailed { key, reason },
            };
            journal.write(event);
        });
        futures_util::future::join_all(reads).await;
    }
    journal.write(Event::ReadBackDone { keys: written.len() as u32 });
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
