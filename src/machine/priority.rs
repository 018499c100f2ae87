//! Lets the threads that send and time requests run as soon as they are due.

/// The usual level for something that must be prompt and needs little.
const PROMPT: i32 = -10;

/// Raises the priority of the calling thread, where the user may. The client of a real deployment has a machine of
/// its own: its wait for a core of ours is no part of the server's latency. What this thread starts inherits it.
pub fn be_prompt() {
    let _ = rustix::process::setpriority_process(None, PROMPT);
}

/// Takes it back for the calling thread and what it starts: a server must not run before others.
pub fn be_ordinary() {
    let _ = rustix::process::setpriority_process(None, 0);
}
