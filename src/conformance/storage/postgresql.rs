//! PostgreSQL as storage, with high availability: two servers, one of them active.

use crate::conformance::{Cases, Checked, Keyed, Lab, Source, Spare, SpareConfig, Stop, Storage};
use rustix::process::Signal;
use serde_json::json;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(30);

pub fn register(cases: &mut Cases) {
    let source = Source::Workflow;
    cases.add(
        "storage/postgresql/opens",
        source,
        "a server with `storage \"postgresql\"` and `ha_enabled = true` opens, and says where it stores",
        |lab| async move {
            let (keyed, root) = active(&lab, &stanza(&lab, None).await?).await?;
            let status = keyed.lab.get("sys/seal-status").await?;
            status.has("/storage_type", "postgresql")?.has("/sealed", false)?;
            root.get("sys/leader").await?.is(200)?.has("/ha_enabled", true)?.has("/is_self", true)?;
            Ok(())
        },
    );
    cases.add(
        "storage/postgresql/one-active-one-standby",
        source,
        "of two servers on one database one is active and the other a standby",
        |lab| async move {
            let (keyed, root, second) = pair(&lab).await?;
            keyed.lab.get("sys/health").await?.is(200)?.has("/standby", false)?;
            let standby = lab.of(&second);
            standby.get("sys/health").await?.has("/standby", true)?.has("/sealed", false)?;
            root.get("sys/leader").await?.has("/is_self", true)?;
            Ok(())
        },
    );
    cases.add(
        "storage/postgresql/standby-knows-the-active-one",
        source,
        "the standby names the active server's address",
        |lab| async move {
            let (keyed, _root, second) = pair(&lab).await?;
            let leader = lab.of(&second).get("sys/leader").await?;
            leader.is(200)?.has("/leader_address", keyed.spare.endpoint.url.as_str())?;
            Ok(())
        },
    );
    cases.add(
        "storage/postgresql/standby-serves",
        source,
        "what was written through the active server is read through the standby",
        |lab| async move {
            let (keyed, root, second) = pair(&lab).await?;
            // Version 1: a standby that meets a new mount of version 2 too early waits for the end of its upgrade for good.
            let kv = root.mount("plain", "kv", json!({ "options": { "version": "1" } })).await?;
            root.quietly().post(&format!("{kv}/a"), json!({ "color": "red" })).await?.succeeds()?;
            let standby = lab.of(&second).as_token(&keyed.root_token);
            let read = || async {
                let read = standby.get(&format!("{kv}/a")).await?;
                read.is(200)?.has("/data/color", "red").map(drop)
            };
            standby.eventually(SOON, read).await
        },
    );
    cases.add(
        "storage/postgresql/standby-takes-over",
        source,
        "when the active server ends the standby becomes active and has what was written",
        |lab| async move {
            let (keyed, root, second) = pair(&lab).await?;
            let kv = root.kv2().await?;
            kv.quiet_put("a", json!({ "color": "red" })).await?;
            keyed.spare.signal(Signal::TERM)?;
            let standby = lab.of(&second).as_token(&keyed.root_token);
            let active =
                || async { standby.get("sys/health").await?.is(200)?.has("/standby", false).map(drop) };
            standby.eventually(SOON, active).await?;
            let read = || async {
                let read = standby.get(&kv.data("a")).await?;
                read.is(200)?.has("/data/data/color", "red").map(drop)
            };
            standby.eventually(SOON, read).await
        },
    );
    cases.add(
        "storage/postgresql/survives-a-restart",
        source,
        "what was written is there after the only server was killed, started and unsealed",
        |lab| async move {
            let (keyed, root) = active(&lab, &stanza(&lab, None).await?).await?;
            let kv = root.kv2().await?;
            kv.quiet_put("a", json!({ "color": "red" })).await?;
            keyed.spare.signal(Signal::TERM)?;
            let gone = || async {
                let refused = lab.quietly().of(&keyed.spare).get("sys/health").await.is_err();
                lab.quietly().seen("server", json!({ "gone": refused })).has("/gone", true).map(drop)
            };
            lab.quietly().eventually(SOON, gone).await?;
            keyed.spare.start().await.map_err(Stop::Broken)?;
            keyed.open().await?;
            kv.get("a").await?.is(200)?.has("/data/data/color", "red")?;
            Ok(())
        },
    );
    cases.add(
        "storage/postgresql/wrong-password-refused",
        source,
        "a server whose database refuses its password does not start, and says why",
        |lab| async move {
            let config = SpareConfig::new(Storage::Stanza(stanza(&lab, Some("wrong")).await?));
            let spare = lab.prepare_spare(config)?;
            let started = spare.start().await.is_ok();
            let why = spare.said().contains("password authentication failed");
            let seen = lab.seen("server start", json!({ "starts": started, "names_password": why }));
            seen.has("/starts", false)?.has("/names_password", true)?;
            Ok(())
        },
    );
    cases.add(
        "storage/postgresql/raft-snapshot",
        source,
        "the backup script saves a raft snapshot of the server that the document configures with PostgreSQL",
        |lab| async move {
            let (_keyed, root) = active(&lab, &stanza(&lab, None).await?).await?;
            root.download("sys/storage/raft/snapshot").await?.0.is(200)?;
            Ok(())
        },
    );
}

/// The document's stanza, with tables of the case's own in the database that all cases share.
async fn stanza(lab: &Lab, password: Option<&str>) -> Checked<String> {
    let database = lab.database().await?;
    let access = database.server_access();
    let url = access
        .connection_url
        .replace("{{username}}", &access.username)
        .replace("{{password}}", password.unwrap_or(&access.password));
    let table = lab.name("kv").replace('-', "_");
    Ok(format!(
        "storage \"postgresql\" {{\n  connection_url = {url:?}\n  ha_enabled = true\n  table = \"{table}\"\n  \
         ha_table = \"{table}_ha\"\n  max_parallel = 4\n}}"
    ))
}

async fn active(lab: &Lab, stanza: &str) -> Checked<(Keyed, Lab)> {
    let spare = lab.spare_if_known(SpareConfig::new(Storage::Stanza(stanza.to_owned()))).await?;
    let keyed = lab.keyed(&spare, 1, 1).await?;
    let root = keyed.open().await?;
    Ok((keyed, root))
}

async fn pair(lab: &Lab) -> Checked<(Keyed, Lab, Spare)> {
    let stanza = stanza(lab, None).await?;
    let (keyed, root) = active(lab, &stanza).await?;
    let second = lab.spare(SpareConfig::new(Storage::Stanza(stanza))).await?;
    let quiet = lab.of(&second).quietly();
    quiet.put("sys/unseal", json!({ "key": keyed.keys[0] })).await?.is(200)?;
    let standby = || async { quiet.get("sys/health").await?.is(429).map(drop) };
    quiet.eventually(SOON, standby).await?;
    Ok((keyed, root, second))
}
