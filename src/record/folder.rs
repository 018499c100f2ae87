//! Where things stand in a run folder.

use super::RecordError;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Holds everything that may contain a secret; mode 0700.
pub const PRIVATE_DIR: &str = "private";
/// A copy of the blueprint's file, where it is none of the built-in ones.
pub const BLUEPRINT: &str = "blueprint.yaml";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFolder {
    root: PathBuf,
}

impl RunFolder {
    /// Makes `<out>/<UTC time>-<scenario>-<seed>/` with its subfolders.
    pub fn create(
        out: &Path,
        started: jiff::Timestamp,
        scenario: &str,
        seed: u64,
    ) -> Result<Self, RecordError> {
        let time = started.strftime("%Y%m%dT%H%M%SZ");
        let mut root = out.join(format!("{time}-{scenario}-{seed}"));
        let mut again = 2;
        while root.exists() {
            root = out.join(format!("{time}-{scenario}-{seed}.{again}"));
            again += 1;
        }
        Self::make(root)
    }

    /// Makes a folder of this shape where it is told to; what of it is there already stays.
    pub fn make(root: impl Into<PathBuf>) -> Result<Self, RecordError> {
        let folder = Self { root: root.into() };
        let made = fs::create_dir_all(folder.logs())
            .and_then(|()| fs::DirBuilder::new().recursive(true).mode(0o700).create(folder.private()));
        made.map_err(|source| RecordError { path: folder.root.clone(), source })?;
        Ok(folder)
    }

    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn run_json(&self) -> PathBuf {
        self.root.join("run.json")
    }

    pub fn journal(&self) -> PathBuf {
        self.root.join("journal.jsonl")
    }

    pub fn history(&self) -> PathBuf {
        self.root.join("history.jsonl")
    }

    pub fn result_json(&self) -> PathBuf {
        self.root.join("result.json")
    }

    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    pub fn private(&self) -> PathBuf {
        self.root.join(PRIVATE_DIR)
    }

    /// Held (flock) by the harness as long as it lives: a run whose lock is held is alive.
    pub fn lock(&self) -> PathBuf {
        self.private().join("lock")
    }

    /// Copies the file of a blueprint that is none of the built-in ones, so that what repeats the run finds it.
    pub fn keep_blueprint(&self, file: &Path) -> Result<(), RecordError> {
        let text = fs::read(file).map_err(|source| RecordError { path: file.to_owned(), source })?;
        self.write_whole(BLUEPRINT, &text).map(drop)
    }

    /// Writes a shareable file in whole or not at all.
    pub fn write_whole(&self, name: &str, content: &[u8]) -> Result<PathBuf, RecordError> {
        self.write_mode(&self.root.join(name), content, 0o644)
    }

    /// Writes a file that holds secrets into the private folder, mode 0600.
    pub fn write_secret(&self, name: &str, content: &[u8]) -> Result<PathBuf, RecordError> {
        self.write_mode(&self.private().join(name), content, 0o600)
    }

    fn write_mode(&self, path: &Path, content: &[u8], mode: u32) -> Result<PathBuf, RecordError> {
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        let written = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(mode)
            .open(&part)
            .and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&part, path));
        match written {
            Ok(()) => Ok(path.to_owned()),
            Err(source) => {
                let _ = fs::remove_file(&part);
                Err(RecordError { path: path.to_owned(), source })
            }
        }
    }
}

/// The run folders directly below `out`, oldest first.
pub fn find_run_folders(out: &Path) -> Vec<RunFolder> {
    let mut found: Vec<_> = fs::read_dir(out)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| RunFolder::at(entry.path()))
        .filter(|folder| folder.run_json().is_file() || folder.private().is_dir())
        .collect();
    found.sort_by(|a, b| a.root.cmp(&b.root));
    found
}
