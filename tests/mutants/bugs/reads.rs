//! What can go wrong with what the load reads.

use crate::asked::{Asked, Kind};
use crate::lab::{Answer, Lab, body, changed, told};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use vaultquake::vault::RawAnswer;

/// Old enough that the secret has been written since, young enough that it was read before.
const AGE: Duration = Duration::from_millis(500);
/// Longer than the blueprint allows a standby to be behind.
const LONG_AGO: Duration = Duration::from_millis(1_800);

fn is_leaders(asked: &Asked, lab: &Lab) -> bool {
    asked.kind == Kind::Read && asked.node == lab.leader()
}

/// The last character of a value becomes another one.
pub fn corrupted(answer: &RawAnswer) -> RawAnswer {
    changed(answer, |body| {
        let value = body["data"]["data"]["api_secret"].as_str().unwrap_or_default();
        let (head, last) = value.split_at(value.len().saturating_sub(1));
        let other = if last == "0" { "1" } else { "0" };
        body["data"]["data"]["api_secret"] = json!(format!("{head}{other}"));
    })
}

pub async fn from_the_past(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = lab.forward(&asked).await?;
    if is_leaders(&asked, &lab) && lab.one_in(5) {
        return lab.read_before(&asked.path, AGE).or(Some(answer));
    }
    Some(answer)
}

/// A standby that hears of nothing for seconds.
pub async fn long_ago(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = lab.forward(&asked).await?;
    if asked.kind == Kind::Read && asked.node == lab.culprit() {
        return lab.read_before(&asked.path, LONG_AGO).or(Some(answer));
    }
    Some(answer)
}

pub async fn swapped(asked: Asked, lab: Arc<Lab>) -> Answer {
    match asked.kind {
        Kind::Read if asked.is_of_key(1) => lab.forward(&asked.about_key(3)).await,
        Kind::Read if asked.is_of_key(3) => lab.forward(&asked.about_key(1)).await,
        _ => lab.forward(&asked).await,
    }
}

pub async fn one_value_corrupted(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = lab.forward(&asked).await?;
    let is_hit = is_leaders(&asked, &lab) && asked.is_of_key(2) && answer.status == 200;
    Some(if is_hit && lab.one_in(3) { corrupted(&answer) } else { answer })
}

/// A version that nobody wrote, with a value that nobody wrote.
pub async fn never_written(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = lab.forward(&asked).await?;
    if is_leaders(&asked, &lab) && answer.status == 200 && lab.one_in(10) {
        let next = lab.newest(&asked.path) + 1;
        return Some(changed(&answer, |body| {
            body["data"]["data"]["api_secret"] = json!(format!("invented-{next}"));
            body["data"]["metadata"]["version"] = json!(next);
        }));
    }
    Some(answer)
}

/// The right value under the number of the version before.
pub async fn wrong_version(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = lab.forward(&asked).await?;
    if is_leaders(&asked, &lab) && answer.status == 200 && lab.one_in(10) {
        return Some(changed(&answer, |body| {
            let version = body["data"]["metadata"]["version"].as_u64().unwrap_or(1);
            body["data"]["metadata"]["version"] = json!(version.saturating_sub(1).max(1));
        }));
    }
    Some(answer)
}

pub async fn gone_for_a_moment(asked: Asked, lab: Arc<Lab>) -> Answer {
    if is_leaders(&asked, &lab) && lab.one_in(10) {
        return Some(told(404, json!({ "errors": [] })));
    }
    lab.forward(&asked).await
}

/// The value of a check-and-set that was refused is read as if it had been stored.
pub async fn refused_value(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = lab.forward(&asked).await?;
    let is_hit = is_leaders(&asked, &lab) && answer.status == 200;
    match lab.refused(&asked.path).filter(|_| is_hit && lab.one_in(3)) {
        None => Some(answer),
        Some((value, expected)) => Some(changed(&answer, |body| {
            body["data"]["data"] = value;
            body["data"]["metadata"]["version"] = json!(expected + 1);
        })),
    }
}

/// The version that a read tells goes up and down although every answer is one that was right once.
pub async fn two_caches(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = lab.forward(&asked).await?;
    if is_leaders(&asked, &lab) && lab.one_in(2) {
        let old = lab.read_before(&asked.path, Duration::from_millis(200));
        let version = |answer: &RawAnswer| body(answer)["data"]["metadata"]["version"].as_u64();
        return old.filter(|old| version(old) < version(&answer)).or(Some(answer));
    }
    Some(answer)
}
