//! Runs that were judged, of which only the result is of interest.

use super::{ReadError, RunFolder, find_run_folders};
use crate::model::{PastRun, RunInfo, RunResult, SuiteReport};
use serde::de::DeserializeOwned;
use std::fs;
use std::path::Path;

/// What the last suite that ran into a folder did, in that folder.
pub const SUITE_JSON: &str = "suite.json";

/// The last suite that ran into this folder; nothing where none did, or where it cannot be read.
pub fn read_suite(folder: &Path) -> Option<SuiteReport> {
    json(&folder.join(SUITE_JSON)).ok()
}

/// The run of this folder, or every judged run directly below it, oldest first; and what could not be read, a sentence
/// each. A run without a result was never judged, and is passed over.
pub fn find_past_runs(path: &Path) -> (Vec<PastRun>, Vec<String>) {
    let itself = RunFolder::at(path);
    let folders = if itself.run_json().is_file() { vec![itself] } else { find_run_folders(path) };
    let judged = folders.into_iter().filter(|folder| folder.result_json().is_file());
    let (mut runs, mut unread) = (Vec::new(), Vec::new());
    for folder in judged {
        match read(&folder) {
            Ok(run) => runs.push(run),
            Err(error) => unread.push(error.to_string()),
        }
    }
    runs.sort_by_key(|run| run.result.started_at);
    (runs, unread)
}

fn read(folder: &RunFolder) -> Result<PastRun, ReadError> {
    let info: RunInfo = json(&folder.run_json())?;
    let result: RunResult = json(&folder.result_json())?;
    let name = folder.root().file_name().unwrap_or(folder.root().as_os_str());
    Ok(PastRun { folder: name.to_string_lossy().into_owned(), info, result })
}

fn json<T: DeserializeOwned>(path: &Path) -> Result<T, ReadError> {
    let text = fs::read(path).map_err(|source| ReadError::Io { path: path.to_owned(), source })?;
    serde_json::from_slice(&text).map_err(|source| ReadError::NotARun { path: path.to_owned(), source })
}
