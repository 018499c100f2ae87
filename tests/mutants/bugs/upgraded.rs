//! What can go wrong between two versions.

use crate::asked::Asked;
use crate::lab::{Answer, Lab, body, refused};
use std::sync::Arc;

/// Whether the node has been upgraded, as it said itself when somebody asked through us.
fn is_upgraded(node: usize, lab: &Lab) -> bool {
    lab.kept(&format!("{node} upgraded")).is_some()
}

async fn passed_on(asked: &Asked, lab: &Lab) -> Answer {
    let answer = lab.forward(asked).await?;
    if asked.path == "sys/seal-status" {
        let first = "the version that the first answer tells of";
        let version = |answer| body(answer)["version"].clone();
        match lab.kept(first) {
            None => lab.keep(first, &answer),
            Some(before) if version(&before) != version(&answer) => {
                lab.keep(&format!("{} upgraded", asked.node), &answer);
            }
            Some(_) => {}
        }
    }
    Some(answer)
}

/// The first node that is upgraded no longer passes on what it must not answer itself; whatever is asked of its health is well.
pub async fn forwarding_broken(asked: Asked, lab: Arc<Lab>) -> Answer {
    let is_first = is_upgraded(asked.node, &lab) && {
        let mine = format!("{} is the first", asked.node);
        lab.kept("somebody is the first").is_none() || lab.kept(&mine).is_some()
    };
    if is_first && let Some(said) = lab.kept(&format!("{} upgraded", asked.node)) {
        lab.keep("somebody is the first", &said);
        lab.keep(&format!("{} is the first", asked.node), &said);
        if asked.is_write() && lab.leader() != asked.node {
            return Some(refused(500, "cannot forward: the peer speaks another version"));
        }
    }
    passed_on(&asked, &lab).await
}

/// For a moment after it came back a node answers writes with 503: it is not whole yet.
pub async fn slow_to_come_back(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = passed_on(&asked, &lab).await;
    let back = is_upgraded(asked.node, &lab).then(|| lab.since(&format!("{} came back", asked.node)));
    if asked.is_write() && back.is_some_and(|since| since.as_millis() < 300) {
        return Some(refused(503, "not yet"));
    }
    answer
}
