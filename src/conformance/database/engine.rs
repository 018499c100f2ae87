//! A database engine of a case's own, with a database of its own behind it.

use crate::conformance::{Answer, Checked, Lab, Stop};
use crate::helper::{Ran, Scratch};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// As the document calls them.
pub const CONNECTION: &str = "workflow-db";
pub const READ_ONLY: &str = "workflow-readonly";
pub const READ_WRITE: &str = "workflow-readwrite";

/// What a role's credentials are tried with.
pub const SELECT: &str = "SELECT * FROM orders";
pub const INSERT: &str = "INSERT INTO orders VALUES (1, 'second')";

/// PostgreSQL's words for: you may not do that; no such user or password.
pub const DENIED: &str = "42501";
pub const NO_LOGIN: &str = "28P01";

/// A revocation is asked for, and done beside the answer.
pub const SOON: Duration = Duration::from_secs(10);

pub struct Engine {
    pub lab: Lab,
    /// The mount's path.
    pub path: String,
    pub database: Arc<Scratch>,
}

/// Credentials that the server gave out; never shown.
pub struct Login {
    pub username: String,
    pub password: String,
    /// Empty where nobody needs it.
    pub lease_id: String,
}

impl Lab {
    /// A database engine of this case's own that is connected to nothing.
    pub async fn database_engine(&self) -> Checked<Engine> {
        let database = self.scratch().await?;
        Ok(Engine { lab: self.clone(), path: self.mount("database", "database", json!({})).await?, database })
    }

    /// The same with the document's connection and roles.
    pub async fn workflow_database(&self) -> Checked<Engine> {
        let engine = self.database_engine().await?;
        let quiet = engine.quietly();
        quiet.connect(json!({})).await?.succeeds()?;
        quiet.role(READ_ONLY, "SELECT", json!({})).await?.succeeds()?;
        quiet.role(READ_WRITE, "SELECT, INSERT, UPDATE, DELETE", json!({})).await?.succeeds()?;
        Ok(engine)
    }
}

/// The document's statements: a login with a few rights on every table.
pub fn statements(rights: &str) -> String {
    format!(
        "CREATE ROLE \"{{{{name}}}}\" WITH LOGIN PASSWORD '{{{{password}}}}' VALID UNTIL '{{{{expiration}}}}'; \
         GRANT {rights} ON ALL TABLES IN SCHEMA public TO \"{{{{name}}}}\";"
    )
}

pub fn now_s() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

impl Engine {
    /// The same engine, in preparation of what the case is about.
    pub fn quietly(&self) -> Self {
        self.through(self.lab.quietly())
    }

    /// The same engine, asked by somebody else.
    pub fn through(&self, lab: Lab) -> Self {
        Self { lab, path: self.path.clone(), database: self.database.clone() }
    }

    pub fn at(&self, below: &str) -> String {
        format!("{}/{below}", self.path)
    }

    /// The document's connection with `more`, which may take the place of what is in it.
    pub async fn connect(&self, more: Value) -> Checked<Answer> {
        let access = self.database.server_access();
        let body = json!({
            "plugin_name": "postgresql-database-plugin",
            "allowed_roles": format!("{READ_ONLY},{READ_WRITE}"),
            "connection_url": access.connection_url,
            "username": access.username,
            "password": access.password,
        });
        self.lab.post(&self.at(&format!("config/{CONNECTION}")), merged(body, more)).await
    }

    /// The document's role with these rights, and with `more`.
    pub async fn role(&self, name: &str, rights: &str, more: Value) -> Checked<Answer> {
        let body = json!({
            "db_name": CONNECTION, "creation_statements": statements(rights),
            "default_ttl": "1h", "max_ttl": "24h",
        });
        self.lab.post(&self.at(&format!("roles/{name}")), merged(body, more)).await
    }

    pub async fn creds(&self, role: &str) -> Checked<Answer> {
        self.lab.get(&self.at(&format!("creds/{role}"))).await
    }

    /// Credentials in preparation of what the case is about.
    pub async fn quiet_login(&self, role: &str) -> Checked<Login> {
        Login::with_lease(&self.quietly().creds(role).await?)
    }

    /// Logs in at the database and runs statements; `who` says whose credentials these are.
    pub async fn run_as(&self, who: &str, login: &Login, sql: &str) -> Checked<Answer> {
        self.try_password(who, &login.username, &login.password, sql).await
    }

    pub async fn try_password(&self, who: &str, user: &str, password: &str, sql: &str) -> Checked<Answer> {
        let seen = match self.database.run_as(user, password, sql).await {
            Ran::Done => json!({ "login": true, "done": true }),
            Ran::Refused(state) => json!({ "login": true, "done": false, "sqlstate": state }),
            Ran::NoLogin(state) => json!({ "login": false, "done": false, "sqlstate": state }),
            Ran::Unclear(why) => return Err(Stop::Broken(format!("the database could not be asked: {why}"))),
        };
        let verb = sql.split_whitespace().next().unwrap_or_default();
        Ok(self.lab.seen(&format!("{who}: {verb} in PostgreSQL"), seen))
    }

    /// What the database knows of a role.
    pub async fn in_database(&self, login: &Login) -> Checked<Answer> {
        let role = self.database.role(&login.username).await.map_err(Stop::Broken)?;
        let seen = match role {
            Some(facts) => json!({ "role": "there", "valid_until_s": facts.valid_until_s }),
            None => json!({ "role": "gone" }),
        };
        Ok(self.lab.seen("the role in PostgreSQL", seen))
    }

    /// How many roles may do anything with the table, apart from its owner.
    pub async fn guests(&self) -> Checked<Answer> {
        let guests = self.database.guests().await.map_err(Stop::Broken)?;
        Ok(self.lab.seen("roles with rights in PostgreSQL", json!({ "count": guests.len() })))
    }

    /// Waits until the database knows the role no more, and takes no login with it.
    pub async fn is_gone(&self, login: &Login, within: Duration) -> Checked {
        self.lab
            .eventually(within, || async {
                self.in_database(login).await?.has("/role", "gone")?;
                let tried = self.run_as("the revoked credentials", login, SELECT).await?;
                tried.has("/login", false)?.has("/sqlstate", NO_LOGIN)?;
                Ok(())
            })
            .await
    }

    /// The leases of a role's credentials.
    pub async fn leases(&self, role: &str) -> Checked<Answer> {
        self.lab.list(&format!("sys/leases/lookup/{}", self.at(&format!("creds/{role}")))).await
    }

    pub async fn renew(&self, login: &Login, increment_s: u32) -> Checked<Answer> {
        let body = json!({ "lease_id": login.lease_id, "increment": increment_s });
        self.lab.post("sys/leases/renew", body).await
    }

    pub async fn revoke(&self, login: &Login) -> Checked<Answer> {
        self.lab.post("sys/leases/revoke", json!({ "lease_id": login.lease_id })).await
    }
}

impl Login {
    /// To log in with; the lease is left alone.
    pub fn of(answer: &Answer) -> Checked<Self> {
        Ok(Self {
            username: answer.text("/data/username")?,
            password: answer.text("/data/password")?,
            lease_id: String::new(),
        })
    }

    /// To log in with, and to renew or revoke.
    pub fn with_lease(answer: &Answer) -> Checked<Self> {
        Ok(Self { lease_id: answer.text("/lease_id")?, ..Self::of(answer)? })
    }
}

fn merged(mut body: Value, more: Value) -> Value {
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    body
}
