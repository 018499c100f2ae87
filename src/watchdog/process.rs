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
use std::time::Duration;

/// Written into the pipe at an orderly end.
const ORDERLY: u8 = b'.';
/// The dead harness's lock is free at once; somebody who cleans the same folder may hold it for a while.
const LOCK_WITHIN: Duration = Duration::from_secs(300);
const SETTLE: Duration = Duration::from_secs(1);

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
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The run is over and nothing is left to undo: it ends and does nothing.
    pub fn release(mut self) {
        if let Some(mut pipe) = self.pipe.take() {
            let _ = pipe.write_all(&[ORDERLY]);
        }
        let _ = self.child.wait();
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
    // Requests that were under way when the harness died may still make something.
    std::thread::sleep(SETTLE);
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
