//! One measuring run at a time on this machine: a run beside another measures the other.

use super::{FileLock, LockError};
use std::path::Path;
use std::time::Duration;

/// Not `TMPDIR`: that differs between users and sessions, and the machine is one.
const PATH: &str = "/tmp/vaultquake.lock";

/// A queue of long scenarios is no failure; a holder that has hung for two hours is.
const WAIT_MAX: Duration = Duration::from_secs(2 * 60 * 60);

/// Held until dropped.
#[derive(Debug)]
pub struct MachineLock {
    _lock: FileLock,
}

/// Waits, two hours at most, until no other run has the machine. `waiting` is told who has it, at once and
/// then every five seconds. Blocks the calling thread.
pub fn exclusive(waiting: &mut dyn FnMut(&str)) -> Result<MachineLock, LockError> {
    Ok(MachineLock { _lock: FileLock::acquire(Path::new(PATH), WAIT_MAX, waiting)? })
}

/// Who has the machine right now; nothing when it is free. Tries the lock by taking it for a moment.
pub fn holder() -> Result<Option<String>, LockError> {
    FileLock::holder(Path::new(PATH))
}
