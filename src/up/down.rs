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
const NAMED_WITHIN: Duration = Duration::from_secs(2);

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

/// The process that holds the lock on a file, as the kernel says. Asked again for a while: the kernel hands its list
/// out page by page, and a lock that is taken or released meanwhile shifts the rest, so that a line is missed or
/// comes twice.
fn holder(path: &Path) -> Result<u32, String> {
    let file = fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let began = Instant::now();
    loop {
        let locks = fs::read_to_string("/proc/locks").map_err(|error| format!("/proc/locks: {error}"))?;
        if let Some(holder) = holder_in(&locks, file.dev(), file.ino()) {
            return Ok(holder);
        }
        if began.elapsed() >= NAMED_WITHIN {
            return Err("the kernel does not say who holds its lock".to_owned());
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Lines such as `1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF`: device (hexadecimal) and inode.
fn holder_in(locks: &str, device: u64, inode: u64) -> Option<u32> {
    let holders: Vec<(bool, u32)> = locks.lines().filter_map(|line| holder_of(line, device, inode)).collect();
    // A file of a layered file system is listed under the device of the layer: its inode alone has to do there.
    let on_device = holders.iter().any(|(same_device, _)| *same_device);
    let mut pids: Vec<_> =
        holders.iter().filter(|(same, _)| *same == on_device).map(|(_, pid)| *pid).collect();
    pids.dedup();
    // The same inode number on two file systems: better nobody than the wrong one.
    match pids[..] {
        [pid] => Some(pid),
        _ => None,
    }
}

/// Whether the lock of this line is on this very device, and who holds it; nothing when it is of another inode.
fn holder_of(line: &str, device: u64, inode: u64) -> Option<(bool, u32)> {
    let words: Vec<_> = line.split_whitespace().collect();
    let [_, "FLOCK", _, "WRITE", pid, file, ..] = words[..] else { return None };
    let [major, minor, number] = file.split(':').collect::<Vec<_>>()[..] else { return None };
    if number.parse() != Ok(inode) {
        return None;
    }
    let listed = (u32::from_str_radix(major, 16).ok()?, u32::from_str_radix(minor, 16).ok()?);
    Some((listed == (rustix::fs::major(device), rustix::fs::minor(device)), pid.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_names_the_holder_of_a_lock() {
        let locks = "1: POSIX  ADVISORY  WRITE 7 08:01:55 0 EOF\n\
                     2: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF\n\
                     2: -> FLOCK  ADVISORY  WRITE 99 08:01:5678 0 EOF\n\
                     3: FLOCK  ADVISORY  WRITE 5 08:01:77 0 EOF\n4: FLOCK  ADVISORY  WRITE 6 08:12:77 0 EOF\n\
                     4: FLOCK  ADVISORY  WRITE 6 08:12:77 0 EOF\n";
        let (layered, on_8_1, on_8_12) =
            (rustix::fs::makedev(0, 33), rustix::fs::makedev(8, 1), rustix::fs::makedev(8, 0x12));
        assert_eq!(holder_in(locks, on_8_1, 5678), Some(1234));
        assert_eq!(holder_in(locks, layered, 5678), Some(1234));
        assert_eq!(holder_in(locks, on_8_1, 55), None);
        assert_eq!(holder_in(locks, on_8_1, 77), Some(5));
        assert_eq!(holder_in(locks, on_8_12, 77), Some(6), "the same line twice is one holder");
        assert_eq!(holder_in(locks, layered, 77), None, "two holders, and nothing says which");
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
