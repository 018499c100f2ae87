//! The watchdog as a process: how the harness starts and releases it, and what it does when the pipe closes.

use super::undo::undo;
use crate::machine::FileLock;
use crate::record::RunFolder;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// Written into the pipe at an orderly end.
const ORDERLY: u8 = b'.';
/// The dead harness's lock is free at once; somebody who cleans the same folder may hold it for a while.
const LOCK_WITHIN: Duration = Duration::from_secs(300);
/// After the word of an orderly end it only has to end.
const ENDS_WITHIN: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(5);

#[derive(Debug, thiserror::Error)]
#[error("cannot start the watchdog {}: {source}; without one an attached cluster is not touched", exe.display())]
pub struct WatchdogError {
    exe: PathBuf,
    source: io::Error,
}

/// The harness's end. Dropping it without [`Watchdog::release`] is what a death looks like.
pub struct Watchdog {
    child: Child,
    pipe: Option<ChildStdin>,
}

/// Starts `exe watchdog <run folder>`; `exe` is this program. What it says is in `private/watchdog.log`.
pub fn spawn(exe: &Path, folder: &RunFolder) -> Result<Watchdog, WatchdogError> {
    let failed = |source| WatchdogError { exe: exe.to_owned(), source };
    let log = open_log(folder).map_err(failed)?;
    let root = folder.root().canonicalize().map_err(failed)?;
    let mut command = Command::new(exe);
    command
        .arg("watchdog")
        .arg(root)
        .stdin(Stdio::piped())
        .stdout(log.try_clone().map_err(failed)?)
        .stderr(log);
    // SAFETY: between fork and exec only one system call is made and nothing is allocated.
    unsafe {
        // A session of its own: what ends the harness's terminal or process group must not end it.
        command.pre_exec(|| rustix::process::setsid().map(drop).map_err(Into::into));
    }
    let mut child = command.spawn().map_err(failed)?;
    let pipe = child.stdin.take();
    Ok(Watchdog { child, pipe })
}

impl Watchdog {
    /// Whether it could still heal; the error says what became of it.
    pub fn check(&mut self) -> Result<(), String> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(format!("it has ended with {status} (see private/watchdog.log)")),
            Err(error) => Err(format!("whether it lives is not known: {error}")),
        }
    }

    /// The run is over and nothing is left to undo: it ends and does nothing. One that does not end is ended.
    pub fn release(mut self) {
        if let Some(mut pipe) = self.pipe.take() {
            let _ = pipe.write_all(&[ORDERLY]);
        }
        let until = Instant::now() + ENDS_WITHIN;
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() >= until {
                let _ = self.child.kill();
                return;
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

fn open_log(folder: &RunFolder) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(folder.private().join("watchdog.log"))
}

/// What the hidden subcommand `watchdog <run folder>` does. Ends with 0 when nothing was or is left to undo.
pub fn main(run_folder: &Path) -> ExitCode {
    let mut last = Vec::new();
    // An error ends the wait like the end of the harness does: doing nothing would be worse than looking.
    let _ = io::stdin().read_to_end(&mut last);
    if last.last() == Some(&ORDERLY) {
        return ExitCode::SUCCESS;
    }
    let folder = RunFolder::at(run_folder);
    let mut say = {
        let mut log = open_log(&folder).ok();
        move |text: &str| {
            if let Some(log) = &mut log {
                let _ = writeln!(log, "{} {text}", jiff::Timestamp::now());
            }
        }
    };
    say("the harness is gone without an orderly end");
    let lock = FileLock::acquire(&folder.lock(), LOCK_WITHIN, &mut say);
    let _lock = match lock {
        Ok(lock) => lock,
        Err(error) => {
            say(&error.to_string());
            return ExitCode::FAILURE;
        }
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            say(&format!("no runtime: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let undone = runtime.block_on(undo(&folder, &mut say));
    if undone.trouble.is_empty() {
        say("nothing is left to undo");
        return ExitCode::SUCCESS;
    }
    say(&format!("something is left; `vaultquake clean {}` tries again", run_folder.display()));
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// A watchdog that is this line of shell instead.
    fn watchdog(folder: &Path, line: &str) -> Watchdog {
        let exe = folder.join("exe");
        std::fs::write(&exe, format!("#!/bin/sh\n{line}\n")).unwrap();
        std::fs::set_permissions(&exe, std::fs::Permissions::from_mode(0o755)).unwrap();
        let run = RunFolder::create(folder, jiff::Timestamp::UNIX_EPOCH, "run", 1).unwrap();
        // Another test's child may hold the file open for a moment.
        let until = Instant::now() + Duration::from_secs(5);
        loop {
            match spawn(&exe, &run) {
                Err(error) if error.source.kind() == io::ErrorKind::ExecutableFileBusy => {
                    assert!(Instant::now() < until, "{error}");
                }
                spawned => return spawned.unwrap(),
            }
        }
    }

    #[test]
    fn the_end_of_a_watchdog_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let mut watchdog = watchdog(folder.path(), "read -r line; exit 7");
        watchdog.check().unwrap();
        watchdog.pipe = None;
        let until = Instant::now() + Duration::from_secs(5);
        let why = loop {
            match watchdog.check() {
                Ok(()) => assert!(Instant::now() < until, "its end is not seen"),
                Err(why) => break why,
            }
        };
        assert!(why.contains("exit status: 7"), "{why}");
    }

    #[test]
    fn release_does_not_wait_for_one_that_hangs() {
        let folder = tempfile::tempdir().unwrap();
        let began = Instant::now();
        watchdog(folder.path(), "exec sleep 60").release();
        assert!(began.elapsed() < ENDS_WITHIN + Duration::from_secs(5));
    }
}
