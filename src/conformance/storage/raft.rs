//! Integrated storage.

use crate::conformance::{Cases, Source, SpareConfig, Stop, Storage};
use serde_json::json;
use std::path::Path;

const CANARY: &str = "vq-canary-91c0de5a77e1";

pub fn register(cases: &mut Cases) {
    let source = Source::AlphaPulse;
    cases.add(
        "storage/raft/is-what-it-says",
        source,
        "the cluster stores in integrated storage, and says so",
        |lab| async move {
            lab.anonymous().get("sys/seal-status").await?.is(200)?.has("/storage_type", "raft")?;
            Ok(())
        },
    );
    cases.add(
        "storage/raft/survives-a-restart",
        source,
        "what was written is there after the server was killed, started and unsealed",
        |lab| async move {
            let spare = lab.spare(SpareConfig::new(Storage::Raft)).await?;
            let keyed = lab.keyed(&spare, 1, 1).await?;
            let root = keyed.open().await?;
            let kv = root.kv2().await?;
            kv.quiet_put("a", json!({ "color": "red" })).await?;
            spare.kill();
            spare.start().await.map_err(Stop::Broken)?;
            keyed.open().await?;
            kv.get("a").await?.is(200)?.has("/data/data/color", "red")?.has("/data/metadata/version", 1)?;
            Ok(())
        },
    );
    cases.add(
        "storage/raft/no-plaintext",
        source,
        "what is stored on disk is encrypted: the value of a secret stands in no file",
        |lab| async move {
            let (spare, root) = lab.common("raft", SpareConfig::new(Storage::Raft)).await?;
            let kv = root.kv2().await?;
            kv.quiet_put("a", json!({ "value": CANARY })).await?;
            let data = spare.folder.join("data");
            let found = tokio::task::spawn_blocking(move || {
                let bytes = all_bytes(&data)?;
                // A path of the server's own shows that it was its data that was searched.
                std::io::Result::Ok((contains(&bytes, b"core/"), contains(&bytes, CANARY.as_bytes())))
            });
            let (path, value) = found.await.map_err(Stop::broken)?.map_err(Stop::broken)?;
            let seen = lab.seen("data files", json!({ "path": path, "value": value }));
            seen.has("/path", true)?.has("/value", false)?;
            Ok(())
        },
    );
    cases.add(
        "storage/raft/needs-no-other-system",
        source,
        "integrated storage needs no other system: one server alone opens and serves",
        |lab| async move {
            let (_, root) = lab.common("raft", SpareConfig::new(Storage::Raft)).await?;
            root.get("sys/leader").await?.is(200)?.has("/ha_enabled", true)?.has("/is_self", true)?;
            Ok(())
        },
    );
}

fn all_bytes(folder: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        bytes.extend(if path.is_dir() { all_bytes(&path)? } else { std::fs::read(&path)? });
    }
    Ok(bytes)
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    aho_corasick::AhoCorasick::new([word]).is_ok_and(|words| words.is_match(bytes))
}
