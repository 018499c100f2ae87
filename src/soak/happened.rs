//! From a run's journal to the schedule as it happened.

use crate::model::{Event, NodeId, Phase, Scenario, Span, Step, Target};
use crate::record::SavedRun;
use crate::scenario::Notes;
use std::time::Duration;

/// A scenario that repeats a run, and what people read beside it.
pub struct Schedule {
    pub scenario: Scenario,
    pub notes: Notes,
}

/// What was requested and took hold, when it was. Nothing for a run whose faults have fixed times: its own file repeats it.
pub fn happened(run: &SavedRun) -> Option<Schedule> {
    let planned = &run.info.scenario.timeline;
    // A step is then one fault, and both are numbered alike.
    let is_gated = |step: &Step| !step.when.is_due() && step.times == 1 && step.target != Target::Each;
    if planned.is_empty() || !planned.iter().all(is_gated) {
        return None;
    }
    let began_ms = run.journal.iter().find_map(|entry| match entry.event {
        Event::Phase { phase: Phase::Fault } => Some(entry.t_ms),
        _ => None,
    })?;
    let (mut timeline, mut steps, mut left_out) = (Vec::new(), Vec::new(), 0);
    for (number, step) in (1..).zip(planned) {
        match Fault::of(run, &format!("f{number}")) {
            Some(fault) => {
                let at = span(fault.requested_ms - began_ms);
                let held = fault.heal_requested_ms.map(|healed_ms| span(healed_ms - fault.requested_ms));
                let heal_after =
                    step.heal_after.map(|planned| held.map_or(planned, |held| planned.min(held)));
                timeline.push(Step { at, heal_after, ..step.clone() });
                steps.push(fault.words(&step.target));
            }
            None => left_out += 1,
        }
    }
    let mut head = vec![
        "What was drawn, and when it really happened; who was hit stands beside it. To repeat it:".to_owned(),
        format!(
            "  vaultquake run {} --server {}@{}",
            super::SCHEDULE,
            run.info.server.product,
            run.info.server.version
        ),
    ];
    if left_out > 0 {
        head.push(format!("Left out: {left_out} that did not begin, or did not take hold."));
    }
    let name = named(&run.info.scenario.name, &format!("seed-{}", run.info.seed));
    let scenario = Scenario {
        name,
        seed: Some(run.info.seed),
        timeline,
        random: None,
        tags: Vec::new(),
        ..run.info.scenario.clone()
    };
    Some(Schedule { scenario, notes: Notes { head, steps } })
}

/// The longest that the name of a scenario may be.
const NAME_MAX: usize = 64;

/// The name with this at its end, once.
pub(super) fn named(name: &str, end: &str) -> String {
    let end = format!("-{end}");
    let name = name.strip_suffix(&end).unwrap_or(name);
    let room = NAME_MAX - end.len();
    let short = name.get(..room).unwrap_or(name).trim_end_matches('-');
    format!("{short}{end}")
}

struct Fault<'r> {
    nodes: &'r [NodeId],
    requested_ms: f64,
    heal_requested_ms: Option<f64>,
}

impl<'r> Fault<'r> {
    /// `None` when it did not begin, or did not take hold.
    fn of(run: &'r SavedRun, id: &str) -> Option<Self> {
        let mut found = None;
        let mut applied = false;
        let mut heal_requested_ms = None;
        for entry in &run.journal {
            match &entry.event {
                Event::FaultRequested { fault, nodes, .. } if fault == id => {
                    found = Some((nodes, entry.t_ms));
                }
                Event::FaultApplied { fault, .. } if fault == id => applied = true,
                Event::HealRequested { fault } if fault == id => heal_requested_ms = Some(entry.t_ms),
                _ => {}
            }
        }
        let (nodes, requested_ms) = found.filter(|_| applied)?;
        Some(Self { nodes, requested_ms, heal_requested_ms })
    }

    fn words(&self, target: &Target) -> String {
        let nodes: Vec<_> = self.nodes.iter().map(NodeId::as_str).collect();
        let nodes = nodes.join(", ");
        if *target == Target::Leader { format!("{nodes}, which led") } else { nodes }
    }
}

/// To a tenth of a second, and no earlier.
fn span(ms: f64) -> Span {
    Span(Duration::from_millis((ms.max(0.0) / 100.0).ceil() as u64 * 100))
}
