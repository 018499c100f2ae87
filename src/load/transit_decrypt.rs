//! `transit.decrypt`: of a ciphertext that was acknowledged before. The history holds the digest of what came back.

use super::outcome::{Done, malformed};
use super::transit::Transit;
use super::work::Work;
use crate::vault::Wire;
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;

pub struct TransitDecrypt(pub Transit);

#[async_trait]
impl Work for TransitDecrypt {
    async fn run(&self, wire: &Wire, draw: u64, deadline: Duration) -> Option<Done> {
        #[derive(Deserialize)]
        struct Opened {
            plaintext: String,
        }
        let Self(transit) = self;
        let ciphertext = transit.kept.any(draw)?;
        let body = json!({ "ciphertext": ciphertext.text });
        let path = transit.mount.path_to("decrypt");
        let done = match transit.ask::<Opened>(wire, &path, body, draw, deadline).await {
            (done, Some(opened)) => match transit.keys.digest_of_base64(&opened.plaintext) {
                Some(digest) => Done { digest: Some(digest), ..done },
                None => malformed(done),
            },
            (done, None) if done.error.is_none() => malformed(done),
            (done, None) => done,
        };
        Some(Done { subject: Some(ciphertext.number.to_string().into()), ..done })
    }
}
