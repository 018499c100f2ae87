//! What can go wrong when something is done to the cluster: a leader that is cut off, one that cannot audit, a snapshot
//! that is restored.

use super::read_back;
use crate::asked::{Asked, Kind};
use crate::lab::{Answer, Lab, stored};
use std::sync::Arc;
use std::time::Duration;

/// Shorter than a client waits: a leader that is cut off answers writes late or never.
const PATIENCE: Duration = Duration::from_millis(700);

/// What the node answers to a write in time; then also no answer.
async fn tried(asked: &Asked, lab: &Lab) -> Answer {
    tokio::time::timeout(PATIENCE, lab.forward(asked)).await.ok().flatten()
}

fn is_done(answer: &Answer) -> bool {
    answer.as_ref().is_some_and(|answer| answer.status == 200)
}

/// The first leader, once it can store nothing any more, says that it did.
pub async fn acknowledged_while_cut_off(asked: Asked, lab: Arc<Lab>) -> Answer {
    if !asked.is_write() || !lab.led_first(asked.node) {
        return lab.forward(&asked).await;
    }
    let answer = tried(&asked, &lab).await;
    if is_done(&answer) { answer } else { Some(stored(lab.next_version(&asked.path))) }
}

/// It hands writes on by a way round the cut.
pub async fn handed_on_while_cut_off(asked: Asked, lab: Arc<Lab>) -> Answer {
    if !asked.is_write() || !lab.led_first(asked.node) {
        return lab.forward(&asked).await;
    }
    let answer = tried(&asked, &lab).await;
    if is_done(&answer) || lab.led_first(lab.leader()) {
        return answer;
    }
    lab.forward_to(lab.leader(), &asked).await
}

/// What was acknowledged before the cut is heard after it.
pub async fn slow_answers(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = lab.forward(&asked).await;
    if asked.is_write() {
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    answer
}

fn is_refused(answer: &Answer) -> bool {
    answer.as_ref().is_some_and(|answer| answer.status == 500)
}

/// A read that its node could not audit has the answer of another.
pub async fn read_unaudited(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = lab.forward(&asked).await;
    if asked.kind == Kind::Read && is_refused(&answer) {
        return lab.forward_to((asked.node + 1) % lab.nodes(), &asked).await;
    }
    answer
}

/// A write that could not be audited is acknowledged.
pub async fn written_unaudited(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = lab.forward(&asked).await;
    if asked.is_write() && is_refused(&answer) { Some(stored(lab.next_version(&asked.path))) } else { answer }
}

/// A snapshot is taken when the load begins, and handed out whenever one is asked for.
pub async fn old_snapshot(asked: Asked, lab: Arc<Lab>) -> Answer {
    const FIRST: &str = "the first snapshot";
    if asked.kind == Kind::Snapshot
        && let Some(first) = lab.kept(FIRST)
    {
        return Some(first);
    }
    if asked.kind == Kind::Read && lab.is_first(FIRST) {
        let take = asked.at("sys/storage/raft/snapshot").by_operator(&lab.operator_token());
        let first = lab.forward_to(lab.leader(), &take).await?;
        lab.keep(FIRST, &first);
    }
    lab.forward(&asked).await
}

/// Values of one secret are others in the store that was restored.
pub async fn restored_corrupted(asked: Asked, lab: Arc<Lab>) -> Answer {
    if lab.is_restored() { read_back::corrupted_at_rest(asked, lab).await } else { lab.forward(&asked).await }
}

/// The newest version of one secret is not in the store that was restored.
pub async fn restored_without_newest(asked: Asked, lab: Arc<Lab>) -> Answer {
    if lab.is_restored() { read_back::newest_undone(asked, lab).await } else { lab.forward(&asked).await }
}

/// A snapshot that was taken when it was asked for is long on its way.
pub async fn late_snapshot(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = lab.forward(&asked).await;
    if asked.kind == Kind::Snapshot {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
    }
    answer
}
