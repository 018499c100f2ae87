//! Why a run ends before its time, told to everything that waits.

use std::time::Duration;
use tokio::sync::watch;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// A signal: heal, collect, report, exit 130.
    Interrupted(String),
    /// `abort_when` of the scenario.
    Aborted(String),
    /// The harness can no longer do its job, such as writing to a full disk.
    Trouble(String),
}

/// Cheap to clone. The first reason stands.
#[derive(Clone)]
pub struct Stop {
    sender: watch::Sender<Option<StopReason>>,
}

impl Default for Stop {
    fn default() -> Self {
        Self { sender: watch::channel(None).0 }
    }
}

impl Stop {
    pub fn ask(&self, reason: StopReason) {
        self.sender.send_if_modified(|current| {
            let first = current.is_none();
            current.get_or_insert(reason);
            first
        });
    }

    pub fn reason(&self) -> Option<StopReason> {
        self.sender.borrow().clone()
    }

    pub fn is_asked(&self) -> bool {
        self.sender.borrow().is_some()
    }

    /// Resolves once a stop is asked for.
    pub async fn asked(&self) {
        // This handle is itself a sender, so the channel cannot close meanwhile.
        let _ = self.sender.subscribe().wait_for(Option::is_some).await;
    }

    /// Waits `duration`; `false` when a stop came first.
    pub async fn wait(&self, duration: Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(duration) => true,
            () = self.asked() => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_reason_stands_and_ends_every_wait() {
        let stop = Stop::default();
        assert!(stop.wait(Duration::from_millis(1)).await);
        let waiter = tokio::spawn({
            let stop = stop.clone();
            async move { stop.wait(Duration::from_secs(60)).await }
        });
        stop.ask(StopReason::Interrupted("SIGINT".into()));
        stop.ask(StopReason::Aborted("late".into()));
        assert!(!waiter.await.unwrap());
        assert_eq!(stop.reason(), Some(StopReason::Interrupted("SIGINT".into())));
    }
}
