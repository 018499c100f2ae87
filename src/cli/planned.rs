//! The scenario files of a command line, read and checked before anything is started.

use crate::model::{KnownFinding, Scenario};
use crate::scenario::{find_known_findings, find_scenarios, load_known_findings, load_scenario};
use std::path::PathBuf;

#[derive(Clone)]
pub struct Planned {
    pub path: PathBuf,
    pub scenario: Scenario,
    pub known_findings: Vec<KnownFinding>,
}

/// # Errors
/// Everything that is wrong with any of the files, ready to print.
pub fn plan(paths: &[PathBuf], tag: Option<&str>) -> Result<Vec<Planned>, String> {
    let files = find_scenarios(paths).map_err(|errors| errors.to_string())?;
    let mut planned = Vec::new();
    let mut errors = Vec::new();
    for path in files {
        let read = load_scenario(&path).map_err(|error| error.to_string()).and_then(|scenario| {
            let findings = find_known_findings(&path).map(|path| load_known_findings(&path)).transpose();
            findings
                .map_err(|error| error.to_string())
                .map(|findings| (scenario, findings.unwrap_or_default()))
        });
        match read {
            Ok((scenario, known_findings)) => planned.push(Planned { path, scenario, known_findings }),
            Err(error) => errors.push(error),
        }
    }
    if !errors.is_empty() {
        errors.dedup();
        return Err(errors.join("\n"));
    }
    planned.retain(|planned| tag.is_none_or(|tag| planned.scenario.tags.iter().any(|own| own == tag)));
    Ok(planned)
}
