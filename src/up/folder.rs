//! Where an `up` keeps its state: `<state>/vaultquake/up/<name>/`, mode 0700, and the lock beside it.

use super::{UpError, UpRequest, UpState};
use crate::machine::FileLock;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// `$XDG_STATE_HOME` or `~/.local/state`, with `vaultquake/up` below it.
pub fn state_root() -> PathBuf {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        .unwrap_or_else(std::env::temp_dir);
    state.join("vaultquake/up")
}

/// The folder of one name. It need not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpFolder {
    root: PathBuf,
    state_root: PathBuf,
    name: String,
}

impl UpFolder {
    pub fn at(state_root: &Path, name: &str) -> Result<Self, UpError> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || name.len() > 40 || !name.chars().all(plain) || name.starts_with('-') {
            return Err(UpError::BadName(name.to_owned()));
        }
        Ok(Self { root: state_root.join(name), state_root: state_root.to_owned(), name: name.to_owned() })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The names for which there is a folder, up or left behind.
    pub fn names(state_root: &Path) -> Vec<String> {
        let entries = fs::read_dir(state_root).into_iter().flatten().flatten();
        let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        let names = folders.filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<_> = names.filter(|name| Self::at(state_root, name).is_ok()).collect();
        names.sort();
        names
    }

    pub fn nodes(&self) -> PathBuf {
        self.root.join("nodes")
    }

    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    pub fn owner_log(&self) -> PathBuf {
        self.root.join("owner.log")
    }

    pub fn token_file(&self) -> PathBuf {
        self.root.join("token")
    }

    pub fn unseal_keys_file(&self) -> PathBuf {
        self.root.join("unseal-keys")
    }

    pub fn attach_file(&self) -> PathBuf {
        self.root.join("attach.yaml")
    }

    /// Beside the folder: the folder is removed while others may look at the lock.
    pub fn lock_file(&self) -> PathBuf {
        self.state_root.join(format!("{}.lock", self.name))
    }

    /// Held by the owner as long as it lives. `None` when another holds it.
    pub fn try_lock(&self) -> Result<Option<FileLock>, UpError> {
        self.io("cannot make the folder", &self.state_root, make_private(&self.state_root))?;
        FileLock::try_acquire(&self.lock_file()).map_err(|error| UpError::Failed(error.to_string()))
    }

    /// Makes the folder anew, empty. Only for who holds the lock.
    pub fn make_empty(&self) -> Result<(), UpError> {
        self.remove()?;
        self.io("cannot make the folder", &self.root, make_private(&self.root))?;
        self.io("cannot make the folder", &self.logs(), make_private(&self.logs()))
    }

    /// Removes the folder with all that is in it. Only when nobody holds the lock, or for who holds it.
    pub fn remove(&self) -> Result<(), UpError> {
        match fs::remove_dir_all(&self.root) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                self.io("cannot remove the folder", &self.root, Err(error))
            }
            _ => Ok(()),
        }
    }

    /// `None` when there is none, or not a whole one.
    pub fn state(&self) -> Option<UpState> {
        self.read_json("state.json")
    }

    pub fn set_state(&self, state: &UpState) -> Result<(), UpError> {
        self.write_json("state.json", state)
    }

    pub fn request(&self) -> Option<UpRequest> {
        self.read_json("request.json")
    }

    pub fn set_request(&self, request: &UpRequest) -> Result<(), UpError> {
        self.write_json("request.json", request)
    }

    fn read_json<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_slice(&fs::read(self.root.join(name)).ok()?).ok()
    }

    fn write_json(&self, name: &str, value: &impl Serialize) -> Result<(), UpError> {
        let text = serde_json::to_vec_pretty(value).expect("plain data serialises");
        self.write(&self.root.join(name), &text)
    }

    /// Writes a file in whole or not at all, mode 0600.
    pub fn write(&self, path: &Path, content: &[u8]) -> Result<(), UpError> {
        let part = path.with_extension("part");
        let written = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&part)
            .and_then(|mut file| file.write_all(content))
            .and_then(|()| fs::rename(&part, path));
        self.io("cannot write", path, written)
    }

    fn io<T>(&self, what: &'static str, path: &Path, result: io::Result<T>) -> Result<T, UpError> {
        result.map_err(|source| UpError::Io { what, path: path.to_owned(), source })
    }
}

fn make_private(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_lead_out_of_the_state_folder() {
        let root = tempfile::tempdir().unwrap();
        for name in ["", "..", "a/b", "/etc", "A", "-x", ".", "a.lock"] {
            assert!(UpFolder::at(root.path(), name).is_err(), "{name}");
        }
        let folder = UpFolder::at(root.path(), "play-1").unwrap();
        folder.make_empty().unwrap();
        assert!(folder.try_lock().unwrap().is_some());
        assert_eq!(UpFolder::names(root.path()), ["play-1"]);
        folder.remove().unwrap();
        assert!(UpFolder::names(root.path()).is_empty());
    }
}
