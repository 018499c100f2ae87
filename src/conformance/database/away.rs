//! A database that goes away and comes back: a PostgreSQL of the case's own.

use super::engine::{CONNECTION, Engine, INSERT, Login, READ_ONLY, READ_WRITE, SELECT, now_s};
use crate::conformance::{Cases, Checked, Lab, Source, Stop};
use crate::helper::Database;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// A revocation that failed is tried again after 10 s for the first time.
const RETRIED_WITHIN: Duration = Duration::from_secs(40);
/// The server's own connections find out that their database is back.
const WORKS_WITHIN: Duration = Duration::from_secs(10);

/// A database engine, and the PostgreSQL behind it, which nobody else uses.
async fn engine(lab: &Lab) -> Checked<(Engine, Arc<Database>)> {
    let postgres = lab.own_database().await?;
    let database = Arc::new(postgres.scratch().await.map_err(Stop::broken)?);
    let path = lab.mount("database", "database", json!({})).await?;
    let engine = Engine { lab: lab.clone(), path, database };
    let quiet = engine.quietly();
    quiet.connect(json!({})).await?.succeeds()?;
    quiet.role(READ_ONLY, "SELECT", json!({})).await?.succeeds()?;
    quiet.role(READ_WRITE, "SELECT, INSERT, UPDATE, DELETE", json!({})).await?.succeeds()?;
    Ok((engine, postgres))
}

pub fn register(cases: &mut Cases) {
    let source = Source::Workflow;
    cases.add(
        "database/away/no-credentials",
        source,
        "while the database is away there is a clear error and no lease; once it is back credentials work without a new set-up",
        |lab| async move {
            let (engine, postgres) = engine(&lab).await?;
            postgres.kill().await.map_err(Stop::broken)?;
            let refused = engine.creds(READ_ONLY).await?;
            refused.is_one_of(&[400, 500])?.error_has("connect")?.lacks("/data/password")?;
            engine.leases(READ_ONLY).await?.is(404)?;
            postgres.bring_back().await.map_err(Stop::broken)?;
            lab.eventually(WORKS_WITHIN, || async {
                let login = Login::of(engine.creds(READ_ONLY).await?.is(200)?)?;
                engine.run_as("once it is back", &login, SELECT).await?.has("/done", true)?;
                Ok(())
            })
            .await
        },
    );
    cases.add(
        "database/away/connection-refused",
        source,
        "while the database is away a connection to it is refused with a clear error",
        |lab| async move {
            let (engine, postgres) = engine(&lab).await?;
            postgres.stop().await.map_err(Stop::broken)?;
            let refused = engine.connect(json!({})).await?;
            refused.is(400)?.error_has("error verifying connection")?;
            let rotated = lab.post(&engine.at(&format!("rotate-root/{CONNECTION}")), json!({})).await?;
            rotated.is_one_of(&[400, 500])?;
            postgres.bring_back().await.map_err(Stop::broken)?;
            let access = engine.database.server_access();
            let root = engine.try_password(
                "root with the password it had",
                &access.username,
                &access.password,
                SELECT,
            );
            root.await?.has("/login", true)?;
            Ok(())
        },
    );
    cases.add(
        "database/away/renewal-fails-and-the-lease-stays",
        source,
        "while the database is away a renewal fails with an error, and once it is back the lease can be renewed",
        |lab| async move {
            let (engine, postgres) = engine(&lab).await?;
            let login = engine.quiet_login(READ_WRITE).await?;
            postgres.kill().await.map_err(Stop::broken)?;
            engine.renew(&login, 7200).await?.is_one_of(&[400, 500])?.lacks("/lease_duration")?;
            postgres.bring_back().await.map_err(Stop::broken)?;
            lab.eventually(WORKS_WITHIN, || async {
                engine.renew(&login, 7200).await?.is(200)?.has("/lease_duration", 7200).map(drop)
            })
            .await?;
            engine.run_as("after the renewal", &login, INSERT).await?.has("/done", true)?;
            Ok(())
        },
    );
    cases.add(
        "database/away/failed-revocation-is-told",
        source,
        "the document's revocation is answered with an error while the database is away, and succeeds once it is back",
        |lab| async move {
            let (engine, postgres) = engine(&lab).await?;
            let login = engine.quiet_login(READ_WRITE).await?;
            postgres.kill().await.map_err(Stop::broken)?;
            engine.revoke(&login).await?.is_one_of(&[400, 500])?.error_has("failed to revoke")?;
            postgres.bring_back().await.map_err(Stop::broken)?;
            lab.eventually(WORKS_WITHIN, || async { engine.revoke(&login).await?.succeeds().map(drop) }).await?;
            engine.is_gone(&login, WORKS_WITHIN).await
        },
    );
    cases.add(
        "database/away/revocation-is-retried",
        source,
        "a lease that is revoked without waiting while the database is away is dropped from it once it is back",
        |lab| async move {
            let (engine, postgres) = engine(&lab).await?;
            let login = engine.quiet_login(READ_WRITE).await?;
            postgres.kill().await.map_err(Stop::broken)?;
            let body = json!({ "lease_id": login.lease_id, "sync": false });
            lab.post("sys/leases/revoke", body).await?.succeeds()?;
            // The first attempt is over when a later request that needs the database has failed as well.
            engine.quietly().creds(READ_ONLY).await?.is_one_of(&[400, 500])?;
            postgres.bring_back().await.map_err(Stop::broken)?;
            engine.is_gone(&login, RETRIED_WITHIN).await
        },
    );
    cases.add(
        "database/away/expiry-is-caught-up",
        source,
        "credentials whose time is over while the database is away are dropped from it once it is back (1 h, tested at 1 s)",
        |lab| async move {
            let (engine, postgres) = engine(&lab).await?;
            let more = json!({ "default_ttl": "1s", "max_ttl": "24h" });
            engine.quietly().role(READ_WRITE, "SELECT", more).await?.succeeds()?;
            let login = engine.quiet_login(READ_WRITE).await?;
            postgres.kill().await.map_err(Stop::broken)?;
            let over = now_s() + 1.2;
            lab.quietly()
                .eventually(RETRIED_WITHIN, || async {
                    let late = json!({ "late": now_s() > over });
                    lab.quietly().seen("the clock", late).has("/late", true).map(drop)
                })
                .await?;
            postgres.bring_back().await.map_err(Stop::broken)?;
            engine.is_gone(&login, RETRIED_WITHIN).await
        },
    );
}
