//! `vaultquake doctor`: what this machine can do, and how to get what it cannot.
//!
//! Looking is apart from judging: [`probe`] looks, [`diagnose`] is a pure function of what was seen.

mod abilities;
mod diagnose;
mod probe;
mod render;

pub use abilities::{AbilityRow, ability_table};
pub use diagnose::{Diagnosis, State, diagnose};
pub use probe::{Probes, probe};
pub use render::render;

use crate::server::ProvisionOptions;
use std::path::Path;

/// Looks at this machine; takes about a second and changes nothing. `reports` is where run folders go.
pub fn examine(options: &ProvisionOptions, reports: &Path) -> Vec<Diagnosis> {
    diagnose(&probe(options, reports))
}

/// 0 when the process backend can run, 3 when it cannot.
pub fn exit_code(diagnoses: &[Diagnosis]) -> u8 {
    let process = diagnoses.iter().find(|diagnosis| diagnosis.name == diagnose::PROCESS);
    match process {
        Some(Diagnosis { state: State::Works, .. }) => 0,
        _ => 3,
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn examines_this_machine() {
        let folder = tempfile::tempdir().unwrap();
        let options = ProvisionOptions {
            cache: folder.path().join("not/there/yet"),
            ..ProvisionOptions::from_env().unwrap()
        };
        let seen = examine(&options, folder.path());
        let state = |name| seen.iter().find(|diagnosis| diagnosis.name == name).map(|found| found.state);
        for name in ["children die with us", "pausing a process", "ports", "machine-wide lock"] {
            assert_eq!(state(name), Some(State::Works), "{name}: {}", render(&seen));
        }
        assert!(!options.cache.exists(), "looking must change nothing");
    }
}
