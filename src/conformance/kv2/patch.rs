//! Merging into the newest version.

use crate::conformance::{Cases, Source};
use serde_json::json;

const SOURCE: Source = Source::Workflow;

pub fn register(cases: &mut Cases) {
    cases.add(
        "kv2/patch/changes-only-what-it-names",
        SOURCE,
        "a patch makes a new version in which only the fields that it names differ",
        |lab| async move {
            let kv = lab.kv2().await?;
            kv.quiet_put("openai", json!({ "api_key": "sk-1", "organization": "org-1" })).await?;
            kv.patch("openai", json!({ "api_key": "sk-2" })).await?.is(200)?.has("/data/version", 2)?;
            let data = json!({ "api_key": "sk-2", "organization": "org-1" });
            kv.get("openai").await?.is(200)?.has("/data/data", data)?;
            kv.get_version("openai", 1).await?.is(200)?.has("/data/data/api_key", "sk-1")?;
            Ok(())
        },
    );
    cases.add(
        "kv2/patch/null-removes-a-field",
        SOURCE,
        "a patch with null removes that field and no other",
        |lab| async move {
            let kv = lab.kv2().await?;
            kv.quiet_put("openai", json!({ "api_key": "sk-1", "organization": "org-1" })).await?;
            kv.patch("openai", json!({ "organization": null })).await?.is(200)?;
            let read = kv.get("openai").await?;
            read.is(200)?.has("/data/data/api_key", "sk-1")?.lacks("/data/data/organization")?;
            Ok(())
        },
    );
    cases.add(
        "kv2/patch/nothing-there-refused",
        SOURCE,
        "a patch of a secret that does not exist is answered 404 and creates none",
        |lab| async move {
            let kv = lab.kv2().await?;
            kv.patch("openai", json!({ "api_key": "sk-1" })).await?.is(404)?;
            kv.get("openai").await?.is(404)?;
            kv.read_metadata("openai").await?.is(404)?;
            Ok(())
        },
    );
    cases.add(
        "kv2/patch/deleted-version-refused",
        SOURCE,
        "a patch of a secret whose newest version is deleted is answered 404 and makes no version",
        |lab| async move {
            let kv = lab.kv2().await?;
            kv.quiet_put("openai", json!({ "api_key": "sk-1" })).await?;
            kv.quietly().delete("openai").await?.succeeds()?;
            kv.patch("openai", json!({ "api_key": "sk-2" })).await?.is(404)?;
            kv.read_metadata("openai").await?.is(200)?.has("/data/current_version", 1)?;
            Ok(())
        },
    );
    cases.add(
        "kv2/patch/check-and-set",
        SOURCE,
        "a patch with check-and-set of another version than the newest is refused, and with the newest it wins",
        |lab| async move {
            let kv = lab.kv2().await?;
            kv.quiet_put("openai", json!({ "api_key": "sk-1" })).await?;
            let body =
                |cas: u32| json!({ "data": { "api_key": format!("sk-by-{cas}") }, "options": { "cas": cas } });
            let refused = lab.patch(&kv.data("openai"), body(5)).await?;
            refused.is(400)?.error_has("check-and-set parameter did not match")?;
            kv.get("openai").await?.is(200)?.has("/data/data/api_key", "sk-1")?;
            lab.patch(&kv.data("openai"), body(1)).await?.is(200)?.has("/data/version", 2)?;
            kv.get("openai").await?.is(200)?.has("/data/data/api_key", "sk-by-1")?;
            Ok(())
        },
    );
}
