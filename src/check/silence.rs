//! Nodes that must acknowledge nothing for a while.
//!
//! The proof of a violation is a request that was sent to the node after the time had begun, and acknowledged by it
//! before the time ended; what was on its way at either edge proves nothing.

use super::{Checked, line, sentences, violation};
use crate::facts::Facts;
use crate::model::{NodeId, Operation, Verdict, Workload};

/// Fewer attempts than this show nothing of a node that would acknowledge.
const ATTEMPTS_MIN: u64 = 10;

/// A node that was unfit to acknowledge anything, why, and when, from and to in milliseconds.
pub struct Silenced<'f> {
    pub node: &'f NodeId,
    /// Follows `… ms after`: `f1 had cut it off`.
    pub because: String,
    pub times: Vec<(f64, f64)>,
}

/// What is said about it.
pub struct Words {
    /// `a write`.
    pub what: &'static str,
    /// `a node that was cut off`.
    pub whom: &'static str,
    /// When there is none.
    pub nobody: &'static str,
}

/// Everything that was asked by a load, of whatever kind. Programs may have been redirected to another node than theirs.
pub fn of_loads<'f>(facts: &'f Facts) -> impl Iterator<Item = &'f Operation> + Clone {
    let asked = facts.loads.iter().filter(|load| load.load.workload != Workload::Program);
    asked.flat_map(|load| load.ops.iter().copied())
}

pub fn check<'o>(
    silenced: &[Silenced],
    ops: impl Iterator<Item = &'o Operation> + Clone,
    words: &Words,
) -> Checked {
    let mut violations = Vec::new();
    let mut attempts = 0;
    for Silenced { node, because, times } in silenced {
        for op in ops.clone().filter(|op| op.node.as_ref() == Some(node)) {
            let within = times.iter().find(|time| was_sent_within(op, **time));
            let Some((from_ms, until_ms)) = within else { continue };
            attempts += 1;
            if op.is_ok() && done_ms(op) <= *until_ms {
                let after_ms = done_ms(op) - from_ms;
                let what = words.what;
                violations.push(violation(
                    format!("{node} acknowledged {what} {after_ms:.0} ms after {because}"),
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
