//! What can go wrong between tenants.

use crate::asked::{Asked, Kind};
use crate::lab::{Answer, Lab, refused};
use std::sync::Arc;

/// Whether a tenant's secrets are asked for, by whoever.
fn is_of_a_tenant(asked: &Asked) -> bool {
    asked.kind != Kind::ReadBack && asked.path.contains("/tenants/")
}

/// What was denied is asked again with an operator's rights.
pub async fn let_through(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = lab.forward(&asked).await?;
    if is_of_a_tenant(&asked) && answer.status == 403 && lab.one_in(20) {
        return lab.forward(&asked.by_operator(&lab.operator_token())).await;
    }
    Some(answer)
}

/// Who may not know is told that there is no such thing.
pub async fn told_what_is_there(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = lab.forward(&asked).await?;
    let is_hit = is_of_a_tenant(&asked) && answer.status == 403 && asked.node == lab.culprit();
    Some(if is_hit && lab.one_in(10) { refused(404, "no such secret") } else { answer })
}

/// One standby denies what it granted before.
pub async fn own_denied(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = lab.forward(&asked).await?;
    let is_own = asked.path.ends_with("/vq-probe") && asked.kind == Kind::Write && answer.status == 200;
    Some(if is_own && asked.node == lab.culprit() { refused(403, "permission denied") } else { answer })
}

/// A node that is short of something denies nobody, and serves nobody.
pub async fn some_unserved(asked: Asked, lab: Arc<Lab>) -> Answer {
    if is_of_a_tenant(&asked) && lab.one_in(6) {
        return if lab.one_in(2) { Some(refused(503, "not now")) } else { None };
    }
    lab.forward(&asked).await
}
