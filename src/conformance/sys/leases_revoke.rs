//! Leases: revoked, one by one, by prefix, with their token.

use crate::conformance::{Cases, Checked, Source, Stop};
use crate::helper::{Database, Login};
use serde_json::{Value, json};
use std::time::Duration;

use super::leases_mount::Leases;

const SOON: Duration = Duration::from_secs(15);
const TRIES: u32 = 10;
const TRY_EVERY: Duration = Duration::from_millis(200);

pub fn register(cases: &mut Cases) {
    let source = Source::Workflow;
    cases.add("sys/leases/revoke", source, "a lease that is revoked is gone", |lab| async move {
        let leases = lab.leases("1h", "24h").await?;
        let lease = leases.lease("app").await?;
        leases.revoke(&lease).await?.succeeds()?;
        let gone = || async { leases.lookup(&lease).await?.is(400)?.error_has("invalid lease").map(drop) };
        lab.eventually(SOON, gone).await
    });
    cases.add(
        "sys/leases/revoked-not-renewable",
        source,
        "a lease that was revoked cannot be renewed",
        |lab| async move {
            let leases = lab.leases("1h", "24h").await?;
            let lease = leases.lease("app").await?;
            revoked(&leases, &lease).await?;
            leases.renew(&lease, 3600).await?.is(400)?.lacks("/lease_id")?;
            Ok(())
        },
    );
    cases.add(
        "sys/leases/revoked-credentials-are-dead",
        source,
        "the database refuses credentials whose lease was revoked",
        |lab| async move {
            let leases = lab.leases("1h", "24h").await?;
            let credentials = lab.quietly().get(&format!("{}/creds/app", leases.mount)).await?;
            let lease = credentials.text("/lease_id")?;
            let (username, password) =
                (credentials.text("/data/username")?, credentials.text("/data/password")?);
            let database = lab.database().await?;
            let before = works(&database, &username, &password).await?;
            lab.seen("login before", json!({ "works": before })).has("/works", true)?;
            revoked(&leases, &lease).await?;
            let after = works(&database, &username, &password).await?;
            lab.seen("login after", json!({ "works": after })).has("/works", false)?;
            Ok(())
        },
    );
    cases.add(
        "sys/leases/revoke-leaves-others",
        source,
        "revoking one lease leaves the others",
        |lab| async move {
            let leases = lab.leases("1h", "24h").await?;
            let (one, two) = (leases.lease("app").await?, leases.lease("app").await?);
            revoked(&leases, &one).await?;
            leases.lookup(&two).await?.is(200)?.has("/data/id", two.as_str())?;
            Ok(())
        },
    );
    cases.add(
        "sys/leases/revoke-twice-harmless",
        source,
        "who revokes a lease a second time is not told of a failure of the server",
        |lab| async move {
            let leases = lab.leases("1h", "24h").await?;
            let lease = leases.lease("app").await?;
            revoked(&leases, &lease).await?;
            leases.revoke(&lease).await?.is_one_of(&[200, 204, 400, 404])?;
            leases.lookup(&lease).await?.is(400)?;
            Ok(())
        },
    );
    cases.add(
        "sys/leases/revoke-prefix",
        source,
        "revoking a prefix revokes everything below it, and nothing beside it",
        |lab| async move {
            let leases = lab.leases("1h", "24h").await?;
            leases.role("other", "1h", "24h").await?;
            let (one, two) = (leases.lease("app").await?, leases.lease("app").await?);
            let beside = leases.lease("other").await?;
            let path = format!("sys/leases/revoke-prefix/{}/creds/app", leases.mount);
            lab.put(&path, Value::Null).await?.succeeds()?;
            let gone = || async {
                leases.lookup(&one).await?.is(400)?;
                leases.lookup(&two).await?.is(400).map(drop)
            };
            lab.eventually(SOON, gone).await?;
            leases.lookup(&beside).await?.is(200)?.has("/data/id", beside.as_str())?;
            Ok(())
        },
    );
    cases.add(
        "sys/leases/revoke-prefix-needs-a-right",
        source,
        "the right to update does not suffice to revoke a prefix",
        |lab| async move {
            let leases = lab.leases("1h", "24h").await?;
            let lease = leases.lease("app").await?;
            let rules = "path \"sys/leases/revoke-prefix/*\" { capabilities = [\"update\"] }";
            let policy = lab.policy("revoke", rules).await?;
            let app = lab.as_token(&lab.token(&[&policy]).await?);
            let path = format!("sys/leases/revoke-prefix/{}/creds/app", leases.mount);
            app.put(&path, Value::Null).await?.is(403)?.error_has("permission denied")?;
            leases.lookup(&lease).await?.is(200)?.has("/data/id", lease.as_str())?;
            Ok(())
        },
    );
    cases.add(
        "sys/leases/end-with-their-token",
        source,
        "a lease ends with the token that it was given to",
        |lab| async move {
            let leases = lab.leases("1h", "24h").await?;
            let rules = format!("path \"{}/creds/app\" {{ capabilities = [\"read\"] }}", leases.mount);
            let policy = lab.policy("app", &rules).await?;
            let token = lab.token(&[&policy]).await?;
            let app = Leases { lab: lab.as_token(&token), mount: leases.mount.clone() };
            let lease = app.lease("app").await?;
            leases.lookup(&lease).await?.is(200)?;
            lab.quietly().post("auth/token/revoke", json!({ "token": token })).await?.succeeds()?;
            let gone = || async { leases.lookup(&lease).await?.is(400).map(drop) };
            lab.eventually(SOON, gone).await
        },
    );
    cases.add(
        "sys/leases/end-with-their-mount",
        source,
        "no lease outlives the engine that gave it",
        |lab| async move {
            let leases = lab.leases("1h", "24h").await?;
            let lease = leases.lease("app").await?;
            lab.quietly().delete(&format!("sys/mounts/{}", leases.mount)).await?.succeeds()?;
            let gone = || async { leases.lookup(&lease).await?.is(400).map(drop) };
            lab.eventually(SOON, gone).await
        },
    );
}

/// Revokes it, quietly, and waits until it is gone.
async fn revoked(leases: &Leases, lease: &str) -> Checked {
    let quiet = leases.lab.quietly();
    let body = json!({ "lease_id": lease });
    quiet.put("sys/leases/revoke", body.clone()).await?.succeeds()?;
    let gone = || async { quiet.put("sys/leases/lookup", body.clone()).await?.is(400).map(drop) };
    quiet.eventually(SOON, gone).await
}

/// Whether these credentials work. What is neither a login nor a refusal says nothing, and is tried again.
async fn works(database: &Database, username: &str, password: &str) -> Checked<bool> {
    let mut unclear = String::new();
    for _ in 0..TRIES {
        match database.log_in(username, password).await {
            Login::Worked => return Ok(true),
            Login::Refused(_) => return Ok(false),
            Login::Unclear(why) => unclear = why,
        }
        tokio::time::sleep(TRY_EVERY).await;
    }
    Err(Stop::broken(unclear))
}
