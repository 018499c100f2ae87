//! Initialisation: keys and the first token.

use crate::conformance::{Cases, Checked, Lab, Source, Spare, SpareConfig, Storage};
use serde_json::{Value, json};
use std::collections::HashSet;

pub fn register(cases: &mut Cases) {
    let source = Source::Workflow;
    cases.add(
        "sys/init/five-shares-three-threshold",
        source,
        "initialisation with five shares and a threshold of three gives five distinct keys and a root token",
        |lab| async move {
            let (_spare, lab) = new(&lab).await?;
            let body = json!({ "secret_shares": 5, "secret_threshold": 3 });
            let init = lab.put("sys/init", body).await?;
            init.is(200)?.that("/keys", "are five distinct texts", five_distinct)?;
            init.that("/keys_base64", "are five distinct texts", five_distinct)?;
            init.that("/root_token", "is a text", has_letters)?;
            let status = lab.get("sys/seal-status").await?;
            status.has("/initialized", true)?.has("/n", 5)?.has("/t", 3)?.has("/sealed", true)?;
            Ok(())
        },
    );
    cases.add(
        "sys/init/tells-whether-done",
        source,
        "a server tells without a token whether it is initialised",
        |lab| async move {
            let (_spare, lab) = new(&lab).await?;
            lab.get("sys/init").await?.is(200)?.has("/initialized", false)?;
            let body = json!({ "secret_shares": 1, "secret_threshold": 1 });
            lab.quietly().put("sys/init", body).await?.is(200)?;
            lab.get("sys/init").await?.is(200)?.has("/initialized", true)?;
            Ok(())
        },
    );
    cases.add(
        "sys/init/second-refused",
        source,
        "a second initialisation is refused, and the keys and the token of the first one stay good",
        |lab| async move {
            let spare = lab.spare(SpareConfig::new(Storage::Memory)).await?;
            let keyed = lab.keyed(&spare, 5, 3).await?;
            let body = json!({ "secret_shares": 5, "secret_threshold": 3 });
            let refused = keyed.lab.put("sys/init", body).await?;
            refused.is(400)?.error_has("already initialized")?.lacks("/root_token")?;
            let root = keyed.open().await?;
            root.get("auth/token/lookup-self").await?.is(200)?.lists("/data/policies", "root")?;
            Ok(())
        },
    );
    cases.add(
        "sys/init/threshold-above-shares-refused",
        source,
        "a threshold above the number of shares is refused, and nothing is initialised",
        |lab| async move {
            let (_spare, lab) = new(&lab).await?;
            let body = json!({ "secret_shares": 3, "secret_threshold": 5 });
            lab.put("sys/init", body).await?.is(400)?.error_has("threshold")?;
            lab.get("sys/init").await?.is(200)?.has("/initialized", false)?;
            Ok(())
        },
    );
    cases.add(
        "sys/init/root-token-works",
        source,
        "the root token is for the initial setup: it may enable an engine",
        |lab| async move {
            let spare = lab.spare(SpareConfig::new(Storage::Memory)).await?;
            let root = lab.opened(&spare).await?;
            let body = json!({ "type": "kv", "options": { "version": "2" } });
            root.post("sys/mounts/secret", body).await?.is_one_of(&[200, 204])?;
            root.get("sys/mounts").await?.is(200)?.has("/data/secret~1/type", "kv")?;
            Ok(())
        },
    );
    cases.add(
        "sys/init/root-token-revocable",
        Source::VoiceCore,
        "the root token is not kept: once revoked it opens nothing",
        |lab| async move {
            let spare = lab.spare(SpareConfig::new(Storage::Memory)).await?;
            let root = lab.opened(&spare).await?;
            root.get("auth/token/lookup-self").await?.is(200)?;
            root.post("auth/token/revoke-self", Value::Null).await?.is(204)?;
            root.get("auth/token/lookup-self").await?.is(403)?.error_has("permission denied")?;
            root.get("sys/mounts").await?.is(403)?;
            Ok(())
        },
    );
}

/// A server that nobody has initialised; it ends when it is dropped.
async fn new(lab: &Lab) -> Checked<(Spare, Lab)> {
    let spare = lab.spare(SpareConfig::new(Storage::Memory)).await?;
    let asked = lab.of(&spare);
    Ok((spare, asked))
}

pub(in crate::conformance) fn five_distinct(keys: &Value) -> bool {
    let texts = keys.as_array().into_iter().flatten().filter_map(Value::as_str);
    texts.filter(|key| !key.is_empty()).collect::<HashSet<_>>().len() == 5
}

fn has_letters(token: &Value) -> bool {
    token.as_str().is_some_and(|token| token.len() > 10 && !token.ends_with("-edited"))
}
