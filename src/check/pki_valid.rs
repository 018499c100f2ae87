//! `pki-valid`: every certificate that was issued is what the role says, and every revocation is known everywhere.
//!
//! Certificates are read and verified by libraries of our own, with the authority that was there before the load. Each
//! serial number is given once; the names and the life of a certificate are those that the role allows. In the end
//! each node serves a list, signed by the authority, that names every certificate whose revocation was acknowledged and
//! none that nobody asked to revoke. A revocation of unknown outcome may be on it or not.

use super::{Checked, line, sentences, violation};
use crate::facts::Facts;
use crate::model::{
    Certificate, Engine, Event, NodeId, Operation, Outcome, Pki, RevocationList, Verdict, Violation, Workload,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::{BTreeMap, BTreeSet};

/// Fewer say little about what a fault did to the rest.
const CERTIFICATES_MIN: u64 = 10;
/// The server counts in whole seconds.
const WHOLE_SECOND_S: i64 = 1;
/// The server dates certificates back so far, for clients whose clock is late.
const BACKDATED_S: i64 = 30;

pub fn has_data(facts: &Facts) -> bool {
    facts.run.history.iter().any(|op| op.op == Workload::PkiIssue)
}

/// What the journal holds, decoded.
struct Found<'f> {
    authority: Option<Vec<u8>>,
    certificates: BTreeMap<&'f str, Vec<u8>>,
    lists: BTreeMap<&'f NodeId, Vec<u8>>,
}

impl<'f> Found<'f> {
    fn of(facts: &'f Facts) -> Self {
        let mut found = Self { authority: None, certificates: BTreeMap::new(), lists: BTreeMap::new() };
        let bytes = |text: &str| STANDARD.decode(text).unwrap_or_default();
        for (_, event) in facts.events() {
            match event {
                Event::CertificateAuthority { der } => found.authority = Some(bytes(der)),
                Event::Certificate { serial, der } => {
                    found.certificates.insert(serial, bytes(der));
                }
                Event::RevocationList { node, der } => {
                    found.lists.insert(node, bytes(der));
                }
                _ => {}
            }
        }
        found
    }
}

pub fn check(facts: &Facts) -> Checked {
    let found = Found::of(facts);
    let role = facts.run.info.scenario.blueprint.mount(|engine| match engine {
        Engine::Pki(pki) => Some(pki),
        _ => None,
    });
    let (Some(authority), Some((_, role))) = (&found.authority, role) else {
        let note = "it is not known who signs certificates, or for whom".to_owned();
        return Checked { checked: 0, coverage: Verdict::Inconclusive, note, violations: vec![] };
    };
    let mut violations = Vec::new();
    let mut issued: BTreeMap<&str, &Operation> = BTreeMap::new();
    let (mut checked, mut unseen) = (0, 0);
    for op in facts.run.history.iter().filter(|op| op.op == Workload::PkiIssue && op.is_ok()) {
        let Some(serial) = op.subject.as_deref() else {
            unseen += 1;
            continue;
        };
        if let Some(first) = issued.insert(serial, op) {
            let summary = format!("the serial number {serial} was given twice");
            violations.push(violation(summary, vec![line(first), line(op)]));
            continue;
        }
        let Some(der) = found.certificates.get(serial) else {
            unseen += 1;
            continue;
        };
        checked += 1;
        for why in faults_of(facts, op, serial, der, authority, role) {
            violations.push(violation(format!("certificate {serial} {why}"), vec![line(op)]));
        }
    }
    let revocations = Revocations::of(facts);
    for (node, der) in &found.lists {
        revocations.compare(node, der, authority, &mut violations);
    }

    let silent: Vec<&str> = facts
        .run
        .info
        .nodes
        .iter()
        .map(|node| &node.id)
        .filter(|id| !found.lists.contains_key(id))
        .map(|id| id.as_str())
        .collect();
    let revoked = revocations.acknowledged.len();
    let is_enough = checked >= CERTIFICATES_MIN && unseen == 0 && silent.is_empty() && revoked > 0;
    let when = |condition: bool, text: String| if condition { text } else { String::new() };
    let note = sentences([
        when(
            checked < CERTIFICATES_MIN,
            format!("only {checked} certificates were acknowledged; {CERTIFICATES_MIN} are needed"),
        ),
        when(unseen > 0, format!("{unseen} acknowledged certificates are not in the journal")),
        when(!silent.is_empty(), format!("no list of revoked certificates from {}", silent.join(", "))),
        when(revoked == 0, "no revocation was acknowledged".into()),
        format!("{checked} certificates, {revoked} revocations on {} nodes", found.lists.len()),
    ]);
    let coverage = if is_enough { Verdict::Pass } else { Verdict::Inconclusive };
    Checked { checked, coverage, note, violations }
}

