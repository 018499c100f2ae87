//! Narrows one way of a link, shared by all its connections.

use std::sync::Mutex;
use std::time::Duration;
use tokio::time::Instant;

/// One turn takes what passes in this time: about the grain of the timer.
const TURN: Duration = Duration::from_millis(2);
/// At least a packet's worth.
const TURN_BYTES_MIN: usize = 1460;
/// So much of the way's idle time may be made up for. Without it every late timer would narrow the way further.
const CATCH_UP: Duration = Duration::from_millis(5);

#[derive(Debug)]
pub struct Pacer {
    free_at: Mutex<Instant>,
}

impl Pacer {
    pub fn new() -> Self {
        Self { free_at: Mutex::new(Instant::now()) }
    }

    /// How many bytes may go now, or when to ask again.
    pub fn turn(&self, now: Instant, bytes_per_s: u64) -> Result<usize, Instant> {
        let free_at = *self.free_at.lock().unwrap();
        if free_at > now {
            return Err(free_at);
        }
        Ok(((bytes_per_s as f64 * TURN.as_secs_f64()) as usize).max(TURN_BYTES_MIN))
    }

    pub fn spend(&self, now: Instant, bytes: usize, bytes_per_s: u64) {
        let mut free_at = self.free_at.lock().unwrap();
        let from = now.checked_sub(CATCH_UP).map_or(*free_at, |earliest| earliest.max(*free_at));
        *free_at = from + Duration::from_secs_f64(bytes as f64 / bytes_per_s.max(1) as f64);
    }

    /// A way that has become another owes nothing for what it was.
    pub fn forget(&self) {
        *self.free_at.lock().unwrap() = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_rate_although_every_timer_is_late() {
        let pacer = Pacer::new();
        let (rate, began) = (1_000_000, Instant::now());
        let (mut now, mut passed) = (began, 0);
        while now < began + Duration::from_secs(1) {
            match pacer.turn(now, rate) {
                Ok(bytes) => {
                    pacer.spend(now, bytes, rate);
                    passed += bytes;
                }
                Err(at) => now = at + Duration::from_millis(1),
            }
        }
        assert!((990_000..1_010_000).contains(&passed), "{passed}");
    }

    #[test]
    fn an_idle_way_saves_up_next_to_nothing() {
        let pacer = Pacer::new();
        let later = Instant::now() + Duration::from_secs(60);
        let mut passed = 0;
        while let Ok(bytes) = pacer.turn(later, 1_000_000) {
            pacer.spend(later, bytes, 1_000_000);
            passed += bytes;
        }
        assert!(passed <= 9_000, "{passed}");
    }
}
