//! The smallest part of a history that still cannot be ordered.
//!
//! A step is left out by allowing more, never less: what only observes is dropped, what has an effect may have
//! it at any time. So what remains breaks for no other reason than the whole does.

use super::decide::{Decision, decide_within};
use super::step::{OPEN, Step};

/// Steps looked at in all: a history too large for it is left as it is.
const WORK: usize = 20_000_000;
/// Steps that may happen at any time make a search long. One that gives up so soon says nothing about its part, which
/// then stays.
const CONFIGURATIONS: usize = 4_000;

/// The steps of which none was found that can be left out, as places in `steps`, by the time they were sent; `None`
/// when it would cost too much to find them.
pub fn shrink(steps: &[Step]) -> Option<Vec<usize>> {
    let mut work = 0;
    let mut kept: Vec<usize> = (0..steps.len()).collect();
    kept.sort_by_key(|&i| steps[i].sent_us);
    let mut still_breaks = |kept: &[usize]| {
        let decision = decide_within(&only(steps, kept), CONFIGURATIONS, &mut work);
        (work <= WORK).then_some(matches!(decision, Decision::Violation(_)))
    };
    // Larger pieces first, then single steps until none can go.
    let mut piece = kept.len().div_ceil(2).max(1);
    loop {
        let before = kept.len();
        let mut from = 0;
        while from < kept.len() {
            let to = (from + piece).min(kept.len());
            let without = [&kept[..from], &kept[to..]].concat();
            if still_breaks(&without)? {
                kept = without;
            } else {
                from = to;
            }
        }
        if piece == 1 && kept.len() == before {
            return Some(kept);
        }
        piece = piece.div_ceil(2);
    }
}

/// The history in which only the `kept` steps are held to their times.
pub(super) fn only(steps: &[Step], kept: &[usize]) -> Vec<Step> {
    let mut is_kept = vec![false; steps.len()];
    kept.iter().for_each(|&i| is_kept[i] = true);
    let relaxed = |(step, kept): (&Step, &bool)| match (kept, step.only_observes()) {
        (true, _) => Some(*step),
        (false, true) => None,
        // What was acknowledged did happen, whenever that was.
        (false, false) => Some(Step { sent_us: 0, done_us: step.done_us.max(OPEN - 1), ..*step }),
    };
    steps.iter().zip(&is_kept).filter_map(relaxed).collect()
}
