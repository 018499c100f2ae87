//! An advisory lock (flock) on a file that other users, other processes and other threads may hold.
//!
//! The lock ends with its holder, however that dies. Never follows a symbolic link, never writes into a
//! file that also has another name, never removes the file: a removed lock file is two locks.

use rustix::fs::{FlockOperation, Mode, OFlags, fchmod, flock, open};
use rustix::io::Errno;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const POLL_EVERY: Duration = Duration::from_millis(50);
const SAY_EVERY: Duration = Duration::from_secs(5);
const HOLDER_LEN_MAX: usize = 200;

#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("cannot open the lock file {}: {source}", path.display())]
    Open { path: PathBuf, source: io::Error },
    #[error("the lock file {} is {what}: somebody put it there; remove it and try again", path.display())]
    Suspicious { path: PathBuf, what: &'static str },
    #[error("cannot lock {}: {source}", path.display())]
    Lock { path: PathBuf, source: io::Error },
    #[error(
        "gave up after {waited_s} s of waiting for {}, held by {holder}; wait for it to end, or end it",
        path.display()
    )]
    Held { path: PathBuf, holder: String, waited_s: u64 },
}

/// Held until dropped.
#[derive(Debug)]
pub struct FileLock {
    file: File,
}

impl FileLock {
    /// Waits up to `wait_max`. `waiting` is told at once, and then every five seconds, who holds the lock.
    pub fn acquire(
        path: &Path,
        wait_max: Duration,
        waiting: &mut dyn FnMut(&str),
    ) -> Result<Self, LockError> {
        let began = Instant::now();
        let mut say_at = began;
        loop {
            let holder = match Self::attempt(path)? {
                Ok(lock) => return Ok(lock),
                Err(holder) => holder,
            };
            let waited = began.elapsed();
            if waited >= wait_max {
                return Err(LockError::Held { path: path.to_owned(), holder, waited_s: waited.as_secs() });
            }
            if Instant::now() >= say_at {
                waiting(&format!("waiting for {holder} ({} s so far)", waited.as_secs()));
                say_at += SAY_EVERY;
            }
            std::thread::sleep(POLL_EVERY.min(wait_max - waited));
        }
    }

    /// Nothing when another holds it.
    pub fn try_acquire(path: &Path) -> Result<Option<Self>, LockError> {
        Ok(Self::attempt(path)?.ok())
    }

    /// Who holds it; nothing when it is free.
    pub fn holder(path: &Path) -> Result<Option<String>, LockError> {
        Ok(Self::attempt(path)?.err())
    }

    /// The lock, or who holds it.
    fn attempt(path: &Path) -> Result<Result<Self, String>, LockError> {
        loop {
            let file = open_lock_file(path)?;
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) if is_still_at(&file, path) => {
                    say_who(&file);
                    return Ok(Ok(Self { file }));
                }
                // A cleaner of temporary files took the name away under us: the next one to come would
                // lock a file of its own. Take the new one.
                Ok(()) => {}
                Err(Errno::WOULDBLOCK) => return Ok(Err(who(file))),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(LockError::Lock { path: path.to_owned(), source: errno.into() }),
            }
        }
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // The name goes first: nobody must read ours once another may hold the lock.
        let _ = self.file.set_len(0);
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

fn open_lock_file(path: &Path) -> Result<File, LockError> {
    let failed = |errno: Errno| match errno {
        Errno::LOOP => LockError::Suspicious { path: path.to_owned(), what: "a symbolic link" },
        errno => LockError::Open { path: path.to_owned(), source: errno.into() },
    };
    // NONBLOCK: opening a FIFO that somebody put there must not hang.
    let flags = OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = loop {
        // Without CREATE first: the kernel refuses CREATE on another user's file in a sticky folder.
        match open(path, flags | OFlags::RDWR, Mode::empty()) {
            Ok(fd) => break File::from(fd),
            Err(Errno::ACCESS) => {
                // Another user's file that we may not write can still be locked.
                break File::from(open(path, flags | OFlags::RDONLY, Mode::empty()).map_err(failed)?);
            }
            Err(Errno::ISDIR) => {
                return Err(LockError::Suspicious { path: path.to_owned(), what: "a folder" });
            }
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(failed(errno)),
        }
        let mode = Mode::from_raw_mode(0o666);
        match open(path, flags | OFlags::RDWR | OFlags::CREATE | OFlags::EXCL, mode) {
            Ok(fd) => {
                // The umask took rights away that other users need.
                let _ = fchmod(&fd, mode);
                break File::from(fd);
            }
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(failed(errno)),
        }
    };
    let about = file.metadata().map_err(|source| LockError::Open { path: path.to_owned(), source })?;
    let suspicious = match about {
        about if !about.is_file() => Some("not a regular file"),
        about if about.nlink() > 1 => Some("a second name of another file"),
        _ => None,
    };
    match suspicious {
        Some(what) => Err(LockError::Suspicious { path: path.to_owned(), what }),
        None => Ok(file),
    }
}

