//! TLS: which versions, whose certificates, and their rotation.

mod handshake;
mod listener;
mod mtls;
mod rotation;
mod version;

use super::Cases;

pub fn register(cases: &mut Cases) {
    version::register(cases);
    mtls::register(cases);
    rotation::register(cases);
}
