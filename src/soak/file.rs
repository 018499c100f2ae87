//! The files of a run's folder that repeat it: the schedule, the smallest one, and what both need beside them.

use super::happened::{Schedule, happened, named};
use super::search::{Shrunk, Smallest};
use crate::model::Scenario;
use crate::record::{BLUEPRINT, RecordError, RunFolder, SavedRun};
use crate::scenario::{Notes, as_file};
use serde_json::json;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// What happened.
pub const SCHEDULE: &str = "schedule.yaml";
/// What was found to fail as well.
pub const SMALLEST: &str = "smallest.yaml";
const KNOWN_FINDINGS: &str = "known-findings.yaml";

/// Writes the schedule of a run whose faults were drawn, with the findings that were known; nothing for other runs.
///
/// # Errors
/// A file cannot be written.
pub fn save_schedule(folder: &RunFolder, run: &SavedRun) -> Result<Option<PathBuf>, RecordError> {
    let Some(Schedule { scenario, notes }) =
        happened(run).filter(|found| !found.scenario.timeline.is_empty())
    else {
        return Ok(None);
    };
    // What its own folder alone can say is repeated from there.
    let Ok(text) = as_file(&scenario, &beside(), &notes) else { return Ok(None) };
    if !run.info.known_findings.is_empty() {
        let findings = json!({ "findings": run.info.known_findings });
        let text = serde_json::to_string_pretty(&findings).expect("model types serialise");
        folder.write_whole(KNOWN_FINDINGS, text.as_bytes())?;
    }
    folder.write_whole(SCHEDULE, text.as_bytes()).map(Some)
}

/// Writes what was found; `rows` are those that failed.
///
/// # Errors
/// The file cannot be written.
pub fn save_smallest(
    folder: &RunFolder,
    schedule: &Scenario,
    smallest: &Smallest,
    rows: &BTreeSet<String>,
    shrunk: Option<&Shrunk>,
) -> Result<PathBuf, RecordError> {
    let rows: Vec<_> = rows.iter().map(String::as_str).collect();
    let mut head = vec![format!("Fails in {} runs: {}.", smallest.rate.words(), rows.join(", "))];
    head.push(match shrunk {
        Some(Shrunk { finished: true, runs, .. }) => {
            format!(
                "The smallest that was found in {runs} runs, of a schedule of {} faults.",
                schedule.timeline.len()
            )
        }
        Some(Shrunk { runs, .. }) => format!("The smallest so far: the search was ended after {runs} runs."),
        None => "The smallest so far: the search goes on, or was killed.".to_owned(),
    });
    let scenario = Scenario {
        name: named(&schedule.name, "smallest"),
        timeline: smallest.steps.clone(),
        ..schedule.clone()
    };
    let text = as_file(&scenario, &beside(), &Notes { head, steps: Vec::new() })
        .expect("what was read from a written schedule can be written");
    folder.write_whole(SMALLEST, text.as_bytes())
}

fn beside() -> String {
    format!("./{BLUEPRINT}")
}
