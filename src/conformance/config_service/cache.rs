//! What stands in Redis, and what must not; and that a cache never brings an older value back.

use super::add;
use super::service::{Service, value};
use super::traffic::{Writes, numbered, race};
use crate::conformance::{Cases, Checked};
use std::time::Duration;

/// A copy may be put there behind the answer.
const CACHED_WITHIN: Duration = Duration::from_secs(2);
const READERS: usize = 6;
const ROUNDS: u64 = 25;

pub fn register(cases: &mut Cases) {
    add(
        cases,
        "config-service/cache/plain-is-cached",
        "a value that is not encrypted is in Redis once it was read",
        |service| async move {
            let value = value("plain");
            service.quietly().create("retries", &value, false).await?.succeeds()?;
            cached(&service, "retries", &value).await
        },
    );
    add(
        cases,
        "config-service/cache/encrypted-is-never-told",
        "no encrypted value is told to Redis, whatever is done with its configuration",
        |service| async move {
            service.under_test.redis()?;
            let watch = service.listen().await?;
            let canary = value("secret");
            let quiet = service.quietly();
            quiet.create("api_key", &format!("{canary}-1"), true).await?.succeeds()?;
            for _ in 0..3 {
                quiet.get("api_key").await?.succeeds()?;
            }
            quiet.list("").await?.succeeds()?;
            quiet.update("api_key", &format!("{canary}-2"), true).await?.succeeds()?;
            for _ in 0..3 {
                quiet.get("api_key").await?.succeeds()?;
            }
            quiet.delete("api_key").await?.succeeds()?;
            service.in_redis(&canary).await?.has("/holds", false)?;
            let heard = service.heard(watch, &canary).await?;
            heard.has("/told", false)?.that("/bytes", "are some: it listened", |bytes| {
                bytes.as_u64().is_some_and(|bytes| bytes > 0)
            })?;
            Ok(())
        },
    );
    add(
        cases,
        "config-service/cache/flip-to-encrypted-leaves-redis",
        "when a configuration becomes encrypted, neither its old value nor its new one is in Redis",
        |service| async move {
            let (before, after) = (value("before"), value("after"));
            service.quietly().create("api_key", &before, false).await?.succeeds()?;
            cached(&service.quietly(), "api_key", &before).await?;
            let watch = service.listen().await?;
            service.quietly().update("api_key", &after, true).await?.succeeds()?;
            service.in_redis(&before).await?.has("/holds", false)?;
            service.quietly().get("api_key").await?.succeeds()?;
            service.in_redis(&after).await?.has("/holds", false)?;
            service.heard(watch, &after).await?.has("/told", false)?;
            Ok(())
        },
    );
    add(
        cases,
        "config-service/cache/flip-to-plain-may-be-cached",
        "when a configuration is no longer encrypted, its value is in Redis once it was read",
        |service| async move {
            let (before, after) = (value("before"), value("after"));
            service.quietly().create("api_key", &before, true).await?.succeeds()?;
            service.quietly().update("api_key", &after, false).await?.succeeds()?;
            cached(&service, "api_key", &after).await?;
            service.in_redis(&before).await?.has("/holds", false)?;
            Ok(())
        },
    );
    add(
        cases,
        "config-service/cache/update-takes-the-old-value-out",
        "after an update Redis holds no old value, and none is served",
        |service| async move {
            let (before, after) = (value("before"), value("after"));
            service.quietly().create("retries", &before, false).await?.succeeds()?;
            cached(&service.quietly(), "retries", &before).await?;
            service.quietly().update("retries", &after, false).await?.succeeds()?;
            service.in_redis(&before).await?.has("/holds", false)?;
            for _ in 0..3 {
                service.get("retries").await?.is(200)?.has("/value", after.as_str())?.has("/version", 2)?;
            }
            Ok(())
        },
    );
    add(
        cases,
        "config-service/cache/delete-takes-the-value-out",
        "after a deletion Redis does not hold the value, and it is not served",
        |service| async move {
            let value = value("plain");
            service.quietly().create("retries", &value, false).await?.succeeds()?;
            cached(&service.quietly(), "retries", &value).await?;
            service.quietly().delete("retries").await?.succeeds()?;
            service.in_redis(&value).await?.has("/holds", false)?;
            service.get("retries").await?.is(404)?;
            Ok(())
        },
    );
    add(
        cases,
        "config-service/cache/no-old-value-among-readers",
        "while others read all the time, no read that begins after an acknowledged update brings an older value",
        |service| async move { among_readers(service, Writes::Updates).await },
    );
    add(
        cases,
        "config-service/cache/nothing-deleted-comes-back-among-readers",
        "while others read all the time, no read that begins after an acknowledged deletion finds the value",
        |service| async move { among_readers(service, Writes::DeletionsAndCreations).await },
    );
}

/// It is there soon after it was read.
async fn cached(service: &Service, key: &str, value: &str) -> Checked {
    service.under_test.redis()?;
    service
        .lab
        .eventually(CACHED_WITHIN, async || {
            service.quietly().get(key).await?.succeeds()?;
            service.in_redis(value).await?.has("/holds", true)?;
            Ok(())
        })
        .await
}

async fn among_readers(service: Service, writes: Writes) -> Checked {
    let canary = value("raced");
    service.quietly().create("raced", &numbered(&canary, 1), false).await?.succeeds()?;
    let raced = race(&service, "raced", &canary, writes, READERS, ROUNDS).await?;
    let seen = service.lab.seen("reads among writes", raced.facts());
    seen.that("/reads", "are at least three a write", |reads| {
        reads.as_u64().is_some_and(|reads| reads >= 3 * ROUNDS)
    })?;
    seen.has("/acknowledged", ROUNDS)?.lacks("/old")?.lacks("/from_nowhere")?;
    Ok(())
}
