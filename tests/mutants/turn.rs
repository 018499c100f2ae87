//! Whose turn it is on this machine: all mutants take the better part of an hour, and others wait for it as well.

use std::time::{Duration, Instant};
use vaultquake::machine::LockError;
use vaultquake::machine::lock::{self, MachineLock};

/// Several runs. Then whoever waits has the machine first.
const AT_MOST: Duration = Duration::from_secs(120);
/// Who waits looks every 50 ms whether it is free.
const FREE_FOR: Duration = Duration::from_millis(200);

pub struct Turn {
    since: Instant,
    _machine: MachineLock,
}

impl Turn {
    /// Goes on with a turn, or ends it and waits for the next.
    pub fn again(last: Option<Self>) -> Result<Self, LockError> {
        match last {
            Some(turn) if turn.since.elapsed() < AT_MOST => return Ok(turn),
            Some(turn) => {
                drop(turn);
                std::thread::sleep(FREE_FOR);
            }
            None => {}
        }
        let machine = lock::exclusive(&mut |who| eprintln!("{who}"))?;
        Ok(Self { since: Instant::now(), _machine: machine })
    }
}
