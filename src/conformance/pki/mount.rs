//! A PKI mount of a case's own, and its requests.

use crate::conformance::{Answer, Checked, Lab};
use serde_json::{Value, json};

/// Whom the workflow document issues certificates for.
pub const SERVICE: &str = "workflow-service";
/// The only name that its role allows.
pub const HOST: &str = "workflow-service.production.svc.cluster.local";
/// The common name of the document's authority.
pub const ROOT_NAME: &str = "AI Workflow Platform Root CA";
pub const HOUR_S: f64 = 3600.0;
/// How far the server's clock and ours, and the age that it gives to a certificate, may lie apart.
pub const SLACK_S: f64 = 120.0;

pub struct Pki {
    pub lab: Lab,
    /// The mount's path.
    pub path: String,
}

impl Lab {
    /// A PKI mount of this case's own, tuned to the ten years that the document's authority lives.
    pub async fn pki(&self, what: &str) -> Checked<Pki> {
        let ten_years = json!({ "config": { "max_lease_ttl": "87600h" } });
        Ok(Pki { lab: self.clone(), path: self.mount(what, "pki", ten_years).await? })
    }

    /// The same with an authority, and with the document's role as it was meant: the service may have the very name that is
    /// allowed to it.
    pub async fn pki_with_service(&self, what: &str) -> Checked<(Pki, String)> {
        let pki = self.pki(what).await?;
        let root = pki.quietly().generate_root(ROOT_NAME).await?.text("/data/certificate")?;
        pki.quietly().role(SERVICE, json!({ "allow_bare_domains": true })).await?.succeeds()?;
        Ok((pki, root))
    }
}

impl Pki {
    /// The same mount, in preparation of what the case is about.
    pub fn quietly(&self) -> Self {
        Self { lab: self.lab.quietly(), path: self.path.clone() }
    }

    pub fn at(&self, below: &str) -> String {
        format!("{}/{below}", self.path)
    }

    /// The document's request, with a key that is quicker to make than the default.
    pub async fn generate_root(&self, common_name: &str) -> Checked<Answer> {
        let body = json!({ "common_name": common_name, "ttl": "87600h", "key_type": "ec" });
        self.lab.post(&self.at("root/generate/internal"), body).await
    }

    /// The document's role, with a key that is quicker to make than the default, and with `more`.
    pub async fn role(&self, name: &str, more: Value) -> Checked<Answer> {
        let mut body = json!({
            "allowed_domains": HOST, "allow_subdomains": false, "max_ttl": "720h", "ttl": "24h", "key_type": "ec",
        });
        if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
            body.extend(more);
        }
        self.lab.post(&self.at(&format!("roles/{name}")), body).await
    }

    pub async fn issue(&self, role: &str, body: Value) -> Checked<Answer> {
        self.lab.post(&self.at(&format!("issue/{role}")), body).await
    }

    /// The document's request.
    pub async fn issue_to_service(&self) -> Checked<Answer> {
        self.issue(SERVICE, json!({ "common_name": HOST, "ttl": "24h" })).await
    }

    pub async fn revoke(&self, serial: &str) -> Checked<Answer> {
        self.lab.post(&self.at("revoke"), json!({ "serial_number": serial })).await
    }

    /// The list of revoked certificates, as anybody gets it.
    pub async fn revocation_list(&self) -> Checked<Vec<u8>> {
        let (answer, bytes) = self.lab.anonymous().download(&self.at("crl")).await?;
        answer.is(200)?;
        Ok(bytes)
    }
}
