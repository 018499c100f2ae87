//! Asks the database itself which roles of this run are there, and journals what changed between two looks. What the
//! server says of its leases is one thing; who can log in is another.

use crate::helper::{Database, Session};
use crate::model::Event;
use crate::record::Journal;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};

const EVERY: Duration = Duration::from_millis(100);
const CONNECT_WITHIN: Duration = Duration::from_secs(3);

pub async fn watch(database: Arc<Database>, journal: Journal) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut session = None;
    let mut there = BTreeSet::new();
    // When the last look of either kind was begun.
    let (mut seen_ms, mut missed_ms) = (journal.now_ms(), journal.now_ms());
    let mut reachable = None;
    loop {
        ticks.tick().await;
        let sent_ms = journal.now_ms();
        match look(&database, &mut session).await {
            Ok(roles) => {
                if reachable != Some(true) {
                    let said = String::new();
                    journal.write(Event::DatabaseWatch { reachable: true, previous_ms: missed_ms, said });
                    reachable = Some(true);
                }
                let roles: BTreeSet<String> = roles.into_iter().collect();
                let appeared: Vec<_> = roles.difference(&there).cloned().collect();
                let gone: Vec<_> = there.difference(&roles).cloned().collect();
                if !appeared.is_empty() || !gone.is_empty() {
                    journal.write(Event::DatabaseRoles { previous_ms: seen_ms, appeared, gone });
                }
                (there, seen_ms) = (roles, sent_ms);
            }
            Err(said) => {
                session = None;
                if reachable != Some(false) {
                    journal.write(Event::DatabaseWatch { reachable: false, previous_ms: seen_ms, said });
                    reachable = Some(false);
                }
                missed_ms = sent_ms;
            }
        }
    }
}

async fn look(database: &Database, session: &mut Option<Session>) -> Result<Vec<String>, String> {
    let open = match session.take() {
        Some(open) => open,
        None => {
            let opened = tokio::time::timeout(CONNECT_WITHIN, database.session()).await;
            opened.map_err(|_| "no connection in time".to_owned())??
        }
    };
    session.insert(open).roles().await
}

/// Waits until no role of this run is left, at most `within`, and journals those that are. Without an answer of the
/// database nothing is journalled.
pub async fn wait_for_no_roles(database: &Database, within: Duration, journal: &Journal) {
    let began = Instant::now();
    let mut session = None;
    let mut last = None;
    loop {
        let sent_ms = journal.now_ms();
        match look(database, &mut session).await {
            Ok(roles) => last = Some((sent_ms, roles)),
            Err(_) => session = None,
        }
        let is_empty = matches!(&last, Some((_, roles)) if roles.is_empty());
        if is_empty || began.elapsed() >= within {
            break;
        }
        tokio::time::sleep(EVERY).await;
    }
    if let Some((sent_ms, roles)) = last {
        journal.write(Event::DatabaseRolesLeft { sent_ms, roles });
    }
}
