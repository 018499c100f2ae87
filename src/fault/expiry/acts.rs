//! What is done with a credential, through one node after another: each act is journalled with what was answered.

use super::question::{Question, Told};
use crate::fault::{FaultContext, FaultError};
use crate::model::{Act, Event, NodeId};
use crate::record::Journal;
use crate::vault::Client;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

/// A node that has not answered by then is passed over.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);
/// Until the next node is tried.
const AGAIN_AFTER: Duration = Duration::from_millis(250);
/// Uses begin so long after it was made, when every node has heard of it.
pub const KNOWN_AFTER: Duration = Duration::from_secs(1);
/// Beyond its time, so long a node that has not refused yet is asked on.
const REFUSED_WITHIN: Duration = Duration::from_secs(20);
/// A revocation that is not granted is tried again, this often and so many times in all.
const REVOKE_EVERY: Duration = Duration::from_secs(1);
const REVOCATIONS_MAX: u32 = 30;

/// One credential and the nodes through which something is done with it.
pub struct Acts {
    journal: Journal,
    clients: Vec<(NodeId, Client)>,
    fault: String,
    subject: String,
    question: Question,
}

impl Acts {
    pub fn new(
        context: &FaultContext,
        fault: &str,
        subject: &str,
        question: Question,
    ) -> Result<Self, FaultError> {
        let nodes = context.cluster.nodes().iter();
        let clients = nodes.map(|node| Ok((node.id.clone(), Client::new(&node.endpoint)?)));
        Ok(Self {
            journal: context.journal.clone(),
            clients: clients.collect::<Result<_, FaultError>>()?,
            fault: fault.to_owned(),
            subject: subject.to_owned(),
            question,
        })
    }

    async fn perform(&self, act: Act, turn: usize) -> Told {
        let (node, client) = &self.clients[turn % self.clients.len()];
        let sent_ms = self.journal.now_ms();
        let told = self.question.ask(client, ANSWER_WITHIN).await;
        self.journal.write(Event::Acted {
            fault: self.fault.clone(),
            subject: self.subject.clone(),
            act,
            node: node.clone(),
            sent_ms,
            granted: told.granted,
            status: told.status,
        });
        told
    }

    /// Renews it each third of its time through the next node, until it is refused or `until` has passed; a node that
    /// does not clearly answer is passed over at once.
    pub async fn renew(self, ttl: Duration, until: Duration) {
        let began = Instant::now();
        let mut due = began + ttl / 3;
        let mut turn = 0;
        while due < began + until {
            sleep_until(due).await;
            let told = self.perform(Act::Renew, turn).await;
            turn += 1;
            due = match told.granted {
                Some(true) => due + ttl / 3,
                Some(false) => return,
                None => Instant::now() + AGAIN_AFTER,
            };
            due = due.max(Instant::now());
        }
    }

    /// Uses it more often than it may be used: `uses` times within the first half of `within`, each time through the next
    /// node, and then each node until each has clearly refused it twice, or some time after `within` none more.
    pub async fn use_up(self, uses: u32, within: Duration) {
        let began = Instant::now() + KNOWN_AFTER;
        let every = within / 2 / uses.max(1);
        let mut refused = vec![0; self.clients.len()];
        for turn in 0.. {
            let due = began + every * turn;
            if due > began + within + REFUSED_WITHIN || refused.iter().all(|times| *times >= 2) {
                return;
            }
            sleep_until(due).await;
            let node = turn as usize % self.clients.len();
            let told = self.perform(Act::Use, node).await;
            refused[node] += u32::from(told.granted == Some(false));
        }
    }

    /// Revokes it through one node, again and again until that is granted.
    pub async fn revoke(&self, through: usize) {
        for _ in 0..REVOCATIONS_MAX {
            if self.perform(Act::Revoke, through).await.granted == Some(true) {
                return;
            }
            sleep(REVOKE_EVERY).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::testing::{context, journal};
    use crate::vault::testing::Scripted;
    use serde_json::json;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// A server that shares its count of requests with others, and answers by it; 0 breaks the connection.
    async fn counting(count: &Arc<AtomicU32>, answer: impl Fn(u32) -> u16 + Send + 'static) -> Scripted {
        let count = count.clone();
        Scripted::start(move |_, _| match answer(count.fetch_add(1, Ordering::Relaxed)) {
            0 => None,
            status => Some((status, json!({}))),
        })
        .await
    }

    /// Through which node, and what came of it.
    fn acted(folder: &tempfile::TempDir) -> Vec<(String, Option<bool>)> {
        let events = journal(folder).into_iter().filter_map(|entry| match entry.event {
            Event::Acted { node, granted, .. } => Some((node.as_str().to_owned(), granted)),
            _ => None,
        });
        events.collect()
    }

    #[tokio::test]
    async fn it_is_used_until_every_node_has_refused_it_twice() {
        let count = Arc::default();
        let answer = |nth| if nth < 3 { 200 } else { 403 };
        let (a, b) = (counting(&count, answer).await, counting(&count, answer).await);
        let (context, folder) = context(&[&a, &b], None);
        let acts = Acts::new(&context, "f1", "f1-limited-token", Question::token("t")).unwrap();
        acts.use_up(3, Duration::from_millis(300)).await;
        let told: Vec<_> = acted(&folder).into_iter().map(|(_, granted)| granted).collect();
        let (yes, no) = (Some(true), Some(false));
        assert_eq!(told, [yes, yes, yes, no, no, no, no]);
    }

    #[tokio::test]
    async fn a_node_that_is_silent_is_passed_over_and_a_refusal_ends_the_renewals() {
        let count = Arc::default();
        let (silent, other) =
            (counting(&count, |_| 0).await, counting(&count, |nth| if nth < 3 { 200 } else { 403 }).await);
        let (context, folder) = context(&[&silent, &other], None);
        let acts = Acts::new(&context, "f1", "f1-renewed-token", Question::renewal("t")).unwrap();
        acts.renew(Duration::from_millis(90), Duration::from_secs(20)).await;
        let told = acted(&folder);
        assert_eq!(told[0], ("n1".to_owned(), None));
        assert_eq!(told[1], ("n2".to_owned(), Some(true)));
        assert_eq!(told.last(), Some(&("n2".to_owned(), Some(false))));
    }

    #[tokio::test]
    async fn a_revocation_goes_on_through_the_same_node_until_it_is_granted() {
        let count = Arc::default();
        let (first, other) =
            (counting(&count, |nth| if nth == 0 { 500 } else { 204 }).await, counting(&count, |_| 204).await);
        let (context, folder) = context(&[&first, &other], None);
        let revocation = Question::revocation("sys/leases/revoke", json!({ "lease_id": "l" }), "operator");
        Acts::new(&context, "f1", "f1-n1-lease", revocation).unwrap().revoke(0).await;
        assert_eq!(acted(&folder), [("n1".to_owned(), None), ("n1".to_owned(), Some(true))]);
        assert_eq!((first.count("PUT sys/leases/revoke"), other.count("PUT sys/leases/revoke")), (2, 0));
    }
}
