//! Whose a container or network is, as its labels say, and whether that run is still alive.

use crate::machine::{FileLock, started_ticks};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// On everything we make but images.
pub(super) const RUN: &str = "vaultquake.run";
const LOCK: &str = "vaultquake.lock";
const PID: &str = "vaultquake.pid";
const STARTED: &str = "vaultquake.pid-started-ticks";
const HOST: &str = "vaultquake.host";

/// The run that makes something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    pub run_id: String,
    /// Absolute path of the file whose lock the run holds as long as it lives.
    pub lock: PathBuf,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    Dead,
    Alive,
    /// Cannot be told from here, so it counts as alive; the reason.
    Unclear(String),
}

impl Owner {
    /// Begins the name of everything the run makes on the engine.
    pub fn name(&self, what: &str) -> String {
        format!("vq-{}-{what}", self.run_id)
    }

    pub(super) fn labels(&self) -> HashMap<String, String> {
        let pid = std::process::id();
        let labels = [
            (RUN, self.run_id.clone()),
            (LOCK, self.lock.display().to_string()),
            (PID, pid.to_string()),
            (STARTED, started_ticks(pid).unwrap_or_default().to_string()),
            (HOST, host()),
        ];
        labels.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// Whether the run that made something with these labels is alive.
pub(super) fn standing(labels: &HashMap<String, String>) -> Standing {
    let label = |name: &str| labels.get(name).map(String::as_str).unwrap_or_default();
    // One engine may serve several machines or containers, and files and processes are others there.
    if label(HOST) != host() {
        return Standing::Unclear(format!("it was made on {}, and this is {}", label(HOST), host()));
    }
    let lock = Path::new(label(LOCK));
    // Looking must not make a lock file where the run folder is gone.
    if lock.is_file() {
        return match FileLock::holder(lock) {
            Ok(None) => Standing::Dead,
            Ok(Some(_)) => Standing::Alive,
            Err(error) => Standing::Unclear(error.to_string()),
        };
    }
    let ticks = label(PID).parse().ok().and_then(|pid| started_ticks(pid).ok());
    match ticks {
        Some(ticks) if ticks.to_string() == label(STARTED) => Standing::Alive,
        _ => Standing::Dead,
    }
}

/// Names this machine, or this container on it: what has the same files and process numbers.
fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let namespace = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    format!("{} {}", name.trim(), namespace.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_decides_and_without_it_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let owner = Owner { run_id: "0a1b2c".into(), lock: folder.path().join("lock") };
        let mut labels = owner.labels();
        assert_eq!(standing(&labels), Standing::Alive, "this process lives");
        assert!(!owner.lock.exists(), "looking makes nothing");
        let held = FileLock::try_acquire(&owner.lock).unwrap().unwrap();
        assert_eq!(standing(&labels), Standing::Alive);
        drop(held);
        assert_eq!(standing(&labels), Standing::Dead);
        std::fs::remove_file(&owner.lock).unwrap();
        labels.insert(STARTED.into(), "1".into());
        assert_eq!(standing(&labels), Standing::Dead, "the number was given to another process");
        labels.insert(HOST.into(), "elsewhere".into());
        assert!(matches!(standing(&labels), Standing::Unclear(_)));
    }
}
