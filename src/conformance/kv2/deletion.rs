//! Soft deletion and its undoing, destruction for good, and deletion of everything.

use super::mount::is_time;
use crate::conformance::{Cases, Source};
use serde_json::json;

const SOURCE: Source = Source::Workflow;

pub fn register(cases: &mut Cases) {
    soft(cases);
    for_good(cases);
}

fn soft(cases: &mut Cases) {
    cases.add(
        "kv2/delete/newest-is-gone-and-dated",
        SOURCE,
        "a deleted secret is answered 404 with the time of its deletion, and is not destroyed",
        |lab| async move {
            let kv = lab.kv2().await?;
            kv.quiet_colors("openai", &["red"]).await?;
            kv.delete("openai").await?.succeeds()?;
            let gone = kv.get("openai").await?;
            gone.is(404)?.lacks("/data/data")?.has("/data/metadata/destroyed", false)?;
            gone.that("/data/metadata/deletion_time", "is a time", is_time)?;
            Ok(())
        },
    );
    cases.add(
        "kv2/delete/older-versions-stay",
        SOURCE,
        "deleting the newest version leaves the older ones readable",
        |lab| async move {
            let kv = lab.kv2().await?;
            kv.quiet_colors("openai", &["red", "green"]).await?;
            kv.delete("openai").await?.succeeds()?;
            kv.get("openai").await?.is(404)?.has("/data/metadata/version", 2)?;
            kv.get_version("openai", 1).await?.is(200)?.has("/data/data/color", "red")?;
            Ok(())
        },
    );
    cases.add(
        "kv2/delete/named-version-only",
        SOURCE,
        "deleting a version by its number deletes that one and no other",
        |lab| async move {
            let kv = lab.kv2().await?;
            kv.quiet_colors("openai", &["red", "green", "blue"]).await?;
            kv.versions("delete", "openai", &[2]).await?.succeeds()?;
            kv.get_version("openai", 2).await?.is(404)?.lacks("/data/data")?;
            kv.get_version("openai", 1).await?.is(200)?.has("/data/data/color", "red")?;
            kv.get("openai").await?.is(200)?.has("/data/data/color", "blue")?;
            Ok(())
        },
    );
    cases.add(
        "kv2/delete/without-versions-refused",
        SOURCE,
        "deleting, undeleting or destroying no version at all is refused",
        |lab| async move {
            let kv = lab.kv2().await?;
            kv.quiet_colors("openai", &["red"]).await?;
            for verb in ["delete", "undelete", "destroy"] {
                kv.versions(verb, "openai", &[]).await?.is(400)?.error_has("no version number provided")?;
            }
            kv.get("openai").await?.is(200)?.has("/data/data/color", "red")?;
            Ok(())
        },
    );
    cases.add(
        "kv2/delete/next-write-counts-on",
        SOURCE,
        "a write after a deletion makes the next version, and the deleted one stays deleted",
        |lab| async move {
            let kv = lab.kv2().await?;
            kv.quiet_colors("openai", &["red", "green"]).await?;
            kv.quietly().delete("openai").await?.succeeds()?;
            kv.put("openai", json!({ "color": "blue" })).await?.is(200)?.has("/data/version", 3)?;
            kv.get("openai").await?.is(200)?.has("/data/data/color", "blue")?;
            kv.get_version("openai", 2).await?.is(404)?.lacks("/data/data")?;
            Ok(())
        },
    );
    cases.add(
        "kv2/undelete/brings-it-back",
        SOURCE,
        "an undeleted version is read as before, without a time of deletion",
        |lab| async move {
            let kv = lab.kv2().await?;
            kv.quiet_colors("openai", &["red", "green", "blue"]).await?;
            kv.versions("delete", "openai", &[3]).await?.succeeds()?;
            kv.get_version("openai", 3).await?.is(404)?;
            kv.versions("undelete", "openai", &[3]).await?.succeeds()?;
            let back = kv.get_version("openai", 3).await?;
            back.is(200)?.has("/data/data/color", "blue")?.lacks("/data/metadata/deletion_time")?;
            Ok(())
        },
    );
    cases.add(
        "kv2/undelete/only-the-named-version",
        SOURCE,
        "undeleting one of two deleted versions leaves the other deleted",
        |lab| async move {
            let kv = lab.kv2().await?;
            kv.quiet_colors("openai", &["red", "green"]).await?;
            kv.quietly().versions("delete", "openai", &[1, 2]).await?.succeeds()?;
            kv.versions("undelete", "openai", &[1]).await?.succeeds()?;
            kv.get_version("openai", 1).await?.is(200)?.has("/data/data/color", "red")?;
            kv.get_version("openai", 2).await?.is(404)?.lacks("/data/data")?;
            Ok(())
        },
    );
}

