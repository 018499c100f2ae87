//! Lets the threads that send and time requests run as soon as they are due.

/// The usual level for something that must be prompt and needs little.
const PROMPT: i32 = -10;

/// The shortest time slice that Linux grants. A thread with a short slice is let in at once when it wakes, instead
/// of after the slice of whoever runs; it gets no more time for it.
const SHORT_SLICE_NS: u64 = 100_000;

/// Raises the priority of the calling thread, where the user may. The client of a real deployment has a machine of
/// its own: its wait for a core of ours is no part of the server's latency. What this thread starts inherits it.
pub fn be_prompt() {
    let _ = rustix::process::setpriority_process(None, PROMPT);
    set_slice(SHORT_SLICE_NS);
}

/// Takes it back for the calling thread and what it starts: a server must not run before others.
pub fn be_ordinary() {
    let _ = rustix::process::setpriority_process(None, 0);
    set_slice(0);
}

/// 0 is the system's default. Kernels before 6.12 do not know it and change nothing.
#[cfg(target_os = "linux")]
fn set_slice(ns: u64) {
    let Ok(nice) = rustix::process::getpriority_process(None) else { return };
    let wanted = libc::sched_attr {
        size: size_of::<libc::sched_attr>() as u32,
        sched_policy: libc::SCHED_OTHER as u32,
        sched_flags: 0,
        sched_nice: nice,
        sched_priority: 0,
        sched_runtime: ns,
        sched_deadline: 0,
        sched_period: 0,
    };
    // SAFETY: the kernel reads `size` bytes of a structure that outlives the call; it changes nothing of ours.
    unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const wanted, 0) };
}

/// Only Linux has it.
#[cfg(not(target_os = "linux"))]
fn set_slice(_ns: u64) {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// `se.slice` of the calling thread, in nanoseconds; `None` where the kernel does not tell.
    fn slice_ns() -> Option<u64> {
        let told = std::fs::read_to_string("/proc/thread-self/sched").ok()?;
        let line = told.lines().find(|line| line.starts_with("se.slice"))?;
        line.split(':').nth(1)?.trim().parse().ok()
    }

    #[test]
    fn a_prompt_thread_has_a_short_slice_and_an_ordinary_one_the_default() {
        let Some(default) = slice_ns() else { return };
        be_prompt();
        let short = slice_ns().unwrap();
        be_ordinary();
        assert_eq!(slice_ns(), Some(default));
        assert!(short == SHORT_SLICE_NS || short == default, "{short}");
    }
}
