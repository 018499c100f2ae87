//! `transit.encrypt`: a plaintext never used before.

use super::outcome::{Done, malformed};
use super::transit::{Sealed, Transit};
use super::work::Work;
use crate::vault::Wire;
use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use std::time::Duration;

pub struct TransitEncrypt(pub Transit);

#[async_trait]
impl Work for TransitEncrypt {
    async fn run(&self, wire: &Wire, draw: u64, deadline: Duration) -> Option<Done> {
        let Self(transit) = self;
        let plaintext = transit.keys.fresh_value();
        let digest = transit.keys.digest(&plaintext);
        let body = json!({ "plaintext": STANDARD.encode(&plaintext) });
        let path = transit.mount.path_to("encrypt");
        let done = match transit.ask::<Sealed>(wire, &path, body, draw, deadline).await {
            (done, Some(sealed)) => transit.keep(done, &sealed, &digest),
            (done, None) if done.error.is_none() => malformed(done),
            (done, None) => done,
        };
        Some(Done { digest: Some(digest), ..done })
    }
}
