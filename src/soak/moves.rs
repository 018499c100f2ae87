//! The ways in which a schedule can become less: shorter holds, smaller gaps, weaker faults, weaker targets.

use crate::model::{FaultKind, Span, Step, Target};
use std::time::Duration;

/// A shorter fault would be healed before its evidence is complete.
const HELD_MIN: Duration = Duration::from_secs(1);
/// Packets of our own must cross every link while it lasts.
const CUT_MIN: Duration = Duration::from_secs(2);

/// Schedules that take less time than this one, the boldest first.
pub(super) fn shorter(steps: &[Step]) -> Vec<Vec<Step>> {
    let mut all = vec![closed_up(steps)];
    let halves: Vec<Step> = steps.iter().map(|step| halved(step).unwrap_or_else(|| step.clone())).collect();
    all.push(halves);
    for index in 0..steps.len() {
        if let Some(half) = halved(&steps[index]) {
            all.push(with(steps, index, half));
        }
    }
    all.retain(|candidate| candidate != steps);
    all.dedup();
    all
}

/// The first at once, each other as soon as the one before it is healed.
fn closed_up(steps: &[Step]) -> Vec<Step> {
    let mut at = Span::default();
    let place = |step: &Step| {
        let placed = Step { at, ..step.clone() };
        at = Span(at.0 + step.heal_after.unwrap_or_default().0);
        placed
    };
    steps.iter().map(place).collect()
}

/// Held half as long, in tenths of a second; `None` when that is too short to be shown.
fn halved(step: &Step) -> Option<Step> {
    let least = if step.fault.is_of_links() { CUT_MIN } else { HELD_MIN };
    let held = step.heal_after.filter(|held| held.0 > least)?;
    let tenths = (held.0.as_millis() as u64 / 200) * 100;
    let heal_after = Some(Span(Duration::from_millis(tenths).max(least)));
    Some(Step { heal_after, ..step.clone() })
}

/// Schedules with one fault that does less harm.
pub(super) fn weaker(steps: &[Step]) -> Vec<Vec<Step>> {
    let of = |(index, step): (usize, &Step)| {
        weaker_than(step).into_iter().map(move |weaker| with(steps, index, weaker)).collect::<Vec<_>>()
    };
    steps.iter().enumerate().flat_map(of).collect()
}

fn weaker_than(step: &Step) -> Vec<Step> {
    let kind = match step.fault {
        FaultKind::Kill => Some(FaultKind::Stop),
        FaultKind::Stop | FaultKind::Restart if step.target == Target::Leader => Some(FaultKind::StepDown),
        FaultKind::Isolate if matches!(step.target, Target::Leader | Target::Follower) => {
            Some(FaultKind::CannotSpeak)
        }
        _ => None,
    };
    let target = match (step.fault, &step.target) {
        (FaultKind::StepDown, _) => None,
        (FaultKind::Isolate, Target::All) => Some(Target::Majority),
        (FaultKind::Isolate, Target::Majority) => Some(Target::Minority),
        (FaultKind::FillAudit | FaultKind::FillData | FaultKind::Disconnect, Target::All) => {
            Some(Target::Leader)
        }
        (_, Target::All) => Some(Target::Majority),
        (_, Target::Majority | Target::Minority) => Some(Target::Leader),
        (_, Target::Leader) => Some(Target::Follower),
        _ => None,
    };
    let as_kind = |fault: FaultKind, target: Target| {
        let heal_after = step.heal_after.filter(|_| !fault.is_one_shot());
        Step { when: step.when, ..Step::plain(step.at, fault, target, heal_after) }
    };
    let kinds = kind.map(|kind| as_kind(kind, step.target.clone()));
    let targets = target.map(|target| as_kind(step.fault, target));
    kinds.into_iter().chain(targets).collect()
}

fn with(steps: &[Step], index: usize, step: Step) -> Vec<Step> {
    let mut changed = steps.to_vec();
    changed[index] = step;
    changed
}
