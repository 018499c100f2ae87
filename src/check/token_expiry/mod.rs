//! `token-expiry`: no token dead before its time, none alive after it; the same for leases and secret ids, whatever ends
//! them: their time to live, the most that renewals may reach, the number of their uses, or a revocation.
//!
//! The moment at which the server began to count is not known: it lies before the answer that brought the
//! token. So a token counts as alive too long only when asked for well after answer + TTL, and as dead too
//! early only when the "dead" had arrived well before that.

mod lifetime;
mod uses;

use super::{Checked, sentences};
use crate::facts::Facts;
use crate::model::{Act, Credential, EndRule, Entry, Event, NodeId, Span, Verdict};

struct Sighting<'a> {
    entry: &'a Entry,
    node: &'a NodeId,
    sent_ms: f64,
    alive: Option<bool>,
}

struct Acted<'a> {
    entry: &'a Entry,
    act: Act,
    node: &'a NodeId,
    sent_ms: f64,
    granted: Option<bool>,
    status: Option<u16>,
}

/// One credential with all that was seen of it.
struct Subject<'a> {
    minted: &'a Entry,
    name: &'a str,
    credential: Credential,
    ttl_ms: f64,
    documented_ttl_ms: Option<f64>,
    end: &'a EndRule,
    sightings: Vec<Sighting<'a>>,
    /// What was done with it, or with whose revocation ends it.
    acts: Vec<Acted<'a>>,
}

/// What is said of one subject.
struct Found {
    checked: Checked,
    note: String,
}

pub fn has_data(facts: &Facts) -> bool {
    facts.events().any(|(_, event)| matches!(event, Event::Minted { .. }))
}

pub fn check(facts: &Facts) -> Checked {
    let mut total = Checked { checked: 0, coverage: Verdict::Pass, note: String::new(), violations: vec![] };
    let mut notes = Vec::new();
    for subject in facts.run.journal.iter().filter_map(|minted| Subject::of(facts, minted)) {
        let Found { checked, note } = match subject.end {
            EndRule::Uses(uses) => uses::check(facts, &subject, *uses),
            _ => lifetime::check(facts, &subject),
        };
        total.checked += checked.checked;
        total.coverage = total.coverage.max(checked.coverage);
        total.violations.extend(checked.violations);
        notes.push(note);
    }
    if notes.is_empty() {
        total.coverage = Verdict::Inconclusive;
        notes.push("no token was made for it".into());
    }
    total.note = sentences(notes);
    total
}

impl<'a> Subject<'a> {
    fn of(facts: &Facts<'a>, minted: &'a Entry) -> Option<Self> {
        let Event::Minted { subject: name, credential, ttl_ms, documented_ttl_ms, end, .. } = &minted.event
        else {
            return None;
        };
        let acting = match end {
            EndRule::RevokedWith(other) | EndRule::Survives(other) => other,
            _ => name,
        };
        let journal: &'a [Entry] = &facts.run.journal;
        let sightings = journal.iter().filter_map(|entry| match &entry.event {
            Event::Sighting { subject, node, sent_ms, alive, .. } if subject == name => {
                Some(Sighting { entry, node, sent_ms: *sent_ms, alive: *alive })
            }
            _ => None,
        });
        let acts = journal.iter().filter_map(|entry| match &entry.event {
            Event::Acted { subject, act, node, sent_ms, granted, status, .. } if subject == acting => {
                let (act, sent_ms, granted, status) = (*act, *sent_ms, *granted, *status);
                Some(Acted { entry, act, node, sent_ms, granted, status })
            }
            _ => None,
        });
        Some(Self {
            minted,
            name,
            credential: *credential,
            ttl_ms: *ttl_ms,
            documented_ttl_ms: *documented_ttl_ms,
            end,
            sightings: sightings.collect(),
            acts: acts.collect(),
        })
    }

    /// `f1-token: 1h documented, tested at 5s`.
    fn tested(&self) -> String {
        let span = |ms: f64| Span::from_ms(ms.max(0.0) as u64);
        let tested = span(self.ttl_ms);
        match self.documented_ttl_ms {
            Some(documented) => format!("{}: {} documented, tested at {tested}", self.name, span(documented)),
            None => format!("{}: nothing documented, tested at {tested}", self.name),
        }
    }
}

/// Whether a fault had the node down, or cut off from the others, at some moment of this time.
fn was_down(facts: &Facts, node: &NodeId, from_ms: f64, to_ms: f64) -> bool {
    facts.disturbing_faults().any(|fault| fault.has_down(node, from_ms, to_ms))
}

fn names<'n>(nodes: impl IntoIterator<Item = &'n NodeId>) -> String {
    nodes.into_iter().map(NodeId::as_str).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
