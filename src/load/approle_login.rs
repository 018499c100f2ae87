//! `approle.login`: a tenant's application asks for a token.

use super::keyspace::Keyspace;
use super::outcome::{Done, malformed, of_failure, of_status};
use super::work::Work;
use crate::vault::{Wire, request};
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

pub struct ApproleLogin {
    pub keys: Arc<Keyspace>,
    /// Where AppRole is mounted, below `auth/`.
    pub mount: String,
}

#[async_trait]
impl Work for ApproleLogin {
    async fn run(&self, wire: &Wire, draw: u64, deadline: Duration) -> Option<Done> {
        #[derive(Deserialize)]
        struct Body {
            auth: Auth,
        }
        #[derive(Deserialize)]
        struct Auth {
            client_token: String,
        }
        let tenant = self.keys.any_tenant(draw);
        let body = json!({ "role_id": tenant.role_id, "secret_id": tenant.secret_id });
        let asked = request("POST", &format!("auth/{}/login", self.mount), None, body.to_string().into());
        let done = match wire.send(asked, deadline).await {
            Err(failure) => of_failure(failure),
            Ok(answer) => {
                let done = of_status(&answer);
                match (done.error, serde_json::from_slice::<Body>(&answer.body)) {
                    (None, Ok(body)) if !body.auth.client_token.is_empty() => done,
                    (None, _) => malformed(done),
                    _ => done,
                }
            }
        };
        Some(done)
    }
}
