//! What a run makes on the engine: listed on disk before it is made.

use crate::record::{DurableLines, RecordError};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Something about to be made on the engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    pub run_id: String,
    /// `network` or `container`.
    pub kind: String,
    pub name: String,
}

/// Where a run lists what it makes on the engine, below its private folder.
pub fn made_file(private: &Path) -> PathBuf {
    private.join("docker.jsonl")
}

pub struct MadeList {
    path: PathBuf,
    lines: DurableLines<Made>,
}

impl MadeList {
    pub fn open(path: &Path) -> Result<Self, RecordError> {
        Ok(Self { path: path.to_owned(), lines: DurableLines::open(path)? })
    }

    /// On disk when it returns.
    pub fn about_to_make(&self, run_id: &str, kind: &str, name: &str) -> Result<(), RecordError> {
        let made = Made { run_id: run_id.to_owned(), kind: kind.to_owned(), name: name.to_owned() };
        self.lines.append(&made)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Everything in it is removed: what is kept of it says that there was something.
    pub fn all_removed(&self) -> Result<(), RecordError> {
        Self::close(&self.path)
    }

    /// The same, by whoever cleans up after a dead run.
    pub fn close(path: &Path) -> Result<(), RecordError> {
        let to = path.with_extension("removed.jsonl");
        std::fs::rename(path, to).map_err(|source| RecordError { path: path.to_owned(), source })
    }

    /// None when there is no list.
    pub fn read(path: &Path) -> Result<Vec<Made>, RecordError> {
        DurableLines::read(path)
    }
}
