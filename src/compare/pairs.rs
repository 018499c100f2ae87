//! Two sets of runs: whether a figure of one lies elsewhere than that of the other, by the rank test of Mann and Whitney,
//! which asks nothing of how figures are spread; corrected after Holm for how many figures are looked at.

use super::conditions::differing;
use super::figures::{self, Figure, sample};
use crate::model::{Change, Direction, FigureComparison, PastRun, RunComparison, ScenarioComparison};
use statrs::stats_tests::Alternative;
use statrs::stats_tests::mannwhitneyu::{MannWhitneyUMethod, mannwhitneyu};
use std::collections::{BTreeMap, BTreeSet};

/// What is called a difference comes by chance once in so many comparisons: 1 in 20.
const CHANCE_MAX: f64 = 0.05;
/// With fewer in each set no arrangement of the figures is unlikely enough.
pub const RUNS_MIN: usize = 4;

pub fn compare(a: &[PastRun], b: &[PastRun]) -> RunComparison {
    let names =
        |runs: &[PastRun]| runs.iter().map(|run| run.result.scenario.clone()).collect::<BTreeSet<_>>();
    let (in_a, in_b) = (names(a), names(b));
    let of = |runs: &[PastRun], name: &str| -> Vec<PastRun> {
        runs.iter().filter(|run| run.result.scenario == name).cloned().collect()
    };
    let mut differences = Vec::new();
    let mut scenarios: Vec<_> = in_a
        .intersection(&in_b)
        .map(|name| {
            let (a, b) = (of(a, name), of(b, name));
            differences.extend(differing(&a, &b).into_iter().map(|what| format!("{name}: {what}")));
            scenario(name, &a, &b)
        })
        .collect();
    correct(&mut scenarios);
    let unpaired = in_a.symmetric_difference(&in_b).cloned().collect();
    RunComparison { differing: differences, unpaired, scenarios }
}

fn scenario(name: &str, a: &[PastRun], b: &[PastRun]) -> ScenarioComparison {
    let servers = |runs: &[PastRun]| {
        let named = runs.iter().flat_map(|run| run.result.server.all());
        named.map(|server| format!("{}@{}", server.product, server.version)).collect::<BTreeSet<_>>()
    };
    let (in_a, in_b) = (values(a), values(b));
    let figures = in_a.iter().filter_map(|(id, a)| {
        let b = in_b.get(id)?;
        let compared = figure(id, a.unit, a.direction, &a.counting, &b.counting);
        Some(FigureComparison { not_counted: [a.not_counted, b.not_counted], ..compared })
    });
    ScenarioComparison {
        scenario: name.to_owned(),
        servers: [servers(a), servers(b)].map(|servers| servers.into_iter().collect()),
        verdicts: [a, b].map(|runs| runs.iter().map(|run| run.result.verdict).collect()),
        figures: figures.collect(),
    }
}

struct Values<'r> {
    unit: &'r str,
    direction: Direction,
    counting: Vec<f64>,
    not_counted: usize,
}

fn values(runs: &[PastRun]) -> BTreeMap<&str, Values<'_>> {
    let mut values = BTreeMap::new();
    for figure in runs.iter().flat_map(|run| figures::of(&run.result)) {
        let Figure { id, unit, direction, value, counts, .. } = figure;
        let of = values.entry(id).or_insert_with(|| Values {
            unit,
            direction,
            counting: Vec::new(),
            not_counted: 0,
        });
        match counts {
            true => of.counting.push(value),
            false => of.not_counted += 1,
        }
    }
    values
}

/// Not yet corrected, and not yet judged.
fn figure(id: &str, unit: &str, direction: Direction, a: &[f64], b: &[f64]) -> FigureComparison {
    let enough = a.len() >= RUNS_MIN && b.len() >= RUNS_MIN;
    FigureComparison {
        id: id.to_owned(),
        unit: unit.to_owned(),
        direction,
        a: sample(a),
        b: sample(b),
        not_counted: [0, 0],
        p: enough.then(|| chance(a, b)),
        change: Change::TooFewRuns,
    }
}

/// How likely two sets of one kind would lie at least so far apart.
fn chance(a: &[f64], b: &[f64]) -> f64 {
    // Where all are the same there is nothing to rank.
    if a.iter().chain(b).all(|value| *value == a[0]) {
        return 1.0;
    }
    // Not the exact method: that of statrs 0.19 turns the probability round where the first set is not the larger one.
    let method = MannWhitneyUMethod::AsymptoticInclContinuityCorrection;
    let tested = mannwhitneyu(a, b, method, Alternative::TwoSided);
    tested.map_or(1.0, |(_, p)| if p.is_finite() { p } else { 1.0 })
}

