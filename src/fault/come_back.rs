//! How a node comes back whose seal opens itself. A server that cannot reach what keeps its key ends, or lives and answers
//! nobody; what ended is started again, as a supervisor would, and nobody unseals anything.

use super::{FaultContext, FaultError};
use crate::cluster::ClusterError;
use crate::model::{Event, NodeId};
use std::time::{Duration, Instant};

/// Between the end of a server and its next start.
const STARTED_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// What keeps the key has been there so long, and so has the node: it would have opened by now.
const OPENS_WITHIN: Duration = Duration::from_secs(60);
/// Whatever happens to what keeps the key.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(10 * 60);
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// What was seen of it on the way.
#[derive(Default)]
struct Seen {
    starts: u32,
    /// How it ended the first time.
    said: Option<String>,
    /// It lived through a time in which its key could not be had.
    hung: bool,
    /// Its process was there when it was to be started.
    was_running: bool,
}

enum Look {
    Open,
    Ended(String),
    /// Its key could be had, and it did not open.
    StaysClosed,
    /// Nobody can tell: its key could not be had for too long.
    GivenUp,
}

impl FaultContext {
    /// Starts a node until it has opened itself, and waits until it serves.
    pub(super) async fn come_back(&self, node: &NodeId) -> Result<String, FaultError> {
        let began = Instant::now();
        let mut seen = Seen::default();
        let started = loop {
            let was_away = self.is_key_away();
            let started = match self.cluster.start(node).await {
                Ok(started) => started,
                // Somebody else was faster, or it has not ended yet.
                Err(ClusterError::NotApplicable(why)) => {
                    seen.was_running = true;
                    why
                }
                Err(error) => error.to_string(),
            };
            seen.starts += 1;
            match self.look(node, began).await? {
                Look::Open => {
                    seen.hung = was_away;
                    break started;
                }
                Look::Ended(how) => {
                    seen.was_running = false;
                    // A start that failed gives the server's last words.
                    let last = started.rsplit(" | ").next().filter(|_| started.contains(how.as_str()));
                    let words = last.filter(|last| !last.contains(how.as_str()));
                    seen.said.get_or_insert(words.map_or(how.clone(), |words| format!("{how}: {words}")));
                    tokio::time::sleep(STARTED_AGAIN_AFTER).await;
                }
                // Nobody has started it again, so that it is closed says nothing about its seal.
                Look::StaysClosed if seen.was_running => {
                    return Err(FaultError::Failed(format!("{started}, and it serves nobody")));
                }
                Look::StaysClosed => {
                    self.journal_return(node, &seen, false, began);
                    let why = format!("{node} did not open itself within {} s", OPENS_WITHIN.as_secs());
                    return Err(FaultError::Failed(why));
                }
                Look::GivenUp => {
                    return Err(FaultError::Failed(format!("the key of {node} could not be had any more")));
                }
            }
        };
        self.journal_return(node, &seen, true, began);
        let again = match (&seen.said, seen.hung) {
            (Some(said), _) => {
                format!(
                    "started {} times, as a supervisor would; it had ended by itself: {said}; ",
                    seen.starts
                )
            }
            (None, true) => "it waited for its key; ".to_owned(),
            (None, false) => String::new(),
        };
        let took_ms = began.elapsed().as_millis();
        let serves = self.serves_again(node).await?;
        Ok(format!(
            "{again}{started}; it opened itself after {took_ms} ms, no unseal request was made; {serves}"
        ))
    }

    fn is_key_away(&self) -> bool {
        self.kms.as_ref().is_some_and(|kms| kms.there_for().is_none())
    }

    /// Waits until something has become of a node that was started.
    async fn look(&self, node: &NodeId, began: Instant) -> Result<Look, FaultError> {
        let client = self.client(node)?;
        let started = Instant::now();
        loop {
            let asked = tokio::time::timeout(OPENS_WITHIN, client.get("sys/seal-status")).await;
            if let Ok(Ok(answer)) = asked
                && answer.body["sealed"] == false
            {
                return Ok(Look::Open);
            }
            if let Some(ended) = self.cluster.ended(node).await {
                return Ok(Look::Ended(ended));
            }
            let there_for = self.kms.as_ref().map_or(Some(Duration::MAX), |kms| kms.there_for());
            if there_for.is_some_and(|there_for| there_for >= OPENS_WITHIN)
                && started.elapsed() >= OPENS_WITHIN
            {
                return Ok(Look::StaysClosed);
            }
            if began.elapsed() >= GIVEN_UP_AFTER {
                return Ok(Look::GivenUp);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    fn journal_return(&self, node: &NodeId, seen: &Seen, opened: bool, began: Instant) {
        self.journal.write(Event::CameBack {
            node: node.clone(),
            opened,
            unseal_requests: 0,
            starts: seen.starts,
            said: seen.said.clone(),
            hung: seen.hung,
            took_ms: began.elapsed().as_secs_f64() * 1e3,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Access;
    use crate::fault::testing::{context, journal, keep_seeing};
    use crate::model::Role;
    use crate::vault::testing::Scripted;
    use serde_json::json;
    use std::sync::Arc;

    #[tokio::test]
    async fn a_node_that_opens_itself_gets_no_unseal_request() {
        let mut asked = 0;
        let node = Scripted::start(move |_, _| {
            asked += 1;
            Some((200, json!({ "sealed": asked < 3 })))
        })
        .await;
        let (mut context, folder) = context(&[&node], Some(Ok("process 7 answers".into())));
        Arc::get_mut(&mut context).unwrap().access = Arc::new(Access::default());
        keep_seeing(&context, 0, Role::Standby);
        let healed = context.start_and_unseal(&NodeId::new("n1")).await.unwrap();
        assert!(healed.starts_with("process 7 answers; it opened itself after"), "{healed}");
        assert_eq!(node.count("PUT sys/unseal"), 0);
        let events: Vec<_> = journal(&folder).into_iter().map(|entry| entry.event).collect();
        let came_back =
            |event: &Event| matches!(event, Event::CameBack { opened: true, starts: 1, hung: false, .. });
        assert!(events.iter().any(came_back), "{events:?}");
    }
}
