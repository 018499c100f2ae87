//! What can go wrong with credentials of a database. The scenario's leases have four seconds.

use crate::asked::{Asked, Kind};
use crate::lab::{Answer, Lab, body, changed, no_content, refused, told};
use hyper::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// Something that an operator does to a lease.
fn to_lease(asked: &Asked, lab: &Lab, act: &str, lease: Value) -> Asked {
    let act = asked.with_body(&lease).at(&format!("sys/leases/{act}")).by_operator(&lab.operator_token());
    act.by(Method::POST)
}

/// The lease of credentials that were just given out, once in `n` times.
fn given(asked: &Asked, answer: &Answer, lab: &Lab, n: u64) -> Option<Value> {
    let answer = answer.as_ref().filter(|answer| asked.kind == Kind::Creds && answer.status == 200)?;
    lab.one_in(n).then(|| body(answer)["lease_id"].clone())
}

/// The server knows of more time than it has told of.
pub async fn outlives_its_lease(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = lab.forward(&asked).await;
    if let Some(lease) = given(&asked, &answer, &lab, 3) {
        let longer = json!({ "lease_id": lease, "increment": "9s" });
        lab.forward(&to_lease(&asked, &lab, "renew", longer)).await?;
    }
    answer
}

pub async fn dropped_early(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = lab.forward(&asked).await;
    if let Some(lease) = given(&asked, &answer, &lab, 3) {
        let end = to_lease(&asked, &lab, "revoke", json!({ "lease_id": lease }));
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(1_500)).await;
            lab.forward(&end).await
        });
    }
    answer
}

/// A renewal is said to be granted, and the lease ends as if nobody had asked.
pub async fn renewal_forgotten(asked: Asked, lab: Arc<Lab>) -> Answer {
    if asked.kind != Kind::RenewLease {
        return lab.forward(&asked).await;
    }
    let lease = asked.json()["lease_id"].clone();
    Some(told(200, json!({ "lease_id": lease, "renewable": true, "lease_duration": 4 })))
}

pub async fn renewal_refused(asked: Asked, lab: Arc<Lab>) -> Answer {
    if asked.kind == Kind::RenewLease && lab.one_in(2) {
        return Some(refused(400, "lease is not renewable"));
    }
    lab.forward(&asked).await
}

/// All leases of a role are said to be revoked, and live on.
pub async fn prefix_revocation_forgotten(asked: Asked, lab: Arc<Lab>) -> Answer {
    if asked.kind == Kind::RevokeLeases { Some(no_content()) } else { lab.forward(&asked).await }
}

/// Every other password is not the one that was set.
pub async fn other_password(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = lab.forward(&asked).await?;
    let is_hit = asked.kind == Kind::Creds && answer.status == 200 && lab.one_in(2);
    Some(if is_hit { changed(&answer, |body| body["data"]["password"] = json!("another")) } else { answer })
}

/// A user that was never made is given out now and then.
pub async fn of_nobody(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = lab.forward(&asked).await?;
    let is_hit = asked.kind == Kind::Creds && answer.status == 200 && lab.one_in(4);
    Some(if is_hit {
        changed(&answer, |body| {
            let user = body["data"]["username"].as_str().unwrap_or_default();
            body["data"]["username"] = json!(format!("{user}x"));
        })
    } else {
        answer
    })
}

/// One in four requests makes two roles, and tells of one.
pub async fn made_twice(asked: Asked, lab: Arc<Lab>) -> Answer {
    if asked.kind == Kind::Creds && lab.one_in(4) {
        lab.forward(&asked).await?;
    }
    lab.forward(&asked).await
}

/// Done, and answered with 500 or not at all.
pub async fn done_and_unsaid(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = lab.forward(&asked).await;
    if asked.is_of_the_database() && lab.one_in(5) {
        return if lab.one_in(2) { Some(refused(500, "internal error")) } else { None };
    }
    answer
}

pub async fn told_late(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = lab.forward(&asked).await;
    if asked.is_of_the_database() && lab.one_in(3) {
        tokio::time::sleep(Duration::from_millis(lab.turn() * 37 % 15 * 100)).await;
    }
    answer
}

/// Not done, and answered with what says "not now", or not at all.
pub async fn unserved(asked: Asked, lab: Arc<Lab>) -> Answer {
    if asked.is_of_the_database() && lab.one_in(4) {
        let statuses = [429, 503, 502];
        let status = statuses.get(lab.turn() as usize % 4);
        return status.map(|status| refused(*status, "not now"));
    }
    lab.forward(&asked).await
}
