//! Throughput from the stages of a ramp: the knee, and the highest rate that one node carried.

use super::figure::{Figure, Judged};
use super::latency::cpu;
use crate::facts::{Facts, StageFact};
use crate::model::{Bound, Unit, Verdict};

/// The highest rate that held before the server broke beyond doubt, as a share of one node, and the rate at
/// which it broke.
struct Knee {
    held: Option<f64>,
    broken: Option<f64>,
    samples: u64,
    /// Why stages between the two that did not hold say nothing about the server.
    doubt: Option<&'static str>,
}

fn knee_of(stages: &[&StageFact], per_node: bool) -> Knee {
    let rate = |stage: &StageFact| if per_node { stage.rate / stage.nodes.max(1) as f64 } else { stage.rate };
    let broke = stages.iter().position(|stage| !stage.holds && stage.doubt.is_none());
    let before = &stages[..broke.unwrap_or(stages.len())];
    let held = before.iter().filter(|stage| stage.holds).map(|stage| rate(stage)).reduce(f64::max);
    let last_held = before.iter().rposition(|stage| stage.holds).map_or(0, |last| last + 1);
    let doubt = before[last_held..].iter().find_map(|stage| stage.doubt);
    let samples = stages.iter().map(|stage| stage.samples).sum();
    Knee { held, broken: broke.map(|index| rate(stages[index])), samples, doubt }
}

fn ramps<'f>(facts: &'f Facts) -> Vec<(String, Vec<&'f StageFact>)> {
    let of = |index: usize| facts.stages.iter().filter(move |stage| stage.load == index).collect::<Vec<_>>();
    let loads = facts.loads.iter().enumerate();
    loads.map(|(i, load)| (load.name.clone(), of(i))).filter(|(_, stages)| !stages.is_empty()).collect()
}

const NO_RAMP: &str = "the scenario has no ramp";

/// Who used the CPU from the first stage to the last, in words.
fn cpu_of(facts: &Facts, stages: &[&StageFact]) -> String {
    let start_ms = stages.iter().map(|stage| stage.start_ms).fold(f64::INFINITY, f64::min);
    let end_ms = stages.iter().map(|stage| stage.end_ms).fold(0.0, f64::max);
    cpu(facts, start_ms, end_ms)
}

/// Whether the ramp found the rate at which an objective breaks.
pub fn knee(facts: &Facts, bound: Bound) -> Judged {
    let parts = ramps(facts)
        .into_iter()
        .map(|(name, stages)| {
            let Knee { held, broken, samples, doubt } = knee_of(&stages, false);
            let (verdict, found) = match (held, broken, doubt) {
                (Some(held), Some(broken), doubt) => {
                    let between = doubt.map(|doubt| format!("; what lies between is open, since {doubt}"));
                    let between = between.unwrap_or_default();
                    (Verdict::Pass, format!("{held:.0} /s held and {broken:.0} /s did not{between}"))
                }
                (_, None, Some(doubt)) => {
                    (Verdict::Inconclusive, format!("{doubt}, and no stage broke beyond doubt"))
                }
                (Some(held), None, None) => (
                    Verdict::Inconclusive,
                    format!("everything up to {held:.0} /s held: the ramp must go higher"),
                ),
                (None, _, _) => {
                    (Verdict::Inconclusive, "not even the first stage held: the ramp must begin lower".into())
                }
            };
            let note = format!("{found}; {}", cpu_of(facts, &stages));
            let interval = held.zip(broken).map(|(held, broken)| [held, broken]);
            (name, Figure { measured: held, interval, samples, verdict, note })
        })
        .collect();
    Judged::worst(&bound, parts, NO_RAMP)
}

/// The highest rate that one node carried within the objectives, against the promised one.
pub fn node(facts: &Facts, bound: Bound) -> Judged {
    carried(facts, bound, true)
}

/// The same of all nodes together; a ramp through one of them says nothing about it.
pub fn cluster(facts: &Facts, bound: Bound) -> Judged {
    carried(facts, bound, false)
}

fn carried(facts: &Facts, bound: Bound, per_node: bool) -> Judged {
    if bound.unit != Unit::PerSecond {
        return Figure::unknown(format!("the promise `{bound}` is no rate per second")).into();
    }
    let is_asked = |stages: &[&StageFact]| {
        per_node || stages.iter().any(|stage| !facts.loads[stage.load].load.route.is_one_node())
    };
    let parts = ramps(facts)
        .into_iter()
        .filter(|(_, stages)| is_asked(stages))
        .map(|(name, stages)| {
            let Knee { held, broken, samples, doubt } = knee_of(&stages, per_node);
            let interval = held.zip(broken).map(|(held, broken)| [held, broken]);
            let (verdict, note) = if held.is_some_and(|held| bound.holds(held)) {
                (Verdict::Pass, String::new())
            } else if let Some(broken) = broken.filter(|broken| *broken <= bound.value) {
                let cpu = cpu_of(facts, &stages);
                let of = if per_node { " per node" } else { "" };
                (Verdict::Fail, format!("at {broken:.0} /s{of} it no longer held; {cpu}"))
            } else if let Some(doubt) = doubt {
                (Verdict::Inconclusive, format!("{doubt} before the promised rate was reached"))
            } else {
                (Verdict::Inconclusive, "the ramp did not go up to the promised rate".into())
            };
            (name, Figure { measured: held, interval, samples, verdict, note })
        })
        .collect();
    Judged::worst(&bound, parts, NO_RAMP)
}
