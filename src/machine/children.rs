//! Child processes that end with us, and whether this machine can do that to processes at all.
//!
//! The checks start and end short-lived processes of their own; they touch no other.

use rustix::process::{Pid, Signal, kill_process};
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Longer than any of the checks takes, short enough to be no burden should one be forgotten.
const VICTIM_SECONDS: &str = "30";
const SEEN_WITHIN: Duration = Duration::from_secs(5);

/// Has the kernel kill the child (SIGKILL) when the *thread* that spawns it ends, however it ends: spawn from
/// a thread that lives as long as the child should.
#[cfg(target_os = "linux")]
pub fn die_with_parent(command: &mut Command) {
    die_with_parent_by(command, Signal::KILL);
}

/// The same with another signal, for who has something of its own to end first.
#[cfg(target_os = "linux")]
pub fn die_with_parent_by(command: &mut Command, signal: Signal) {
    let parent = rustix::process::getpid();
    // SAFETY: between fork and exec only two system calls are made and nothing is allocated.
    unsafe {
        command.pre_exec(move || {
            rustix::process::set_parent_process_death_signal(Some(signal))?;
            // A parent that died before the line above sends no signal any more.
            match rustix::process::getppid() == Some(parent) {
                true => Ok(()),
                false => Err(io::ErrorKind::Interrupted.into()),
            }
        });
    }
}

/// Checks by doing it that a child dies with the thread that spawned it. The error says what was seen
/// instead.
#[cfg(target_os = "linux")]
pub fn check_death_with_parent() -> Result<(), String> {
    let spawned = std::thread::spawn(|| {
        let mut command = victim();
        die_with_parent(&mut command);
        command.spawn()
    });
    let mut child =
        spawned.join().map_err(|_| "the spawning thread failed")?.map_err(|error| error.to_string())?;
    let status = wait_for(&mut child);
    end(&mut child);
    match status {
        Some(status) if status.signal() == Some(Signal::KILL.as_raw()) => Ok(()),
        Some(status) => Err(format!("the child ended with {status}, not by SIGKILL")),
        None => Err(format!("the child was still alive {} s later", SEEN_WITHIN.as_secs())),
    }
}

/// Only Linux has a parent-death signal.
#[cfg(not(target_os = "linux"))]
pub fn check_death_with_parent() -> Result<(), String> {
    Err(format!("{} has no parent-death signal", std::env::consts::OS))
}

/// Checks by doing it that a process can be frozen (SIGSTOP) and set going again (SIGCONT).
pub fn check_pause() -> Result<(), String> {
    let mut child = victim().spawn().map_err(|error| error.to_string())?;
    let seen = pause_and_resume(&child);
    end(&mut child);
    seen
}

fn pause_and_resume(child: &Child) -> Result<(), String> {
    for (signal, name, stopped) in [(Signal::STOP, "SIGSTOP", true), (Signal::CONT, "SIGCONT", false)] {
        let pid = Pid::from_child(child);
        kill_process(pid, signal).map_err(|error| format!("{name} was refused: {error}"))?;
        let until = Instant::now() + SEEN_WITHIN;
        while is_stopped(child.id())? != stopped {
            if Instant::now() >= until {
                return Err(format!("{name} changed nothing within {} s", SEEN_WITHIN.as_secs()));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    Ok(())
}

fn is_stopped(pid: u32) -> Result<bool, String> {
    let path = format!("/proc/{pid}/stat");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("cannot read {path}: {error}"))?;
    let state = text.rsplit_once(')').and_then(|(_, after)| after.split_whitespace().next());
    // `t` is a process stopped by a debugger.
    Ok(matches!(state, Some("T" | "t")))
}

fn victim() -> Command {
    let mut command = Command::new("sleep");
    command.arg(VICTIM_SECONDS).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn wait_for(child: &mut Child) -> Option<std::process::ExitStatus> {
    let until = Instant::now() + SEEN_WITHIN;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < until => std::thread::sleep(Duration::from_millis(5)),
            _ => return None,
        }
    }
}

fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn a_child_dies_with_the_thread_that_spawned_it() {
        check_death_with_parent().unwrap();
    }

    #[test]
    fn a_child_without_the_signal_outlives_the_thread() {
        let mut child = std::thread::spawn(|| victim().spawn().unwrap()).join().unwrap();
        std::thread::sleep(Duration::from_millis(50));
        assert!(child.try_wait().unwrap().is_none());
        end(&mut child);
    }

    #[test]
    fn a_child_can_be_paused() {
        check_pause().unwrap();
    }
}
