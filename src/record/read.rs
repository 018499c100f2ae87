//! Reads a run folder back. A torn last line is what a crash leaves and is only noted; a broken line in the
//! middle is damage, and whoever judges must say so.

use super::RunFolder;
use crate::model::{Entry, Event, NodeId, Operation, RunInfo};
use serde::de::DeserializeOwned;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug)]
pub struct SavedRun {
    pub info: RunInfo,
    /// In the order written, which is nearly the order of `t_ms`.
    pub journal: Vec<Entry>,
    /// In the order finished.
    pub history: Vec<Operation>,
    /// What could not be read; empty for a sound folder.
    pub damage: Vec<String>,
    /// Captured server logs, by node.
    pub logs: Vec<(NodeId, String)>,
}

impl SavedRun {
    /// Whether the run came to its own end, as opposed to a harness that was killed.
    pub fn ended(&self) -> bool {
        self.journal.iter().any(|entry| matches!(entry.event, Event::Ended))
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("cannot read {}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{} is not a run's description: {source}", path.display())]
    NotARun { path: PathBuf, source: serde_json::Error },
    #[error(
        "{} says format version {version}, and this vaultquake reads version 1; use the one that made the run",
        path.display()
    )]
    OtherVersion { path: PathBuf, version: u32 },
}

pub fn read_run(folder: &RunFolder) -> Result<SavedRun, ReadError> {
    let path = folder.run_json();
    let text = fs::read(&path).map_err(|source| ReadError::Io { path: path.clone(), source })?;
    #[derive(serde::Deserialize)]
    struct Format {
        version: u32,
    }
    // Before the rest, which another version may write differently.
    if let Ok(Format { version }) = serde_json::from_slice(&text)
        && version != 1
    {
        return Err(ReadError::OtherVersion { path, version });
    }
    let info: RunInfo =
        serde_json::from_slice(&text).map_err(|source| ReadError::NotARun { path, source })?;
    let mut damage = Vec::new();
    let journal = read_lines(&folder.journal(), &mut damage);
    let history = read_lines(&folder.history(), &mut damage);
    let logs = info
        .nodes
        .iter()
        .filter_map(|node| {
            let path = folder.logs().join(format!("{}.log", node.id));
            fs::read(path).ok().map(|bytes| (node.id.clone(), String::from_utf8_lossy(&bytes).into_owned()))
        })
        .collect();
    Ok(SavedRun { info, journal, history, damage, logs })
}

fn read_lines<T: DeserializeOwned>(path: &Path, damage: &mut Vec<String>) -> Vec<T> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            damage.push(format!("{name}: {error}"));
            return Vec::new();
        }
    };
    let whole = bytes.iter().rposition(|&b| b == b'\n').map_or(0, |last| last + 1);
    if whole < bytes.len() {
        damage.push(format!("{name}: the last line is cut off"));
    }
    let mut values = Vec::new();
    for (number, line) in bytes[..whole].split(|&b| b == b'\n').enumerate() {
        if line.is_empty() {
            continue;
        }
        match serde_json::from_slice(line) {
            Ok(value) => values.push(value),
            Err(error) => damage.push(format!("{name}: line {} cannot be read ({error})", number + 1)),
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_version_of_the_format_is_told_before_anything_else() {
        let folder = tempfile::tempdir().unwrap();
        let folder = RunFolder::at(folder.path());
        fs::write(folder.run_json(), r#"{"version": 2, "run": {}}"#).unwrap();
        let error = read_run(&folder).unwrap_err().to_string();
        assert!(error.contains("says format version 2") && error.contains("reads version 1"), "{error}");
    }
}
