//! What every seal that opens by itself is documented to do, whoever keeps its key.

use crate::conformance::sys::five_distinct;
use crate::conformance::{Checked, Lab, Spare, SpareConfig, Stop, Storage};
use serde_json::json;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(25);

/// A server with this seal, or not applicable where it knows none such.
pub async fn sealed_by(lab: &Lab, seal: &str) -> Checked<Spare> {
    lab.spare_if_known(SpareConfig::new(Storage::Raft).with(seal)).await
}

/// Initialisation gives five recovery keys, no unseal key, and a root token.
pub async fn gives_recovery_keys(lab: &Lab, seal: &str) -> Checked {
    let spare = sealed_by(lab, seal).await?;
    let asked = lab.of(&spare);
    let init = asked.put("sys/init", json!({ "recovery_shares": 5, "recovery_threshold": 3 })).await?;
    init.is(200)?.that("/recovery_keys", "are five distinct texts", five_distinct)?.lacks("/keys")?;
    Ok(())
}

/// It is unsealed after its initialisation, and says by what.
pub async fn says_its_kind(lab: &Lab, seal: &str, kind: &str) -> Checked {
    let spare = sealed_by(lab, seal).await?;
    lab.self_unsealing(&spare).await?;
    let status = lab.of(&spare).get("sys/seal-status").await?;
    status.has("/type", kind)?.has("/recovery_seal", true)?.has("/sealed", false)?;
    Ok(())
}

/// It is active after a restart without anybody's key, and has what was stored.
pub async fn opens_itself(lab: &Lab, seal: &str) -> Checked {
    let spare = sealed_by(lab, seal).await?;
    let keyed = lab.self_unsealing(&spare).await?;
    let root = keyed.root();
    let kv = root.kv2().await?;
    kv.quiet_put("a", json!({ "color": "red" })).await?;
    spare.kill();
    spare.start().await.map_err(Stop::Broken)?;
    let open = || async { keyed.lab.get("sys/health").await?.is(200)?.has("/standby", false).map(drop) };
    keyed.lab.eventually(SOON, open).await?;
    kv.get("a").await?.is(200)?.has("/data/data/color", "red")?;
    Ok(())
}

/// Unseal keys cannot be asked for where nobody needs them.
pub async fn gives_no_unseal_keys(lab: &Lab, seal: &str) -> Checked {
    let spare = sealed_by(lab, seal).await?;
    let asked = lab.of(&spare);
    let body = json!({ "secret_shares": 5, "secret_threshold": 3 });
    let init = asked.put("sys/init", body).await?;
    init.is(400)?.error_has("not applicable to seal type")?.lacks("/keys")?;
    asked.get("sys/init").await?.is(200)?.has("/initialized", false)?;
    Ok(())
}

/// What a server did that was started where it cannot be opened.
pub async fn stays_closed(lab: &Lab, spare: &Spare) -> Checked {
    let asked = lab.of(spare);
    let closed = || async {
        let seen = lab.seen("log", json!({ "failed": spare.said().contains("failed to unseal core") }));
        seen.has("/failed", true).map(drop)
    };
    lab.eventually(SOON, closed).await?;
    asked.get("sys/health").await?.is(503)?.has("/sealed", true)?;
    Ok(())
}
