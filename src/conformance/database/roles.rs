//! Roles of the engine.

use super::engine::{CONNECTION, Login, READ_ONLY, READ_WRITE, SELECT, now_s, statements};
use crate::conformance::{Cases, Source};
use serde_json::json;

pub fn register(cases: &mut Cases) {
    let source = Source::Workflow;
    cases.add(
        "database/role/read-back",
        source,
        "a role can be read back with its statements and its TTLs, and is listed",
        |lab| async move {
            let engine = lab.workflow_database().await?;
            let role = lab.get(&engine.at(&format!("roles/{READ_ONLY}"))).await?;
            role.is(200)?.has("/data/db_name", CONNECTION)?;
            role.has("/data/creation_statements", json!([statements("SELECT")]))?;
            role.has("/data/default_ttl", 3600)?.has("/data/max_ttl", 86_400)?;
            let listed = lab.list(&engine.at("roles")).await?;
            listed.is(200)?.lists("/data/keys", READ_ONLY)?.lists("/data/keys", READ_WRITE)?;
            Ok(())
        },
    );
    cases.add(
        "database/role/deleted",
        source,
        "a role that was deleted gives no credentials any more",
        |lab| async move {
            let engine = lab.workflow_database().await?;
            lab.delete(&engine.at(&format!("roles/{READ_ONLY}"))).await?.succeeds()?;
            lab.get(&engine.at(&format!("roles/{READ_ONLY}"))).await?.is(404)?;
            engine.creds(READ_ONLY).await?.is(400)?.error_has("unknown role")?.lacks("/data/password")?;
            Ok(())
        },
    );
    cases.add(
        "database/role/unknown-refused",
        source,
        "a role that was never made gives no credentials",
        |lab| async move {
            let engine = lab.workflow_database().await?;
            engine
                .creds("no-such-role")
                .await?
                .is(400)?
                .error_has("unknown role")?
                .lacks("/data/password")?;
            Ok(())
        },
    );
    cases.add(
        "database/role/not-allowed-refused",
        source,
        "a role that its connection does not allow gives no credentials, and leaves nothing in the database",
        |lab| async move {
            let engine = lab.workflow_database().await?;
            engine.role("workflow-admin", "SELECT", json!({})).await?.succeeds()?;
            let refused = engine.creds("workflow-admin").await?;
            refused.is_one_of(&[400, 403, 500])?.error_has("not an allowed role")?.lacks("/data/password")?;
            engine.guests().await?.has("/count", 0)?;
            engine.leases("workflow-admin").await?.is(404)?;
            Ok(())
        },
    );
    cases.add(
        "database/role/bad-statement",
        source,
        "statements that the database refuses give an error, no credentials, no lease, and no half-made role",
        |lab| async move {
            let engine = lab.workflow_database().await?;
            let bad = format!("{} GRANT SELECT ON no_such_table TO \"{{{{name}}}}\";", statements("SELECT"));
            let more = json!({ "creation_statements": bad });
            engine.role(READ_ONLY, "SELECT", more).await?.succeeds()?;
            let refused = engine.creds(READ_ONLY).await?;
            refused.is_one_of(&[400, 500])?.error_has("no_such_table")?.lacks("/data/password")?;
            engine.guests().await?.has("/count", 0)?;
            engine.leases(READ_ONLY).await?.is(404)?;
            Ok(())
        },
    );
    cases.add(
        "database/role/maximum-bounds-the-default",
        source,
        "a role whose default TTL is longer than its maximum gives leases of the maximum, in the database too",
        |lab| async move {
            let engine = lab.workflow_database().await?;
            let more = json!({ "default_ttl": "48h", "max_ttl": "24h" });
            engine.role(READ_ONLY, "SELECT", more).await?.succeeds()?;
            let creds = engine.creds(READ_ONLY).await?;
            creds.is(200)?.has("/lease_duration", 86_400)?;
            let expected = now_s() + 86_400.0;
            let login = Login::of(&creds)?;
            engine.run_as("the holder", &login, SELECT).await?.has("/done", true)?;
            let role = engine.in_database(&login).await?;
            role.that("/valid_until_s", "is in 24 hours", |at| {
                at.as_f64().is_some_and(|at| (at - expected).abs() < 60.0)
            })?;
            Ok(())
        },
    );
}
