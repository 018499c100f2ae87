//! What can go wrong between nodes: who leads, who is sealed, who knows what.

use crate::asked::{Asked, Kind};
use crate::lab::{Answer, Lab, changed, refused, stored};
use hyper::Method;
use serde_json::{Value, json};
use std::sync::Arc;

/// One standby says that it leads.
async fn with_a_claim(asked: &Asked, lab: &Lab) -> Answer {
    let answer = lab.forward(asked).await?;
    if asked.kind == Kind::Leader && asked.node == lab.culprit() && answer.status == 200 {
        return Some(changed(&answer, |body| body["is_self"] = json!(true)));
    }
    Some(answer)
}

/// It hands writes on to the leader, as standbys do, but says meanwhile that it leads itself.
pub async fn two_leaders(asked: Asked, lab: Arc<Lab>) -> Answer {
    with_a_claim(&asked, &lab).await
}

/// It claims to lead, and stores by itself.
pub async fn split_brain(asked: Asked, lab: Arc<Lab>) -> Answer {
    if asked.is_write() && asked.node == lab.culprit() {
        return Some(stored(lab.next_version(&asked.path)));
    }
    with_a_claim(&asked, &lab).await
}

/// It claims to lead, and can store nothing: an old leader that has not noticed.
pub async fn only_a_claim(asked: Asked, lab: Arc<Lab>) -> Answer {
    if asked.is_write() && asked.node == lab.culprit() {
        return Some(refused(500, "node is not the leader"));
    }
    with_a_claim(&asked, &lab).await
}

fn is_culprits(asked: &Asked, lab: &Lab, folder: &str) -> bool {
    let is_read = asked.kind == Kind::Operator && asked.method == Method::GET;
    is_read && asked.node == lab.culprit() && asked.path.contains(folder)
}

pub async fn old_policy(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = lab.forward(&asked).await?;
    if is_culprits(&asked, &lab, "sys/policies/acl/vq-") && answer.status == 200 {
        return Some(changed(&answer, |body| body["data"]["policy"] = json!("")));
    }
    Some(answer)
}

/// For a second, and then it has heard of the newest.
pub async fn old_policy_for_a_second(asked: Asked, lab: Arc<Lab>) -> Answer {
    let is_asked = is_culprits(&asked, &lab, "sys/policies/acl/vq-");
    if is_asked && lab.since("the policy").as_secs() == 0 {
        return old_policy(asked, lab).await;
    }
    lab.forward(&asked).await
}

pub async fn role_missing(asked: Asked, lab: Arc<Lab>) -> Answer {
    if is_culprits(&asked, &lab, "approle/role/") {
        return Some(refused(404, "no such role"));
    }
    lab.forward(&asked).await
}

pub async fn shorter_list(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = lab.forward(&asked).await?;
    if is_culprits(&asked, &lab, "approle/role") && answer.status == 200 {
        return Some(changed(&answer, |body| {
            if let Some(keys) = body["data"]["keys"].as_array_mut() {
                keys.pop();
            }
        }));
    }
    Some(answer)
}

pub async fn old_secret(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = lab.forward(&asked).await?;
    if is_culprits(&asked, &lab, "/data/tenants/") && asked.is_of_key(2) && answer.status == 200 {
        return Some(changed(&answer, |body| body["data"]["data"] = Value::Null));
    }
    Some(answer)
}

fn is_sealed(answer: &Answer) -> bool {
    answer.as_ref().is_some_and(|answer| answer.status == 503)
}

/// A sealed node has the answer of another.
pub async fn sealed_node_reads(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = lab.forward(&asked).await;
    if asked.kind == Kind::Read && is_sealed(&answer) {
        return lab.forward_to(lab.leader(), &asked).await;
    }
    answer
}

pub async fn sealed_node_writes(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = lab.forward(&asked).await;
    if asked.is_write() && is_sealed(&answer) {
        return lab.forward_to(lab.leader(), &asked).await;
    }
    answer
}
