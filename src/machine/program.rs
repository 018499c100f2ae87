//! A program of somebody else's that is run once: for a bounded time, with bounded output, and with nothing of it left.

use super::blocking;
use super::child::{ChildProcess, poll_until};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::Signal;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;

/// Whoever left the group could keep the pipe open for ever.
const DRAINED_WITHIN: Duration = Duration::from_millis(200);

/// How it ended.
#[derive(Debug)]
pub struct ProgramEnd {
    /// `None` when it was ended at its deadline.
    pub status: Option<ExitStatus>,
    /// What it printed first, of both streams.
    pub output: Vec<u8>,
}

/// Ended with its whole group when it is dropped, also when whoever waits for it goes away.
struct Group(ChildProcess);

impl Drop for Group {
    fn drop(&mut self) {
        self.0.destroy_group();
    }
}

/// Runs it with `input` on its standard input, for at most `within`, and keeps the first `keep` bytes that it prints.
/// Nothing of its group is left afterwards, however it ended.
///
/// # Errors
/// It could not be started.
pub async fn run_program(
    mut command: Command,
    input: Vec<u8>,
    within: Duration,
    keep: usize,
) -> io::Result<ProgramEnd> {
    let (reader, writer) = io::pipe()?;
    command.stdout(writer.try_clone()?).stderr(writer);
    let started = blocking(move || {
        let stdin = Stdio::from(in_memory(&input)?);
        ChildProcess::spawn_fed(command, stdin, Signal::KILL).map(Group)
    });
    let mut group = started.await?;
    let kept = Arc::new(Mutex::new(Vec::new()));
    let reader = Receiver::from_owned_fd(reader.into())?;
    let reading = tokio::spawn(drain(reader, kept.clone(), keep));
    let in_time = poll_until(within, || group.0.is_over()).await;
    group.0.destroy_group();
    let status = group.0.ended().filter(|_| in_time);
    let stop = reading.abort_handle();
    if tokio::time::timeout(DRAINED_WITHIN, reading).await.is_err() {
        stop.abort();
    }
    let output = std::mem::take(&mut *kept.lock().unwrap());
    Ok(ProgramEnd { status, output })
}

/// A file without a name: unlike a pipe it takes everything at once, whether it is read or not.
fn in_memory(input: &[u8]) -> io::Result<File> {
    let mut file = File::from(memfd_create("input", MemfdFlags::CLOEXEC)?);
    file.write_all(input)?;
    file.rewind()?;
    Ok(file)
}

/// Reads to the end, so that nobody waits for room.
async fn drain(mut reader: Receiver, kept: Arc<Mutex<Vec<u8>>>, keep: usize) {
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = reader.read(&mut buffer).await {
        let mut kept = kept.lock().unwrap();
        let room = keep.saturating_sub(kept.len());
        kept.extend_from_slice(&buffer[..count.min(room)]);
    }
}

/// The first executable file of that name in `first`, then in the absolute folders of a PATH value.
pub fn find_program(name: &str, first: &[PathBuf], search_path: &OsStr) -> Option<PathBuf> {
    let absolute = |folder: &PathBuf| folder.is_absolute();
    let folders = first.iter().cloned().chain(std::env::split_paths(search_path));
    folders.filter(absolute).map(|folder| folder.join(name)).find(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.arg("-c").arg(script);
        command
    }

    async fn ran(script: &str, within_ms: u64) -> ProgramEnd {
        let within = Duration::from_millis(within_ms);
        run_program(shell(script), b"hello".to_vec(), within, 8).await.unwrap()
    }

    fn is_alive(pid: &str) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
        stat.is_ok_and(|stat| !stat.contains(") Z "))
    }

    #[tokio::test]
    async fn it_reads_its_input_and_says_how_it_ended() {
        let end = ran("cat; echo world; exit 3", 10_000).await;
        assert_eq!(end.status.and_then(|status| status.code()), Some(3));
        assert_eq!(end.output, b"hellowor", "only so much is kept");
        // A megabyte that nobody keeps does not make it wait.
        let end = ran("head -c 1000000 /dev/zero", 10_000).await;
        assert_eq!(end.status.and_then(|status| status.code()), Some(0));
    }

    #[tokio::test]
    async fn at_its_deadline_it_ends_with_its_children() {
        let pids = tempfile::NamedTempFile::new().unwrap();
        let script = format!("sleep 60 & echo $! $$ > {}; wait", pids.path().display());
        let began = Instant::now();
        let end = ran(&script, 300).await;
        assert!(end.status.is_none() && began.elapsed() < Duration::from_secs(10));
        let pids = std::fs::read_to_string(pids.path()).unwrap();
        let alive = || pids.split_whitespace().filter(|pid| is_alive(pid)).count();
        assert_eq!(pids.split_whitespace().count(), 2);
        assert!(poll_until(Duration::from_secs(5), || alive() == 0).await, "{pids}");
    }

    #[tokio::test]
    async fn what_it_leaves_behind_ends_with_it() {
        let pid = tempfile::NamedTempFile::new().unwrap();
        let end = ran(&format!("sleep 60 & echo $! > {}", pid.path().display()), 10_000).await;
        assert_eq!(end.status.and_then(|status| status.code()), Some(0));
        let pid = std::fs::read_to_string(pid.path()).unwrap();
        assert!(poll_until(Duration::from_secs(5), || !is_alive(pid.trim())).await, "{pid}");
    }

    #[tokio::test]
    async fn nobody_waiting_ends_it_too() {
        let pid = tempfile::NamedTempFile::new().unwrap();
        let script = format!("echo $$ > {}; sleep 60", pid.path().display());
        let running = tokio::spawn(async move { ran(&script, 60_000).await });
        let read = || std::fs::read_to_string(pid.path()).unwrap();
        assert!(poll_until(Duration::from_secs(5), || !read().is_empty()).await);
        running.abort();
        assert!(poll_until(Duration::from_secs(5), || !is_alive(read().trim())).await);
    }

    #[tokio::test]
    async fn what_is_no_program_cannot_be_started() {
        let command = Command::new("/nowhere/at/all");
        assert!(run_program(command, vec![], Duration::from_secs(1), 8).await.is_err());
        assert_eq!(find_program("no-such-program-anywhere", &[], OsStr::new("/bin:/usr/bin")), None);
        assert!(find_program("sh", &[], OsStr::new("/bin:/usr/bin")).is_some());
        assert!(find_program("sh", &[PathBuf::from(".")], OsStr::new("")).is_none());
    }
}
