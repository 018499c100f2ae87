//! What can go wrong with the time that a token has. The scenario's token has five seconds.

use crate::asked::{Asked, Kind};
use crate::lab::{Answer, Lab, no_content, refused};
use std::sync::Arc;
use std::time::Duration;

const ALIVE: &str = "the last answer of a living token";

fn is_culprits(asked: &Asked, lab: &Lab) -> bool {
    asked.kind == Kind::LookUpToken && asked.node == lab.culprit()
}

/// Whether the token is dead on the culprit; then how long it has been.
async fn dead_for(asked: &Asked, lab: &Lab) -> (Answer, Option<Duration>) {
    let answer = lab.forward(asked).await;
    match &answer {
        Some(alive) if alive.status == 200 => {
            lab.keep(ALIVE, alive);
            (answer, None)
        }
        // A standby that has not heard of it yet says the same as one on which it has ended.
        Some(_) if lab.kept(ALIVE).is_some() => (answer, Some(lab.since("the token's end"))),
        _ => (answer, None),
    }
}

pub async fn outlives(asked: Asked, lab: Arc<Lab>) -> Answer {
    if !is_culprits(&asked, &lab) {
        return lab.forward(&asked).await;
    }
    let (answer, dead_for) = dead_for(&asked, &lab).await;
    if dead_for.is_some_and(|time| time < Duration::from_secs(3)) { lab.kept(ALIVE) } else { answer }
}

pub async fn comes_back(asked: Asked, lab: Arc<Lab>) -> Answer {
    if !is_culprits(&asked, &lab) {
        return lab.forward(&asked).await;
    }
    let (answer, dead_for) = dead_for(&asked, &lab).await;
    let is_back = |time: Duration| (1_400..1_700).contains(&time.as_millis());
    if dead_for.is_some_and(is_back) { lab.kept(ALIVE) } else { answer }
}

pub async fn dies_early(asked: Asked, lab: Arc<Lab>) -> Answer {
    if is_culprits(&asked, &lab) && lab.since("the token") > Duration::from_millis(2_500) {
        return Some(refused(403, "permission denied"));
    }
    lab.forward(&asked).await
}

/// A standby that has not yet heard of the new token.
pub async fn not_heard_of_yet(asked: Asked, lab: Arc<Lab>) -> Answer {
    if is_culprits(&asked, &lab) && lab.since("the token") < Duration::from_millis(500) {
        return Some(refused(403, "permission denied"));
    }
    lab.forward(&asked).await
}

/// "It lives" takes so long on its way that the token is dead by then.
pub async fn slow_to_tell(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = lab.forward(&asked).await;
    if asked.kind == Kind::LookUpToken {
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
    answer
}

/// What is revoked is said to be, and lives on.
pub async fn revocation_forgotten(asked: Asked, lab: Arc<Lab>) -> Answer {
    if asked.kind == Kind::RevokeToken { Some(no_content()) } else { lab.forward(&asked).await }
}
