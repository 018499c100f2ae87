//! The runs of one command: where each figure of a scenario lies that was repeated.

use super::figures::{self, sample};
use crate::model::{FigureSpread, RunResult, ScenarioSpread};
use std::collections::BTreeMap;

/// Of every scenario with several runs, the figures that were measured in at least two of them.
pub fn spreads(results: &[RunResult]) -> Vec<ScenarioSpread> {
    let mut by_scenario: BTreeMap<&str, Vec<&RunResult>> = BTreeMap::new();
    for result in results {
        by_scenario.entry(&result.scenario).or_default().push(result);
    }
    let several = by_scenario.into_iter().filter(|(_, results)| results.len() > 1);
    several
        .map(|(scenario, results)| {
            let mut values: BTreeMap<&str, (&str, Vec<f64>)> = BTreeMap::new();
            for figure in results.iter().copied().flat_map(figures::of).filter(|figure| figure.counts) {
                values.entry(figure.id).or_insert_with(|| (figure.unit, Vec::new())).1.push(figure.value);
            }
            let figures =
                values.into_iter().filter(|(_, (_, values))| values.len() > 1).map(|(id, (unit, values))| {
                    FigureSpread { id: id.into(), unit: unit.into(), sample: sample(&values) }
                });
            ScenarioSpread { scenario: scenario.into(), runs: results.len(), figures: figures.collect() }
        })
        .collect()
}
