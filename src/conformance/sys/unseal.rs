//! Sealing and unsealing with shares of a key.

use crate::conformance::{Cases, Checked, Keyed, Lab, Source, SpareConfig, Storage};
use serde_json::{Value, json};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(10);

/// As long as a real share of one byte more than the key, and none of them.
const FOREIGN_SHARE: &str = "abababababababababababababababababababababababababababababababab01";

pub fn register(cases: &mut Cases) {
    let source = Source::Workflow;
    cases.add(
        "sys/unseal/two-of-five-stay-sealed",
        source,
        "two of five keys leave it sealed, and its progress counts them",
        |lab| async move {
            let keyed = sealed(&lab).await?;
            keyed.give(0).await?.is(200)?.has("/sealed", true)?.has("/progress", 1)?;
            keyed.give(1).await?.is(200)?.has("/sealed", true)?.has("/progress", 2)?;
            keyed.lab.get("sys/health").await?.is(503)?;
            Ok(())
        },
    );
    cases.add(
        "sys/unseal/third-key-opens",
        source,
        "the third of five keys unseals it, whichever three they are",
        |lab| async move {
            let keyed = sealed(&lab).await?;
            for number in [4, 1] {
                keyed.lab.quietly().put("sys/unseal", json!({ "key": keyed.keys[number] })).await?.is(200)?;
            }
            keyed.give(2).await?.is(200)?.has("/sealed", false)?.has("/progress", 0)?;
            let health = || async { keyed.lab.get("sys/health").await?.is(200).map(drop) };
            keyed.lab.eventually(SOON, health).await
        },
    );
    cases.add(
        "sys/unseal/same-key-counts-once",
        source,
        "the same key given three times is one key of three",
        |lab| async move {
            let keyed = sealed(&lab).await?;
            for _ in 0..2 {
                keyed.lab.quietly().put("sys/unseal", json!({ "key": keyed.keys[0] })).await?.is(200)?;
            }
            keyed.give(0).await?.is(200)?.has("/sealed", true)?.has("/progress", 1)?;
            Ok(())
        },
    );
    cases.add(
        "sys/unseal/malformed-key-refused",
        source,
        "what is no key is refused, and the keys given before still count",
        |lab| async move {
            let keyed = sealed(&lab).await?;
            keyed.lab.quietly().put("sys/unseal", json!({ "key": keyed.keys[0] })).await?.is(200)?;
            keyed.lab.put("sys/unseal", json!({ "key": "abcd" })).await?.is(400)?.error_has("key")?;
            keyed.lab.get("sys/seal-status").await?.has("/sealed", true)?.has("/progress", 1)?;
            Ok(())
        },
    );
    cases.add(
        "sys/unseal/foreign-key-refused",
        source,
        "a third key of another cluster is refused with an error, it stays sealed, and three right ones then open it",
        |lab| async move {
            let keyed = sealed(&lab).await?;
            for number in [0, 1] {
                keyed.lab.quietly().put("sys/unseal", json!({ "key": keyed.keys[number] })).await?.is(200)?;
            }
            let refused = keyed.lab.put("sys/unseal", json!({ "key": FOREIGN_SHARE })).await?;
            refused.is(400)?.error_has("key")?;
            let status = keyed.lab.get("sys/seal-status").await?;
            status.has("/sealed", true)?.has("/progress", 0)?;
            let root = keyed.open().await?;
            root.get("auth/token/lookup-self").await?.is(200)?.lists("/data/policies", "root")?;
            Ok(())
        },
    );
    cases.add(
        "sys/unseal/progress-can-be-reset",
        source,
        "an unsealing that was begun can be given up, and counts from nothing again",
        |lab| async move {
            let keyed = sealed(&lab).await?;
            keyed.give(0).await?.is(200)?.has("/progress", 1)?;
            let reset = keyed.lab.put("sys/unseal", json!({ "reset": true })).await?;
            reset.is(200)?.has("/progress", 0)?.has("/sealed", true)?;
            Ok(())
        },
    );
    cases.add(
        "sys/unseal/sealed-serves-nothing",
        source,
        "a sealed server serves no secret, whatever is asked and with whatever token",
        |lab| async move {
            let keyed = sealed(&lab).await?;
            let root = keyed.root();
            root.get("secret/data/openai").await?.is(503)?.error_has("sealed")?.lacks("/data")?;
            root.post("secret/data/openai", json!({ "data": { "a": 1 } })).await?.is(503)?;
            root.list("secret/metadata").await?.is(503)?;
            root.get("auth/token/lookup-self").await?.is(503)?;
            Ok(())
        },
    );
    cases.add(
        "sys/unseal/sealed-again",
        source,
        "it can be sealed again: it serves nothing, and three keys bring back what was stored",
        |lab| async move {
            let spare = lab.spare(SpareConfig::new(Storage::Memory)).await?;
            let keyed = lab.keyed(&spare, 5, 3).await?;
            let root = keyed.open().await?;
            let kv = root.kv2().await?;
            kv.quiet_put("a", json!({ "color": "red" })).await?;
            root.put("sys/seal", Value::Null).await?.is(204)?;
            keyed.lab.get("sys/seal-status").await?.has("/sealed", true)?;
            kv.get("a").await?.is(503)?.lacks("/data")?;
            let root = keyed.open().await?;
            let read = root.get(&kv.data("a")).await?;
            read.is(200)?.has("/data/data/color", "red")?;
            Ok(())
        },
    );
    cases.add(
        "sys/unseal/sealing-needs-a-right",
        source,
        "a token without the right to it cannot seal the server",
        |lab| async move {
            let (_, root) = lab.common("plain", SpareConfig::new(Storage::Memory)).await?;
            let token = root.powerless_token().await?;
            root.as_token(&token)
                .put("sys/seal", Value::Null)
                .await?
                .is(403)?
                .error_has("permission denied")?;
            root.anonymous().get("sys/seal-status").await?.has("/sealed", false)?;
            Ok(())
        },
    );
}

/// Initialised with five keys, three needed.
async fn sealed(lab: &Lab) -> Checked<Keyed> {
    let spare = lab.spare(SpareConfig::new(Storage::Memory)).await?;
    lab.keyed(&spare, 5, 3).await
}
