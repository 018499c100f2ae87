//! Throughput from the stages of a ramp: the knee, and the highest rate that one node carried.

use super::figure::{Figure, Judged};
use super::latency::cpu;
use crate::facts::{Facts, StageFact};
use crate::model::{Bound, Phase, Unit, Verdict};

/// The highest rate that held, as a share of one node, and the lowest at which the server broke.
struct Knee {
    held: Option<f64>,
    broken: Option<f64>,
    samples: u64,
    harness_late: bool,
}

fn knee_of(stages: &[&StageFact], per_node: bool) -> Knee {
    let rate = |stage: &StageFact| if per_node { stage.rate / stage.nodes.max(1) as f64 } else { stage.rate };
    let held = stages.iter().filter(|stage| stage.holds).map(|stage| rate(stage)).reduce(f64::max);
    // Breaking counts after the last stage that held: one bad second at a low rate is no knee.
    let last_held = stages.iter().rposition(|stage| stage.holds).map_or(0, |last| last + 1);
    let after = &stages[last_held..];
    let broken = after.iter().find(|stage| !stage.harness_late).map(|stage| rate(stage));
    // Once the harness sends late, later stages say nothing; what broke before that does.
    let harness_late = after.first().is_some_and(|stage| stage.harness_late);
    let samples = stages.iter().map(|stage| stage.samples).sum();
    Knee { held, broken: broken.filter(|_| !harness_late), samples, harness_late }
}

fn ramps<'f>(facts: &'f Facts) -> Vec<(String, Vec<&'f StageFact>)> {
    let of = |index: usize| facts.stages.iter().filter(move |stage| stage.load == index).collect::<Vec<_>>();
    let loads = facts.loads.iter().enumerate();
    loads.map(|(i, load)| (load.name.clone(), of(i))).filter(|(_, stages)| !stages.is_empty()).collect()
}

const NO_RAMP: &str = "the scenario has no ramp";
const HARNESS_LATE: &str = "the harness itself sent late before the server broke";

/// Whether the ramp found the rate at which an objective breaks.
pub fn knee(facts: &Facts, bound: Bound) -> Judged {
    let parts = ramps(facts)
        .into_iter()
        .map(|(name, stages)| {
            let Knee { held, broken, samples, harness_late } = knee_of(&stages, false);
            let (verdict, note) = match (held, broken) {
                _ if harness_late => (Verdict::Inconclusive, HARNESS_LATE.to_owned()),
                (Some(held), Some(broken)) => {
                    (Verdict::Pass, format!("{held:.0} /s held and {broken:.0} /s did not"))
                }
                (Some(held), None) => (
                    Verdict::Inconclusive,
                    format!("everything up to {held:.0} /s held: the ramp must go higher"),
                ),
                (None, _) => {
                    (Verdict::Inconclusive, "not even the first stage held: the ramp must begin lower".into())
                }
            };
            let interval = held.zip(broken).map(|(held, broken)| [held, broken]);
            (name, Figure { measured: held, interval, samples, verdict, note })
        })
        .collect();
    Judged::worst(&bound, parts, NO_RAMP)
}

/// The highest rate that one node carried within the objectives, against the promised one.
pub fn node(facts: &Facts, bound: Bound) -> Judged {
    if bound.unit != Unit::PerSecond {
        return Figure::unknown(format!("the promise `{bound}` is no rate per second")).into();
    }
    let parts = ramps(facts)
        .into_iter()
        .map(|(name, stages)| {
            let Knee { held, broken, samples, harness_late } = knee_of(&stages, true);
            let interval = held.zip(broken).map(|(held, broken)| [held, broken]);
            let (verdict, note) = if held.is_some_and(|held| bound.holds(held)) {
                (Verdict::Pass, String::new())
            } else if harness_late {
                (Verdict::Inconclusive, HARNESS_LATE.to_owned())
            } else if let Some(broken) = broken.filter(|broken| *broken <= bound.value) {
                let steady =
                    facts.phase(Phase::Steady).map_or((0.0, facts.end_ms), |s| (s.start_ms, s.end_ms));
                let cpu = cpu(facts, steady.0, steady.1);
                (Verdict::Fail, format!("at {broken:.0} /s per node it no longer held; {cpu}"))
            } else {
                (Verdict::Inconclusive, "the ramp did not go up to the promised rate".into())
            };
            (name, Figure { measured: held, interval, samples, verdict, note })
        })
        .collect();
    Judged::worst(&bound, parts, NO_RAMP)
}
