//! What a node is asked about a credential, and which answers are clear.

use crate::vault::Client;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// One request. 2xx grants it; what else is clear depends on what was asked.
#[derive(Clone)]
pub struct Question {
    method: Method,
    path: String,
    token: Option<String>,
    body: Option<Value>,
    /// A clear no.
    refusals: &'static [u16],
}

/// What a node said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// `None` when it gave no clear answer.
    pub granted: Option<bool>,
    pub status: Option<u16>,
}

const NO_ANSWER: Told = Told { granted: None, status: None };

impl Question {
    /// Whether the token is alive; one of its uses.
    pub fn token(token: &str) -> Self {
        Self::new(Method::GET, "auth/token/lookup-self", Some(token), None, &[403])
    }

    /// Whether the lease is there. "invalid lease" is a 400.
    pub fn lease(lease_id: &str, operator_token: &str) -> Self {
        let body = json!({ "lease_id": lease_id });
        Self::new(Method::PUT, "sys/leases/lookup", Some(operator_token), Some(body), &[400, 404])
    }

    /// Whether it can log in; "invalid role or secret ID" is a 400.
    pub fn login(mount: &str, role_id: &str, secret_id: &str) -> Self {
        let body = json!({ "role_id": role_id, "secret_id": secret_id });
        Self::new(Method::POST, &format!("auth/{mount}/login"), None, Some(body), &[400])
    }

    pub fn renewal(token: &str) -> Self {
        Self::new(Method::POST, "auth/token/renew-self", Some(token), Some(json!({})), &[400, 403])
    }

    pub fn revocation(path: &str, body: Value, operator_token: &str) -> Self {
        let method = if path.starts_with("sys/") { Method::PUT } else { Method::POST };
        Self::new(method, path, Some(operator_token), Some(body), &[400, 403, 404, 405])
    }

    fn new(
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<Value>,
        refusals: &'static [u16],
    ) -> Self {
        Self { method, path: path.to_owned(), token: token.map(str::to_owned), body, refusals }
    }

    pub async fn ask(&self, client: &Client, within: Duration) -> Told {
        let client = self.token.as_ref().map_or_else(|| client.clone(), |token| client.with_token(token));
        let call = client.call(self.method.clone(), &self.path, self.body.as_ref());
        let Ok(Ok(answer)) = tokio::time::timeout(within, call).await else { return NO_ANSWER };
        let granted = match answer.status {
            200..=299 => Some(true),
            status if self.refusals.contains(&status) => Some(false),
            _ => None,
        };
        Told { granted, status: Some(answer.status) }
    }
}
