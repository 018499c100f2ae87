//! A bug that no single fault shows: it needs two, in their order.

use crate::asked::Asked;
use crate::lab::{Answer, Lab, stored};
use std::sync::Arc;

/// Once a node has been paused and a leader killed after that, one in five writes is acknowledged and not done.
pub async fn dropped_after_pause_then_kill(asked: Asked, lab: Arc<Lab>) -> Answer {
    if asked.is_write() && lab.was_paused_then_lost_its_leader() && lab.one_in(5) {
        return Some(stored(lab.newest(&asked.path) + 1));
    }
    lab.forward(&asked).await
}
