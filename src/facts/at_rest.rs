//! What the files that a run left tell, and what keeps it from being the whole.

use super::Facts;
use crate::model::{AuditRead, Event, PlaceKind, PlaintextSearch, Unread, Workload};

/// Reasons to doubt that the audit files show everything. What is missing in them is no proof then.
pub fn audit_doubts(facts: &Facts, read: &AuditRead) -> Vec<String> {
    let mut doubts = Vec::new();
    if read.files.is_empty() {
        doubts.push("no audit file was read".into());
    }
    if read.missing_total > 0 {
        doubts.extend(read.unread.iter().map(words));
    }
    // Of programs nobody knows how many requests they made.
    let joined = facts.run.history.iter().filter(|op| op.is_ok() && op.op != Workload::Program);
    let acknowledged = joined.count() as u64;
    if acknowledged != read.acknowledged {
        let known = read.acknowledged;
        doubts.push(format!(
            "{known} acknowledged requests were looked for, and the history has {acknowledged}"
        ));
    }
    doubts
}

/// Reasons why a secret could stand where nobody looked.
pub fn search_doubts(search: &PlaintextSearch) -> Vec<String> {
    let mut doubts: Vec<String> = search.unread.iter().map(words).collect();
    for kind in PlaceKind::OF_SERVERS.into_iter().chain([PlaceKind::RunFolder]) {
        let mut places = search.places.iter().filter(|place| place.kind == kind);
        if !places.any(|place| place.control_found) {
            doubts.push(format!("in the {} not even what must be there was found", kind.name()));
        }
    }
    doubts
}

fn words(unread: &Unread) -> String {
    format!("{}: {}", unread.node, unread.reason)
}

impl<'a> Facts<'a> {
    pub fn audit_read(&self) -> Option<&'a AuditRead> {
        self.events().find_map(|(_, event)| match event {
            Event::AuditRead(read) => Some(&**read),
            _ => None,
        })
    }

    pub fn plaintext_search(&self) -> Option<&'a PlaintextSearch> {
        self.events().find_map(|(_, event)| match event {
            Event::PlaintextSearched(search) => Some(&**search),
            _ => None,
        })
    }
}
