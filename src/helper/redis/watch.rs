//! Listens to everything that a Redis is told (MONITOR) and to all that is published there. A value that was there for a
//! millisecond is heard too, which no look into the store could promise.

use super::{RedisAddress, RedisError, RedisSession};
use futures_util::StreamExt;
use rand::RngExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// What was heard is kept in memory.
const AT_MOST_BYTES: usize = 256 << 20;
const HEARD_WITHIN: Duration = Duration::from_secs(5);
const EVERY: Duration = Duration::from_millis(5);

/// Everything between the beginning and the end of a watch.
#[derive(Default)]
pub struct Heard {
    /// The commands as MONITOR prints them, those of scripts too, a line each.
    pub bytes: Vec<u8>,
    /// Channel and message, in order.
    pub published: Vec<(String, Vec<u8>)>,
    is_full: bool,
}

pub struct RedisWatch {
    address: RedisAddress,
    heard: Arc<Mutex<Heard>>,
    listeners: [JoinHandle<()>; 2],
}

impl RedisWatch {
    pub async fn begin(address: &RedisAddress) -> Result<Self, RedisError> {
        let failed = |error: redis::RedisError| RedisError::failed("listen to it", error);
        let client = address.client()?;
        let mut commands =
            client.get_async_monitor().await.map_err(failed)?.into_on_message::<redis::Value>();
        let mut channels = client.get_async_pubsub().await.map_err(failed)?;
        channels.psubscribe("*").await.map_err(failed)?;
        let mut messages = channels.into_on_message();
        let heard = Arc::new(Mutex::new(Heard::default()));
        let of_commands = heard.clone();
        let on_commands = tokio::spawn(async move {
            while let Some(line) = commands.next().await {
                let mut heard = lock(&of_commands);
                heard.is_full |= heard.bytes.len() > AT_MOST_BYTES;
                if !heard.is_full {
                    heard.bytes.extend(super::session::flatten(line).concat());
                    heard.bytes.push(b'\n');
                }
            }
        });
        let of_messages = heard.clone();
        let on_messages = tokio::spawn(async move {
            while let Some(message) = messages.next().await {
                let told = (message.get_channel_name().to_owned(), message.get_payload_bytes().to_vec());
                lock(&of_messages).published.push(told);
            }
        });
        Ok(Self { address: address.clone(), heard, listeners: [on_commands, on_messages] })
    }

    /// What was published up to now.
    pub fn published(&self) -> Vec<(String, Vec<u8>)> {
        lock(&self.heard).published.clone()
    }

    /// Ends it; an error when anything may have gone unheard. It says something itself and waits until it has heard that.
    pub async fn end(self) -> Result<Heard, RedisError> {
        let random: u64 = rand::rng().random();
        let (channel, mark) = ("vaultquake-watch", format!("vq-end-{random:016x}"));
        let mut session = RedisSession::open(&self.address).await?;
        session.send(&["PUBLISH", channel, &mark]).await?;
        let began = Instant::now();
        loop {
            {
                let mut heard = lock(&self.heard);
                let is_ours = |(name, told): &(String, Vec<u8>)| name == channel && told == mark.as_bytes();
                let by_command = heard.bytes.windows(mark.len()).rev().any(|part| part == mark.as_bytes());
                if by_command && heard.published.iter().any(is_ours) {
                    heard.published.retain(|message| !is_ours(message));
                    return Ok(std::mem::take(&mut heard));
                }
                if heard.is_full {
                    return Err(RedisError::failed("listen to it", "it was told more than can be kept"));
                }
            }
            if began.elapsed() >= HEARD_WITHIN {
                return Err(RedisError::failed("listen to it", "what we said ourselves was not heard"));
            }
            tokio::time::sleep(EVERY).await;
        }
    }
}

impl Drop for RedisWatch {
    fn drop(&mut self) {
        self.listeners.iter().for_each(JoinHandle::abort);
    }
}

fn lock(heard: &Mutex<Heard>) -> MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}
