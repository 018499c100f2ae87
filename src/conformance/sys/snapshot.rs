//! Raft snapshots: saved, restored, and refused where they are not what they should be.

use crate::conformance::{Answer, Cases, Checked, Keyed, Lab, Source, SpareConfig, Storage};
use crate::vault::Body;
use reqwest::Method;
use serde_json::json;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(20);
/// Saves what is there, and takes what is to be there instead.
pub(super) const RESTORE: &str = "sys/storage/raft/snapshot";
/// The same of a snapshot of another cluster.
pub(super) const RESTORE_BY_FORCE: &str = "sys/storage/raft/snapshot-force";
const SNAPSHOT: &str = RESTORE;
const CANARY: &str = "vq-canary-4f1d2c7a90be";

pub fn register(cases: &mut Cases) {
    let source = Source::Workflow;
    cases.add(
        "sys/snapshot/saves",
        source,
        "a snapshot can be saved while the server serves",
        |lab| async move {
            let (_, root) = lab.common("raft", raft()).await?;
            let (answer, _) = root.download(SNAPSHOT).await?;
            answer.is(200)?.that("/bytes", "are between 1 kB and 100 MB", |bytes| {
                bytes.as_f64().is_some_and(|bytes| (1e3..1e8).contains(&bytes))
            })?;
            Ok(())
        },
    );
    cases.add(
        "sys/snapshot/restores",
        source,
        "restoring a snapshot brings back what was there when it was saved, and nothing that came later",
        |lab| async move {
            let (keyed, root) = opened(&lab).await?;
            let kv = root.kv2().await?;
            kv.quiet_put("a", json!({ "color": "red" })).await?;
            let (_, bytes) = root.quietly().download(SNAPSHOT).await?;
            kv.quiet_put("a", json!({ "color": "blue" })).await?;
            kv.quiet_put("later", json!({ "color": "green" })).await?;
            restore(&root, SNAPSHOT, bytes).await?.is(204)?;
            keyed.is_active().await?;
            let back = || async {
                let read = root.get(&kv.data("a")).await?;
                read.is(200)?.has("/data/data/color", "red")?.has("/data/metadata/version", 1)?;
                Ok(())
            };
            root.eventually(SOON, back).await?;
            root.get(&kv.data("later")).await?.is(404)?;
            Ok(())
        },
    );
    cases.add(
        "sys/snapshot/into-a-new-cluster",
        source,
        "after a complete loss a new cluster takes the snapshot, opens with the old keys and has the data",
        |lab| async move {
            let (keyed, root) = opened(&lab).await?;
            let kv = root.kv2().await?;
            kv.quiet_put("a", json!({ "color": "red" })).await?;
            let (_, bytes) = root.quietly().download(SNAPSHOT).await?;
            keyed.spare.kill();
            let (new, new_root) = opened(&lab).await?;
            restore(&new_root, RESTORE_BY_FORCE, bytes).await?.is(204)?;
            // It seals itself, some time after its answer: its own key does not open what it has then.
            let key = json!({ "key": keyed.keys[0] });
            let old_root = new.lab.as_token(&keyed.root_token);
            let read = || async {
                new.lab.quietly().put("sys/unseal", key.clone()).await?;
                let read = old_root.get(&kv.data("a")).await?;
                read.is(200)?.has("/data/data/color", "red").map(drop)
            };
            old_root.eventually(SOON, read).await
        },
    );
    refusals(cases, source);
    cases.add(
        "sys/snapshot/needs-a-right",
        source,
        "a snapshot takes a root token or a right of its own",
        |lab| async move {
            let (_, root) = lab.common("raft", raft()).await?;
            let token = root.powerless_token().await?;
            let (answer, bytes) = root.as_token(&token).download(SNAPSHOT).await?;
            answer.is(403)?;
            let seen = root.seen("refused snapshot", json!({ "is_small": bytes.len() < 200 }));
            seen.has("/is_small", true)?;
            Ok(())
        },
    );
    cases.add(
        "sys/snapshot/a-policy-is-enough",
        source,
        "a token with the right to read snapshots, and no other, saves one",
        |lab| async move {
            let (_, root) = lab.common("raft", raft()).await?;
            let rules = "path \"sys/storage/raft/snapshot\" {\n  capabilities = [\"read\", \"sudo\"]\n}";
            let policy = root.policy("backup", rules).await?;
            let token = root.token(&[&policy]).await?;
            let backup = root.as_token(&token);
            backup.download(SNAPSHOT).await?.0.is(200)?;
            backup.get("sys/mounts").await?.is(403)?;
            Ok(())
        },
    );
    cases.add(
        "sys/snapshot/no-plaintext",
        Source::AlphaPulse,
        "a snapshot holds no secret in plain text",
        |lab| async move {
            let (_, root) = lab.common("raft", raft()).await?;
            let kv = root.kv2().await?;
            kv.quiet_put("a", json!({ "value": CANARY })).await?;
            let (answer, bytes) = root.quietly().download(SNAPSHOT).await?;
            answer.is(200)?;
            let path = kv.path.clone();
            let found = tokio::task::spawn_blocking(move || {
                let state = unpacked(&bytes);
                // A word that must be there shows that it was the data that was searched.
                (find(&state, b"core/"), find(&state, CANARY.as_bytes()), find(&state, path.as_bytes()))
            });
            let (searched, canary, _) = found.await.map_err(crate::conformance::Stop::broken)?;
            let seen = root.seen("snapshot", json!({ "paths_found": searched, "value_found": canary }));
            seen.has("/paths_found", true)?.has("/value_found", false)?;
            Ok(())
        },
    );
}

