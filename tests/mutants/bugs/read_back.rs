//! What can be missing or changed when everything is read back at the end.

use super::reads::corrupted;
use crate::asked::{Asked, Kind};
use crate::lab::{Answer, Lab, changed, told};
use serde_json::{Value, json};
use std::sync::Arc;

/// The numbers of the versions that the metadata of a secret list, in order.
fn versions(body: &Value) -> Vec<u64> {
    let listed = body["data"]["versions"].as_object();
    let mut found: Vec<u64> =
        listed.into_iter().flatten().filter_map(|(name, _)| name.parse().ok()).collect();
    found.sort_unstable();
    found
}

fn without(body: &mut Value, version: u64) {
    if let Some(versions) = body["data"]["versions"].as_object_mut() {
        versions.remove(&version.to_string());
    }
}

fn is_metadata(asked: &Asked) -> bool {
    asked.kind == Kind::ReadBackMetadata && asked.is_of_key(2)
}

/// As after a restore of what had been a little before.
pub async fn newest_undone(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = lab.forward(&asked).await?;
    if !is_metadata(&asked) {
        return Some(answer);
    }
    Some(changed(&answer, |body| {
        if let [.., before, newest] = versions(body)[..] {
            without(body, newest);
            body["data"]["current_version"] = json!(before);
        }
    }))
}

pub async fn one_forgotten(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = lab.forward(&asked).await?;
    if !is_metadata(&asked) {
        return Some(answer);
    }
    Some(changed(&answer, |body| {
        if let [.., one, _, _] = versions(body)[..] {
            without(body, one);
        }
    }))
}

pub async fn secret_gone(asked: Asked, lab: Arc<Lab>) -> Answer {
    if is_metadata(&asked) {
        return Some(told(404, json!({ "errors": [] })));
    }
    lab.forward(&asked).await
}

pub async fn corrupted_at_rest(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = lab.forward(&asked).await?;
    let is_hit = asked.kind == Kind::ReadBack && asked.is_of_key(2) && answer.status == 200;
    Some(if is_hit { corrupted(&answer) } else { answer })
}
