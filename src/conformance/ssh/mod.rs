//! SSH: the server as an authority that signs people's keys; certificates are read and verified by a library of their own.

mod certificate;
mod mount;
mod sign;

use super::Cases;

pub fn register(cases: &mut Cases) {
    sign::register(cases);
}
