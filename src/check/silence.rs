//! Nodes that must acknowledge nothing for a while.
//!
//! The proof of a violation is a request that was sent to the node after the time had begun, and acknowledged by it
//! before the time ended; what was on its way at either edge proves nothing.

use super::{Checked, line, sentences, violation};
use crate::facts::FaultFact;
use crate::model::{NodeId, Operation, Verdict};

/// Fewer attempts than this show nothing of a node that would acknowledge.
const ATTEMPTS_MIN: u64 = 10;

/// A node that a fault made unfit to acknowledge anything, and when, from and to in milliseconds.
pub struct Silenced<'f> {
    pub fault: &'f FaultFact,
    pub node: &'f NodeId,
    pub times: Vec<(f64, f64)>,
}

/// What is said about it.
pub struct Words {
    /// `a write`.
    pub what: &'static str,
    /// Follows the fault's name: `had cut it off`.
    pub done: &'static str,
    /// `a node that was cut off`.
    pub whom: &'static str,
    /// When there is none.
    pub nobody: &'static str,
}

pub fn check<'o>(
    silenced: &[Silenced],
    ops: impl Iterator<Item = &'o Operation> + Clone,
    words: &Words,
) -> Checked {
    let mut violations = Vec::new();
    let mut attempts = 0;
    for Silenced { fault, node, times } in silenced {
        for op in ops.clone().filter(|op| op.node.as_ref() == Some(node)) {
            let Some((from_ms, until_ms)) = times.iter().find(|time| was_sent_within(op, **time)) else {
                continue;
            };
            attempts += 1;
            if op.is_ok() && done_ms(op) <= *until_ms {
                let after_ms = done_ms(op) - from_ms;
                let Words { what, done, .. } = words;
                violations.push(violation(
                    format!("{node} acknowledged {what} {after_ms:.0} ms after {} {done}", fault.id),
                    vec![line(op)],
                ));
            }
        }
    }
    let few = || format!("only {attempts} requests were sent to {}; {ATTEMPTS_MIN} are needed", words.whom);
    let note = sentences([
        if silenced.is_empty() { words.nobody.to_owned() } else { String::new() },
        if !silenced.is_empty() && attempts < ATTEMPTS_MIN { few() } else { String::new() },
    ]);
    let coverage = if attempts >= ATTEMPTS_MIN { Verdict::Pass } else { Verdict::Inconclusive };
    Checked { checked: attempts, coverage, note, violations }
}

fn was_sent_within(op: &Operation, (from_ms, until_ms): (f64, f64)) -> bool {
    (from_ms..=until_ms).contains(&(op.sent_us as f64 / 1e3))
}

fn done_ms(op: &Operation) -> f64 {
    op.done_us as f64 / 1e3
}
