//! `linearizable`: what the leader answered fits one order of all requests to a key, in which each takes effect
//! between the moment it was sent and its answer.
//!
//! Which answers count: those of a node that led, beyond doubt, from before the request was sent until after the
//! answer ([`crate::facts::Leadership`]): polls saw it active before and after, and no other node can have been
//! active at any moment between. All other reads (of standbys, of a leader that is being replaced) tell nothing here
//! and are judged by `session`. Acknowledged writes count whatever node took them: there is one log. A request of
//! unknown outcome may have taken effect at any time since, or never. What was refused for certain had none.
//!
//! Versions are handed out by the server and values are never used twice, so the order of writes is known, and
//! each key is decided by bounds on the moments of its versions (`chain`); with deletions by a bounded search
//! (`search`). A key for which the search gives up is inconclusive. A violation comes with the smallest part of
//! its key's history that still cannot be ordered (`shrink`).

mod chain;
mod decide;
mod history;
mod key;
mod search;
mod shrink;
mod step;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod words;

use super::{Checked, line, sentences, violation};
use crate::facts::Facts;
use crate::model::{Event, Operation, Verdict, Violation, Workload};
use decide::{Broken, Decision, decide};
use history::History;
use step::Step;

/// More operations than this prove no more to a reader.
const EVIDENCE_MAX: usize = 40;

pub fn has_data(facts: &Facts) -> bool {
    let reads = facts.run.history.iter().any(|op| op.op == Workload::Kv2Read && op.is_ok());
    reads && facts.writes.iter().any(|op| op.is_ok())
}

pub fn check(facts: &Facts) -> Checked {
    let history = History::of(facts);
    let incomplete = why_incomplete(facts);
    let mut violations = Vec::new();
    let (mut gave_up, mut unclear) = (0, 0);
    for (key, steps) in history.keys() {
        match decide(&steps) {
            Decision::Linearizable => {}
            Decision::GaveUp => gave_up += 1,
            Decision::Violation(broken) if incomplete.is_some() && broken.may_be_a_gap_in_the_history() => {
                unclear += 1;
            }
            Decision::Violation(broken) => violations.push(proof(&facts.run.history, key, &steps, &broken)),
        }
    }
    let when = |condition: bool, text: String| if condition { text } else { String::new() };
    let note = sentences([
        when(history.writes == 0, "no write was acknowledged".into()),
        when(history.observations == 0, "no read was answered by a node that led beyond doubt".into()),
        when(gave_up > 0, format!("for {gave_up} keys no order was found before the search hit its bound")),
        when(
            unclear > 0,
            format!(
                "{unclear} keys show what no recorded request wrote, and {}",
                incomplete.unwrap_or("the history is whole")
            ),
        ),
        when(
            history.reads_left_out > 0,
            format!(
                "{} reads were answered by a node that did not lead beyond doubt and are no part of it",
                history.reads_left_out
            ),
        ),
    ]);
    let enough = history.observations > 0 && history.writes > 0 && gave_up == 0 && unclear == 0;
    let coverage = if enough { Verdict::Pass } else { Verdict::Inconclusive };
    Checked { checked: history.observations + history.writes, coverage, note, violations }
}

/// Why requests may be missing from the history.
fn why_incomplete(facts: &Facts) -> Option<&'static str> {
    let trouble = facts.events().any(|(_, event)| matches!(event, Event::HarnessError { .. }));
    let reasons = [
        (!facts.run.damage.is_empty(), "the run folder is damaged"),
        (!facts.run.ended(), "the run did not come to its end"),
        (trouble, "the harness was in trouble"),
    ];
    reasons.iter().find(|(holds, _)| *holds).map(|(_, reason)| *reason)
}

fn proof(operations: &[Operation], key: u32, steps: &[Step], broken: &Broken) -> Violation {
    let (mut kept, whole) = match broken {
        Broken::Answers(contradiction) => (contradiction.steps(), true),
        Broken::Pair(pair) => (pair.to_vec(), true),
        Broken::NoMaker(_) | Broken::NoOrder => match shrink::shrink(steps) {
            Some(kept) => (kept, true),
            None => ((0..steps.len()).collect(), false),
        },
    };
    kept.sort_by_key(|&i| steps[i].sent_us);
    kept.truncate(EVIDENCE_MAX);
    let evidence = kept.iter().map(|&i| line(&operations[steps[i].at as usize])).collect();
    violation(words::summary(key, steps, broken, &kept, whole), evidence)
}
