//! What others are told when a configuration changes: that it did, never its value.

use super::cache::Store;
use async_trait::async_trait;
use serde::Serialize;

#[derive(Serialize)]
pub struct Event<'a> {
    /// `created`, `updated` or `deleted`.
    pub event: &'static str,
    pub environment: &'a str,
    pub service_name: &'a str,
    pub key: &'a str,
}

/// Where events go. The document names Kafka; a channel in Redis carries the same words.
#[async_trait]
pub trait Events: Send + Sync {
    /// Tries to tell; who is told nothing asks the service, which knows.
    async fn publish(&self, event: &Event<'_>);
}

/// The channel of [`RedisEvents`].
pub const CHANNEL: &str = "config-events";

pub struct RedisEvents(pub Store);

#[async_trait]
impl Events for RedisEvents {
    async fn publish(&self, event: &Event<'_>) {
        let Ok(text) = serde_json::to_string(event) else { return };
        let mut command = redis::cmd("PUBLISH");
        command.arg(CHANNEL).arg(text);
        if let Err(error) = self.0.run::<u64>(&command).await {
            eprintln!("config-service: an event was not published: {error}");
        }
    }
}
