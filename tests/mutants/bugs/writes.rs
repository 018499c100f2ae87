//! What can go wrong with writes.

use crate::asked::{Asked, Kind};
use crate::lab::{Answer, Lab, changed, refused, stored};
use serde_json::json;
use std::sync::Arc;

const CONFLICT: &str = "check-and-set parameter did not match the current version";

pub async fn dropped(asked: Asked, lab: Arc<Lab>) -> Answer {
    if asked.is_write() && lab.one_in(5) {
        return Some(stored(lab.newest(&asked.path) + 1));
    }
    lab.forward(&asked).await
}

/// As if the newest value were written in place.
pub async fn version_used_again(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = lab.forward(&asked).await?;
    if asked.kind == Kind::Write && answer.status == 200 && lab.one_in(5) {
        return Some(changed(&answer, |body| {
            let version = body["data"]["version"].as_u64().unwrap_or(1);
            body["data"]["version"] = json!(version.saturating_sub(1).max(1));
        }));
    }
    Some(answer)
}

pub async fn version_skipped(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = lab.forward(&asked).await?;
    if asked.is_write() && answer.status == 200 && lab.one_in(5) {
        return Some(changed(&answer, |body| {
            let version = body["data"]["version"].as_u64().unwrap_or(1);
            body["data"]["version"] = json!(version + 1);
        }));
    }
    Some(answer)
}

/// Another secret is written than the one that was named.
pub async fn other_secret(asked: Asked, lab: Arc<Lab>) -> Answer {
    if asked.kind == Kind::Write && asked.is_of_key(1) && lab.one_in(2) {
        return lab.forward(&asked.about_key(3)).await;
    }
    lab.forward(&asked).await
}

pub async fn stored_twice(asked: Asked, lab: Arc<Lab>) -> Answer {
    if asked.kind == Kind::Write && lab.one_in(4) {
        lab.forward(&asked).await?;
    }
    lab.forward(&asked).await
}

pub async fn wrong_cas_accepted(asked: Asked, lab: Arc<Lab>) -> Answer {
    if asked.kind == Kind::Cas {
        let mut body = asked.json();
        body["options"] = json!({});
        return lab.forward(&asked.with_body(&body)).await;
    }
    lab.forward(&asked).await
}

pub async fn right_cas_refused(asked: Asked, lab: Arc<Lab>) -> Answer {
    if asked.kind == Kind::Cas && lab.one_in(4) {
        return Some(refused(400, CONFLICT));
    }
    lab.forward(&asked).await
}

pub async fn cas_refused_and_applied(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = lab.forward(&asked).await?;
    if asked.kind == Kind::Cas && answer.status == 200 && lab.one_in(3) {
        return Some(refused(400, CONFLICT));
    }
    Some(answer)
}

/// Both of two check-and-sets are told that they won, and only one is stored.
pub async fn losing_cas_acknowledged(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = lab.forward(&asked).await?;
    if asked.kind == Kind::Cas && answer.status == 400 {
        let expected = asked.json()["options"]["cas"].as_u64().unwrap_or(0);
        return Some(stored(expected + 1));
    }
    Some(answer)
}
