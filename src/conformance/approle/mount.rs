//! An AppRole mount of a case's own with the document's role.

use crate::conformance::{Answer, Checked, Lab};
use serde_json::{Value, json};

pub struct AppRole {
    pub lab: Lab,
    /// The mount's path below `auth/`.
    pub path: String,
    /// The document's policy of the CI, which the role gives.
    pub policy: String,
}

/// The document's role.
pub const ROLE: &str = "workflow-ci";

impl Lab {
    /// The document's role: its policy, a token for an hour, four hours at most; and what `more` says.
    pub async fn approle(&self, more: Value) -> Checked<AppRole> {
        let path = self.auth("approle", "approle", json!({})).await?;
        let policy = self.placed_policy(ROLE, crate::conformance::policy::WORKFLOW_CI).await?;
        let approle = AppRole { lab: self.clone(), path, policy };
        let quiet =
            AppRole { lab: self.quietly(), path: approle.path.clone(), policy: approle.policy.clone() };
        quiet.write_role(ROLE, more).await?.succeeds()?;
        Ok(approle)
    }
}

impl AppRole {
    pub fn role(&self, role: &str) -> String {
        format!("auth/{}/role/{role}", self.path)
    }

    /// Writes a role with the document's settings, and what `more` says.
    pub async fn write_role(&self, role: &str, more: Value) -> Checked<Answer> {
        let mut body = json!({ "token_policies": self.policy, "token_ttl": "1h", "token_max_ttl": "4h" });
        if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
            body.extend(more);
        }
        self.lab.post(&self.role(role), body).await
    }

    /// The id of the role itself, which is no secret.
    pub async fn role_id(&self) -> Checked<String> {
        let path = format!("{}/role-id", self.role(ROLE));
        self.lab.quietly().get(&path).await?.text("/data/role_id")
    }

    /// A new secret id of the role.
    pub async fn secret_id(&self) -> Checked<String> {
        let path = format!("{}/secret-id", self.role(ROLE));
        self.lab.quietly().post(&path, json!({})).await?.text("/data/secret_id")
    }

    /// Both ids, as a login sends them.
    pub async fn ids(&self) -> Checked<Value> {
        Ok(json!({ "role_id": self.role_id().await?, "secret_id": self.secret_id().await? }))
    }

    /// Logs in without a token, as a pipeline does.
    pub async fn login(&self, ids: &Value) -> Checked<Answer> {
        self.lab.anonymous().post(&format!("auth/{}/login", self.path), ids.clone()).await
    }

    /// Somebody who logged in, in preparation of what the case is about.
    pub async fn logged_in(&self) -> Checked<Lab> {
        let ids = self.ids().await?;
        let quiet = self.lab.quietly().anonymous();
        let answer = quiet.post(&format!("auth/{}/login", self.path), ids).await?;
        Ok(self.lab.as_token(&answer.text("/auth/client_token")?))
    }
}