fn for_good(cases: &mut Cases) {
    cases.add(
        "kv2/destroy/data-is-gone",
        SOURCE,
        "a destroyed version is answered 404, marked as destroyed, and the others stay",
        |lab| async move {
            let kv = lab.kv2().await?;
            kv.quiet_colors("openai", &["red", "green", "blue"]).await?;
            kv.versions("destroy", "openai", &[3]).await?.succeeds()?;
            let gone = kv.get("openai").await?;
            gone.is(404)?.lacks("/data/data")?.has("/data/metadata/destroyed", true)?;
            kv.get_version("openai", 2).await?.is(200)?.has("/data/data/color", "green")?;
            Ok(())
        },
    );
    cases.add(
        "kv2/destroy/cannot-be-undone",
        SOURCE,
        "undeleting a destroyed version does not bring it back",
        |lab| async move {
            let kv = lab.kv2().await?;
            kv.quiet_colors("openai", &["red", "green"]).await?;
            kv.versions("destroy", "openai", &[1]).await?.succeeds()?;
            kv.versions("undelete", "openai", &[1]).await?.succeeds()?;
            let gone = kv.get_version("openai", 1).await?;
            gone.is(404)?.lacks("/data/data")?.has("/data/metadata/destroyed", true)?;
            Ok(())
        },
    );
    cases.add(
        "kv2/destroy/seen-in-the-metadata",
        SOURCE,
        "the metadata says of each version whether it is destroyed, and when it was deleted",
        |lab| async move {
            let kv = lab.kv2().await?;
            kv.quiet_colors("openai", &["red", "green", "blue"]).await?;
            kv.quietly().versions("destroy", "openai", &[1]).await?.succeeds()?;
            kv.quietly().versions("delete", "openai", &[2]).await?.succeeds()?;
            let metadata = kv.read_metadata("openai").await?;
            metadata.is(200)?.has("/data/versions/1/destroyed", true)?;
            metadata.has("/data/versions/2/destroyed", false)?.has("/data/versions/3/destroyed", false)?;
            metadata.that("/data/versions/2/deletion_time", "is a time", is_time)?;
            metadata.lacks("/data/versions/3/deletion_time")?.has("/data/current_version", 3)?;
            Ok(())
        },
    );
    cases.add(
        "kv2/delete-all/nothing-is-left",
        SOURCE,
        "after the metadata is deleted no version can be read or undeleted",
        |lab| async move {
            let kv = lab.kv2().await?;
            kv.quiet_colors("openai", &["red", "green"]).await?;
            kv.delete_all("openai").await?.succeeds()?;
            kv.read_metadata("openai").await?.is(404)?.lacks("/data")?;
            kv.quietly().versions("undelete", "openai", &[1, 2]).await?;
            for version in [1, 2] {
                kv.get_version("openai", version).await?.is(404)?.lacks("/data")?;
            }
            Ok(())
        },
    );
    cases.add(
        "kv2/delete-all/begins-anew",
        SOURCE,
        "a write after the metadata was deleted makes version 1 again, with check-and-set of 0",
        |lab| async move {
            let kv = lab.kv2().await?;
            kv.quiet_colors("openai", &["red", "green"]).await?;
            kv.delete_all("openai").await?.succeeds()?;
            kv.put_if("openai", 0, json!({ "color": "blue" })).await?.is(200)?.has("/data/version", 1)?;
            kv.get_version("openai", 2).await?.is(404)?;
            Ok(())
        },
    );
}