fn is_still_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(ours), Ok(there)) => (ours.dev(), ours.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

/// Best effort: a lock without a name is a lock all the same. The command line is no secret, every user of
/// the machine can see it in the process table.
fn say_who(file: &File) {
    let command: Vec<_> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    let text = printable(&format!("pid {} ({})", std::process::id(), command.join(" ")));
    if file.set_len(0).is_ok() {
        let _ = file.write_all_at(text.as_bytes(), 0);
    }
}

fn who(file: File) -> String {
    let mut bytes = Vec::new();
    let read = file.take(4 * HOLDER_LEN_MAX as u64).read_to_end(&mut bytes);
    let text = printable(&String::from_utf8_lossy(&bytes));
    if read.is_err() || text.is_empty() { "a process that gave no name".to_owned() } else { text }
}

/// Another user's text must not steer our terminal.
fn printable(text: &str) -> String {
    text.chars().take(HOLDER_LEN_MAX).map(|c| if c.is_control() { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn excludes_threads_and_names_the_holder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let held = FileLock::try_acquire(&path).unwrap().unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o666);
        assert!(FileLock::try_acquire(&path).unwrap().is_none());
        assert!(FileLock::holder(&path).unwrap().is_some());
        let mut said = Vec::new();
        let wait_max = Duration::from_millis(120);
        let error = FileLock::acquire(&path, wait_max, &mut |line| said.push(line.to_owned())).unwrap_err();
        let me = format!("pid {}", std::process::id());
        assert!(error.to_string().contains(&me), "{error}");
        assert_eq!(said.len(), 1);
        assert!(said[0].contains(&me), "{said:?}");
        drop(held);
        assert_eq!(FileLock::holder(&path).unwrap(), None);
        assert!(FileLock::try_acquire(&path).unwrap().is_some());
    }

    #[test]
    fn one_at_a_time_under_contention() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let inside = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..5 {
                        let _lock = FileLock::acquire(&path, Duration::from_secs(20), &mut |_| {}).unwrap();
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        std::thread::sleep(Duration::from_millis(1));
                        inside.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
    }

    #[test]
    fn the_lock_of_a_killed_process_is_free() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        drop(FileLock::try_acquire(&path).unwrap());
        let mut other = std::process::Command::new("flock")
            .args(["--no-fork", "--exclusive"])
            .arg(&path)
            .args(["sleep", "60"])
            .spawn()
            .unwrap();
        let until = Instant::now() + Duration::from_secs(10);
        while FileLock::try_acquire(&path).unwrap().is_some() {
            assert!(Instant::now() < until, "the other process never took the lock");
            std::thread::sleep(Duration::from_millis(5));
        }
        other.kill().unwrap();
        other.wait().unwrap();
        FileLock::acquire(&path, Duration::from_secs(5), &mut |_| {}).unwrap();
    }

    #[test]
    fn refuses_what_is_not_a_plain_file() {
        let folder = tempfile::tempdir().unwrap();
        let victim = folder.path().join("victim");
        fs::write(&victim, "precious").unwrap();
        let link = folder.path().join("link");
        symlink(&victim, &link).unwrap();
        let second = folder.path().join("second");
        fs::hard_link(&victim, &second).unwrap();
        let sub = folder.path().join("folder");
        fs::create_dir(&sub).unwrap();
        for (path, word) in [(link, "symbolic link"), (second, "second name"), (sub, "folder")] {
            let error = FileLock::try_acquire(&path).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
        assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    }

    #[test]
    fn a_removed_file_does_not_make_two_locks_for_those_who_come_later() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let _orphaned = FileLock::try_acquire(&path).unwrap().unwrap();
        fs::remove_file(&path).unwrap();
        let _second = FileLock::try_acquire(&path).unwrap().unwrap();
        assert!(FileLock::try_acquire(&path).unwrap().is_none());
    }

    #[test]
    fn a_foreign_name_cannot_steer_the_terminal() {
        assert_eq!(printable("pid 1 (\x1b[2J\nrm)"), "pid 1 (?[2J?rm)");
        assert_eq!(printable(&"x".repeat(999)).len(), HOLDER_LEN_MAX);
    }
}
