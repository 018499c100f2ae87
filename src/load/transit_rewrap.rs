//! `transit.rewrap`: a ciphertext that was acknowledged before, encrypted anew with the newest version of the key. What
//! comes back is one more ciphertext of the same plaintext.

use super::outcome::{Done, malformed};
use super::transit::{Sealed, Transit};
use super::work::Work;
use crate::vault::Wire;
use async_trait::async_trait;
use serde_json::json;
use std::time::Duration;

pub struct TransitRewrap(pub Transit);

#[async_trait]
impl Work for TransitRewrap {
    async fn run(&self, wire: &Wire, draw: u64, deadline: Duration) -> Option<Done> {
        let Self(transit) = self;
        let ciphertext = transit.kept.any(draw)?;
        let body = json!({ "ciphertext": ciphertext.text });
        let path = transit.mount.path_to("rewrap");
        let done = match transit.ask::<Sealed>(wire, &path, body, draw, deadline).await {
            (done, Some(sealed)) => transit.keep(done, &sealed, &ciphertext.digest),
            (done, None) if done.error.is_none() => malformed(done),
            (done, None) => done,
        };
        Some(Done { digest: Some(ciphertext.digest.to_string()), ..done })
    }
}
