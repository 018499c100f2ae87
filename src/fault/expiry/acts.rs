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
/// A revocation that is not granted is tried again, this often and so many times in all.
const REVOKE_EVERY: Duration = Duration::from_secs(1);
const REVOCATIONS_MAX: u32 = 10;

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
    /// node, and then each node until each has clearly refused it twice, or the time is over.
    pub async fn use_up(self, uses: u32, within: Duration) {
        let began = Instant::now() + KNOWN_AFTER;
        let every = within / 2 / uses.max(1);
        let mut refused = vec![0; self.clients.len()];
        for turn in 0.. {
            let due = began + every * turn;
            if due > began + within || refused.iter().all(|times| *times >= 2) {
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
