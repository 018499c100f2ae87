//! `transit.encrypt`, `.decrypt` and `.rewrap` send a text and get a text back; what is common to them.

use super::ciphertexts::Ciphertexts;
use super::keyspace::Keyspace;
use super::mounts::TransitMount;
use super::outcome::{Done, of_failure, of_status};
use crate::vault::{Wire, request};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// What all workloads of the engine share.
#[derive(Clone)]
pub struct Transit {
    pub keys: Arc<Keyspace>,
    pub kept: Arc<Ciphertexts>,
    pub mount: TransitMount,
}

/// How the engine answers with a ciphertext.
#[derive(Deserialize)]
pub struct Sealed {
    pub ciphertext: String,
    pub key_version: u64,
}

#[derive(Deserialize)]
struct Body<T> {
    data: T,
}

impl Transit {
    /// The answer's `data` beside what may be concluded from it; `None` where there is none, or it is not as the API
    /// documents.
    pub async fn ask<T: DeserializeOwned>(
        &self,
        wire: &Wire,
        path: &str,
        body: Value,
        draw: u64,
        deadline: Duration,
    ) -> (Done, Option<T>) {
        let token = &self.keys.any_tenant(draw).token;
        match wire.send(request("POST", path, Some(token), body.to_string().into()), deadline).await {
            Err(failure) => (of_failure(failure), None),
            Ok(answer) => {
                let done = of_status(&answer);
                let body = done.error.is_none().then(|| serde_json::from_slice::<Body<T>>(&answer.body).ok());
                (done, body.flatten().map(|body| body.data))
            }
        }
    }

    /// Keeps an acknowledged ciphertext whose plaintext has this digest.
    pub fn keep(&self, done: Done, sealed: &Sealed, digest: &str) -> Done {
        self.kept.saw_key_version(sealed.key_version);
        let number = self.kept.keep(&sealed.ciphertext, digest);
        let (subject, version) = (Some(number.to_string().into()), Some(sealed.key_version));
        Done { subject, version, ..done }
    }
}
