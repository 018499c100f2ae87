//! Leases: looked up, renewed, run out.

use crate::conformance::{Cases, Source};
use serde_json::{Value, json};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(15);

/// A figure between two others, both ends with it.
pub(super) fn between(low: f64, high: f64) -> impl FnOnce(&Value) -> bool {
    move |value| value.as_f64().is_some_and(|value| (low..=high).contains(&value))
}

pub fn register(cases: &mut Cases) {
    let source = Source::Workflow;
    cases.add(
        "sys/leases/credentials-bring-a-lease",
        source,
        "dynamic credentials come with a lease of one hour that can be renewed",
        |lab| async move {
            let leases = lab.leases("1h", "24h").await?;
            let prefix = format!("{}/creds/app/", leases.mount);
            let credentials = leases.credentials("app").await?;
            credentials.is(200)?.has("/lease_duration", 3600)?.has("/renewable", true)?;
            credentials.that("/lease_id", "begins with the path of the credentials", |id| {
                id.as_str().is_some_and(|id| id.starts_with(&prefix) && id.len() > prefix.len() + 10)
            })?;
            Ok(())
        },
    );
    cases.add(
        "sys/leases/lookup",
        source,
        "a lease can be looked up: its id, its times and whether it can be renewed",
        |lab| async move {
            let leases = lab.leases("1h", "24h").await?;
            let lease = leases.lease("app").await?;
            let found = leases.lookup(&lease).await?;
            found.is(200)?.has("/data/id", lease.as_str())?.has("/data/renewable", true)?;
            found.that("/data/ttl", "is what is left of an hour", between(3500.0, 3600.0))?;
            let time =
                |value: &Value| value.as_str().is_some_and(|text| text.parse::<jiff::Timestamp>().is_ok());
            found.that("/data/issue_time", "is a time", time)?.that(
                "/data/expire_time",
                "is a time",
                time,
            )?;
            Ok(())
        },
    );
    cases.add(
        "sys/leases/lookup-unknown-refused",
        source,
        "a lease that does not exist is not found",
        |lab| async move {
            let body = json!({ "lease_id": "database/creds/workflow-readwrite/abc123" });
            let refused = lab.put("sys/leases/lookup", body).await?;
            refused.is(400)?.error_has("invalid lease")?.lacks("/data")?;
            Ok(())
        },
    );
    cases.add(
        "sys/leases/renew-extends",
        source,
        "renewing by an hour makes a lease last an hour from now on",
        |lab| async move {
            let leases = lab.leases("10m", "24h").await?;
            let lease = leases.lease("app").await?;
            let renewed = leases.renew(&lease, 3600).await?;
            renewed.is(200)?.has("/lease_id", lease.as_str())?.has("/lease_duration", 3600)?;
            renewed.has("/renewable", true)?;
            let found = leases.lookup(&lease).await?;
            found.that("/data/ttl", "is what is left of an hour", between(3500.0, 3600.0))?;
            Ok(())
        },
    );
    cases.add(
        "sys/leases/renew-capped",
        source,
        "renewing beyond the maximum is capped there",
        |lab| async move {
            let leases = lab.leases("1m", "5m").await?;
            let lease = leases.lease("app").await?;
            let renewed = leases.renew(&lease, 3600).await?;
            renewed.is(200)?.that(
                "/lease_duration",
                "is what is left of 5 minutes",
                between(200.0, 300.0),
            )?;
            let found = leases.lookup(&lease).await?;
            found.that("/data/ttl", "is what is left of 5 minutes", between(200.0, 300.0))?;
            Ok(())
        },
    );
    cases.add(
        "sys/leases/renew-by-path",
        source,
        "a lease can be renewed by its path as well",
        |lab| async move {
            let leases = lab.leases("10m", "24h").await?;
            let lease = leases.lease("app").await?;
            let renewed = lab.put(&format!("sys/leases/renew/{lease}"), json!({ "increment": 1800 })).await?;
            renewed.is(200)?.has("/lease_duration", 1800)?;
            Ok(())
        },
    );
    cases.add(
        "sys/leases/renew-unknown-refused",
        source,
        "a lease that does not exist cannot be renewed",
        |lab| async move {
            let body = json!({ "lease_id": "database/creds/workflow-readwrite/abc123", "increment": 3600 });
            lab.put("sys/leases/renew", body)
                .await?
                .is(400)?
                .error_has("lease not found")?
                .lacks("/lease_id")?;
            Ok(())
        },
    );
    cases.add(
        "sys/leases/expires",
        source,
        "a lease that nobody renews is gone when its time is over",
        |lab| async move {
            let leases = lab.leases("1s", "1m").await?;
            let lease = leases.lease("app").await?;
            let gone =
                || async { leases.lookup(&lease).await?.is(400)?.error_has("invalid lease").map(drop) };
            lab.eventually(SOON, gone).await
        },
    );
    cases.add(
        "sys/leases/expired-not-renewable",
        source,
        "a lease whose time is over cannot be renewed",
        |lab| async move {
            let leases = lab.leases("1s", "1m").await?;
            let lease = leases.lease("app").await?;
            let quiet = lab.quietly();
            let body = json!({ "lease_id": lease });
            let gone = || async { quiet.put("sys/leases/lookup", body.clone()).await?.is(400).map(drop) };
            quiet.eventually(SOON, gone).await?;
            leases.renew(&lease, 3600).await?.is(400)?.lacks("/lease_id")?;
            leases.listed("app").await?.is(404)?;
            Ok(())
        },
    );
    cases.add(
        "sys/leases/renewed-outlives-its-first-time",
        source,
        "a lease that is renewed in time is there after its first time",
        |lab| async move {
            let leases = lab.leases("2s", "1m").await?;
            let lease = leases.lease("app").await?;
            let issued = std::time::Instant::now();
            leases.renew(&lease, 30).await?.is(200)?.has("/lease_duration", 30)?;
            let quiet = lab.quietly();
            let body = json!({ "lease_id": lease });
            while issued.elapsed() < Duration::from_millis(2_500) {
                quiet.put("sys/leases/lookup", body.clone()).await?.is(200)?;
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
            leases.lookup(&lease).await?.is(200)?.that("/data/ttl", "is below 30 s", between(1.0, 29.0))?;
            Ok(())
        },
    );
    cases.add("sys/leases/list", source, "the leases below a path can be listed", |lab| async move {
        let leases = lab.leases("1h", "24h").await?;
        let (one, two) = (leases.lease("app").await?, leases.lease("app").await?);
        let listed = leases.listed("app").await?;
        let both = |keys: &Value| {
            let keys: Vec<_> = keys.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            keys.len() == 2 && keys.iter().all(|key| one.ends_with(key) || two.ends_with(key))
        };
        listed.is(200)?.that("/data/keys", "are the two leases", both)?;
        Ok(())
    });
    cases.add(
        "sys/leases/list-needs-a-right",
        source,
        "who may use credentials may not list everybody's leases",
        |lab| async move {
            let leases = lab.leases("1h", "24h").await?;
            leases.lease("app").await?;
            let rules = format!("path \"{}/creds/app\" {{ capabilities = [\"read\"] }}", leases.mount);
            let policy = lab.policy("app", &rules).await?;
            let app = lab.as_token(&lab.token(&[&policy]).await?);
            let path = format!("sys/leases/lookup/{}/creds/app", leases.mount);
            app.list(&path).await?.is(403)?.lacks("/data")?;
            Ok(())
        },
    );
    cases.add(
        "sys/leases/token-is-renewed-elsewhere",
        source,
        "a token's lease is not renewed through the leases of secrets",
        |lab| async move {
            let quiet = lab.quietly();
            let own = json!({ "policies": ["default"], "ttl": "1h" });
            let token = quiet.post("auth/token/create", own).await?.text("/auth/client_token")?;
            let listed = quiet.list("sys/leases/lookup/auth/token/create").await?.text("/data/keys/0")?;
            let body = json!({ "lease_id": format!("auth/token/create/{listed}"), "increment": 3600 });
            lab.put("sys/leases/renew", body).await?.is(400)?.lacks("/auth")?;
            lab.post("auth/token/lookup", json!({ "token": token })).await?.is(200)?;
            Ok(())
        },
    );
}
