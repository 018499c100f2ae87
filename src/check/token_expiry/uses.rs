//! What ends with its last use, whichever nodes the uses go through.
//!
//! One use too many is proof. A use without a clear answer may have counted or not, so it excuses a refusal and never
//! proves a use too many.

use super::{Found, Subject, names, was_down};
use crate::check::{Checked, line, violation};
use crate::facts::Facts;
use crate::model::{Credential, NodeId, Verdict};
use std::collections::BTreeSet;

pub fn check(facts: &Facts, subject: &Subject, uses: u32) -> Found {
    let Subject { name, acts, .. } = subject;
    let what = match subject.credential {
        Credential::LimitedSecretId => "logins",
        _ => "uses",
    };
    let mut violations = Vec::new();
    let (mut granted, mut unclear, mut refused) = (0, 0, 0);
    for acted in acts {
        let (node, evidence) = (acted.node, || vec![line(subject.minted), line(acted.entry)]);
        match acted.granted {
            Some(true) => {
                granted += 1;
                if granted > uses {
                    let summary =
                        format!("{name} is for {uses} {what}, and {node} granted one more ({granted})");
                    violations.push(violation(summary, evidence()));
                }
            }
            Some(false) => {
                refused += 1;
                let unheard = was_down(facts, node, subject.minted.t_ms, acted.entry.t_ms);
                if granted + unclear < uses && !unheard {
                    let summary =
                        format!("{name} is for {uses} {what}, and {node} refused it after {granted}");
                    violations.push(violation(summary, evidence()));
                }
            }
            None => unclear += 1,
        }
    }
    let refusing: BTreeSet<_> =
        acts.iter().filter(|acted| acted.granted == Some(false)).map(|acted| acted.node).collect();
    let last_ms = acts.last().map_or(subject.minted.t_ms, |acted| acted.entry.t_ms);
    let unseen: Vec<&NodeId> = facts
        .run
        .info
        .nodes
        .iter()
        .map(|node| &node.id)
        .filter(|node| !refusing.contains(node) && !was_down(facts, node, last_ms, last_ms))
        .collect();
    let mut note =
        format!("{name}: for {uses} {what}, {granted} granted, {refused} refused, {unclear} unclear");
    if !unseen.is_empty() {
        note += &format!(", not refused in the end by {}", names(unseen.iter().copied()));
    }
    let is_enough = granted > 0 && unseen.is_empty();
    let coverage = if is_enough { Verdict::Pass } else { Verdict::Inconclusive };
    let checked = u64::from(granted + refused);
    Found { checked: Checked { checked, coverage, note: String::new(), violations }, note }
}
