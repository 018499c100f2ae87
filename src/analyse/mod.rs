//! The judgement of a saved run: every figure, row and verdict of `result.json`, and what the pictures of a
//! report are drawn from. A pure function of the run folder: judging twice gives the same bytes.
//! Never live, and never a figure of its own making: facts, checkers and objectives supply them.

mod company;
mod guard;
mod load_rows;
mod picture;
#[cfg(test)]
mod tests;
mod validity;

pub use picture::picture;

use crate::check::{CHECKERS, Knowledge, judged, unjudged};
use crate::facts::{Facts, stale_reads};
use crate::model::{
    Control, CpuSeconds, Event, InvariantRow, ObjectiveRow, PhaseRow, Rehearsal, RunResult, Verdict,
};
use crate::record::SavedRun;
use crate::slo::{self, LostWrites};
use guard::guarded;
use validity::Reason;

const RESULT_VERSION: u32 = 1;

/// Judges a saved run. Whatever cannot be judged is inconclusive, and says why.
pub fn judge(run: &SavedRun) -> RunResult {
    let facts = Facts::of(run);
    let validity = validity::reasons(&facts);
    let (invariants, lost) = invariants(&facts, validity.is_empty());
    let mut objectives = objectives(&facts, &invariants, lost);
    if validity.iter().any(|reason| reason.ours) {
        let why = "not kept, but the harness was in trouble itself";
        objectives.iter_mut().for_each(|row| excuse_the_server(row, why));
    }
    company::excuse_for_company(&facts, &mut objectives);
    let verdict = verdict(&objectives, &invariants, &validity);
    let reasons = reasons(&objectives, &invariants, validity);
    let info = &run.info;
    RunResult {
        version: RESULT_VERSION,
        scenario: info.scenario.name.clone(),
        summary: info.scenario.summary.clone(),
        backend: info.backend.clone(),
        server: info.servers(),
        seed: info.seed,
        started_at: info.started_at,
        duration_ms: facts.end_ms,
        verdict,
        reasons: if verdict == Verdict::Pass { Vec::new() } else { reasons },
        objectives,
        invariants,
        faults: facts.faults.iter().map(|fault| fault.row()).collect(),
        stale_reads: stale_reads(&facts),
        rehearsal: rehearsal(&facts, verdict),
        alerts: facts.alerts().map(|seen| seen.rows).unwrap_or_default(),
        load: load_rows::load_rows(&facts),
        budget: slo::budget(&facts),
        control: control(&facts),
        phases: facts.phases.iter().map(|span| span.row()).collect::<Vec<PhaseRow>>(),
        overrides: info.overrides.clone(),
        command: info.command.clone(),
        failovers: facts.failovers,
        outages: facts.outages,
    }
}

/// Only what was shown to hold is a go.
fn rehearsal(facts: &Facts, verdict: Verdict) -> Option<Rehearsal> {
    let steps = facts.upgrade_steps();
    let configuration = facts.events().find_map(|(_, event)| match event {
        Event::ConfigurationCompared { compared, changes } => Some((*compared, changes.clone())),
        _ => None,
    });
    let (compared, changes) = configuration.unzip();
    let changes = changes.unwrap_or_default();
    let snapshot = facts.events().find_map(|(_, event)| match event {
        Event::SnapshotFirst(snapshot) => Some(snapshot.clone()),
        _ => None,
    });
    let lacks_one = snapshot.as_ref().is_some_and(|snapshot| snapshot.trouble.is_some());
    let go = verdict == Verdict::Pass && !lacks_one;
    (lacks_one || !steps.is_empty()).then_some(Rehearsal { go, snapshot, steps, compared, changes })
}

/// Every invariant that is expected or has data, and how many writes are lost. `valid` when the run can carry
/// a verdict.
fn invariants(facts: &Facts, valid: bool) -> (Vec<InvariantRow>, u64) {
    let knowledge = Knowledge::of(&facts.run.info, valid);
    let mut rows = Vec::new();
    let mut lost = 0;
    for checker in &CHECKERS {
        let gating = facts.run.info.scenario.expects(checker.id);
        if !gating && !(checker.has_data)(facts) {
            continue;
        }
        rows.push(match guarded(|| (checker.check)(facts)) {
            Ok(found) => {
                let (row, unknown) = judged(checker.id, gating, found, &knowledge);
                if checker.id == "no-lost-writes" {
                    lost = unknown;
                }
                row
            }
            Err(why) => unjudged(checker.id, gating, why),
        });
    }
    (rows, lost)
}

