//! Writing, reading, and going back to an older version.

use super::mount::is_time;
use crate::conformance::{Cases, Source};
use serde_json::json;

const SOURCE: Source = Source::Workflow;

pub fn register(cases: &mut Cases) {
    writing(cases);
    reading(cases);
    going_back(cases);
}

fn writing(cases: &mut Cases) {
    cases.add(
        "kv2/put/makes-the-first-version",
        SOURCE,
        "the first write to a path makes version 1, neither deleted nor destroyed",
        |lab| async move {
            let kv = lab.kv2().await?;
            let written = kv.put("openai", json!({ "api_key": "sk-1" })).await?;
            written.is(200)?.has("/data/version", 1)?.has("/data/destroyed", false)?;
            written.lacks("/data/deletion_time")?.that("/data/created_time", "is a time", is_time)?;
            Ok(())
        },
    );
    cases.add(
        "kv2/put/counts-versions-up",
        SOURCE,
        "each write makes the version after the newest one",
        |lab| async move {
            let kv = lab.kv2().await?;
            for version in 1..=4 {
                kv.put("openai", json!({ "n": version })).await?.is(200)?.has("/data/version", version)?;
            }
            kv.get("openai").await?.is(200)?.has("/data/data/n", 4)?.has("/data/metadata/version", 4)?;
            Ok(())
        },
    );
    cases.add(
        "kv2/put/replaces-everything",
        SOURCE,
        "a write replaces the whole secret: a field that it does not name is gone",
        |lab| async move {
            let kv = lab.kv2().await?;
            kv.quiet_put("openai", json!({ "api_key": "sk-1", "organization": "org-1" })).await?;
            kv.put("openai", json!({ "api_key": "sk-2" })).await?.is(200)?;
            let read = kv.get("openai").await?;
            read.is(200)?.has("/data/data/api_key", "sk-2")?.lacks("/data/data/organization")?;
            Ok(())
        },
    );
    cases.add(
        "kv2/put/secrets-are-apart",
        SOURCE,
        "a write changes no other secret, and their versions count apart",
        |lab| async move {
            let kv = lab.kv2().await?;
            kv.quiet_colors("openai", &["red", "green"]).await?;
            kv.put("anthropic", json!({ "color": "blue" })).await?.is(200)?.has("/data/version", 1)?;
            let other = kv.get("openai").await?;
            other.is(200)?.has("/data/data/color", "green")?.has("/data/metadata/version", 2)?;
            Ok(())
        },
    );
    cases.add(
        "kv2/put/keeps-types-and-characters",
        SOURCE,
        "texts of any characters, numbers and nested values come back as they were written",
        |lab| async move {
            let kv = lab.kv2().await?;
            let data =
                json!({ "text": "clé \"ü\"\n€", "port": 5432, "deep": { "list": [1, "b", null, true] } });
            kv.put("a", data.clone()).await?.is(200)?;
            kv.get("a").await?.is(200)?.has("/data/data", data)?;
            Ok(())
        },
    );
    cases.add(
        "kv2/put/without-data-refused",
        SOURCE,
        "a write whose body has no `data` is refused and stores nothing",
        |lab| async move {
            let kv = lab.kv2().await?;
            let refused = lab.post(&kv.data("a"), json!({ "api_key": "sk-1" })).await?;
            refused.is(400)?.error_has("no data provided")?;
            kv.get("a").await?.is(404)?;
            Ok(())
        },
    );
    cases.add(
        "kv2/put/data-that-is-no-object-refused",
        SOURCE,
        "a write whose `data` is a text is refused and changes nothing",
        |lab| async move {
            let kv = lab.kv2().await?;
            kv.quiet_put("a", json!({ "color": "red" })).await?;
            lab.post(&kv.data("a"), json!({ "data": "sk-1" })).await?.is(400)?;
            kv.get("a").await?.is(200)?.has("/data/data/color", "red")?.has("/data/metadata/version", 1)?;
            Ok(())
        },
    );
    cases.add(
        "kv2/put/path-of-version-1-refused",
        SOURCE,
        "a write to `secret/openai` instead of `secret/data/openai` stores nothing, and a warning says why",
        |lab| async move {
            let kv = lab.kv2_at("secret").await?;
            let refused = lab.post(&format!("{}/openai", kv.path), json!({ "api_key": "sk-1" })).await?;
            refused.is(404)?.that("/warnings/0", "names a versioned engine", |warning| {
                warning.as_str().is_some_and(|text| text.contains("Invalid path for a versioned K/V"))
            })?;
            kv.get("openai").await?.is(404)?;
            Ok(())
        },
    );
    cases.add(
        "kv2/put/through-a-standby",
        Source::AlphaPulse,
        "a write that a standby receives is stored once, and the active node has it at once",
        |lab| async move {
            let kv = lab.kv2().await?;
            kv.quiet_put("a", json!({ "color": "red" })).await?;
            let standby = lab.standby(0)?;
            // A mount that a standby does not know yet is refused there: it has to be ready first.
            let (quiet, within) = (kv.by(&standby.quietly()), std::time::Duration::from_secs(5));
            quiet.lab.eventually(within, || async { quiet.get("a").await?.is(200).map(drop) }).await?;
            let body = json!({ "data": { "color": "blue" } });
            standby.post(&kv.data("a"), body).await?.is(200)?.has("/data/version", 2)?;
            kv.get("a").await?.is(200)?.has("/data/data/color", "blue")?.has("/data/metadata/version", 2)?;
            Ok(())
        },
    );
}

