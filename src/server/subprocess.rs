//! Runs a short-lived program to its end: bounded in time, its output captured, dead when we die.

use crate::machine::children;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

const POLL_EVERY: Duration = Duration::from_millis(20);
const TICK_EVERY: Duration = Duration::from_secs(5);
/// Far more than any message we look for.
const OUTPUT_LEN_MAX: u64 = 1 << 20;
/// For as long as another thread's child may hold the program's file open for writing.
const BUSY_MAX: Duration = Duration::from_secs(2);

pub(super) struct Finished {
    pub status: ExitStatus,
    /// Standard output and standard error as they came.
    pub output: String,
}

/// Calls `tick` every five seconds with the time passed. After `limit` the program is killed and the error is
/// `TimedOut`.
pub(super) fn run(
    command: &mut Command,
    limit: Duration,
    tick: &mut dyn FnMut(Duration),
) -> io::Result<Finished> {
    // Into a file: a pipe would have to be drained, and a forgotten grandchild would keep it open.
    let mut output = tempfile::tempfile()?;
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output.try_clone()?);
    #[cfg(target_os = "linux")]
    children::die_with_parent(command);
    let began = Instant::now();
    let mut child = loop {
        match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && began.elapsed() < BUSY_MAX => {
                std::thread::sleep(POLL_EVERY);
            }
            other => break other?,
        }
    };
    let mut tick_at = TICK_EVERY;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(Finished { status, output: content(&mut output)? }),
            Ok(None) if began.elapsed() < limit => std::thread::sleep(POLL_EVERY),
            waited => {
                let _ = child.kill();
                let _ = child.wait();
                let seconds = limit.as_secs();
                let late = io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("it did not end within {seconds} s and was killed"),
                );
                return Err(waited.err().unwrap_or(late));
            }
        }
        if began.elapsed() >= tick_at {
            tick(began.elapsed());
            tick_at += TICK_EVERY;
        }
    }
}

fn content(output: &mut File) -> io::Result<String> {
    let mut bytes = Vec::new();
    output.rewind()?;
    output.take(OUTPUT_LEN_MAX).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_the_output_and_the_status() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo out; echo err >&2; exit 3"]);
        let finished = run(&mut command, Duration::from_secs(10), &mut |_| {}).unwrap();
        assert_eq!(finished.output, "out\nerr\n");
        assert_eq!(finished.status.code(), Some(3));
    }

    #[test]
    fn ends_what_hangs() {
        let mut command = Command::new("sleep");
        let began = Instant::now();
        let limit = Duration::from_millis(100);
        let error = run(command.arg("60"), limit, &mut |_| {}).err().expect("killed");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(began.elapsed() < Duration::from_secs(10));
    }
}