fn objectives(facts: &Facts, invariants: &[InvariantRow], lost: u64) -> Vec<ObjectiveRow> {
    let unchecked;
    let row = match invariants.iter().find(|row| row.id == "no-lost-writes") {
        Some(row) => row,
        None => {
            unchecked = unjudged("no-lost-writes", false, "no write was acknowledged".into());
            &unchecked
        }
    };
    let lost = LostWrites { row, lost };
    slo::promises(facts)
        .iter()
        .map(|promise| {
            let row = guarded(|| slo::judge(facts, promise, &lost));
            let row = row.unwrap_or_else(|why| slo::unjudged(promise, why));
            let info = &facts.run.info;
            ObjectiveRow { exercised: slo::exercises(&info.scenario, &info.backend, &row.id), ..row }
        })
        .collect()
}

/// Why the harness itself failed, when it did: then there is no verdict on the server to report.
pub fn harness_failed(run: &SavedRun) -> Option<String> {
    run.journal.iter().find_map(|entry| match &entry.event {
        Event::HarnessError { reason } => Some(reason.clone()),
        _ => None,
    })
}

/// A trouble of ours, or of the machine, is never reported as a failure of the server.
fn excuse_the_server(row: &mut ObjectiveRow, why: &str) {
    for part in row.breakdown.iter_mut().filter(|part| part.verdict == Verdict::Fail) {
        part.verdict = Verdict::Inconclusive;
    }
    if row.verdict == Verdict::Fail {
        row.verdict = Verdict::Inconclusive;
        let note = std::mem::take(&mut row.note);
        row.note = if note.is_empty() { why.into() } else { format!("{why}; {note}") };
    }
}

/// The worst of the gating rows, and no pass where the run itself is not valid.
fn verdict(objectives: &[ObjectiveRow], invariants: &[InvariantRow], validity: &[Reason]) -> Verdict {
    let objectives = objectives.iter().filter(|row| row.gating).map(|row| row.verdict);
    let invariants = invariants.iter().filter(|row| row.gating).map(|row| row.verdict);
    let at_best = if validity.is_empty() { Verdict::Pass } else { Verdict::Inconclusive };
    Verdict::worst(objectives.chain(invariants)).max(at_best)
}

fn reasons(objectives: &[ObjectiveRow], invariants: &[InvariantRow], validity: Vec<Reason>) -> Vec<String> {
    let mut reasons: Vec<String> = validity.into_iter().map(|reason| reason.text).collect();
    for row in objectives.iter().filter(|row| row.gating && row.verdict != Verdict::Pass) {
        let measured = row.measured.map_or("nothing measured".into(), |measured| {
            match row.unit.as_str() {
                // Fractions of minutes and hours are for machines.
                "min" => format!("measured {:.1} s", measured * 60.0),
                "h" => format!("measured {:.1} s", measured * 3_600.0),
                unit => format!("measured {measured:.2} {unit}").trim_end().to_owned(),
            }
        });
        let note = if row.note.is_empty() { String::new() } else { format!(": {}", row.note) };
        reasons.push(format!("{} {}: promised {}, {measured}{note}", row.id, row.verdict, row.target));
    }
    for row in invariants.iter().filter(|row| row.gating && row.verdict != Verdict::Pass) {
        let unknown = row.violations.iter().find(|violation| violation.known.is_none());
        let why = unknown.map_or(&row.note, |violation| &violation.summary);
        reasons.push(format!("{} {}: {why}", row.id, row.verdict));
    }
    if !objectives.iter().any(|row| row.gating) && !invariants.iter().any(|row| row.gating) {
        reasons.push("the scenario expects nothing, so nothing was judged for the verdict".into());
    }
    reasons
}

fn control(facts: &Facts) -> Control {
    let objective_ms = facts.contamination_ms();
    let mut cpu_s = CpuSeconds::default();
    for (_, event) in facts.events() {
        if let Event::Cpu { servers, harness, siblings, other, steal, .. } = event {
            cpu_s.servers += servers;
            cpu_s.harness += harness;
            cpu_s.siblings += siblings;
            cpu_s.other += other;
            cpu_s.steal += steal;
        }
    }
    let contaminated = facts.control.iter().filter(|window| window.contaminates(objective_ms)).count();
    Control {
        stall_max_ms: facts.control.iter().map(|window| window.stall_max_ms).fold(0.0, f64::max),
        echo_p99_ms: facts.control.iter().map(|window| window.echo_p99_ms).fold(0.0, f64::max),
        contaminated_windows: contaminated as u64,
        windows: facts.control.len() as u64,
        side_by_side: facts.run.info.side_by_side,
        cpu_s,
    }
}