fn reading(cases: &mut Cases) {
    cases.add(
        "kv2/get/newest-by-default",
        SOURCE,
        "a read without a version gives the newest one, at `.data.data`",
        |lab| async move {
            let kv = lab.kv2().await?;
            kv.quiet_colors("openai", &["red", "green", "blue"]).await?;
            let read = kv.get("openai").await?;
            read.is(200)?.has("/data/data", json!({ "color": "blue" }))?.has("/data/metadata/version", 3)?;
            Ok(())
        },
    );
    cases.add(
        "kv2/get/version-asked-for",
        SOURCE,
        "a read of a version gives that one, whatever came after it",
        |lab| async move {
            let kv = lab.kv2().await?;
            kv.quiet_colors("openai", &["red", "green", "blue"]).await?;
            for (version, color) in [(1, "red"), (2, "green")] {
                let read = kv.get_version("openai", version).await?;
                read.is(200)?.has("/data/data/color", color)?.has("/data/metadata/version", version)?;
            }
            Ok(())
        },
    );
    cases.add(
        "kv2/get/version-that-never-was",
        SOURCE,
        "a read of a version that was never written is answered 404",
        |lab| async move {
            let kv = lab.kv2().await?;
            kv.quiet_put("openai", json!({ "color": "red" })).await?;
            kv.get_version("openai", 1).await?.is(200)?.has("/data/data/color", "red")?;
            kv.get_version("openai", 2).await?.is(404)?.lacks("/data/data")?;
            Ok(())
        },
    );
    cases.add(
        "kv2/get/version-that-is-no-number",
        SOURCE,
        "a read of a version that is no number is refused",
        |lab| async move {
            let kv = lab.kv2().await?;
            kv.quiet_put("openai", json!({ "color": "red" })).await?;
            let refused = lab.get(&format!("{}?version=newest", kv.data("openai"))).await?;
            refused.is(400)?.error_has("version")?.lacks("/data/data")?;
            Ok(())
        },
    );
    cases.add(
        "kv2/get/secret-that-never-was",
        SOURCE,
        "a read of a secret that was never written is answered 404 without data",
        |lab| async move {
            let kv = lab.kv2().await?;
            kv.quiet_put("openai", json!({ "color": "red" })).await?;
            kv.get("open").await?.is(404)?.lacks("/data")?;
            Ok(())
        },
    );
    cases.add(
        "kv2/get/standbys-have-it-soon",
        Source::AlphaPulse,
        "what the active node acknowledged can be read on every standby within five seconds",
        |lab| async move {
            let kv = lab.kv2().await?;
            kv.quiet_colors("a", &["red", "blue"]).await?;
            let within = std::time::Duration::from_secs(5);
            for number in 0..2 {
                let standby = lab.standby(number)?;
                lab.eventually(within, || async {
                    let read = standby.get(&kv.data("a")).await?;
                    read.is(200)?.has("/data/data/color", "blue")?.has("/data/metadata/version", 2).map(drop)
                })
                .await?;
            }
            Ok(())
        },
    );
    cases.add(
        "kv2/get/without-token-refused",
        SOURCE,
        "a read without a token is refused, whether there is a secret or not",
        |lab| async move {
            let kv = lab.kv2().await?;
            kv.quiet_put("openai", json!({ "color": "red" })).await?;
            for secret in ["openai", "nothing"] {
                lab.anonymous().get(&kv.data(secret)).await?.is(403)?.lacks("/data")?;
            }
            Ok(())
        },
    );
}

fn going_back(cases: &mut Cases) {
    cases.add(
        "kv2/rollback/makes-a-new-version",
        SOURCE,
        "a rollback writes the old version's data as the newest version, and keeps those between",
        |lab| async move {
            let kv = lab.kv2().await?;
            kv.quiet_colors("openai", &["red", "green", "blue"]).await?;
            let old = kv.get_version("openai", 2).await?.is(200)?.value("/data/data")?;
            kv.put_if("openai", 3, old).await?.is(200)?.has("/data/version", 4)?;
            let newest = kv.get("openai").await?;
            newest.is(200)?.has("/data/data/color", "green")?.has("/data/metadata/version", 4)?;
            kv.get_version("openai", 3).await?.is(200)?.has("/data/data/color", "blue")?;
            Ok(())
        },
    );
    cases.add(
        "kv2/rollback/refused-after-a-write-between",
        SOURCE,
        "a rollback is refused when somebody wrote since it looked",
        |lab| async move {
            let kv = lab.kv2().await?;
            kv.quiet_colors("openai", &["red", "green"]).await?;
            let old = kv.quietly().get_version("openai", 1).await?.value("/data/data")?;
            kv.quiet_put("openai", json!({ "color": "blue" })).await?;
            let refused = kv.put_if("openai", 2, old).await?;
            refused.is(400)?.error_has("check-and-set parameter did not match")?;
            kv.get("openai").await?.is(200)?.has("/data/data/color", "blue")?;
            Ok(())
        },
    );
    cases.add(
        "kv2/rollback/not-to-a-destroyed-version",
        SOURCE,
        "a destroyed version has no data to go back to",
        |lab| async move {
            let kv = lab.kv2().await?;
            kv.quiet_colors("openai", &["red", "green"]).await?;
            kv.quietly().versions("destroy", "openai", &[1]).await?.succeeds()?;
            let gone = kv.get_version("openai", 1).await?;
            gone.is(404)?.lacks("/data/data")?.has("/data/metadata/destroyed", true)?;
            Ok(())
        },
    );
}
