//! The figures of results: which they are, which way is better, and where several of them lie.

use crate::model::{Bound, Comparison, Direction, RunResult, Sample};

/// The measured figures of a run: objective, unit, direction, value.
pub fn of(result: &RunResult) -> impl Iterator<Item = (&str, &str, Direction, f64)> {
    result.objectives.iter().filter_map(|row| {
        let value = row.measured.filter(|value| value.is_finite())?;
        Some((row.id.as_str(), row.unit.as_str(), direction(&row.target), value))
    })
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
