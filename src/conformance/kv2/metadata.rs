//! What is kept of a secret beside its values.

use super::mount::is_time;
use crate::conformance::{Cases, Source};
use serde_json::json;

const SOURCE: Source = Source::Workflow;

pub fn register(cases: &mut Cases) {
    cases.add(
        "kv2/metadata/lists-versions-with-times",
        SOURCE,
        "the metadata names every version with the time of its creation, and the newest",
        |lab| async move {
            let kv = lab.kv2().await?;
            kv.quiet_colors("openai", &["red", "green"]).await?;
            let metadata = kv.read_metadata("openai").await?;
            metadata.is(200)?.has("/data/current_version", 2)?;
            for version in [1, 2] {
                metadata.that(&format!("/data/versions/{version}/created_time"), "is a time", is_time)?;
            }
            metadata.lacks("/data/versions/3")?;
            Ok(())
        },
    );
    cases.add(
        "kv2/metadata/holds-no-value",
        SOURCE,
        "the metadata holds no value of the secret",
        |lab| async move {
            let kv = lab.kv2().await?;
            kv.quiet_colors("openai", &["crimson"]).await?;
            let metadata = kv.read_metadata("openai").await?;
            metadata.is(200)?.lacks("/data/data")?.lacks("/data/color")?;
            metadata.that("/data", "does not contain the value", |data| {
                data.get("versions").is_some() && !data.to_string().contains("crimson")
            })?;
            Ok(())
        },
    );
    cases.add(
        "kv2/metadata/settings-as-documented",
        SOURCE,
        "`max_versions=5` and `cas_required=false` are kept, and the value is not touched",
        |lab| async move {
            let kv = lab.kv2_at("secret").await?;
            kv.quiet_put("openai", json!({ "api_key": "sk-1" })).await?;
            let settings = json!({ "max_versions": 5, "cas_required": false });
            kv.set_metadata("openai", settings).await?.succeeds()?;
            let metadata = kv.read_metadata("openai").await?;
            metadata.is(200)?.has("/data/max_versions", 5)?.has("/data/cas_required", false)?;
            metadata.has("/data/current_version", 1)?;
            kv.get("openai").await?.is(200)?.has("/data/data/api_key", "sk-1")?;
            Ok(())
        },
    );
    cases.add(
        "kv2/metadata/names-as-in-the-document",
        SOURCE,
        "the document's own spelling `max-versions=5` sets how many versions are kept",
        |lab| async move {
            let kv = lab.kv2_at("secret").await?;
            kv.quiet_put("openai", json!({ "api_key": "sk-1" })).await?;
            let settings = json!({ "max-versions": 5, "cas-required": false });
            kv.set_metadata("openai", settings).await?.succeeds()?;
            kv.read_metadata("openai").await?.is(200)?.has("/data/max_versions", 5)?;
            Ok(())
        },
    );
    cases.add(
        "kv2/metadata/custom-kept-and-shown",
        SOURCE,
        "custom metadata is kept, and shown with the metadata and with each read",
        |lab| async move {
            let kv = lab.kv2().await?;
            kv.quiet_colors("openai", &["red"]).await?;
            let owner = json!({ "owner": "platform" });
            kv.set_metadata("openai", json!({ "custom_metadata": owner })).await?.succeeds()?;
            kv.read_metadata("openai").await?.is(200)?.has("/data/custom_metadata", owner.clone())?;
            kv.get("openai").await?.is(200)?.has("/data/metadata/custom_metadata", owner)?;
            Ok(())
        },
    );
    cases.add(
        "kv2/metadata/custom-that-is-no-text-refused",
        SOURCE,
        "custom metadata whose value is no text is refused, and what was there stays",
        |lab| async move {
            let kv = lab.kv2().await?;
            let owner = json!({ "owner": "platform" });
            kv.quietly().set_metadata("openai", json!({ "custom_metadata": owner })).await?.succeeds()?;
            let nested = json!({ "custom_metadata": { "owner": { "team": "platform" } } });
            kv.set_metadata("openai", nested).await?.is(400)?.error_has("custom_metadata")?;
            kv.read_metadata("openai").await?.is(200)?.has("/data/custom_metadata", owner)?;
            Ok(())
        },
    );
    cases.add(
        "kv2/metadata/patch-changes-only-what-it-names",
        SOURCE,
        "a patch of the metadata changes the fields that it names and keeps the others",
        |lab| async move {
            let kv = lab.kv2().await?;
            let settings = json!({ "max_versions": 5, "custom_metadata": { "owner": "a", "team": "b" } });
            kv.quietly().set_metadata("openai", settings).await?.succeeds()?;
            let change = json!({ "custom_metadata": { "owner": null, "stage": "c" } });
            lab.patch(&kv.metadata("openai"), change).await?.succeeds()?;
            let metadata = kv.read_metadata("openai").await?;
            metadata.is(200)?.has("/data/max_versions", 5)?;
            metadata.has("/data/custom_metadata", json!({ "team": "b", "stage": "c" }))?;
            Ok(())
        },
    );
    cases.add(
        "kv2/metadata/makes-no-version",
        SOURCE,
        "metadata may be written before the first value, and makes no version",
        |lab| async move {
            let kv = lab.kv2().await?;
            kv.set_metadata("openai", json!({ "max_versions": 5 })).await?.succeeds()?;
            kv.read_metadata("openai").await?.is(200)?.has("/data/current_version", 0)?;
            kv.get("openai").await?.is(404)?.lacks("/data")?;
            kv.put("openai", json!({ "color": "red" })).await?.is(200)?.has("/data/version", 1)?;
            Ok(())
        },
    );
    cases.add(
        "kv2/metadata/of-nothing",
        SOURCE,
        "the metadata of a secret that was never written is answered 404",
        |lab| async move {
            let kv = lab.kv2().await?;
            kv.quiet_colors("openai", &["red"]).await?;
            kv.read_metadata("anthropic").await?.is(404)?.lacks("/data")?;
            Ok(())
        },
    );
    cases.add(
        "kv2/config/cas-required-for-the-mount",
        SOURCE,
        "where the mount requires check-and-set, a write without it is refused for every secret",
        |lab| async move {
            let kv = lab.kv2().await?;
            lab.post(&format!("{}/config", kv.path), json!({ "cas_required": true })).await?.succeeds()?;
            kv.config().await?.is(200)?.has("/data/cas_required", true)?;
            for secret in ["openai", "anthropic"] {
                let refused = kv.put(secret, json!({ "color": "red" })).await?;
                refused.is(400)?.error_has("check-and-set parameter required")?;
            }
            kv.put_if("openai", 0, json!({ "color": "red" })).await?.is(200)?.has("/data/version", 1)?;
            Ok(())
        },
    );
}
