//! Which rows of a result failed, and whether another run failed in the same.

use crate::model::{RunResult, Verdict};
use std::collections::BTreeSet;

/// What became of one run of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// One of the rows failed again.
    Fails,
    Holds,
    /// It could not be judged, so that it says nothing.
    Unclear,
}

/// The objectives and invariants by which the run failed.
pub fn failed_rows(result: &RunResult) -> BTreeSet<String> {
    let objectives = result.objectives.iter().map(|row| (&row.id, row.gating, row.verdict));
    let invariants = result.invariants.iter().map(|row| (&row.id, row.gating, row.verdict));
    let failed =
        objectives.chain(invariants).filter(|(_, gating, verdict)| *gating && *verdict == Verdict::Fail);
    failed.map(|(id, _, _)| id.clone()).collect()
}

/// A failure of another row is another failure, and does not count.
pub fn outcome(result: &RunResult, rows: &BTreeSet<String>) -> Outcome {
    let verdicts = result.objectives.iter().map(|row| (&row.id, row.gating, row.verdict));
    let verdicts = verdicts.chain(result.invariants.iter().map(|row| (&row.id, row.gating, row.verdict)));
    let of_them: Vec<Verdict> = verdicts
        .filter(|(id, gating, _)| *gating && rows.contains(*id))
        .map(|(_, _, verdict)| verdict)
        .collect();
    if of_them.contains(&Verdict::Fail) {
        Outcome::Fails
    } else if of_them.iter().all(|verdict| *verdict == Verdict::Pass) {
        Outcome::Holds
    } else {
        Outcome::Unclear
    }
}
