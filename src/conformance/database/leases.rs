//! Leases of credentials: how long they last, and what ends them.

use super::engine::{Login, READ_ONLY, READ_WRITE, SELECT, SOON, now_s};
use crate::conformance::{Cases, Source};
use serde_json::{Value, json};

fn between(from: f64, to: f64) -> impl FnOnce(&Value) -> bool {
    move |value| value.as_f64().is_some_and(|value| (from..=to).contains(&value))
}

pub fn register(cases: &mut Cases) {
    let source = Source::Workflow;
    cases.add(
        "database/lease/renew-extends",
        source,
        "renewing a lease by two hours moves VALID UNTIL in the database there, and the login goes on working",
        |lab| async move {
            let engine = lab.workflow_database().await?;
            let login = engine.quiet_login(READ_WRITE).await?;
            let renewed = engine.renew(&login, 7200).await?;
            renewed.is(200)?.has("/lease_duration", 7200)?.has("/renewable", true)?;
            renewed.has("/lease_id", login.lease_id.as_str())?;
            let until = now_s() + 7200.0;
            let role = engine.in_database(&login).await?;
            role.that("/valid_until_s", "is in two hours", between(until - 60.0, until + 60.0))?;
            engine.run_as("after the renewal", &login, SELECT).await?.has("/done", true)?;
            Ok(())
        },
    );
    cases.add(
        "database/lease/renew-is-capped",
        source,
        "no renewal goes beyond the role's maximum TTL, neither in the answer nor in the database",
        |lab| async move {
            let engine = lab.workflow_database().await?;
            let more = json!({ "default_ttl": "1h", "max_ttl": "2h" });
            engine.quietly().role(READ_WRITE, "SELECT", more).await?.succeeds()?;
            let login = engine.quiet_login(READ_WRITE).await?;
            let renewed = engine.renew(&login, 86_400).await?;
            renewed.is(200)?.that("/lease_duration", "is two hours at most", between(7140.0, 7200.0))?;
            let until = now_s() + 7200.0;
            let role = engine.in_database(&login).await?;
            role.that("/valid_until_s", "is in two hours", between(until - 60.0, until + 10.0))?;
            Ok(())
        },
    );
    cases.add(
        "database/lease/lookup",
        source,
        "a lease can be looked up with the time it has left, and is listed below its role",
        |lab| async move {
            let engine = lab.workflow_database().await?;
            let login = engine.quiet_login(READ_ONLY).await?;
            let found = lab.post("sys/leases/lookup", json!({ "lease_id": login.lease_id })).await?;
            found.is(200)?.has("/data/id", login.lease_id.as_str())?.has("/data/renewable", true)?;
            found.that("/data/ttl", "is an hour at most", between(3500.0, 3600.0))?;
            let id = login.lease_id.rsplit('/').next().unwrap_or_default();
            engine.leases(READ_ONLY).await?.is(200)?.lists_drawn("/data/keys", id)?;
            Ok(())
        },
    );
    cases.add(
        "database/lease/revoke-drops-the-role",
        source,
        "revoking a lease deletes the credentials from the database; others of the same role stay",
        |lab| async move {
            let engine = lab.workflow_database().await?;
            let login = Login::with_lease(engine.creds(READ_WRITE).await?.is(200)?)?;
            let other = engine.quiet_login(READ_WRITE).await?;
            engine.run_as("before", &login, SELECT).await?.has("/done", true)?;
            engine.revoke(&login).await?.succeeds()?;
            engine.is_gone(&login, SOON).await?;
            engine.run_as("other credentials", &other, SELECT).await?.has("/done", true)?;
            Ok(())
        },
    );
    cases.add(
        "database/lease/revoked-is-not-renewed",
        source,
        "a lease that was revoked can neither be renewed nor looked up",
        |lab| async move {
            let engine = lab.workflow_database().await?;
            let login = engine.quiet_login(READ_WRITE).await?;
            let body = json!({ "lease_id": login.lease_id, "sync": true });
            lab.post("sys/leases/revoke", body).await?.succeeds()?;
            engine.renew(&login, 3600).await?.is(400)?.error_has("lease not found")?;
            lab.post("sys/leases/lookup", json!({ "lease_id": login.lease_id })).await?.is(400)?;
            Ok(())
        },
    );
    cases.add(
        "database/lease/revoke-prefix",
        source,
        "revoking a prefix drops all credentials of that role at once, and none of another role",
        |lab| async move {
            let engine = lab.workflow_database().await?;
            let (first, second) =
                (engine.quiet_login(READ_WRITE).await?, engine.quiet_login(READ_WRITE).await?);
            let other = engine.quiet_login(READ_ONLY).await?;
            let prefix = engine.at(&format!("creds/{READ_WRITE}"));
            lab.put(&format!("sys/leases/revoke-prefix/{prefix}"), json!({})).await?.succeeds()?;
            engine.is_gone(&first, SOON).await?;
            engine.is_gone(&second, SOON).await?;
            engine.run_as("the other role's", &other, SELECT).await?.has("/done", true)?;
            Ok(())
        },
    );
    cases.add(
        "database/lease/expires",
        source,
        "credentials that are not renewed are dropped from the database when their TTL is over (1 h, tested at 3 s)",
        |lab| async move {
            let engine = lab.workflow_database().await?;
            let more = json!({ "default_ttl": "3s", "max_ttl": "24h" });
            engine.quietly().role(READ_WRITE, "SELECT", more).await?.succeeds()?;
            let creds = engine.creds(READ_WRITE).await?;
            creds.is(200)?.has("/lease_duration", 3)?;
            let login = Login::of(&creds)?;
            engine.run_as("in time", &login, SELECT).await?.has("/done", true)?;
            engine.is_gone(&login, SOON).await?;
            // The lease is taken off the books after the role.
            lab.eventually(SOON, || async { engine.leases(READ_WRITE).await?.is(404).map(drop) }).await
        },
    );
    cases.add(
        "database/lease/ends-with-its-token",
        source,
        "credentials are dropped when the token that asked for them is revoked",
        |lab| async move {
            let engine = lab.workflow_database().await?;
            let rules = format!("path \"{}\" {{\n  capabilities = [\"read\"]\n}}\n", engine.at("creds/*"));
            let policy = lab.policy("creds", &rules).await?;
            let token = lab.token(&[&policy]).await?;
            let app = engine.through(lab.as_token(&token));
            let login = Login::of(app.creds(READ_ONLY).await?.is(200)?)?;
            engine.run_as("before", &login, SELECT).await?.has("/done", true)?;
            lab.post("auth/token/revoke", json!({ "token": token })).await?.succeeds()?;
            engine.is_gone(&login, SOON).await?;
            Ok(())
        },
    );
}
