//! The leases of credentials that the load was given: in memory alone, since who knows their ids may end them.

use std::sync::Mutex;
use std::time::{Duration, Instant};

#[derive(Clone, Debug)]
pub struct Lease {
    /// The role and the user, as the history names them.
    pub subject: Box<str>,
    pub role: String,
    pub id: String,
    /// The token that it was asked for with.
    pub token: String,
    /// When the answer that gave or prolonged it had come.
    since: Instant,
    ttl: Duration,
}

impl Lease {
    pub fn new(subject: Box<str>, role: String, id: String, token: String, ttl: Duration) -> Self {
        Self { subject, role, id, token, since: Instant::now(), ttl }
    }

    fn left(&self) -> Duration {
        self.ttl.saturating_sub(self.since.elapsed())
    }
}

/// Shared by all loads of the database.
#[derive(Default)]
pub struct Leases {
    held: Mutex<Vec<Lease>>,
}

impl Leases {
    pub fn add(&self, lease: Lease) {
        let mut held = self.held.lock().unwrap();
        held.retain(|lease| !lease.left().is_zero());
        held.push(lease);
    }

    /// One that has some of its time left by our own clock; `None` while there is none.
    pub fn choose(&self, draw: u64) -> Option<Lease> {
        let mut held = self.held.lock().unwrap();
        held.retain(|lease| !lease.left().is_zero());
        // One that ends while it is on its way says nothing.
        let lasting: Vec<&Lease> = held.iter().filter(|lease| lease.left() > lease.ttl / 4).collect();
        match lasting.len() as u64 {
            0 => None,
            count => lasting.get((draw % count) as usize).map(|lease| (*lease).clone()),
        }
    }

    /// The same, and nobody else will be given it any more.
    pub fn take(&self, draw: u64) -> Option<Lease> {
        let chosen = self.choose(draw)?;
        self.held.lock().unwrap().retain(|lease| lease.id != chosen.id);
        Some(chosen)
    }

    pub fn prolong(&self, id: &str, ttl: Duration) {
        let mut held = self.held.lock().unwrap();
        if let Some(lease) = held.iter_mut().find(|lease| lease.id == id) {
            (lease.since, lease.ttl) = (Instant::now(), ttl);
        }
    }

    pub fn forget_role(&self, role: &str) {
        self.held.lock().unwrap().retain(|lease| lease.role != role);
    }

    /// The longest that any of them still has.
    pub fn longest_left(&self) -> Duration {
        self.held.lock().unwrap().iter().map(Lease::left).max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(id: &str, role: &str, ttl_ms: u64) -> Lease {
        let ttl = Duration::from_millis(ttl_ms);
        Lease::new(format!("{role}/{id}").into(), role.into(), id.into(), "token".into(), ttl)
    }

    #[test]
    fn what_has_run_out_is_taken_or_forgotten_is_no_longer_chosen() {
        let leases = Leases::default();
        assert!(leases.choose(7).is_none());
        leases.add(lease("a", "r", 60_000));
        leases.add(lease("b", "r", 0));
        leases.add(lease("c", "w", 60_000));
        assert_eq!(leases.take(0).unwrap().id, "a");
        assert_eq!(leases.choose(0).unwrap().id, "c");
        leases.prolong("c", Duration::from_secs(120));
        assert!(leases.longest_left() > Duration::from_secs(100));
        leases.forget_role("w");
        assert!(leases.choose(0).is_none());
    }
}
