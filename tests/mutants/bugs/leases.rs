//! What can go wrong with the time that a lease has. The scenario's lease has five seconds.

use crate::asked::{Asked, Kind};
use crate::lab::{Answer, Lab, no_content, refused};
use std::sync::Arc;
use std::time::Duration;

/// The lease that is asked about, when the culprit is asked.
fn asked_of_culprit(asked: &Asked, lab: &Lab) -> Option<String> {
    let is_it = asked.kind == Kind::LookUpLease && asked.node == lab.culprit();
    is_it.then(|| asked.json()["lease_id"].as_str().map(str::to_owned)).flatten()
}

pub async fn forgotten(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = lab.forward(&asked).await?;
    let Some(lease) = asked_of_culprit(&asked, &lab) else { return Some(answer) };
    if answer.status == 200 {
        lab.keep(&lease, &answer);
        return Some(answer);
    }
    // A standby that has not heard of it yet says the same as one on which it has ended.
    let Some(alive) = lab.kept(&lease) else { return Some(answer) };
    let is_over = lab.since(&format!("the end of {lease}")) > Duration::from_secs(3);
    Some(if is_over { answer } else { alive })
}

pub async fn dropped(asked: Asked, lab: Arc<Lab>) -> Answer {
    if let Some(lease) = asked_of_culprit(&asked, &lab)
        && lab.since(&lease) > Duration::from_millis(2_500)
    {
        return Some(refused(400, "invalid lease"));
    }
    lab.forward(&asked).await
}

/// A lease is said to be revoked, and lives on.
pub async fn revocation_forgotten(asked: Asked, lab: Arc<Lab>) -> Answer {
    if asked.kind == Kind::RevokeLease { Some(no_content()) } else { lab.forward(&asked).await }
}
