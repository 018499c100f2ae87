//! Runs in the order of time: whether the last lies where the earlier ones lie.

use super::conditions::line;
use super::figures::{self, Figure, median, sorted};
use crate::model::{Band, Change, Direction, FigureTrend, PastRun, ScenarioTrend, TrendPoint};
use std::collections::BTreeMap;

/// So many earlier runs say where a figure lies.
const EARLIER_MIN: usize = 5;
/// Half the band, in deviations of the earlier runs: what lies beyond is no noise of theirs.
const DEVIATIONS: f64 = 3.0;
/// The median deviation of normal noise is so much smaller than its standard deviation.
const NORMAL: f64 = 1.4826;

/// By scenario, backend and machine; figures in the order of their ids.
pub fn trends(runs: &[PastRun]) -> Vec<ScenarioTrend> {
    let mut by_conditions: BTreeMap<(String, String), Vec<&PastRun>> = BTreeMap::new();
    for run in runs {
        by_conditions.entry((run.result.scenario.clone(), line(&run.info))).or_default().push(run);
    }
    by_conditions
        .into_iter()
        .map(|((scenario, conditions), mut runs)| {
            runs.sort_by_key(|run| run.result.started_at);
            ScenarioTrend { scenario, conditions, figures: figures_of(&runs) }
        })
        .collect()
}

fn figures_of(runs: &[&PastRun]) -> Vec<FigureTrend> {
    let mut found: BTreeMap<&str, (&str, Direction, Vec<TrendPoint>)> = BTreeMap::new();
    for run in runs {
        let all = run.result.server.all();
        let server = all.iter().map(|server| server.version.as_str()).collect::<Vec<_>>().join(" → ");
        for Figure { id, unit, direction, value, counts, verdict } in figures::of(&run.result) {
            let (started_at, server) = (run.result.started_at, server.clone());
            let point = TrendPoint { started_at, value, verdict, counts, server };
            found.entry(id).or_insert_with(|| (unit, direction, Vec::new())).2.push(point);
        }
    }
    let trends = found.into_iter();
    trends.map(|(id, (unit, direction, points))| trend(id, unit, direction, points)).collect()
}

fn trend(id: &str, unit: &str, direction: Direction, points: Vec<TrendPoint>) -> FigureTrend {
    let earlier = points.iter().rev().skip(1).filter(|point| point.counts);
    let band = band(&earlier.map(|point| point.value).collect::<Vec<_>>());
    let change = match points.last() {
        Some(last) if last.counts => change(band, last.value, direction),
        _ => Change::NotCounted,
    };
    FigureTrend { id: id.into(), unit: unit.into(), direction, points, band, change }
}

/// Around the median, by the median deviation: one run that went astray does not widen it. Never narrower than what the
/// earlier runs showed.
fn band(earlier: &[f64]) -> Option<Band> {
    if earlier.len() < EARLIER_MIN {
        return None;
    }
    let values = sorted(earlier);
    let middle = median(&values);
    let deviations: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
    let half = DEVIATIONS * NORMAL * median(&sorted(&deviations));
    let (lowest, highest) = (values[0], values[values.len() - 1]);
    let (low, high) = match half > 0.0 {
        true => (middle - half, middle + half),
        // More than half of them are the same: what the others showed has happened all the same.
        false => (lowest, highest),
    };
    Some(Band { median: middle, low, high, runs: earlier.len() })
}

fn change(band: Option<Band>, last: f64, direction: Direction) -> Change {
    let Some(Band { low, high, .. }) = band else { return Change::TooFewRuns };
    match (last < low, last > high, direction) {
        (false, false, _) => Change::NoneShown,
        (_, _, Direction::Neither) => Change::Other,
        (true, _, Direction::Lower) | (_, true, Direction::Higher) => Change::Better,
        _ => Change::Worse,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_beyond_the_noise_is_told_and_which_way() {
        let band = band(&[11.2, 11.3, 11.4, 11.3, 11.5]).unwrap();
        assert_eq!(band.median, 11.3);
        assert!(band.low < 11.0 && band.high > 11.6, "{band:?}");
        assert_eq!(change(Some(band), 11.4, Direction::Lower), Change::NoneShown);
        assert_eq!(change(Some(band), 20.0, Direction::Lower), Change::Worse);
        assert_eq!(change(Some(band), 1.9, Direction::Lower), Change::Better);
        assert_eq!(change(Some(band), 1.9, Direction::Higher), Change::Worse);
        assert_eq!(change(Some(band), 1.9, Direction::Neither), Change::Other);
        assert_eq!(change(None, 1.9, Direction::Lower), Change::TooFewRuns);
    }

    #[test]
    fn what_does_not_count_widens_no_band_and_is_not_judged() {
        let point = |value, counts| TrendPoint {
            started_at: jiff::Timestamp::UNIX_EPOCH,
            value,
            verdict: crate::model::Verdict::Inconclusive,
            counts,
            server: String::new(),
        };
        let of = |points| trend("read.p99", "ms", Direction::Lower, points);
        let mut points: Vec<_> =
            [1.0, 1.1, 1.2, 1.1, 1.0].into_iter().map(|value| point(value, true)).collect();
        points.push(point(50.0, true));
        assert_eq!(of(points.clone()).change, Change::Worse);
        points[5].counts = false;
        assert_eq!(of(points.clone()).change, Change::NotCounted);
        // With the fifth gone, those that are left are too few for a band.
        points[0].counts = false;
        points.push(point(50.0, true));
        assert_eq!(of(points).change, Change::TooFewRuns);
    }

    #[test]
    fn one_stray_run_does_not_widen_the_band_and_sameness_does_not_close_it() {
        let astray = band(&[11.2, 11.3, 11.4, 11.3, 60.0]).unwrap();
        assert!(astray.high < 12.0, "{astray:?}");
        let same = band(&[0.0, 0.0, 0.0, 0.0, 2.0]).unwrap();
        assert_eq!((same.low, same.high), (0.0, 2.0));
        assert_eq!(band(&[1.0; 4]), None);
    }
}
