//! Leases of a real database's credentials, under a mount of a case's own.

use crate::conformance::{Answer, Checked, Lab};
use serde_json::json;

pub struct Leases {
    pub lab: Lab,
    /// The mount's path.
    pub mount: String,
}

const CREATION: &str =
    "CREATE ROLE \"{{name}}\" WITH LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}';";

/// By default the server first takes back rights on the schema, which these roles have not: cases side by side would meet in
/// its one row of the catalogue.
const REVOCATION: &str = "DROP ROLE IF EXISTS \"{{name}}\";";

impl Lab {
    /// A database engine with one role, `app`, whose credentials live `default_ttl` and `max_ttl` at most.
    pub async fn leases(&self, default_ttl: &str, max_ttl: &str) -> Checked<Leases> {
        let database = self.database().await?;
        let access = database.server_access();
        let mount = self.mount("db", "database", json!({})).await?;
        let config = json!({
            "plugin_name": "postgresql-database-plugin",
            "connection_url": access.connection_url,
            "username": access.username,
            "password": access.password,
            "allowed_roles": "*",
            "max_open_connections": 2,
        });
        let quiet = self.quietly();
        quiet.post(&format!("{mount}/config/postgresql"), config).await?.succeeds()?;
        let leases = Leases { lab: self.clone(), mount };
        leases.role("app", default_ttl, max_ttl).await?;
        Ok(leases)
    }
}

impl Leases {
    /// One more role, quietly.
    pub async fn role(&self, role: &str, default_ttl: &str, max_ttl: &str) -> Checked {
        let body = json!({
            "db_name": "postgresql",
            "creation_statements": CREATION,
            "revocation_statements": REVOCATION,
            "default_ttl": default_ttl,
            "max_ttl": max_ttl,
        });
        self.lab.quietly().post(&format!("{}/roles/{role}", self.mount), body).await?.succeeds().map(drop)
    }

    /// Credentials, and with them a lease.
    pub async fn credentials(&self, role: &str) -> Checked<Answer> {
        self.lab.get(&format!("{}/creds/{role}", self.mount)).await
    }

    /// The lease of credentials that are taken quietly.
    pub async fn lease(&self, role: &str) -> Checked<String> {
        self.lab.quietly().get(&format!("{}/creds/{role}", self.mount)).await?.text("/lease_id")
    }

    pub async fn lookup(&self, lease: &str) -> Checked<Answer> {
        self.lab.put("sys/leases/lookup", json!({ "lease_id": lease })).await
    }

    /// As the document's client does it.
    pub async fn renew(&self, lease: &str, increment_s: u32) -> Checked<Answer> {
        self.lab.put("sys/leases/renew", json!({ "lease_id": lease, "increment": increment_s })).await
    }

    pub async fn revoke(&self, lease: &str) -> Checked<Answer> {
        self.lab.put("sys/leases/revoke", json!({ "lease_id": lease })).await
    }

    /// What `list` names below a role.
    pub async fn listed(&self, role: &str) -> Checked<Answer> {
        self.lab.list(&format!("sys/leases/lookup/{}/creds/{role}", self.mount)).await
    }
}
