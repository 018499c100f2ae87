//! `down`: asks an owner to end, and sees that it did. Signals only the process that holds the owner's lock.

use super::{UpError, UpFolder, UpState};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Down {
    /// It was up, and is no more.
    Ended,
    /// Its owner was dead already; what it left is removed.
    WasDead,
}

const GONE_WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// Ends the cluster of this name, or the only one there is. Blocks the calling thread, 30 s at most.
pub fn down(state_root: &Path, name: Option<&str>) -> Result<(String, Down), UpError> {
    let mut up = UpFolder::names(state_root);
    let name = match (name, up.len()) {
        (Some(name), _) if up.iter().any(|other| other == name) => name.to_owned(),
        (Some(_), 0) => return Err(UpError::NoneUp),
        (Some(name), _) => return Err(UpError::NotUp { name: name.to_owned(), up }),
        (None, 0) => return Err(UpError::NoneUp),
        (None, 1) => up.remove(0),
        (None, _) => return Err(UpError::SeveralUp { up }),
    };
    let folder = UpFolder::at(state_root, &name)?;
    if let Some(_lock) = folder.try_lock()? {
        folder.remove()?;
        return Ok((name, Down::WasDead));
    }
    ask_to_end(&folder)?;
    let began = Instant::now();
    loop {
        if let Some(_lock) = folder.try_lock()? {
            folder.remove()?;
            return Ok((name, Down::Ended));
        }
        if began.elapsed() >= GONE_WITHIN {
            let s = GONE_WITHIN.as_secs();
            let why = format!(
                "`{name}` is still up {s} s after it was asked to end; see {}",
                folder.owner_log().display()
            );
            return Err(UpError::Failed(why));
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

fn ask_to_end(folder: &UpFolder) -> Result<(), UpError> {
    let failed = |why: String| UpError::Failed(format!("cannot end `{}`: {why}", folder.name()));
    let holder = holder(&folder.lock_file()).map_err(failed)?;
    if let Some(UpState::Ready(up)) = folder.state()
        && up.pid != holder
    {
        let why = format!("its state names process {}, but process {holder} holds its lock", up.pid);
        return Err(failed(why));
    }
    let pid = i32::try_from(holder).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| failed(format!("{holder} is no process id")))?;
    let process = pidfd_open(pid, PidfdFlags::empty()).map_err(|error| failed(error.to_string()))?;
    // Looked at again: between the first look and the handle the process could have become another.
    if self::holder(&folder.lock_file()).map_err(failed)? != holder {
        return Err(failed("its owner changed just now; try again".to_owned()));
    }
    pidfd_send_signal(process, Signal::TERM).map_err(|error| failed(error.to_string()))
}

/// The process that holds the lock on a file, as the kernel says.
fn holder(path: &Path) -> Result<u32, String> {
    let inode = fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?.ino();
    let locks = fs::read_to_string("/proc/locks").map_err(|error| format!("/proc/locks: {error}"))?;
    holder_in(&locks, inode).ok_or_else(|| "the kernel does not say who holds its lock".to_owned())
}

/// Lines such as `1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF`.
fn holder_in(locks: &str, inode: u64) -> Option<u32> {
    let mut found = locks.lines().filter_map(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        let [_, "FLOCK", _, "WRITE", pid, file, ..] = words[..] else { return None };
        let on_it = file.rsplit(':').next()?.parse::<u64>().ok()? == inode;
        on_it.then(|| pid.parse().ok()).flatten()
    });
    let first = found.next()?;
    // The same inode number on two file systems: better nobody than the wrong one.
    found.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_names_the_holder_of_a_lock() {
        let locks = "1: POSIX  ADVISORY  WRITE 7 08:01:55 0 EOF\n\
                     2: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF\n\
                     2: -> FLOCK  ADVISORY  WRITE 99 08:01:5678 0 EOF\n\
                     3: FLOCK  ADVISORY  WRITE 5 08:01:77 0 EOF\n4: FLOCK  ADVISORY  WRITE 6 08:02:77 0 EOF\n";
        assert_eq!(holder_in(locks, 5678), Some(1234));
        assert_eq!(holder_in(locks, 55), None);
        assert_eq!(holder_in(locks, 77), None);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let _lock = crate::machine::FileLock::try_acquire(&path).unwrap().unwrap();
        assert_eq!(holder(&path), Ok(std::process::id()));
    }

    #[test]
    fn what_a_dead_owner_left_is_removed_and_an_unknown_name_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        assert!(matches!(down(root.path(), None), Err(UpError::NoneUp)));
        let folder = UpFolder::at(root.path(), "play").unwrap();
        folder.make_empty().unwrap();
        assert!(matches!(down(root.path(), Some("other")), Err(UpError::NotUp { .. })));
        assert_eq!(down(root.path(), None).unwrap(), ("play".to_owned(), Down::WasDead));
        assert!(!folder.root().exists());
    }

    #[test]
    fn a_holder_that_the_state_does_not_name_is_not_signalled() {
        let root = tempfile::tempdir().unwrap();
        let folder = UpFolder::at(root.path(), "play").unwrap();
        folder.make_empty().unwrap();
        let state = super::super::UpCluster {
            name: "play".into(),
            pid: 1,
            cluster_id: String::new(),
            endpoints: vec![],
            ca_file: None,
            token_file: "token".into(),
            attach_file: "attach.yaml".into(),
        };
        folder.set_state(&UpState::Ready(state)).unwrap();
        let _lock = folder.try_lock().unwrap().unwrap();
        let error = down(root.path(), None).unwrap_err().to_string();
        assert!(error.contains("its state names process 1"), "{error}");
    }
}
