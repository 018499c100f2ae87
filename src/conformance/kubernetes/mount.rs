//! A Kubernetes authentication mount of a case's own, and the requests of the document's service.

use crate::conformance::{Answer, Checked, Lab, Stop};
use crate::helper::Kubernetes;
use serde_json::{Value, json};
use std::sync::Arc;

/// As the document calls them.
pub const ROLE: &str = "workflow-service";
pub const ACCOUNT: &str = "workflow-service";
pub const NAMESPACE: &str = "production";
pub const HOUR_S: i64 = 3600;

pub struct KubernetesAuth {
    pub lab: Lab,
    /// The mount's path below `auth/`.
    pub path: String,
    pub cluster: Arc<Kubernetes>,
    /// What the role gives, and nothing else does.
    pub policy: String,
}

impl Lab {
    /// A mount that knows the cluster, with the document's role.
    pub async fn kubernetes_auth(&self) -> Checked<KubernetesAuth> {
        let auth = self.unconfigured_kubernetes_auth().await?;
        let quiet = auth.quietly();
        quiet.configure(json!({})).await?.succeeds()?;
        quiet.role(ROLE, json!({})).await?.succeeds()?;
        Ok(auth)
    }

    /// A mount that knows no cluster, and has no role.
    pub async fn unconfigured_kubernetes_auth(&self) -> Checked<KubernetesAuth> {
        let cluster = self.kubernetes().await?;
        cluster.add_account(NAMESPACE, ACCOUNT);
        let path = self.auth("kubernetes", "kubernetes", json!({})).await?;
        let rules = "path \"sys/mounts\" {\n  capabilities = [\"read\"]\n}\n";
        let policy = self.policy("workflow-service-policy", rules).await?;
        Ok(KubernetesAuth { lab: self.clone(), path, cluster, policy })
    }
}

impl KubernetesAuth {
    /// The same mount, in preparation of what the case is about.
    pub fn quietly(&self) -> Self {
        Self {
            lab: self.lab.quietly(),
            path: self.path.clone(),
            cluster: self.cluster.clone(),
            policy: self.policy.clone(),
        }
    }

    pub fn at(&self, below: &str) -> String {
        format!("auth/{}/{below}", self.path)
    }

    /// The document's configuration with `more`, which may take the place of what is in it.
    pub async fn configure(&self, more: Value) -> Checked<Answer> {
        let reviewer = self.cluster.reviewer_token().map_err(Stop::Broken)?;
        let body = json!({
            "kubernetes_host": self.cluster.url, "kubernetes_ca_cert": self.cluster.ca_pem,
            "token_reviewer_jwt": reviewer,
        });
        self.lab.post(&self.at("config"), merged(body, more)).await
    }

    /// The document's role with `more`.
    pub async fn role(&self, name: &str, more: Value) -> Checked<Answer> {
        let body = json!({
            "bound_service_account_names": ACCOUNT, "bound_service_account_namespaces": NAMESPACE,
            "policies": self.policy, "ttl": "1h",
        });
        self.lab.post(&self.at(&format!("role/{name}")), merged(body, more)).await
    }

    /// A token of the document's service account.
    pub fn service_token(&self) -> Checked<String> {
        self.token(NAMESPACE, ACCOUNT, HOUR_S)
    }

    pub fn token(&self, namespace: &str, account: &str, ends_in_s: i64) -> Checked<String> {
        self.cluster.token(namespace, account, ends_in_s).map_err(Stop::Broken)
    }

    /// The document's request, as a pod sends it: without any token of the server's.
    pub async fn login(&self, role: &str, jwt: &str) -> Checked<Answer> {
        self.lab.anonymous().post(&self.at("login"), json!({ "role": role, "jwt": jwt })).await
    }
}

fn merged(mut body: Value, more: Value) -> Value {
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    body
}
