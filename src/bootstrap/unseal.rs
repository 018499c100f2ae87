//! Unseals a node once.
//!
//! Each key is posted until the first 200 and then never again: a second post while a join is pending starts
//! two leadership loops in that node, and such a leader never steps down once it is cut off. Where an answer is
//! missing or unclear, the node's seal status decides whether the key is posted again.

use super::BootstrapError;
use crate::cluster::Access;
use crate::vault::{Client, wait_until};
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const EVERY: Duration = Duration::from_millis(25);

/// Posts the threshold of keys, then waits until the node says that it is unsealed.
pub async fn unseal(client: &Client, access: &Access, within: Duration) -> Result<(), BootstrapError> {
    let is_doubtful = AtomicBool::new(false);
    for (before, key) in access.unseal_keys.iter().take(access.threshold).enumerate() {
        wait_until("the node takes an unseal key", within, EVERY, || async {
            if is_doubtful.load(Ordering::Relaxed) {
                if took(client, before, access.threshold).await? {
                    is_doubtful.store(false, Ordering::Relaxed);
                    return Ok(());
                }
                is_doubtful.store(false, Ordering::Relaxed);
            }
            match client.call(reqwest::Method::PUT, "sys/unseal", Some(&json!({ "key": key }))).await {
                Ok(answer) if answer.is_success() => Ok(()),
                Ok(answer) => {
                    // 400 means that the node has not joined yet and knows no seal configuration.
                    is_doubtful.store(answer.status != 400, Ordering::Relaxed);
                    Err(format!("status {}: {}", answer.status, answer.errors()))
                }
                Err(error) => {
                    is_doubtful.store(true, Ordering::Relaxed);
                    Err(error.to_string())
                }
            }
        })
        .await?;
    }
    wait_until("the node is unsealed", within, EVERY, || async {
        match client.get("sys/seal-status").await {
            Ok(answer) if answer.body["sealed"] == false => Ok(()),
            Ok(_) => Err("still sealed".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    })
    .await?;
    Ok(())
}

/// Whether the node took the key that was posted to it when it had `before` others. An error is what it said
/// instead of either.
async fn took(client: &Client, before: usize, threshold: usize) -> Result<bool, String> {
    let status = client.get("sys/seal-status").await.map_err(|error| error.to_string())?.body;
    let progress = status["progress"].as_u64().ok_or("its seal status names no progress")? as usize;
    let is_last = before + 1 == threshold;
    match (status["sealed"] == false || progress > before, progress == before) {
        (true, _) => Ok(true),
        // The only key there is leaves no trace in the progress: it is not risked a second time.
        (false, true) if threshold == 1 => Err("sealed, and it may have taken the key".to_owned()),
        (false, true) => Ok(false),
        // The last key empties the progress while the node opens.
        (false, false) if is_last => Ok(true),
        (false, false) => Err(format!("it has {progress} keys, and had taken {before}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::testing::{Scripted, Told};
    use serde_json::Value;

    /// A node that needs `threshold` keys, takes every one and answers the first post as `first` says.
    async fn node(threshold: usize, takes_first: bool, first: Told) -> Scripted {
        let (mut taken, mut posts) = (0, 0);
        Scripted::start(move |what, _: &Value| {
            if what == "GET sys/seal-status" {
                return Some((200, json!({ "sealed": taken < threshold, "progress": taken % threshold })));
            }
            posts += 1;
            taken += usize::from(posts > 1 || takes_first);
            if posts == 1 { first.clone() } else { Some((200, json!({}))) }
        })
        .await
    }

    async fn posts(threshold: usize, takes_first: bool, first: Told) -> usize {
        let node = node(threshold, takes_first, first).await;
        let keys = (0..threshold).map(|number| format!("key-{number}")).collect();
        let access = Access { unseal_keys: keys, threshold, ..Access::default() };
        let client = Client::new(&node.endpoint).unwrap();
        unseal(&client, &access, Duration::from_secs(5)).await.unwrap();
        node.count("PUT sys/unseal")
    }

    #[tokio::test]
    async fn a_key_that_was_taken_without_an_answer_is_not_posted_again() {
        assert_eq!(posts(1, true, None).await, 1);
        assert_eq!(posts(3, true, None).await, 3);
        assert_eq!(posts(3, true, Some((500, json!({})))).await, 3);
    }

    #[tokio::test]
    async fn a_key_that_was_not_taken_is_posted_again() {
        assert_eq!(posts(3, false, None).await, 4);
        assert_eq!(posts(1, false, Some((400, json!({})))).await, 2);
    }
}
