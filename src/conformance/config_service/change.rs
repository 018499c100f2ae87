//! Updates, the way into and out of encryption, and removal.

use super::add;
use super::create::has_leaf;
use super::service::{says, value};
use crate::conformance::{Answer, Cases, Checked, Stop};
use serde_json::json;
use std::time::Duration;

/// An event has been told by then.
const TOLD_WITHIN: Duration = Duration::from_secs(5);

pub fn register(cases: &mut Cases) {
    updates(cases);
    flips(cases);
    removals(cases);
}

fn updates(cases: &mut Cases) {
    add(
        cases,
        "config-service/update/new-value-and-version",
        "an update is answered with the new value in version 2, and so is a read after it",
        |service| async move {
            let (before, after) = (value("before"), value("after"));
            let quiet = service.quietly();
            let created_at = quiet.create("api_key", &before, true).await?.succeeds()?.text("/created_at")?;
            let updated = service.update("api_key", &after, true).await?;
            updated.succeeds()?.has("/value", after.as_str())?.has("/version", 2)?;
            let read = service.get("api_key").await?;
            read.is(200)?.has("/value", after.as_str())?.has("/version", 2)?;
            read.has("/created_at", created_at.as_str())?;
            read.that("/updated_at", "is not before the creation", |updated| {
                let time = |text: &str| text.parse::<jiff::Timestamp>().ok();
                updated.as_str().and_then(time).zip(time(&created_at)).is_some_and(|(new, old)| new >= old)
            })?;
            Ok(())
        },
    );
    add(
        cases,
        "config-service/update/version-counts-up",
        "each update makes the next version, one by one",
        |service| async move {
            service.quietly().create("retries", &value("first"), false).await?.succeeds()?;
            for version in 2..=5 {
                let updated = service.update("retries", &value("next"), false).await?;
                updated.succeeds()?.has("/version", version)?;
            }
            service.get("retries").await?.is(200)?.has("/version", 5)?;
            Ok(())
        },
    );
    add(
        cases,
        "config-service/update/versions-are-kept-in-the-cluster",
        "the cluster's own versioning keeps what a configuration was before an update",
        |service| async move {
            let (before, after) = (value("before"), value("after"));
            service.quietly().create("api_key", &before, true).await?.succeeds()?;
            service.quietly().update("api_key", &after, true).await?.succeeds()?;
            let old = service.stored_version("api_key", 1).await?;
            old.is(200)?.that("/data/data", "holds the first value", |data| has_leaf(data, &before))?;
            let new = service.stored("api_key").await?;
            new.is(200)?.that("/data/data", "holds the second value", |data| has_leaf(data, &after))?;
            new.has("/data/metadata/version", 2)?;
            Ok(())
        },
    );
}

fn flips(cases: &mut Cases) {
    for (id, meaning, from) in [
        (
            "config-service/flip/to-plain",
            "an update with is_encrypted=false makes an encrypted configuration one that is not",
            true,
        ),
        (
            "config-service/flip/to-encrypted",
            "an update with is_encrypted=true makes a configuration an encrypted one",
            false,
        ),
    ] {
        add(cases, id, meaning, move |service| async move {
            let after = value("after");
            service.quietly().create("api_key", &value("before"), from).await?.succeeds()?;
            let flipped = service.update("api_key", &after, !from).await?;
            flipped.succeeds()?.has("/is_encrypted", !from)?.has("/value", after.as_str())?;
            let read = service.get("api_key").await?;
            read.is(200)?.has("/is_encrypted", !from)?.has("/value", after.as_str())?.has("/version", 2)?;
            Ok(())
        });
    }
}

fn removals(cases: &mut Cases) {
    add(
        cases,
        "config-service/delete/is-gone",
        "what was deleted is answered 404 and stands in no list",
        |service| async move {
            service.quietly().create("api_key", &value("value"), false).await?.succeeds()?;
            service.quietly().get("api_key").await?.succeeds()?;
            service.delete("api_key").await?.succeeds()?;
            service.get("api_key").await?.is(404)?;
            service.list("").await?.is(200)?.has("/total", 0)?.has("/items", json!([]))?;
            Ok(())
        },
    );
    add(
        cases,
        "config-service/delete/removed-from-the-cluster",
        "what was deleted can be read in the cluster in none of its versions",
        |service| async move {
            service.quietly().create("api_key", &value("first"), true).await?.succeeds()?;
            service.quietly().update("api_key", &value("second"), true).await?.succeeds()?;
            service.delete("api_key").await?.succeeds()?;
            for version in [1, 2] {
                let old = service.stored_version("api_key", version).await?;
                old.is(404)?.lacks("/data/data")?;
            }
            service.stored("api_key").await?.is(404)?.lacks("/data/data")?;
            Ok(())
        },
    );
    add(
        cases,
        "config-service/delete/can-be-created-again",
        "after a deletion the same key can be created with another value",
        |service| async move {
            let after = value("after");
            service.quietly().create("api_key", &value("before"), false).await?.succeeds()?;
            service.quietly().get("api_key").await?.succeeds()?;
            service.delete("api_key").await?.succeeds()?;
            service.create("api_key", &after, false).await?.succeeds()?.has("/value", after.as_str())?;
            service.get("api_key").await?.is(200)?.has("/value", after.as_str())?;
            Ok(())
        },
    );
    add(
        cases,
        "config-service/delete/event-published",
        "a deletion is told to who listens, without the value",
        |service| async move {
            service.under_test.redis()?;
            if !service.under_test.events_in_redis {
                let missing = "the channel of its events (the document's is Kafka): --events-in-redis where they \
                               come over its Redis";
                return Err(Stop::NotJudged(missing.into()));
            }
            let (value, key) = (value("value"), service.lab.name("event-key"));
            service.quietly().create(&key, &value, false).await?.succeeds()?;
            let watch = service.listen().await?;
            service.delete(&key).await?.succeeds()?;
            let told = service
                .lab
                .eventually(TOLD_WITHIN, async || {
                    let published = watch.published().into_iter();
                    let texts = published.map(|(_, told)| String::from_utf8_lossy(&told).into_owned());
                    let about: Vec<_> = texts.filter(|text| text.contains(&key)).collect();
                    let told = service.lab.seen("events", json!({ "about_the_key": about }));
                    told.that("/about_the_key", "tell of a deletion", |about| {
                        about.to_string().to_lowercase().contains("delete")
                    })?;
                    Ok(told)
                })
                .await?;
            without(&told, &value)
        },
    );
}

fn without(told: &Answer, value: &str) -> Checked {
    told.that("/about_the_key", "do not hold the value", |about| !about.to_string().contains(value))?;
    says(told, &["about_the_key"])?;
    Ok(())
}