/// What is wrong with a certificate, each as the rest of a sentence about it.
fn faults_of(
    facts: &Facts,
    op: &Operation,
    serial: &str,
    der: &[u8],
    authority: &[u8],
    role: &Pki,
) -> Vec<String> {
    let certificate = match Certificate::parse(der) {
        Ok(certificate) => certificate,
        Err(error) => return vec![format!("cannot be read: {error}")],
    };
    let mut wrong = Vec::new();
    if certificate.serial != serial {
        wrong.push(format!("bears the serial number {}", certificate.serial));
    }
    let second_of = |us: u64| facts.run.info.started_at.as_second() + (us / 1_000_000) as i64;
    let (sent_s, done_s) = (second_of(op.sent_us), second_of(op.done_us) + WHOLE_SECOND_S);
    if let Err(error) = Certificate::verify(der, authority, &role.domain, done_s.max(0) as u64) {
        wrong.push(format!("is not valid for {} when it is handed out: {error}", role.domain));
    }
    if certificate.names.iter().any(|name| *name != role.domain) {
        let names: Vec<&str> = certificate.names.iter().map(String::as_str).collect();
        wrong.push(format!("is for {}, and the role allows {}", names.join(", "), role.domain));
    }
    let seconds = |span: crate::model::Span| span.0.as_secs() as i64;
    let lives_s = certificate.not_after_s - certificate.not_before_s;
    if lives_s > seconds(role.max_ttl) + BACKDATED_S {
        wrong.push(format!("is valid for {lives_s} s, and the role allows {} at most", role.max_ttl));
    }
    let end_s = [sent_s, done_s].map(|at_s| at_s + seconds(role.ttl));
    if !(end_s[0] - WHOLE_SECOND_S..=end_s[1]).contains(&certificate.not_after_s) {
        let left_s = certificate.not_after_s - done_s;
        wrong.push(format!("is valid for another {left_s} s, and {} was asked for", role.ttl));
    }
    wrong
}

struct Revocations<'f> {
    acknowledged: BTreeMap<&'f str, &'f Operation>,
    /// Of unknown outcome.
    possible: BTreeSet<&'f str>,
}

impl<'f> Revocations<'f> {
    fn of(facts: &'f Facts) -> Self {
        let asked = || {
            let revocations = facts.run.history.iter().filter(|op| op.op == Workload::PkiRevoke);
            revocations.filter_map(|op| Some((op.subject.as_deref()?, op)))
        };
        Self {
            acknowledged: asked().filter(|(_, op)| op.is_ok()).collect(),
            possible: asked()
                .filter(|(_, op)| op.outcome == Outcome::Unknown)
                .map(|(serial, _)| serial)
                .collect(),
        }
    }

    fn compare(&self, node: &NodeId, der: &[u8], authority: &[u8], violations: &mut Vec<Violation>) {
        if let Err(error) = RevocationList::verify(der, authority) {
            let summary =
                format!("the list of revoked certificates of {node} is not signed by the authority: {error}");
            violations.push(violation(summary, vec![]));
            return;
        }
        let Ok(list) = RevocationList::parse(der) else { return };
        for (serial, op) in &self.acknowledged {
            if !list.serials.contains(*serial) {
                let summary =
                    format!("the revocation of {serial} was acknowledged, and {node} does not tell of it");
                violations.push(violation(summary, vec![line(op)]));
            }
        }
        for serial in &list.serials {
            let serial = serial.as_str();
            if !self.acknowledged.contains_key(serial) && !self.possible.contains(serial) {
                let summary = format!("{node} tells that {serial} is revoked, and no such request was taken");
                violations.push(violation(summary, vec![]));
            }
        }
    }
}

#[cfg(test)]
mod tests;
