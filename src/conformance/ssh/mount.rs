//! An SSH mount of a case's own.

use crate::conformance::{Answer, Checked, Lab};
use serde_json::{Value, json};

/// Whom the role signs keys for.
pub const USER: &str = "deploy";
pub const ROLE: &str = "deployment";

pub struct Ssh {
    pub lab: Lab,
    pub path: String,
}

impl Lab {
    /// An SSH mount of this case's own, without an authority.
    pub async fn ssh(&self) -> Checked<Ssh> {
        Ok(Ssh { lab: self.clone(), path: self.mount("ssh", "ssh", json!({})).await? })
    }

    /// The same with an authority and a role that signs users' keys for one name; the authority's public key.
    pub async fn ssh_with_role(&self) -> Checked<(Ssh, String)> {
        let ssh = self.ssh().await?;
        let quiet = Ssh { lab: self.quietly(), path: ssh.path.clone() };
        let authority = quiet.make_authority().await?.text("/data/public_key")?;
        quiet.role().await?.succeeds()?;
        Ok((ssh, authority))
    }
}

impl Ssh {
    pub fn at(&self, below: &str) -> String {
        format!("{}/{below}", self.path)
    }

    pub async fn make_authority(&self) -> Checked<Answer> {
        let body = json!({ "generate_signing_key": true, "key_type": "ed25519" });
        self.lab.post(&self.at("config/ca"), body).await
    }

    pub async fn role(&self) -> Checked<Answer> {
        let body = json!({
            "key_type": "ca", "allow_user_certificates": true, "allowed_users": USER, "default_user": USER,
            "ttl": "30m", "max_ttl": "1h", "allowed_extensions": "permit-pty",
            "default_extensions": { "permit-pty": "" },
        });
        self.lab.post(&self.at(&format!("roles/{ROLE}")), body).await
    }

    /// Has a public key signed, with `more` in the request.
    pub async fn sign(&self, public_key: &str, more: Value) -> Checked<Answer> {
        let mut body = json!({ "public_key": public_key });
        if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
            body.extend(more);
        }
        self.lab.post(&self.at(&format!("sign/{ROLE}")), body).await
    }
}
