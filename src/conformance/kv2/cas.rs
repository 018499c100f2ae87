//! Check-and-set.

use crate::conformance::{Cases, Source};
use serde_json::json;

pub fn register(cases: &mut Cases) {
    let source = Source::AlphaPulse;
    cases.add(
        "kv2/cas/right-version-wins",
        source,
        "a write with check-and-set of the newest version makes the next one",
        |lab| async move {
            let kv = lab.kv2().await?;
            kv.put("a", json!({ "color": "red" })).await?.is(200)?.has("/data/version", 1)?;
            kv.put_if("a", 1, json!({ "color": "blue" })).await?.is(200)?.has("/data/version", 2)?;
            kv.get("a").await?.is(200)?.has("/data/data/color", "blue")?;
            Ok(())
        },
    );
    cases.add(
        "kv2/cas/wrong-version-refused",
        source,
        "a write with check-and-set of another version than the newest is refused and changes nothing",
        |lab| async move {
            let kv = lab.kv2().await?;
            kv.quiet_put("a", json!({ "color": "red" })).await?;
            let refused = kv.put_if("a", 7, json!({ "color": "blue" })).await?;
            refused.is(400)?.error_has("check-and-set parameter did not match")?;
            kv.get("a").await?.is(200)?.has("/data/data/color", "red")?.has("/data/metadata/version", 1)?;
            Ok(())
        },
    );
    cases.add(
        "kv2/cas/zero-creates-only-once",
        source,
        "check-and-set of 0 creates a secret, and is refused where there is one",
        |lab| async move {
            let kv = lab.kv2().await?;
            kv.put_if("a", 0, json!({ "color": "red" })).await?.is(200)?.has("/data/version", 1)?;
            kv.put_if("a", 0, json!({ "color": "blue" })).await?.is(400)?;
            kv.get("a").await?.is(200)?.has("/data/data/color", "red")?;
            Ok(())
        },
    );
    cases.add(
        "kv2/cas/required-and-absent",
        source,
        "where check-and-set is required, a write without it is refused",
        |lab| async move {
            let kv = lab.kv2().await?;
            lab.post(&kv.metadata("a"), json!({ "cas_required": true })).await?.succeeds()?;
            let refused = kv.put("a", json!({ "color": "red" })).await?;
            refused.is(400)?.error_has("check-and-set parameter required")?;
            kv.get("a").await?.is(404)?;
            kv.put_if("a", 0, json!({ "color": "red" })).await?.is(200)?;
            kv.get("a").await?.is(200)?.has("/data/data/color", "red")?;
            Ok(())
        },
    );
}
