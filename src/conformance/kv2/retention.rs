//! How many versions are kept, for how long, and how large a value may be.

use super::mount::is_time;
use crate::conformance::{Cases, Source};
use serde_json::json;
use std::time::Duration;

const SOURCE: Source = Source::Workflow;

pub fn register(cases: &mut Cases) {
    cases.add(
        "kv2/max-versions/drops-the-oldest",
        SOURCE,
        "with `max_versions=5` the sixth write drops version 1 and keeps the other five",
        |lab| async move {
            let kv = lab.kv2().await?;
            kv.set_metadata("openai", json!({ "max_versions": 5 })).await?.succeeds()?;
            kv.quiet_colors("openai", &["c1", "c2", "c3", "c4", "c5", "c6"]).await?;
            kv.get_version("openai", 1).await?.is(404)?.lacks("/data/data")?;
            kv.get_version("openai", 2).await?.is(200)?.has("/data/data/color", "c2")?;
            let metadata = kv.read_metadata("openai").await?;
            metadata.is(200)?.has("/data/oldest_version", 2)?.has("/data/current_version", 6)?;
            metadata.lacks("/data/versions/1")?;
            Ok(())
        },
    );
    cases.add(
        "kv2/max-versions/of-the-mount",
        SOURCE,
        "a mount's `max_versions` holds for secrets that have none of their own",
        |lab| async move {
            let kv = lab.kv2().await?;
            lab.post(&format!("{}/config", kv.path), json!({ "max_versions": 2 })).await?.succeeds()?;
            kv.config().await?.is(200)?.has("/data/max_versions", 2)?;
            kv.quiet_colors("openai", &["red", "green", "blue"]).await?;
            kv.get_version("openai", 1).await?.is(404)?.lacks("/data/data")?;
            kv.get_version("openai", 2).await?.is(200)?.has("/data/data/color", "green")?;
            Ok(())
        },
    );
    cases.add(
        "kv2/max-versions/ten-by-default",
        SOURCE,
        "where nobody says how many, ten versions are kept",
        |lab| async move {
            let kv = lab.kv2().await?;
            let colors: Vec<_> = (1..=11).map(|number| format!("c{number}")).collect();
            kv.quiet_colors("openai", &colors.iter().map(String::as_str).collect::<Vec<_>>()).await?;
            kv.get_version("openai", 1).await?.is(404)?.lacks("/data/data")?;
            kv.get_version("openai", 2).await?.is(200)?.has("/data/data/color", "c2")?;
            Ok(())
        },
    );
    cases.add(
        "kv2/delete-version-after/secret",
        SOURCE,
        "a secret with `delete_version_after` is readable until then, and deletes itself",
        |lab| async move {
            let kv = lab.kv2().await?;
            kv.set_metadata("openai", json!({ "delete_version_after": "3s" })).await?.succeeds()?;
            let written = kv.put("openai", json!({ "color": "red" })).await?;
            written.is(200)?.that("/data/deletion_time", "is a time", is_time)?;
            kv.get("openai").await?.is(200)?.has("/data/data/color", "red")?;
            lab.eventually(Duration::from_secs(7), || async {
                kv.get("openai").await?.is(404)?.lacks("/data/data").map(drop)
            })
            .await?;
            // It is a soft deletion: nothing is destroyed.
            kv.read_metadata("openai").await?.is(200)?.has("/data/versions/1/destroyed", false)?;
            Ok(())
        },
    );
    cases.add(
        "kv2/delete-version-after/mount",
        SOURCE,
        "a mount's `delete_version_after` holds for secrets that have none of their own",
        |lab| async move {
            let kv = lab.kv2().await?;
            let settings = json!({ "delete_version_after": "1h" });
            lab.post(&format!("{}/config", kv.path), settings).await?.succeeds()?;
            kv.config().await?.is(200)?.has("/data/delete_version_after", "1h0m0s")?;
            let written = kv.put("openai", json!({ "color": "red" })).await?;
            written.is(200)?.that("/data/deletion_time", "is a time", is_time)?;
            kv.get("openai").await?.is(200)?.has("/data/data/color", "red")?;
            Ok(())
        },
    );
    cases.add(
        "kv2/delete-version-after/no-duration-refused",
        SOURCE,
        "a `delete_version_after` that is no duration is refused",
        |lab| async move {
            let kv = lab.kv2().await?;
            kv.quiet_colors("openai", &["red"]).await?;
            kv.set_metadata("openai", json!({ "delete_version_after": "soon" })).await?.is(400)?;
            kv.read_metadata("openai").await?.is(200)?.has("/data/delete_version_after", "0s")?;
            Ok(())
        },
    );
    cases.add(
        "kv2/size/too-large-refused",
        Source::AlphaPulse,
        "a value above the storage's entry limit of 1 MiB is refused in clear words, and the old one stays",
        |lab| async move {
            let kv = lab.kv2().await?;
            kv.quiet_colors("a", &["red"]).await?;
            let refused = kv.put("a", json!({ "color": "x".repeat(1_200_000) })).await?;
            refused.is_one_of(&[400, 413, 500])?.error_has("too large")?;
            kv.get("a").await?.is(200)?.has("/data/data/color", "red")?.has("/data/metadata/version", 1)?;
            Ok(())
        },
    );
    cases.add(
        "kv2/size/below-the-limit-stored",
        Source::AlphaPulse,
        "a value of half a MiB is stored and read back whole",
        |lab| async move {
            let kv = lab.kv2().await?;
            kv.put("a", json!({ "color": "x".repeat(1 << 19) })).await?.is(200)?.has("/data/version", 1)?;
            kv.get("a").await?.is(200)?.that("/data/data/color", "is half a MiB", |value| {
                value.as_str().is_some_and(|text| text.len() == 1 << 19)
            })?;
            Ok(())
        },
    );
}
