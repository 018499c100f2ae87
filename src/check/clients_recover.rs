//! `clients-recover`: every program that was served before the faults is served again after them.
//!
//! What counts is the time in which the load is held after everything was healed. A program that is not served once in it,
//! while it was before the first fault, has not come back: it keeps a dead address, a broken connection or a token that
//! nobody knows any more.

use super::{Checked, line, sentences, violation};
use crate::facts::{Facts, LoadOps, due_within, is_served, longest_outage_ms};
use crate::model::{Operation, Phase, Verdict, Workload};

/// Fewer show nothing of a program that fails now and then.
const INVOCATIONS_MIN: usize = 3;
const EVIDENCE_MAX: usize = 3;

pub fn has_data(facts: &Facts) -> bool {
    programs(facts).next().is_some() && facts.disturbing_faults().next().is_some()
}

fn programs<'f, 'a>(facts: &'f Facts<'a>) -> impl Iterator<Item = &'f LoadOps<'a>> {
    facts.loads.iter().filter(|load| load.load.workload == Workload::Program)
}

fn served(ops: &[&Operation]) -> usize {
    ops.iter().filter(|op| is_served(op)).count()
}

pub fn check(facts: &Facts) -> Checked {
    let nothing = |note: &str| Checked {
        checked: 0,
        coverage: Verdict::Inconclusive,
        note: note.to_owned(),
        violations: Vec::new(),
    };
    let faults_ms = facts.disturbing_faults().map(|fault| fault.requested_ms);
    let Some(first_fault_ms) = faults_ms.min_by(f64::total_cmp) else {
        return nothing("no node was disturbed");
    };
    let Some(over_ms) = held_from_ms(facts) else { return nothing("nothing was asked after the faults") };
    let (mut checked, mut notes, mut violations) = (0, Vec::new(), Vec::new());
    let mut coverage = Verdict::Pass;
    for load in programs(facts) {
        let name = &load.name;
        let before = due_within(&load.ops, 0.0, first_fault_ms);
        let after = due_within(&load.ops, over_ms, f64::INFINITY);
        checked += after.len() as u64;
        if served(before) < INVOCATIONS_MIN || after.len() < INVOCATIONS_MIN {
            coverage = Verdict::Inconclusive;
            let (good, later) = (served(before), after.len());
            notes.push(format!(
                "{name}: served {good} times before the faults and run {later} times after them"
            ));
        } else if served(after) == 0 {
            let summary = format!("{name} was never served again: {} times after the faults", after.len());
            violations.push(violation(summary, after.iter().take(EVIDENCE_MAX).map(line).collect()));
        } else {
            notes.push(format!("{name}: {}", gone(facts, load)));
        }
    }
    if checked == 0 && notes.is_empty() {
        return nothing("no program was run");
    }
    Checked { checked, coverage, note: sentences(notes), violations }
}

/// When all was healed and every voter there again: the last stretch of the load, as long as it is held.
fn held_from_ms(facts: &Facts) -> Option<f64> {
    let recovery = facts.phase(Phase::Recovery)?;
    let held_ms = facts.run.info.scenario.recovery.hold.as_ms();
    Some((recovery.end_ms - held_ms).max(recovery.start_ms))
}

/// How long it was without service, in words.
fn gone(facts: &Facts, load: &LoadOps) -> String {
    let route = load.load.route.to_string();
    let of_load = facts.outages.iter().filter(|outage| {
        outage.fault.is_some() && outage.operation == Workload::Program.name() && outage.route == route
    });
    match longest_outage_ms(of_load) {
        0.0 => "never without service".to_owned(),
        longest_ms => format!("served again after {:.1} s", longest_ms / 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::verdict;
    use crate::facts::testing::*;
    use crate::model::FaultKind;
    use crate::record::SavedRun;

    /// Killed at 12 s, healed at 22 s, held to 40 s; the program gets `answer` from the kill on.
    fn killed(answer: fn(f64) -> Answer) -> SavedRun {
        RunBuilder::new()
            .load("program", "leader", 2.0)
            .phases(2e3, 12e3, 23e3, 40e3)
            .requested(12_000.0, "f1", FaultKind::Kill, "leader", &["n1"])
            .applied(12_001.0, "f1")
            .healed(22_000.0, "f1")
            .traffic(0, 0.0, 40e3, move |t_ms| if t_ms < 12e3 { Answer::ok(200.0) } else { answer(t_ms) })
            .build()
    }

    #[test]
    fn passes_when_the_program_is_served_again_and_says_after_how_long() {
        let run = killed(|t_ms| if t_ms < 21e3 { Answer::refused(300.0) } else { Answer::ok(200.0) });
        let (passed, found) = verdict(check, &run);
        assert_eq!(passed, Verdict::Pass, "{}", found.note);
        assert!(found.note.contains("program via leader: served again after 9"), "{}", found.note);
        assert!(has_data(&Facts::of(&run)) && found.checked > 0);
    }

    #[test]
    fn fails_when_it_never_is() {
        let (failed, found) = verdict(check, &killed(|_| Answer::refused(300.0)));
        assert_eq!(failed, Verdict::Fail);
        assert!(found.violations[0].summary.contains("never served again"), "{:?}", found.violations);
        assert_eq!(found.violations[0].evidence.len(), EVIDENCE_MAX);
    }

    #[test]
    fn inconclusive_when_it_never_was_served_or_nobody_was_disturbed() {
        let mut never = killed(|_| Answer::refused(300.0));
        never.history.retain(|op| !op.is_ok());
        assert_eq!(verdict(check, &never).0, Verdict::Inconclusive);
        let mut unasked = killed(|_| Answer::ok(200.0));
        unasked.history.retain(|op| op.due_us < 22_000_000);
        assert_eq!(verdict(check, &unasked).0, Verdict::Inconclusive);
        let calm = RunBuilder::new()
            .load("program", "leader", 2.0)
            .phases(2e3, 12e3, 23e3, 40e3)
            .traffic(0, 0.0, 40e3, |_| Answer::ok(200.0))
            .build();
        assert!(!has_data(&Facts::of(&calm)));
        assert_eq!(verdict(check, &calm).0, Verdict::Inconclusive);
    }
}
