//! `transit.rotate`: the key gets one more version.

use super::outcome::{Done, malformed};
use super::transit::Transit;
use super::work::Work;
use crate::vault::Wire;
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;

pub struct TransitRotate(pub Transit);

#[async_trait]
impl Work for TransitRotate {
    async fn run(&self, wire: &Wire, draw: u64, deadline: Duration) -> Option<Done> {
        #[derive(Deserialize)]
        struct Rotated {
            latest_version: u64,
        }
        let Self(transit) = self;
        let path = format!("{}/rotate", transit.mount.key_path());
        let done = match transit.ask::<Rotated>(wire, &path, json!({}), draw, deadline).await {
            (done, Some(rotated)) => {
                transit.kept.saw_key_version(rotated.latest_version);
                Done { version: Some(rotated.latest_version), ..done }
            }
            (done, None) if done.error.is_none() => malformed(done),
            (done, None) => done,
        };
        Some(done)
    }
}
