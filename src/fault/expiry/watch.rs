//! Asks every node about one credential until it has clearly ended, each on a connection of its own.

use super::question::Question;
use crate::fault::{FaultContext, FaultError};
use crate::model::Event;
use crate::vault::Client;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// Asked so long after every node has clearly refused it: it must not come back.
const DEAD_FOR: Duration = Duration::from_secs(2);
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

pub struct Watch<'a> {
    pub fault: &'a str,
    pub subject: &'a str,
    pub question: Question,
    /// How often each node is asked.
    pub every: Duration,
    /// Its end is not looked for before this.
    pub at_least: Duration,
    /// And no longer than this, whatever is seen.
    pub at_most: Duration,
    /// Once this is set nobody is asked any more.
    pub over: Arc<AtomicBool>,
}

impl Watch<'_> {
    pub fn start(self, context: &FaultContext) -> Result<(), FaultError> {
        for node in context.cluster.nodes() {
            let client = Client::new(&node.endpoint)?;
            let (journal, question, node) = (context.journal.clone(), self.question.clone(), node.id.clone());
            let (fault, subject) = (self.fault.to_owned(), self.subject.to_owned());
            let over = self.over.clone();
            let (every, at_least, at_most) = (self.every, self.at_least, self.at_most);
            context.background.lock().unwrap().spawn(async move {
                let mut ticks = tokio::time::interval(every);
                ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
                let began = Instant::now();
                let mut dead_since = None;
                while began.elapsed() < at_most {
                    ticks.tick().await;
                    if over.load(Ordering::Relaxed) {
                        return;
                    }
                    let sent_ms = journal.now_ms();
                    let alive = question.ask(&client, ANSWER_WITHIN).await.granted;
                    let (fault, subject, node) = (fault.clone(), subject.clone(), node.clone());
                    journal.write(Event::Sighting { fault, subject, node, sent_ms, alive });
                    match alive {
                        Some(false) => {
                            let since = *dead_since.get_or_insert_with(Instant::now);
                            if began.elapsed() > at_least && since.elapsed() >= DEAD_FOR {
                                return;
                            }
                        }
                        _ => dead_since = None,
                    }
                }
            });
        }
        Ok(())
    }
}