/// Holm's correction over everything that is compared, and then the judgement.
fn correct(scenarios: &mut [ScenarioComparison]) {
    let tested = scenarios.iter_mut().flat_map(|scenario| &mut scenario.figures).filter(|f| f.p.is_some());
    // What is the same in every run was never a chance to go wrong: it does not count.
    let (still, mut figures): (Vec<_>, Vec<_>) = tested.partition(|figure| figure.is_still());
    still.into_iter().for_each(|figure| figure.change = Change::NoneShown);
    figures.sort_by(|one, other| one.p.unwrap_or(1.0).total_cmp(&other.p.unwrap_or(1.0)));
    let (count, mut highest) = (figures.len(), 0.0_f64);
    for (place, figure) in figures.into_iter().enumerate() {
        highest = highest.max(figure.p.unwrap_or(1.0) * (count - place) as f64).min(1.0);
        figure.p = Some(highest);
        let risen = figure.b.median > figure.a.median;
        figure.change = match (highest < CHANCE_MAX, figure.direction) {
            (false, _) => Change::NoneShown,
            (true, Direction::Neither) => Change::Other,
            (true, Direction::Lower) if risen => Change::Worse,
            (true, Direction::Higher) if !risen => Change::Worse,
            (true, _) => Change::Better,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(direction: Direction, a: &[f64], b: &[f64]) -> FigureComparison {
        let mut scenarios = [ScenarioComparison {
            scenario: "s".into(),
            servers: [vec![], vec![]],
            verdicts: [vec![], vec![]],
            figures: vec![figure("read.p99", "ms", direction, a, b)],
        }];
        correct(&mut scenarios);
        scenarios[0].figures[0].clone()
    }

    #[test]
    fn sets_that_lie_apart_are_told_apart_and_others_are_not() {
        let a = [1.0, 1.1, 1.2, 1.3, 1.4];
        let far = [2.0, 2.1, 2.2, 2.3, 2.4];
        let near = [1.05, 1.15, 1.25, 1.12, 1.31];
        assert_eq!(judged(Direction::Lower, &a, &far).change, Change::Worse);
        assert_eq!(judged(Direction::Higher, &a, &far).change, Change::Better);
        assert_eq!(judged(Direction::Neither, &a, &far).change, Change::Other);
        assert_eq!(judged(Direction::Lower, &far, &a).change, Change::Better);
        assert_eq!(judged(Direction::Lower, &a, &near).change, Change::NoneShown);
        let same = [0.0; 5];
        assert_eq!(judged(Direction::Lower, &same, &same).p, Some(1.0));
        // Two of 252 arrangements lie so far apart, 0.8 %; the normal curve says a little more.
        let p = judged(Direction::Lower, &a, &far).p.unwrap();
        assert!((0.008..0.013).contains(&p), "{p}");
        assert_eq!(judged(Direction::Lower, &far, &a).p, Some(p));
    }

    #[test]
    fn three_runs_show_nothing() {
        let few = judged(Direction::Lower, &[1.0, 1.1, 1.2], &[9.0, 9.1, 9.2]);
        assert_eq!((few.change, few.p), (Change::TooFewRuns, None));
    }

    #[test]
    fn many_figures_make_chance_findings_likelier_and_are_corrected_for() {
        let a = [1.0, 1.1, 1.2, 1.3];
        let b = [2.0, 2.1, 2.2, 2.3];
        assert_eq!(judged(Direction::Lower, &a, &b).change, Change::Worse);
        let one = |a: &[f64], b: &[f64]| figure("x", "ms", Direction::Lower, a, b);
        let noise = [1.02, 1.12, 1.22, 1.18];
        let mut scenarios = [ScenarioComparison {
            scenario: "s".into(),
            servers: [vec![], vec![]],
            verdicts: [vec![], vec![]],
            figures: vec![one(&a, &b), one(&a, &noise), one(&a, &noise)],
        }];
        correct(&mut scenarios);
        let [first, second, _] = &scenarios[0].figures[..] else { panic!() };
        assert_eq!(first.change, Change::NoneShown, "{:?}", first.p);
        assert!(first.p.unwrap() <= second.p.unwrap());
    }
}
