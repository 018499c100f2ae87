//! `kv2.read`: the newest version of a tenant's credential.

use super::keyspace::Keyspace;
use super::outcome::{Done, malformed, of_failure, of_status};
use super::work::Work;
use crate::model::{ErrorKind, Outcome};
use crate::vault::{RawAnswer, Wire, request};
use async_trait::async_trait;
use bytes::Bytes;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;

pub struct Kv2Read {
    pub keys: Arc<Keyspace>,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    data: Secret<'a>,
}

#[derive(Deserialize)]
struct Secret<'a> {
    #[serde(borrow)]
    data: Value<'a>,
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Value<'a> {
    api_secret: &'a str,
}

#[derive(Deserialize)]
struct Metadata {
    version: u64,
}

/// Version and digest of a read's answer; used by the read-back too.
pub fn read_secret(keys: &Keyspace, answer: &RawAnswer) -> Option<(u64, String)> {
    let body: Body = serde_json::from_slice(&answer.body).ok()?;
    Some((body.data.metadata.version, keys.digest(body.data.data.api_secret)))
}

/// A 404 tells of a deleted version, which is an answer like any other, or that there is no such secret. With
/// another text it speaks of something else, such as a path without a mount.
fn missing(answer: &RawAnswer, done: Done) -> Done {
    #[derive(Deserialize)]
    struct Deleted {
        data: Kept,
    }
    #[derive(Deserialize)]
    struct Kept {
        metadata: Metadata,
    }
    #[derive(Deserialize)]
    struct NoSecret {
        errors: [String; 0],
    }
    if let Ok(deleted) = serde_json::from_slice::<Deleted>(&answer.body) {
        let version = Some(deleted.data.metadata.version);
        return Done { outcome: Outcome::Ok, error: None, version, ..done };
    }
    match serde_json::from_slice::<NoSecret>(&answer.body) {
        Ok(NoSecret { errors: [] }) => Done { error: Some(ErrorKind::NotFound), ..done },
        Err(_) => done,
    }
}

#[async_trait]
impl Work for Kv2Read {
    async fn run(&self, wire: &Wire, draw: u64, deadline: Duration) -> Option<Done> {
        let key = (draw % u64::from(self.keys.shared().end)) as u32;
        let token = &self.keys.tenant(key).token;
        let asked = request("GET", &self.keys.data_path(key), Some(token), Bytes::new());
        let done = match wire.send(asked, deadline).await {
            Err(failure) => of_failure(failure),
            Ok(answer) => {
                let done = of_status(&answer);
                match (answer.status, read_secret(&self.keys, &answer)) {
                    (200, Some((version, digest))) => {
                        Done { version: Some(version), digest: Some(digest), ..done }
                    }
                    (200, None) => malformed(done),
                    (404, _) => missing(&answer, done),
                    _ => done,
                }
            }
        };
        Some(done.with_key(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value as Json, json};

    #[test]
    fn a_404_tells_of_a_deletion_of_nothing_or_of_something_else() {
        let conclude = |body: Json| {
            let (headers, body) = (Default::default(), body.to_string().into());
            let answer = RawAnswer { status: 404, headers, body };
            missing(&answer, of_status(&answer))
        };
        let metadata = json!({ "version": 3, "deletion_time": "2026-11-22T03:00:00Z", "destroyed": false });
        let deleted = conclude(json!({ "data": { "data": null, "metadata": metadata } }));
        assert_eq!((deleted.outcome, deleted.version, deleted.digest), (Outcome::Ok, Some(3), None));
        let none = conclude(json!({ "errors": [] }));
        assert_eq!((none.outcome, none.error), (Outcome::Failed, Some(ErrorKind::NotFound)));
        let other = conclude(json!({ "errors": ["no handler for route"] }));
        assert_eq!((other.outcome, other.error), (Outcome::Failed, Some(ErrorKind::Status)));
    }
}
