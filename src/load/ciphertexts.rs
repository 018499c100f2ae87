//! Every ciphertext that was acknowledged, numbered in order, in memory only: what the cluster must go on being able to
//! decrypt.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

#[derive(Clone, Debug, PartialEq)]
pub struct Ciphertext {
    pub number: u32,
    pub text: Box<str>,
    /// Of its plaintext.
    pub digest: Box<str>,
}

#[derive(Default)]
pub struct Ciphertexts {
    kept: Mutex<Vec<Arc<Ciphertext>>>,
    /// The highest version of the key that was acknowledged.
    key_version: AtomicU64,
}

impl Ciphertexts {
    pub fn keep(&self, text: &str, digest: &str) -> u32 {
        let mut kept = self.kept.lock().unwrap();
        let number = kept.len() as u32;
        kept.push(Arc::new(Ciphertext { number, text: text.into(), digest: digest.into() }));
        number
    }

    pub fn any(&self, draw: u64) -> Option<Arc<Ciphertext>> {
        let kept = self.kept.lock().unwrap();
        let index = draw.checked_rem(kept.len() as u64)?;
        Some(kept[index as usize].clone())
    }

    pub fn all(&self) -> Vec<Arc<Ciphertext>> {
        self.kept.lock().unwrap().clone()
    }

    pub fn saw_key_version(&self, version: u64) {
        self.key_version.fetch_max(version, Ordering::Relaxed);
    }

    pub fn key_version(&self) -> u64 {
        self.key_version.load(Ordering::Relaxed)
    }
}
