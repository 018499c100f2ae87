//! What many runs say beside one another: two sets of them compared, and one set in the order of time.

use super::{RunInfo, RunResult, Verdict};
use serde::Serialize;

/// A run of which only the result is of interest.
#[derive(Clone, Debug)]
pub struct PastRun {
    /// The name of its folder.
    pub folder: String,
    pub info: RunInfo,
    pub result: RunResult,
}

/// Which way is the better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    Lower,
    Higher,
    /// A promise of a value that is neither.
    Neither,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    Better,
    Worse,
    /// Another, of a figure that knows no better.
    Other,
    /// The test shows no difference, which does not say that there is none.
    NoneShown,
    /// Too few runs for any difference to show.
    TooFewRuns,
    /// The last run's figure is inconclusive, and for more than lying close to its promise.
    NotCounted,
}

impl Change {
    pub fn words(self) -> &'static str {
        match self {
            Change::Better => "better",
            Change::Worse => "worse",
            Change::Other => "different",
            Change::NoneShown => "no difference shown",
            Change::TooFewRuns => "too few runs",
            Change::NotCounted => "inconclusive, not counted",
        }
    }
}

/// One figure in several runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sample {
    pub runs: usize,
    pub median: f64,
    pub min: f64,
    pub max: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FigureComparison {
    /// An objective's id.
    pub id: String,
    pub unit: String,
    pub direction: Direction,
    pub a: Sample,
    pub b: Sample,
    /// Runs of each whose figure is inconclusive for more than lying close to its promise: in neither sample.
    pub not_counted: [usize; 2],
    /// How likely the two would lie at least so far apart if nothing had changed, corrected for the number of figures;
    /// null where there are too few runs.
    pub p: Option<f64>,
    pub change: Change,
}

impl FigureComparison {
    /// Whether it has one value in all runs of both.
    pub fn is_still(&self) -> bool {
        let values = [self.a.min, self.a.max, self.b.min, self.b.max];
        values.iter().all(|value| *value == values[0])
    }
}

/// One scenario of both sets.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScenarioComparison {
    pub scenario: String,
    /// The versions that were under test.
    pub servers: [Vec<String>; 2],
    pub verdicts: [Vec<Verdict>; 2],
    pub figures: Vec<FigureComparison>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunComparison {
    /// What beside the server is not the same in A and B: whatever follows may come from that.
    pub differing: Vec<String>,
    /// Scenarios of one set only.
    pub unpaired: Vec<String>,
    pub scenarios: Vec<ScenarioComparison>,
}

impl RunComparison {
    pub fn any(&self, change: Change) -> bool {
        self.scenarios.iter().any(|scenario| scenario.figures.iter().any(|figure| figure.change == change))
    }

    /// Whether at least one figure had enough runs.
    pub fn tells_something(&self) -> bool {
        let told =
            |figure: &FigureComparison| !matches!(figure.change, Change::TooFewRuns | Change::NotCounted);
        self.scenarios.iter().any(|scenario| scenario.figures.iter().any(told))
    }
}

/// Where the runs of one command lie, of a scenario that was repeated.
#[derive(Clone, Debug, PartialEq)]
pub struct ScenarioSpread {
    pub scenario: String,
    pub runs: usize,
    pub figures: Vec<FigureSpread>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct FigureSpread {
    pub id: String,
    pub unit: String,
    pub sample: Sample,
}

/// One run's figure in a trend.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrendPoint {
    pub started_at: jiff::Timestamp,
    pub value: f64,
    /// The figure's own.
    pub verdict: Verdict,
    /// Whether it says something about the server; one that does not is shown and lies in no band.
    pub counts: bool,
    pub server: String,
}

/// Where earlier runs lie.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Band {
    pub median: f64,
    pub low: f64,
    pub high: f64,
    /// Of how many earlier runs.
    pub runs: usize,
}

/// One figure of one scenario, run after run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FigureTrend {
    pub id: String,
    pub unit: String,
    pub direction: Direction,
    /// By time; never empty.
    pub points: Vec<TrendPoint>,
    /// Of all that count but the last; null while there are too few.
    pub band: Option<Band>,
    pub change: Change,
}

/// One scenario under the same conditions, run after run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScenarioTrend {
    pub scenario: String,
    /// Backend and machine: runs under others are other trends.
    pub conditions: String,
    pub figures: Vec<FigureTrend>,
}
