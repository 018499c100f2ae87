//! What a client must expect of any server behind any network: no proof of anything.

use crate::asked::{Asked, Kind};
use crate::lab::{Answer, Lab, refused, told};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// Nothing is done to anything.
pub async fn clean(asked: Asked, lab: Arc<Lab>) -> Answer {
    lab.forward(&asked).await
}

pub async fn applied_and_500(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = lab.forward(&asked).await;
    if asked.is_write() && lab.one_in(5) { Some(refused(500, "internal error")) } else { answer }
}

pub async fn applied_and_closed(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = lab.forward(&asked).await;
    answer.filter(|_| !(asked.is_write() && lab.one_in(5)))
}

pub async fn closed_unapplied(asked: Asked, lab: Arc<Lab>) -> Answer {
    if asked.is_write() && lab.one_in(5) { None } else { lab.forward(&asked).await }
}

/// "500" now, and the write a second later.
pub async fn applied_late(asked: Asked, lab: Arc<Lab>) -> Answer {
    if asked.is_write() && lab.one_in(5) {
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            lab.forward(&asked).await
        });
        return Some(refused(500, "internal error"));
    }
    lab.forward(&asked).await
}

/// What the documented body looks like is not kept, though the write is.
pub async fn acknowledged_without_words(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = lab.forward(&asked).await?;
    let is_hit = asked.is_write() && answer.status == 200 && lab.one_in(5);
    Some(if is_hit { told(200, json!({})) } else { answer })
}

pub async fn delayed(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = lab.forward(&asked).await;
    if asked.is_load() && lab.one_in(4) {
        tokio::time::sleep(Duration::from_millis(lab.turn() * 37 % 20 * 100)).await;
    }
    answer
}

/// Each waits for a moment of its own before it is passed on.
pub async fn reordered(asked: Asked, lab: Arc<Lab>) -> Answer {
    if asked.is_load() {
        tokio::time::sleep(Duration::from_millis(lab.turn() * 29 % 60)).await;
    }
    lab.forward(&asked).await
}

pub async fn hung_up_after_each(asked: Asked, lab: Arc<Lab>) -> Answer {
    let mut answer = lab.forward(&asked).await?;
    answer.headers.insert("connection", "close".parse().expect("it is a word"));
    Some(answer)
}

pub async fn headers_doubled(asked: Asked, lab: Arc<Lab>) -> Answer {
    let mut answer = lab.forward(&asked).await?;
    for (name, value) in &answer.headers.clone() {
        answer.headers.append(name, value.clone());
    }
    Some(answer)
}

pub async fn some_refused(asked: Asked, lab: Arc<Lab>) -> Answer {
    let statuses = [429, 503, 412, 472, 473, 502];
    if asked.is_load() && lab.one_in(4) {
        let status = statuses[lab.turn() as usize % statuses.len()];
        return Some(refused(status, "not now"));
    }
    lab.forward(&asked).await
}

/// Every other one after the leader has taken the write.
pub async fn standby_redirects(asked: Asked, lab: Arc<Lab>) -> Answer {
    if asked.is_write() && asked.node != lab.leader() && lab.one_in(2) {
        if lab.one_in(2) {
            lab.forward(&asked).await?;
        }
        return Some(told(307, json!({})));
    }
    lab.forward(&asked).await
}

/// Later than a healthy standby would be, and within what is promised.
pub async fn standby_behind(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = lab.forward(&asked).await?;
    if asked.kind == Kind::Read && asked.node != lab.leader() {
        return lab.read_before(&asked.path, Duration::from_millis(300)).or(Some(answer));
    }
    Some(answer)
}

/// Nobody can see now and then who leads.
pub async fn watchers_blind(asked: Asked, lab: Arc<Lab>) -> Answer {
    let is_watcher = matches!(asked.kind, Kind::Leader | Kind::Health);
    let is_blind = lab.since("the beginning").as_millis() % 3_000 > 2_500;
    if is_watcher && is_blind { None } else { lab.forward(&asked).await }
}

/// What was right when it was asked for arrives after the node was sealed.
pub async fn slow_answers(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = lab.forward(&asked).await;
    if asked.is_load() {
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    answer
}
