//! `pki.revoke`: of a certificate that was issued before. Each is asked for once only, so that its end is known.

use super::certificates::Certificates;
use super::keyspace::Keyspace;
use super::mounts::PkiMount;
use super::outcome::{Done, malformed, of_failure, of_status};
use super::work::Work;
use crate::vault::{Wire, request};
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

pub struct PkiRevoke {
    pub keys: Arc<Keyspace>,
    pub kept: Arc<Certificates>,
    pub mount: PkiMount,
}

#[derive(Deserialize)]
struct Body {
    data: Revoked,
}

#[derive(Deserialize)]
struct Revoked {
    revocation_time: u64,
}

#[async_trait]
impl Work for PkiRevoke {
    async fn run(&self, wire: &Wire, draw: u64, deadline: Duration) -> Option<Done> {
        let certificate = self.kept.take_to_revoke()?;
        let body = json!({ "serial_number": certificate.serial });
        let path = format!("{}/revoke", self.mount.path);
        let token = &self.keys.any_tenant(draw).token;
        let asked = request("POST", &path, Some(token), body.to_string().into());
        let done = match wire.send(asked, deadline).await {
            Err(failure) => of_failure(failure),
            Ok(answer) => {
                let done = of_status(&answer);
                match (done.error, serde_json::from_slice::<Body>(&answer.body)) {
                    (None, Ok(body)) if body.data.revocation_time > 0 => {
                        self.kept.was_revoked(&certificate.serial);
                        done
                    }
                    (None, _) => malformed(done),
                    _ => done,
                }
            }
        };
        Some(Done { subject: Some(certificate.serial.clone()), ..done })
    }
}
