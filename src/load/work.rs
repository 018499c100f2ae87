//! What one request of a workload does. One file per workload implements it.

use super::outcome::Done;
use crate::vault::Wire;
use async_trait::async_trait;
use std::time::Duration;

/// After this an operation counts at its deadline and is unknown.
pub const DEADLINE: Duration = Duration::from_secs(10);

#[async_trait]
pub trait Work: Send + Sync {
    /// Sends one operation through `wire`. `draw` decides whatever is left to chance. `None` when nothing could be
    /// sent for want of a free key, which is no operation.
    async fn run(&self, wire: &Wire, draw: u64, deadline: Duration) -> Option<Done>;

    /// Whether the run has to be told that something could not be sent.
    fn is_trouble_to_leave_out(&self) -> bool {
        true
    }
}
