//! Unseals a node once.
//!
//! Each key is posted until the first 200 and then never again: a second post while a join is pending starts
//! two leadership loops in that node, and such a leader never steps down once it is cut off.

use super::BootstrapError;
use crate::cluster::Access;
use crate::vault::{Client, wait_until};
use serde_json::json;
use std::time::Duration;

const EVERY: Duration = Duration::from_millis(25);

/// Posts the threshold of keys, then waits until the node says that it is unsealed.
pub async fn unseal(client: &Client, access: &Access, within: Duration) -> Result<(), BootstrapError> {
    for key in access.unseal_keys.iter().take(access.threshold) {
        // 400 means that the node has not joined yet and knows no seal configuration.
        wait_until("the node takes an unseal key", within, EVERY, || async {
            match client.call(reqwest::Method::PUT, "sys/unseal", Some(&json!({ "key": key }))).await {
                Ok(answer) if answer.is_success() => Ok(()),
                Ok(answer) => Err(format!("status {}: {}", answer.status, answer.errors())),
                Err(error) => Err(error.to_string()),
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
