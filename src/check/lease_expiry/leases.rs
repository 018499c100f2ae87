//! What is known of each lease from its requests alone: when it ends for certain, and when it must have ended.

use super::line;
use crate::facts::Facts;
use crate::model::{Operation, Outcome, Workload};

/// A lease of credentials that was acknowledged.
pub(super) struct Lease<'f> {
    /// The role and the user.
    pub subject: &'f str,
    pub user: &'f str,
    pub given: &'f Operation,
    pub given_ms: f64,
    pub ttl_ms: f64,
    /// How often it was prolonged.
    pub renewed: usize,
    /// Without revocations: it lives until then for certain.
    earliest_ms: f64,
    /// Without revocations: it has ended by then.
    latest_ms: f64,
    /// From when on a revocation may have ended it.
    may_end_ms: f64,
    /// By when an acknowledged revocation has ended it.
    revoked_ms: Option<f64>,
    /// What was done to it, in the order of sending.
    touched: Vec<&'f Operation>,
}

/// What ended a lease.
pub(super) enum How {
    RanOut,
    Revoked,
    Unclear,
}

fn sent_ms(op: &Operation) -> f64 {
    op.sent_us as f64 / 1e3
}

fn done_ms(op: &Operation) -> f64 {
    op.done_us as f64 / 1e3
}

fn ttl_ms(op: &Operation) -> f64 {
    op.ttl_s.unwrap_or_default() as f64 * 1e3
}

impl Lease<'_> {
    /// The role is there until then, whatever else is true.
    pub fn certain_until_ms(&self) -> f64 {
        self.earliest_ms.min(self.may_end_ms)
    }

    /// The same by what was acknowledged before `op` was sent, and without `op` itself.
    pub fn certain_until_as_of_ms(&self, op: &Operation) -> f64 {
        let before = |other: &&&Operation| other.id != op.id && done_ms(other) <= sent_ms(op);
        let renewals = self.touched.iter().filter(before).filter(|other| renews(other));
        let earliest_ms = renewals
            .map(|other| sent_ms(other) + ttl_ms(other))
            .fold(sent_ms(self.given) + self.ttl_ms, f64::max);
        let ends =
            self.touched.iter().filter(|other| other.id != op.id && other.op != Workload::DatabaseRenew);
        ends.map(|other| sent_ms(other)).fold(earliest_ms, f64::min)
    }

    /// The end that it had, where a renewal was under way at that very moment and was granted.
    pub fn renewed_at_the_end_of_ms(&self) -> Option<f64> {
        let renewals = || self.touched.iter().filter(|op| renews(op));
        renewals().find_map(|renewal| {
            let before = || renewals().filter(|other| done_ms(other) <= sent_ms(renewal));
            let earliest_ms = before()
                .map(|other| sent_ms(other) + ttl_ms(other))
                .fold(sent_ms(self.given) + self.ttl_ms, f64::max);
            let latest_ms = before()
                .map(|other| done_ms(other) + ttl_ms(other))
                .fold(self.given_ms + self.ttl_ms, f64::max);
            (sent_ms(renewal) <= latest_ms && done_ms(renewal) >= earliest_ms).then_some(earliest_ms)
        })
    }

    /// The role should be gone by then.
    pub fn must_end_ms(&self) -> f64 {
        self.revoked_ms.map_or(self.latest_ms, |revoked_ms| revoked_ms.min(self.latest_ms))
    }

    pub fn how_it_ended(&self) -> How {
        match self.revoked_ms {
            Some(revoked_ms) if revoked_ms < self.latest_ms => How::Revoked,
            _ if self.may_end_ms < self.latest_ms => How::Unclear,
            _ => How::RanOut,
        }
    }

    pub fn end_word(&self) -> &'static str {
        match self.revoked_ms {
            Some(revoked_ms) if revoked_ms < self.latest_ms => "revocation",
            _ => "time",
        }
    }

    /// The requests that concern it, and then `more`.
    pub fn evidence(&self, more: impl IntoIterator<Item = String>) -> Vec<String> {
        [self.given].iter().chain(&self.touched).map(line).chain(more).collect()
    }
}

fn renews(op: &Operation) -> bool {
    op.op == Workload::DatabaseRenew && op.is_ok()
}

pub(super) fn leases<'f>(facts: &Facts<'f>) -> Vec<Lease<'f>> {
    let history = || facts.run.history.iter();
    let mut touching: Vec<&Operation> = history()
        .filter(|op| op.outcome != Outcome::Failed)
        .filter(|op| op.op.is_of_the_database() && op.op != Workload::DatabaseCreds)
        .collect();
    touching.sort_by_key(|op| (op.sent_us, op.id));
    let given = history().filter(|op| op.op == Workload::DatabaseCreds && op.is_ok());
    given.filter_map(|op| lease(op, &touching)).collect()
}

fn lease<'f>(given: &'f Operation, touching: &[&'f Operation]) -> Option<Lease<'f>> {
    let subject = given.subject.as_deref()?;
    let (role, user) = subject.split_once('/')?;
    let ttl = ttl_ms(given);
    let mut lease = Lease {
        subject,
        user,
        given,
        given_ms: done_ms(given),
        ttl_ms: ttl,
        renewed: 0,
        earliest_ms: sent_ms(given) + ttl,
        latest_ms: done_ms(given) + ttl,
        may_end_ms: f64::INFINITY,
        revoked_ms: None,
        touched: Vec::new(),
    };
    for &op in touching {
        let about = op.subject.as_deref().unwrap_or_default();
        let concerns = match op.op {
            // Whoever asked before the answer to the prefix had come may be among them; one that has no answer may
            // still be at work.
            Workload::DatabaseRevokePrefix => {
                about.strip_suffix('/') == Some(role)
                    && (op.outcome == Outcome::Unknown || sent_ms(given) <= done_ms(op))
            }
            _ => about == subject,
        };
        if !concerns {
            continue;
        }
        lease.touched.push(op);
        match (op.op, op.outcome) {
            (Workload::DatabaseRenew, Outcome::Ok) => {
                lease.renewed += 1;
                lease.earliest_ms = lease.earliest_ms.max(sent_ms(op) + ttl_ms(op));
                lease.latest_ms = lease.latest_ms.max(done_ms(op) + ttl_ms(op));
            }
            // It takes effect while the lease lives, or never.
            (Workload::DatabaseRenew, _) => lease.latest_ms += ttl,
            (_, outcome) => {
                lease.may_end_ms = lease.may_end_ms.min(sent_ms(op));
                // Given out before the revocation was sent, so it is among what was revoked.
                if outcome == Outcome::Ok && lease.given_ms <= sent_ms(op) {
                    let revoked_ms = lease.revoked_ms.unwrap_or(f64::INFINITY);
                    lease.revoked_ms = Some(revoked_ms.min(done_ms(op)));
                }
            }
        }
    }
    Some(lease)
}
