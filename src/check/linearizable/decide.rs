//! Whether the steps of one key are linearizable, by whatever decides it.

use super::chain::{self, Chain};
use super::key::{Contradiction, Key};
use super::search::{Search, search};
use super::step::Step;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    Linearizable,
    Violation(Broken),
    /// The search hit its bound.
    GaveUp,
}

/// How it is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broken {
    /// Answers contradict each other, whenever they came.
    Answers(Contradiction),
    /// The two steps contradict each other by their times alone.
    Pair([usize; 2]),
    /// No request can have made this version in time.
    NoMaker(usize),
    /// There is no order of all the steps.
    NoOrder,
}

/// Configurations that a search may cost for every key, and more for each of its steps.
const CONFIGURATIONS: usize = 50_000;
const CONFIGURATIONS_PER_STEP: usize = 20;

pub fn decide(steps: &[Step]) -> Decision {
    decide_within(steps, CONFIGURATIONS + CONFIGURATIONS_PER_STEP * steps.len(), &mut 0)
}

/// A search gives up after `configurations`; `work` grows by how many steps were looked at.
pub fn decide_within(steps: &[Step], configurations: usize, work: &mut usize) -> Decision {
    *work += steps.len();
    let key = match Key::of(steps) {
        Ok(key) => key,
        Err(contradiction) => return Decision::Violation(Broken::Answers(contradiction)),
    };
    if !steps.iter().any(Step::concerns_deletion) {
        match chain::solve(&key) {
            Chain::Linearizable => return Decision::Linearizable,
            Chain::Violation(Some(pair)) => return Decision::Violation(Broken::Pair(pair)),
            Chain::Violation(None) => return Decision::Violation(Broken::NoOrder),
            Chain::NoMaker(version) => return Decision::Violation(Broken::NoMaker(version)),
            Chain::Ambiguous => {}
        }
    }
    match search(&key, configurations, work) {
        Search::Linearizable => Decision::Linearizable,
        Search::Violation => Decision::Violation(Broken::NoOrder),
        Search::GaveUp => Decision::GaveUp,
    }
}

impl Broken {
    /// Whether a request that is missing from the history would explain it.
    pub fn may_be_a_gap_in_the_history(&self) -> bool {
        match self {
            Self::Answers(contradiction) => contradiction.may_be_a_gap_in_the_history(),
            Self::NoMaker(_) | Self::NoOrder => true,
            Self::Pair(_) => false,
        }
    }
}
