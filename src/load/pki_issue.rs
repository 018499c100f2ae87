//! `pki.issue`: a certificate for the role's name. Its private key is dropped with the answer.

use super::certificates::Certificates;
use super::keyspace::Keyspace;
use super::mounts::PkiMount;
use super::outcome::{Done, malformed, of_failure, of_status};
use super::work::Work;
use crate::vault::{Wire, request};
use async_trait::async_trait;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

pub struct PkiIssue {
    pub keys: Arc<Keyspace>,
    pub kept: Arc<Certificates>,
    pub mount: PkiMount,
}

#[derive(Deserialize)]
struct Body {
    data: Issued,
}

#[derive(Deserialize)]
struct Issued {
    certificate: String,
    serial_number: String,
}

#[async_trait]
impl Work for PkiIssue {
    async fn run(&self, wire: &Wire, draw: u64, deadline: Duration) -> Option<Done> {
        let ttl = format!("{}s", self.mount.ttl.0.as_secs());
        let body = json!({ "common_name": self.mount.domain, "ttl": ttl });
        let path = format!("{}/issue/{}", self.mount.path, self.mount.role);
        let token = &self.keys.any_tenant(draw).token;
        let asked = request("POST", &path, Some(token), body.to_string().into());
        let done = match wire.send(asked, deadline).await {
            Err(failure) => of_failure(failure),
            Ok(answer) => {
                let done = of_status(&answer);
                match (done.error, issued(&answer.body)) {
                    (None, Some((serial, der))) => {
                        self.kept.keep(&serial, der);
                        Done { subject: Some(serial.into()), ..done }
                    }
                    (None, None) => malformed(done),
                    _ => done,
                }
            }
        };
        Some(done)
    }
}

/// Serial number and certificate of an answer.
fn issued(body: &[u8]) -> Option<(String, Vec<u8>)> {
    let issued = serde_json::from_slice::<Body>(body).ok()?.data;
    let der = CertificateDer::from_pem_slice(issued.certificate.as_bytes()).ok()?;
    Some((issued.serial_number, der.to_vec()))
}
