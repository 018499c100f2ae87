//! From `random` and a seed to a timeline. Everything is drawn before anything starts; what cannot be known by then,
//! which node leads and when the cluster is ready, each step finds out for itself.

use super::random_rules::possible_aims;
use crate::model::{RandomFaults, Scenario, Span, SpanRange, Step};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::time::Duration;

/// Tenths of a second are as fine as anybody reads.
const GRAIN_MS: u64 = 100;

/// The same scenario with the timeline that this seed gives it; one that draws nothing stays as it is.
pub fn with_faults_drawn(scenario: &Scenario, seed: u64) -> Scenario {
    let timeline = match &scenario.random {
        Some(random) => draw(random, seed),
        None => scenario.timeline.clone(),
    };
    Scenario { timeline, ..scenario.clone() }
}

/// One after the other, none before those before it are healed.
fn draw(random: &RandomFaults, seed: u64) -> Vec<Step> {
    let mut rng = StdRng::seed_from_u64(seed ^ 0x5eed_0f50);
    let mut steps = Vec::new();
    let mut at = Span::default();
    while at <= random.lasting {
        let Some(step) = one(random, at, &mut rng) else { break };
        let healed = at.0 + step.heal_after.unwrap_or_default().0;
        at = Span((at.0 + span(&random.every, &mut rng).0).max(healed));
        steps.push(step);
    }
    steps
}

fn one(random: &RandomFaults, at: Span, rng: &mut StdRng) -> Option<Step> {
    let kind = *pick(random.faults.iter(), rng)?;
    let target = pick(possible_aims(random, kind), rng)?.clone();
    let lasts = span(&random.lasts, rng);
    let heal_after = (!kind.is_one_shot()).then_some(lasts);
    Some(Step { when: random.quorum.when(), ..Step::plain(at, kind, target, heal_after) })
}

/// Each of the faults that can be drawn, once with each of its aims: what a scenario may be expected to show.
pub(super) fn possible(random: &RandomFaults) -> Vec<Step> {
    let steps = random.faults.iter().flat_map(|(kind, _)| {
        possible_aims(random, *kind).map(|(target, _)| {
            let heal_after = (!kind.is_one_shot()).then_some(random.lasts.to);
            Step {
                when: random.quorum.when(),
                ..Step::plain(random.lasting, *kind, target.clone(), heal_after)
            }
        })
    });
    steps.collect()
}

/// How long the faults go on at the most, while the cluster is always ready.
pub(super) fn longest(random: &RandomFaults) -> Span {
    Span(random.lasting.0 + random.lasts.to.0)
}

fn pick<'a, T>(weighted: impl Iterator<Item = &'a (T, u16)>, rng: &mut StdRng) -> Option<&'a T> {
    let weighted: Vec<_> = weighted.collect();
    let total: u32 = weighted.iter().map(|(_, weight)| u32::from(*weight)).sum();
    let mut left = rng.random_range(0..total.max(1));
    for (what, weight) in weighted {
        match left.checked_sub(u32::from(*weight)) {
            Some(rest) => left = rest,
            None => return Some(what),
        }
    }
    None
}

fn span(range: &SpanRange, rng: &mut StdRng) -> Span {
    let (from, to) = (range.from.0.as_millis() as u64, range.to.0.as_millis() as u64);
    let drawn = rng.random_range(from..=to);
    // Never outside of what was asked for.
    Span(Duration::from_millis((drawn / GRAIN_MS * GRAIN_MS).clamp(from, to)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FaultKind, Quorum, Target, When};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn random() -> RandomFaults {
        RandomFaults {
            lasting: Span::from_secs(600),
            every: SpanRange { from: Span::from_secs(5), to: Span::from_secs(12) },
            lasts: SpanRange { from: Span::from_secs(3), to: Span::from_secs(10) },
            faults: vec![(FaultKind::Kill, 6), (FaultKind::Pause, 3), (FaultKind::StepDown, 1)],
            targets: vec![(Target::Leader, 1), (Target::Follower, 3)],
            quorum: Quorum::Keep,
        }
    }

    #[test]
    fn the_same_seed_draws_the_same_and_another_seed_does_not() {
        assert_eq!(draw(&random(), 7), draw(&random(), 7));
        assert_ne!(draw(&random(), 7), draw(&random(), 8));
    }

    #[test]
    fn what_has_more_weight_is_drawn_more_often() {
        let mut counts: BTreeMap<(FaultKind, String), u32> = BTreeMap::new();
        for step in (0..50).flat_map(|seed| draw(&random(), seed)) {
            *counts.entry((step.fault, step.target.to_string())).or_default() += 1;
        }
        let total: u32 = counts.values().sum();
        let share = |kind, target: &str| {
            f64::from(counts.get(&(kind, target.to_owned())).copied().unwrap_or(0)) / f64::from(total)
        };
        assert!((share(FaultKind::Kill, "follower") - 0.45).abs() < 0.05, "{counts:?}");
        assert!((share(FaultKind::Pause, "leader") - 0.075).abs() < 0.03, "{counts:?}");
        assert!((share(FaultKind::StepDown, "leader") - 0.1).abs() < 0.03, "{counts:?}");
        assert_eq!(share(FaultKind::StepDown, "follower"), 0.0, "only the leader can step down");
    }

    proptest! {
        #[test]
        fn faults_never_overlap_and_keep_to_their_times(seed: u64, every_s in 1u64..20, lasts_s in 1u64..20) {
            let random = RandomFaults {
                every: SpanRange { from: Span::from_secs(every_s), to: Span::from_secs(every_s + 7) },
                lasts: SpanRange { from: Span::from_secs(lasts_s), to: Span::from_secs(lasts_s + 7) },
                ..random()
            };
            let steps = draw(&random, seed);
            prop_assert!(!steps.is_empty());
            for (step, next) in steps.iter().zip(&steps[1..]) {
                let held = step.heal_after.unwrap_or_default();
                prop_assert!(next.at.0 >= step.at.0 + held.0.max(random.every.from.0));
            }
            for step in steps {
                prop_assert!(step.at <= random.lasting);
                prop_assert_eq!(step.when, When::Whole);
                prop_assert_eq!(step.heal_after.is_none(), step.fault == FaultKind::StepDown);
                let fits = |held| held >= random.lasts.from && held <= random.lasts.to;
                prop_assert!(step.heal_after.is_none_or(fits));
            }
        }
    }
}
