//! Credentials, tried in real logins.

use super::engine::{DENIED, INSERT, Login, NO_LOGIN, READ_ONLY, READ_WRITE, SELECT, now_s};
use crate::conformance::{Cases, Source};
use serde_json::json;

pub fn register(cases: &mut Cases) {
    let source = Source::Workflow;
    cases.add(
        "database/creds/log-in",
        source,
        "credentials come with a renewable lease of the role's hour, and log in",
        |lab| async move {
            let engine = lab.workflow_database().await?;
            let creds = engine.creds(READ_WRITE).await?;
            creds.is(200)?.has("/lease_duration", 3600)?.has("/renewable", true)?;
            let begin = engine.at(&format!("creds/{READ_WRITE}/"));
            creds.that("/lease_id", "is below the role's path", |id| {
                id.as_str().is_some_and(|id| id.len() > begin.len() && id.starts_with(&begin))
            })?;
            let login = Login::of(&creds)?;
            engine.run_as("the holder", &login, SELECT).await?.has("/done", true)?;
            let wrong = engine.try_password("a wrong password", &login.username, "wrong", SELECT).await?;
            wrong.has("/login", false)?.has("/sqlstate", NO_LOGIN)?;
            Ok(())
        },
    );
    cases.add(
        "database/creds/read-only-cannot-write",
        source,
        "credentials of the read-only role read, and can neither insert, update, delete nor make a table",
        |lab| async move {
            let engine = lab.workflow_database().await?;
            let login = Login::of(engine.creds(READ_ONLY).await?.is(200)?)?;
            engine.run_as("read-only", &login, SELECT).await?.has("/done", true)?;
            for sql in
                [INSERT, "UPDATE orders SET item = 'x'", "DELETE FROM orders", "CREATE TABLE mine (id int)"]
            {
                engine
                    .run_as("read-only", &login, sql)
                    .await?
                    .has("/login", true)?
                    .has("/sqlstate", DENIED)?;
            }
            Ok(())
        },
    );
    cases.add(
        "database/creds/read-write-can-write",
        source,
        "credentials of the read-write role read, insert, update and delete, and cannot drop the table",
        |lab| async move {
            let engine = lab.workflow_database().await?;
            let login = Login::of(engine.creds(READ_WRITE).await?.is(200)?)?;
            for sql in [SELECT, INSERT, "UPDATE orders SET item = 'x'", "DELETE FROM orders"] {
                engine.run_as("read-write", &login, sql).await?.has("/done", true)?;
            }
            engine.run_as("read-write", &login, "DROP TABLE orders").await?.has("/sqlstate", DENIED)?;
            Ok(())
        },
    );
    cases.add(
        "database/creds/each-has-its-own",
        source,
        "each request gets a user and a password of its own, and both work side by side",
        |lab| async move {
            let engine = lab.workflow_database().await?;
            let first = Login::of(engine.creds(READ_ONLY).await?.is(200)?)?;
            let second = Login::of(engine.creds(READ_ONLY).await?.is(200)?)?;
            let different = json!({
                "users": first.username != second.username, "passwords": first.password != second.password,
            });
            let different = lab.seen("two answers: which parts differ", different);
            different.has("/users", true)?.has("/passwords", true)?;
            engine.run_as("the first", &first, SELECT).await?.has("/done", true)?;
            engine.run_as("the second", &second, SELECT).await?.has("/done", true)?;
            let crossed = engine.try_password(
                "one's user, the other's password",
                &first.username,
                &second.password,
                SELECT,
            );
            crossed.await?.has("/login", false)?;
            Ok(())
        },
    );
    cases.add(
        "database/creds/valid-until",
        source,
        "the database itself ends the credentials with their lease: VALID UNTIL is in an hour",
        |lab| async move {
            let engine = lab.workflow_database().await?;
            let login = engine.quiet_login(READ_ONLY).await?;
            let expected = now_s() + 3600.0;
            let role = engine.in_database(&login).await?;
            role.has("/role", "there")?.that("/valid_until_s", "is in an hour", |at| {
                at.as_f64().is_some_and(|at| (at - expected).abs() < 60.0)
            })?;
            Ok(())
        },
    );
    cases.add(
        "database/creds/username-as-shown",
        source,
        "a user is named after the kind of token and the whole name of the role, as the document's example shows",
        |lab| async move {
            let engine = lab.workflow_database().await?;
            let creds = format!("path \"{}\" {{\n  capabilities = [\"read\"]\n}}\n", engine.at("creds/*"));
            let policy = lab.policy("creds", &creds).await?;
            let app = engine.through(lab.as_token(&lab.token(&[&policy]).await?));
            let creds = app.creds(READ_WRITE).await?;
            creds.is(200)?.that("/data/username", "begins with v-token-workflow-readwrite-", |name| {
                name.as_str().is_some_and(|name| name.starts_with("v-token-workflow-readwrite-"))
            })?;
            Ok(())
        },
    );
    cases.add(
        "database/creds/password-as-shown",
        source,
        "a password begins with A1a-, as the document's example shows",
        |lab| async move {
            let engine = lab.workflow_database().await?;
            let login = engine.quiet_login(READ_WRITE).await?;
            let seen = json!({ "begins_with_A1a": login.password.starts_with("A1a-") });
            lab.seen("the form of the password", seen).has("/begins_with_A1a", true)?;
            Ok(())
        },
    );
    cases.add(
        "database/creds/password-is-strong",
        source,
        "a password has twenty characters, with capitals, small letters, digits and a dash among them",
        |lab| async move {
            let engine = lab.workflow_database().await?;
            let password = engine.quiet_login(READ_WRITE).await?.password;
            let any = |kind: fn(char) -> bool| password.chars().any(kind);
            let form = json!({
                "length": password.chars().count(), "capital": any(|c| c.is_ascii_uppercase()),
                "small": any(|c| c.is_ascii_lowercase()), "digit": any(|c| c.is_ascii_digit()),
                "dash": any(|c| c == '-'),
            });
            let form = lab.seen("the form of the password", form);
            form.has("/length", 20)?.has("/capital", true)?.has("/small", true)?;
            form.has("/digit", true)?.has("/dash", true)?;
            Ok(())
        },
    );
    cases.add(
        "database/policy/one-role-only",
        source,
        "a token that may read one role's credentials gets no other role's, and changes no role",
        |lab| async move {
            let engine = lab.workflow_database().await?;
            let path = engine.at(&format!("creds/{READ_ONLY}"));
            let policy =
                lab.policy("ci", &format!("path \"{path}\" {{\n  capabilities = [\"read\"]\n}}\n")).await?;
            let ci = engine.through(lab.as_token(&lab.token(&[&policy]).await?));
            let login = Login::of(ci.creds(READ_ONLY).await?.is(200)?)?;
            engine.run_as("the pipeline", &login, INSERT).await?.has("/sqlstate", DENIED)?;
            ci.creds(READ_WRITE).await?.is(403)?.error_has("permission denied")?.lacks("/data/password")?;
            ci.role(READ_ONLY, "ALL", json!({})).await?.is(403)?;
            Ok(())
        },
    );
}
