//! The connection to the database, and its root credentials.

use super::engine::{CONNECTION, DENIED, Login, NO_LOGIN, READ_ONLY, READ_WRITE, SELECT};
use crate::conformance::{Cases, Source};
use serde_json::json;

pub fn register(cases: &mut Cases) {
    let source = Source::Workflow;
    cases.add(
        "database/config/accepted",
        source,
        "a connection is accepted, listed and can be read back with its roles; its password is in no answer",
        |lab| async move {
            let engine = lab.database_engine().await?;
            engine.connect(json!({})).await?.succeeds()?;
            let read = lab.get(&engine.at(&format!("config/{CONNECTION}"))).await?;
            read.is(200)?.has("/data/plugin_name", "postgresql-database-plugin")?;
            read.has("/data/allowed_roles", json!([READ_ONLY, READ_WRITE]))?;
            read.has("/data/connection_details/username", engine.database.server_access().username.as_str())?;
            read.lacks("/data/connection_details/password")?.lacks("/data/password")?;
            lab.list(&engine.at("config")).await?.is(200)?.lists("/data/keys", CONNECTION)?;
            Ok(())
        },
    );
    cases.add(
        "database/config/checked-at-once",
        source,
        "a connection with a wrong password is refused when it is written, and is not there afterwards",
        |lab| async move {
            let engine = lab.database_engine().await?;
            let refused = engine.connect(json!({ "password": "wrong" })).await?;
            refused.is(400)?.error_has("error verifying connection")?;
            lab.get(&engine.at(&format!("config/{CONNECTION}"))).await?.is_one_of(&[400, 404])?;
            Ok(())
        },
    );
    cases.add(
        "database/config/tls-is-not-given-up",
        source,
        "sslmode=require, as the document asks for, is no wish: a database without TLS is refused",
        |lab| async move {
            let engine = lab.database_engine().await?;
            let plain = engine.database.server_access().connection_url.clone();
            let strict = plain.replace("sslmode=disable", "sslmode=require");
            engine.connect(json!({ "connection_url": strict })).await?.is(400)?.error_has("tls")?;
            engine.connect(json!({ "connection_url": plain })).await?.succeeds()?;
            Ok(())
        },
    );
    cases.add(
        "database/config/unknown-plugin-refused",
        source,
        "a connection of a kind that the server does not know is refused",
        |lab| async move {
            let engine = lab.database_engine().await?;
            let refused = engine.connect(json!({ "plugin_name": "no-such-database-plugin" })).await?;
            refused.is_one_of(&[400, 500])?.error_has("plugin")?;
            Ok(())
        },
    );
    cases.add(
        "database/config/deleted",
        source,
        "without its connection a role gives no credentials",
        |lab| async move {
            let engine = lab.workflow_database().await?;
            engine.creds(READ_ONLY).await?.is(200)?;
            lab.delete(&engine.at(&format!("config/{CONNECTION}"))).await?.succeeds()?;
            engine.creds(READ_ONLY).await?.is_one_of(&[400, 404, 500])?.lacks("/data/password")?;
            // With the connection the server can drop what it made.
            engine.quietly().connect(json!({})).await?.succeeds()?;
            Ok(())
        },
    );
    cases.add(
        "database/rotate-root/old-password-is-dead",
        source,
        "after the root credentials were rotated the old password is refused, and the server still gives credentials that work",
        |lab| async move {
            let engine = lab.workflow_database().await?;
            let access = engine.database.server_access().clone();
            let root = |who: &'static str| engine.try_password(who, &access.username, &access.password, SELECT);
            root("root before").await?.has("/login", true)?;
            lab.post(&engine.at(&format!("rotate-root/{CONNECTION}")), json!({})).await?.succeeds()?;
            root("root afterwards").await?.has("/login", false)?.has("/sqlstate", NO_LOGIN)?;
            let login = Login::of(engine.creds(READ_ONLY).await?.is(200)?)?;
            engine.run_as("new credentials", &login, SELECT).await?.has("/done", true)?;
            Ok(())
        },
    );
    cases.add(
        "database/rotate-root/needs-its-own-right",
        source,
        "who may read credentials may not rotate the root's",
        |lab| async move {
            let engine = lab.workflow_database().await?;
            let creds = engine.at(&format!("creds/{READ_ONLY}"));
            let rules = format!("path \"{creds}\" {{\n  capabilities = [\"read\"]\n}}\n");
            let policy = lab.policy("creds", &rules).await?;
            let reader = engine.through(lab.as_token(&lab.token(&[&policy]).await?));
            let rotated =
                reader.lab.post(&engine.at(&format!("rotate-root/{CONNECTION}")), json!({})).await?;
            rotated.is(403)?.error_has("permission denied")?;
            let access = engine.database.server_access();
            let root = engine.try_password("root", &access.username, &access.password, SELECT).await?;
            root.has("/login", true)?;
            Ok(())
        },
    );
    cases.add(
        "database/rotate-root/unknown-connection",
        source,
        "a connection that does not exist cannot be rotated",
        |lab| async move {
            let engine = lab.database_engine().await?;
            lab.post(&engine.at("rotate-root/no-such-db"), json!({})).await?.is_one_of(&[400, 404, 500])?;
            Ok(())
        },
    );
    cases.add(
        "database/config/as-voicecore-documents",
        Source::VoiceCore,
        "the document's connection and role, word for word, give credentials",
        |lab| async move {
            let engine = lab.database_engine().await?;
            let access = engine.database.server_access();
            // The document names no allowed_roles.
            let connection = json!({
                "plugin_name": "postgresql-database-plugin",
                "connection_url": access.connection_url, "username": access.username, "password": access.password,
            });
            lab.post(&engine.at("config/postgresql"), connection).await?.succeeds()?;
            voicecore_role(&engine).await?;
            engine.creds("voicecore-app").await?.is(200)?.text("/data/username").map(drop)
        },
    );
    cases.add(
        "database/creds/voicecore-role-grants-nothing",
        Source::VoiceCore,
        "the credentials of the document's role, which grants nothing, log in, and may not read a table",
        |lab| async move {
            let engine = lab.database_engine().await?;
            let access = engine.database.server_access();
            let connection = json!({
                "plugin_name": "postgresql-database-plugin", "allowed_roles": "voicecore-app",
                "connection_url": access.connection_url, "username": access.username, "password": access.password,
            });
            lab.quietly().post(&engine.at("config/postgresql"), connection).await?.succeeds()?;
            voicecore_role(&engine).await?;
            let login = Login::of(engine.creds("voicecore-app").await?.is(200)?)?;
            let tried = engine.run_as("the application", &login, SELECT).await?;
            tried.has("/login", true)?.has("/sqlstate", DENIED)?;
            Ok(())
        },
    );
}

async fn voicecore_role(engine: &super::engine::Engine) -> crate::conformance::Checked {
    let role = json!({
        "db_name": "postgresql", "default_ttl": "1h", "max_ttl": "24h",
        "creation_statements": "CREATE ROLE \"{{name}}\" WITH LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}';",
    });
    engine.lab.post(&engine.at("roles/voicecore-app"), role).await?.succeeds().map(drop)
}
