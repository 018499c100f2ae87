//! The clock that all processes of one machine share, in nanoseconds.

use rustix::time::{ClockId, clock_gettime};
use std::time::{Duration, Instant};

/// Nanoseconds of the monotonic clock, the same in every namespace of this machine.
pub fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
}

/// The same moment as this process's own clock tells it; a moment in the future is taken for now.
pub fn instant_of(moment_ns: u64) -> Instant {
    let ago = Duration::from_nanos(now_ns().saturating_sub(moment_ns));
    let now = Instant::now();
    now.checked_sub(ago).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_clocks_tell_the_same() {
        let (before, moment_ns, after) = (Instant::now(), now_ns(), Instant::now());
        let told = instant_of(moment_ns);
        let slack = Duration::from_millis(1);
        assert!(told + slack >= before && told <= after + slack);
    }
}
