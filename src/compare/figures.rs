//! The figures of results: which they are, which way is better, and where several of them lie.

use crate::model::{Bound, Comparison, Direction, ObjectiveRow, RunResult, Sample, Verdict};

/// A measured figure of a run.
pub struct Figure<'r> {
    pub id: &'r str,
    pub unit: &'r str,
    pub direction: Direction,
    pub value: f64,
    /// Whether it says something about the server: what was measured on a disturbed machine is shown and not counted.
    pub counts: bool,
    pub verdict: Verdict,
}

pub fn of(result: &RunResult) -> impl Iterator<Item = Figure<'_>> {
    result.objectives.iter().filter_map(|row| {
        Some(Figure {
            id: &row.id,
            unit: &row.unit,
            direction: direction(&row.target),
            value: row.measured.filter(|value| value.is_finite())?,
            counts: row.verdict != Verdict::Inconclusive || is_only_close(row),
            verdict: row.verdict,
        })
    })
}

/// Inconclusive because the promise lies within its interval, and for nothing else: as good a figure as any. To leave such out
/// would take away just those that lie near the promise.
fn is_only_close(row: &ObjectiveRow) -> bool {
    match (row.interval, row.target.parse::<Bound>()) {
        (Some([low, high]), Ok(bound)) => (low..=high).contains(&bound.value),
        _ => false,
    }
}

fn direction(target: &str) -> Direction {
    match target.parse::<Bound>().map(|bound| (bound.comparison, bound.value)) {
        Ok((Comparison::Less | Comparison::AtMost, _)) => Direction::Lower,
        Ok((Comparison::More | Comparison::AtLeast, _)) => Direction::Higher,
        // "RTO 0 s": less of it is better, though it is promised as a value.
        Ok((Comparison::Equal, 0.0)) => Direction::Lower,
        _ => Direction::Neither,
    }
}

pub fn sample(values: &[f64]) -> Sample {
    let sorted = sorted(values);
    Sample {
        runs: sorted.len(),
        median: median(&sorted),
        min: sorted.first().copied().unwrap_or(f64::NAN),
        max: sorted.last().copied().unwrap_or(f64::NAN),
    }
}

pub fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// Of sorted values.
pub fn median(sorted: &[f64]) -> f64 {
    match sorted.len() {
        0 => f64::NAN,
        len if len % 2 == 1 => sorted[len / 2],
        len => f64::midpoint(sorted[len / 2 - 1], sorted[len / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inconclusive_figure_counts_only_where_the_promise_lies_within_its_interval() {
        let run = crate::facts::testing::kill_run().promise("failover.mttr", "< 60 s").build();
        let mut result = crate::analyse::judge(&run);
        result.objectives.retain(|row| row.id == "failover.mttr");
        let mut counts = |verdict, interval| {
            let row = &mut result.objectives[0];
            (row.verdict, row.interval, row.measured) = (verdict, interval, Some(60.1));
            of(&result).next().unwrap().counts
        };
        assert!(counts(Verdict::Pass, None) && counts(Verdict::Fail, None));
        assert!(counts(Verdict::Inconclusive, Some([59.9, 60.2])));
        assert!(!counts(Verdict::Inconclusive, Some([60.0001, 60.2])), "disturbed, and not only close");
        assert!(!counts(Verdict::Inconclusive, None));
    }

    #[test]
    fn the_promise_says_which_way_is_better() {
        assert_eq!(direction("< 5 ms"), Direction::Lower);
        assert_eq!(direction("≥ 99.99 %"), Direction::Higher);
        assert_eq!(direction("= 0"), Direction::Lower);
        assert_eq!(direction("= 1 h"), Direction::Neither);
        assert_eq!(direction("found"), Direction::Neither);
        assert_eq!(median(&[1.0, 2.0, 4.0]), 2.0);
        assert_eq!(median(&[1.0, 2.0, 4.0, 8.0]), 3.0);
    }
}
