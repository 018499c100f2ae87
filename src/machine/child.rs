//! A child process that ends with us, and the thread that spawns them all.
//!
//! The kernel's parent-death signal fires when the *thread* that spawned a child ends, so children are spawned
//! by one thread that lives as long as the harness. Then a SIGKILL of the harness takes every one of them with it.

use super::children::die_with_parent_by;
use rustix::process::{
    Pid, Signal as Posix, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid,
};
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{OnceLock, mpsc};
use std::time::{Duration, Instant};

type Job = (Command, mpsc::Sender<io::Result<Child>>);

fn spawner() -> &'static mpsc::Sender<Job> {
    static SPAWNER: OnceLock<mpsc::Sender<Job>> = OnceLock::new();
    SPAWNER.get_or_init(|| {
        let (sender, receiver) = mpsc::channel::<Job>();
        std::thread::Builder::new()
            .name("spawner".into())
            .spawn(move || {
                super::priority::be_ordinary();
                for (mut command, reply) in receiver {
                    // Nobody waiting means that the caller is gone; the child must not outlive it.
                    if let Err(mpsc::SendError(Ok(mut child))) = reply.send(command.spawn()) {
                        let _ = child.kill();
                        let _ = child.wait();
                    }
                }
            })
            .expect("a thread can be started");
        sender
    })
}

/// A running or ended child.
pub struct ChildProcess {
    child: Child,
    ended: Option<ExitStatus>,
}

impl ChildProcess {
    /// Starts it in a group of its own; the kernel sends it `at_our_death` when the harness is gone.
    pub fn spawn(command: Command, at_our_death: Posix) -> io::Result<Self> {
        Self::spawn_fed(command, Stdio::null(), at_our_death)
    }

    /// The same with something to read.
    pub fn spawn_fed(mut command: Command, stdin: Stdio, at_our_death: Posix) -> io::Result<Self> {
        command
            .stdin(stdin)
            // A Ctrl-C at the terminal is for the harness, which then ends its children.
            .process_group(0);
        die_with_parent_by(&mut command, at_our_death);
        let (reply, answer) = mpsc::channel();
        spawner().send((command, reply)).map_err(|_| io::Error::other("the spawning thread ended"))?;
        let child = answer.recv().map_err(|_| io::Error::other("the spawning thread ended"))??;
        Ok(Self { child, ended: None })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its exit status, once it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().ok().flatten();
        }
        self.ended
    }

    pub fn signal(&self, signal: Posix) -> io::Result<()> {
        let pid = Pid::from_raw(self.pid() as i32).ok_or(io::ErrorKind::InvalidInput)?;
        Ok(kill_process(pid, signal)?)
    }

    /// The kernel's one-letter state: `R`, `S`, `T` (stopped), `Z`; `None` when it is gone.
    pub fn state(&self) -> Option<char> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).ok()?;
        // The name in parentheses may itself contain parentheses: the state follows the last one.
        stat.rsplit_once(") ")?.1.chars().next()
    }

    /// Whether it has ended, without reaping it: its group is still its own.
    pub fn is_over(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let pid = Pid::from_raw(self.pid() as i32);
        self.ended.is_some() || pid.is_none_or(|pid| !matches!(waitid(WaitId::Pid(pid), options), Ok(None)))
    }

    /// Ends it for sure with everything in its group, and reaps it.
    pub fn destroy_group(&mut self) {
        // Reaped, its number may be somebody else's.
        if let Some(pid) = Pid::from_raw(self.pid() as i32).filter(|_| self.ended.is_none()) {
            let _ = kill_process_group(pid, Posix::KILL);
        }
        self.destroy();
    }

    /// Ends it for sure and reaps it.
    pub fn destroy(&mut self) {
        if self.ended().is_none() {
            let _ = self.child.kill();
            self.ended = self.child.wait().ok();
        }
    }
}

impl Drop for ChildProcess {
    fn drop(&mut self) {
        self.destroy();
    }
}

pub fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (_, Some(signal)) => format!("signal {signal}"),
        _ => "unknown status".into(),
    }
}

/// Polls `done` every 2 ms for at most `within`; processes change state on their own time.
pub async fn poll_until(within: Duration, mut done: impl FnMut() -> bool) -> bool {
    let began = Instant::now();
    while !done() {
        if began.elapsed() >= within {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    true
}