fn refusals(cases: &mut Cases, source: Source) {
    cases.add(
        "sys/snapshot/truncated-refused",
        source,
        "a snapshot that was cut off is refused, and nothing is lost",
        |lab| async move {
            refused(&lab, |mut bytes| {
                bytes.truncate(bytes.len() / 2);
                bytes
            })
            .await
        },
    );
    cases.add(
        "sys/snapshot/altered-refused",
        source,
        "a snapshot in which a byte was changed is refused, and nothing is lost",
        |lab| async move {
            refused(&lab, |mut bytes| {
                let middle = bytes.len() / 2;
                bytes[middle] ^= 0xff;
                bytes
            })
            .await
        },
    );
    cases.add(
        "sys/snapshot/no-snapshot-refused",
        source,
        "what is no snapshot at all is refused, and nothing is lost",
        |lab| async move { refused(&lab, |bytes| vec![b'x'; bytes.len()]).await },
    );
    cases.add(
        "sys/snapshot/foreign-refused",
        source,
        "a snapshot of another cluster is refused unless it is forced, and nothing is lost",
        |lab| async move {
            let (_, other) = lab.common("raft", raft()).await?;
            let (_, foreign) = other.quietly().download(SNAPSHOT).await?;
            refused(&lab, |_| foreign).await
        },
    );
}

fn raft() -> SpareConfig {
    SpareConfig::new(Storage::Raft)
}

async fn opened(lab: &Lab) -> Checked<(Keyed, Lab)> {
    let spare = lab.spare(raft()).await?;
    let keyed = lab.keyed(&spare, 1, 1).await?;
    let root = keyed.open().await?;
    Ok((keyed, root))
}

/// A snapshot of what is there.
pub(super) async fn save(root: &Lab) -> Checked<Vec<u8>> {
    let (answer, bytes) = root.download(SNAPSHOT).await?;
    answer.is(200)?;
    Ok(bytes)
}

pub(super) async fn restore(root: &Lab, path: &str, bytes: Vec<u8>) -> Checked<Answer> {
    root.ask(Method::POST, path, Body::Bytes(bytes)).await
}

/// What became of a good snapshot is refused, and what was written stands.
async fn refused(lab: &Lab, spoil: impl FnOnce(Vec<u8>) -> Vec<u8>) -> Checked {
    let (keyed, root) = opened(lab).await?;
    let kv = root.kv2().await?;
    let (_, bytes) = root.quietly().download(SNAPSHOT).await?;
    kv.quiet_put("a", json!({ "color": "red" })).await?;
    let answer = restore(&root, SNAPSHOT, spoil(bytes)).await?;
    answer.is_one_of(&[400, 500])?.error_has("snapshot")?;
    keyed.lab.get("sys/seal-status").await?.has("/sealed", false)?;
    let read = || async {
        let read = root.get(&kv.data("a")).await?;
        read.is(200)?.has("/data/data/color", "red").map(drop)
    };
    root.eventually(SOON, read).await
}

/// The state in it; as it is where it is not packed.
fn unpacked(bytes: &[u8]) -> Vec<u8> {
    use std::io::Read;
    let mut state = Vec::new();
    let read = flate2::read::GzDecoder::new(bytes).read_to_end(&mut state);
    if read.is_err() { bytes.to_vec() } else { state }
}

fn find(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}
