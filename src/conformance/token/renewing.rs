//! Renewing: up to a maximum, or for ever.

use super::holder::is_about;
use crate::conformance::{Cases, Source};
use serde_json::json;
use std::time::{Duration, Instant};

const SOURCE: Source = Source::Workflow;

pub fn register(cases: &mut Cases) {
    cases.add(
        "token/renew/gives-its-ttl-back",
        SOURCE,
        "a renewed token has its whole time to live again",
        |lab| async move {
            let holder = lab.holder(json!({ "policies": [lab.poor_policy().await?], "ttl": "8s" })).await?;
            lab.eventually(Duration::from_secs(4), || async {
                let looked = holder.look_at_itself().await?;
                looked
                    .is(200)?
                    .that("/data/ttl", "is below 7 s", |ttl| matches!(ttl.as_i64(), Some(0..7)))
                    .map(drop)
            })
            .await?;
            holder.operator("renew").await?.is(200)?.has("/auth/lease_duration", 8)?;
            let looked = holder.look_at_itself().await?;
            looked.is(200)?.that("/data/ttl", "is 7 s or more", |ttl| matches!(ttl.as_i64(), Some(7..=8)))?;
            Ok(())
        },
    );
    cases.add(
        "token/renew/by-itself",
        SOURCE,
        "a token renews itself under the default policy and for as long as it asks",
        |lab| async move {
            let holder = lab.holder(json!({ "policies": [lab.poor_policy().await?], "ttl": "1h" })).await?;
            let renewed = holder.lab.post("auth/token/renew-self", json!({ "increment": "2h" })).await?;
            renewed.is(200)?.has("/auth/lease_duration", 7200)?.has("/auth/renewable", true)?;
            let looked = holder.look_at_itself().await?;
            looked.is(200)?.that("/data/ttl", "is about two hours", is_about(7200))?;
            Ok(())
        },
    );
    cases.add(
        "token/renew/by-accessor",
        SOURCE,
        "a token is renewed by its accessor, and the answer does not give it away",
        |lab| async move {
            let holder = lab.holder(json!({ "policies": [lab.poor_policy().await?], "ttl": "1h" })).await?;
            let renewed = holder.operator_by_accessor("renew").await?;
            renewed.is(200)?.has("/auth/lease_duration", 3600)?.lacks("/auth/client_token")?;
            Ok(())
        },
    );
    cases.add(
        "token/renew/capped-by-its-maximum",
        SOURCE,
        "with `explicit_max_ttl` a token is renewed up to that and no further, whoever asks",
        |lab| async move {
            let policy = lab.poor_policy().await?;
            let settings = json!({ "policies": [policy], "ttl": "1h", "explicit_max_ttl": "2h" });
            let holder = lab.holder(settings).await?;
            let renewed = holder.renew_by(5 * 3600).await?;
            renewed.is(200)?.that("/auth/lease_duration", "is about two hours", is_about(7200))?;
            holder.look_at_itself().await?.is(200)?.has("/data/explicit_max_ttl", 7200)?;
            Ok(())
        },
    );
    cases.add(
        "token/renew/not-renewable-refused",
        SOURCE,
        "a token that was made as not renewable is not renewed, and lives on as long as it had",
        |lab| async move {
            let policy = lab.poor_policy().await?;
            let settings = json!({ "policies": [policy], "ttl": "1h", "renewable": false });
            let holder = lab.holder(settings).await?;
            holder.renew_by(7200).await?.is(400)?.error_has("not renewable")?.lacks("/auth")?;
            let looked = holder.look_at_itself().await?;
            looked.is(200)?.has("/data/renewable", false)?;
            looked.that("/data/ttl", "is about an hour", is_about(3600))?;
            Ok(())
        },
    );
    cases.add(
        "token/periodic/as-documented",
        SOURCE,
        "`-period=24h` gives a token for 24 hours, and each renewal gives these again, however much is asked",
        |lab| async move {
            let policy = lab.poor_policy().await?;
            let made = lab.create_token(json!({ "policies": [policy], "period": "24h" })).await?;
            made.is(200)?.has("/auth/lease_duration", 24 * 3600)?.has("/auth/renewable", true)?;
            let body = json!({ "token": made.text("/auth/client_token")?, "increment": "900h" });
            lab.post("auth/token/renew", body.clone()).await?.is(200)?.has("/auth/lease_duration", 86_400)?;
            let looked = lab.post("auth/token/lookup", body).await?;
            looked.is(200)?.has("/data/period", 86_400)?.has("/data/explicit_max_ttl", 0)?;
            Ok(())
        },
    );
    cases.add(
        "token/periodic/outlives-its-period",
        SOURCE,
        "a periodic token that is renewed in time outlives its period, again and again",
        |lab| async move {
            let policy = lab.poor_policy().await?;
            let holder = lab.holder(json!({ "policies": [policy], "period": "3s" })).await?;
            let began = Instant::now();
            while began.elapsed() < Duration::from_millis(3_200) {
                let run_down = || async {
                    let looked = holder.lab.quietly().get("auth/token/lookup-self").await?;
                    looked.is(200)?.that("/data/ttl", "has run down", |ttl| ttl.as_i64() < Some(2)).map(drop)
                };
                lab.quietly().eventually(Duration::from_secs(3), run_down).await?;
                holder.operator("renew").await?.is(200)?.has("/auth/lease_duration", 3)?;
            }
            let looked = holder.look_at_itself().await?;
            looked.is(200)?.that("/data/ttl", "is 3 s at most", |ttl| matches!(ttl.as_i64(), Some(0..=3)))?;
            Ok(())
        },
    );
    cases.add(
        "token/periodic/dies-unrenewed",
        SOURCE,
        "a periodic token that nobody renews is dead after its period",
        |lab| async move {
            let policy = lab.poor_policy().await?;
            let holder = lab.holder(json!({ "policies": [policy], "period": "3s" })).await?;
            holder.lives().await?;
            lab.eventually(Duration::from_secs(7), || holder.is_dead()).await
        },
    );
}
