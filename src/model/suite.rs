//! A suite: which scenarios a night goes through, whose turn it is, and what became of each. Keeps no clock.

use super::{Span, Verdict};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;

/// A file of `kind: suite` after validation.
#[derive(Clone, Debug, PartialEq)]
pub struct Suite {
    pub name: String,
    pub summary: String,
    /// The time that all runs of a night have together.
    pub within: Span,
    /// In the order in which they run: what comes first is the last to be left out.
    pub groups: Vec<Group>,
}

/// Scenarios that belong together, on one or more backends.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    pub name: String,
    /// Files and folders, as they can be opened.
    pub scenarios: Vec<PathBuf>,
    pub backends: Vec<SuiteBackend>,
    /// For scenarios that upgrade nodes; empty for the known version before the one under test.
    pub upgrades: Vec<UpgradePair>,
    pub repeat: u16,
    /// How many of what it unfolds to have their turn in one night; `None` for all of them.
    pub a_night: Option<u16>,
}

impl Group {
    /// In how many nights the one at `place` of `count` has its turn: 0 for tonight. Nights follow one another in the list, so
    /// that all have had theirs after as few nights as possible.
    pub fn turn_in(&self, place: usize, count: usize, night: u64) -> u64 {
        let Some(a_night) = self.a_night.filter(|a_night| usize::from(*a_night) < count) else { return 0 };
        let (count, a_night, place) = (count as u128, u128::from(a_night), place as u128);
        let is_in = |night: u128| (place + count - night * a_night % count) % count < a_night;
        (0..count as u64).find(|later| is_in(u128::from(night) + u128::from(*later))).unwrap_or(0)
    }

    /// After how many nights each of `count` has had its turn.
    pub fn nights(&self, count: usize) -> u64 {
        self.a_night.map_or(1, |a_night| count.div_ceil(usize::from(a_night)).max(1) as u64)
    }
}

/// How nodes run in a suite: a cluster that exists is no business of the night.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SuiteBackend {
    Process,
    Docker,
}

impl SuiteBackend {
    pub const ALL: [SuiteBackend; 2] = [SuiteBackend::Process, SuiteBackend::Docker];

    pub fn name(self) -> &'static str {
        match self {
            SuiteBackend::Process => "process",
            SuiteBackend::Docker => "docker",
        }
    }
}

/// From which version nodes are upgraded to which, each `product@version`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UpgradePair {
    pub from: String,
    pub to: String,
}

/// One thing that a night may run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuiteItem {
    pub group: String,
    pub scenario: String,
    pub backend: SuiteBackend,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgrade: Option<UpgradePair>,
}

impl fmt::Display for SuiteItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.scenario, self.backend.name())?;
        match &self.upgrade {
            Some(UpgradePair { from, to }) => write!(f, ", {from} → {to}"),
            None => Ok(()),
        }
    }
}

/// `suite.json`: what a night did, and what it left out. Written again after each run, so that what ended is told whatever
/// becomes of the rest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SuiteReport {
    pub version: u32,
    pub suite: String,
    pub summary: String,
    /// By which turns are taken.
    pub night: u64,
    pub first_seed: u64,
    pub within: Span,
    /// What is under test, except where nodes are upgraded.
    pub server: String,
    pub started_at: jiff::Timestamp,
    pub elapsed_ms: f64,
    pub end: SuiteEnd,
    /// In the order in which they ended.
    pub runs: Vec<SuiteRun>,
    pub left_out: Vec<LeftOut>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SuiteEnd {
    /// Also what a harness says that was killed.
    UnderWay,
    Whole,
    Interrupted,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SuiteRun {
    #[serde(flatten)]
    pub item: SuiteItem,
    pub seed: u64,
    /// Null where the harness failed: that is no verdict on the server.
    pub verdict: Option<Verdict>,
    /// What was seen, or why the verdict is no pass.
    pub said: String,
    /// Name of the run folder beside this file; null when there is none.
    pub folder: Option<String>,
    pub took_ms: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeftOut {
    #[serde(flatten)]
    pub item: SuiteItem,
    pub reason: LeftOutFor,
    /// More about the reason; empty where there is no more to say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
}

/// Why something did not run tonight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LeftOutFor {
    /// The time did not suffice.
    Budget,
    /// This machine lacks something.
    Skipped,
    /// The backend cannot do it by design.
    Unsupported,
    /// Somebody ended the night early.
    Interrupted,
    /// The night has not come to it, or was killed before it did.
    NotReached,
    /// It has its turn another night.
    Rotation,
}

impl LeftOutFor {
    /// As a heading over those it holds for.
    pub fn words(self) -> &'static str {
        match self {
            LeftOutFor::Budget => "the time did not suffice",
            LeftOutFor::Skipped => "this machine lacks something",
            LeftOutFor::Unsupported => "the backend cannot do it",
            LeftOutFor::Interrupted => "the night was ended early",
            LeftOutFor::NotReached => "the night did not come to it",
            LeftOutFor::Rotation => "has its turn another night",
        }
    }
}

impl SuiteReport {
    /// How many runs ended so; `None` counts those in which the harness failed.
    pub fn count(&self, verdict: Option<Verdict>) -> usize {
        self.runs.iter().filter(|run| run.verdict == verdict).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(a_night: Option<u16>) -> Group {
        Group {
            name: "g".into(),
            scenarios: vec![],
            backends: vec![SuiteBackend::Process],
            upgrades: vec![],
            repeat: 1,
            a_night,
        }
    }

    #[test]
    fn everything_has_its_turn_once_in_a_rotation_and_nothing_twice_a_night() {
        for (count, a_night) in [(5, 1), (5, 2), (10, 2), (7, 3), (3, 3), (1, 1)] {
            let group = group(Some(a_night));
            let nights = group.nights(count);
            for first in [0, 20_780, u64::MAX - 40] {
                let mut turns = vec![0; count];
                for night in 0..nights {
                    let tonight: Vec<usize> =
                        (0..count).filter(|place| group.turn_in(*place, count, first + night) == 0).collect();
                    assert_eq!(tonight.len(), count.min(usize::from(a_night)));
                    tonight.into_iter().for_each(|place| turns[place] += 1);
                }
                assert!(turns.iter().all(|turns| *turns >= 1), "{count} {a_night} {turns:?}");
            }
        }
        assert!((0..4).all(|place| group(None).turn_in(place, 4, 7) == 0));
    }

    #[test]
    fn whose_turn_is_another_night_is_told_which() {
        let group = group(Some(1));
        let turns: Vec<u64> = (0..4).map(|place| group.turn_in(place, 4, 5)).collect();
        assert_eq!(turns, [3, 0, 1, 2]);
    }
}
