//! Every certificate that was acknowledged, without its private key, and those whose revocation was.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

#[derive(Clone, Debug, PartialEq)]
pub struct Certificate {
    pub serial: Box<str>,
    pub der: Vec<u8>,
}

#[derive(Default)]
pub struct Certificates {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    issued: Vec<Arc<Certificate>>,
    /// How many, from the oldest on, a revocation was sent for.
    taken: usize,
    revoked: BTreeSet<Box<str>>,
}

impl Certificates {
    pub fn keep(&self, serial: &str, der: Vec<u8>) {
        self.state.lock().unwrap().issued.push(Arc::new(Certificate { serial: serial.into(), der }));
    }

    /// The oldest one that nobody has been given to revoke.
    pub fn take_to_revoke(&self) -> Option<Arc<Certificate>> {
        let mut state = self.state.lock().unwrap();
        let oldest = state.issued.get(state.taken).cloned()?;
        state.taken += 1;
        Some(oldest)
    }

    pub fn was_revoked(&self, serial: &str) {
        self.state.lock().unwrap().revoked.insert(serial.into());
    }

    pub fn all(&self) -> Vec<Arc<Certificate>> {
        self.state.lock().unwrap().issued.clone()
    }

    pub fn revoked(&self) -> BTreeSet<Box<str>> {
        self.state.lock().unwrap().revoked.clone()
    }
}
