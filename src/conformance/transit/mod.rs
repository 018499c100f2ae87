//! Transit: encryption as a service.

mod batch;
mod encrypt;
mod guard;
mod keys;
mod mount;
mod rotation;

use super::Cases;

pub fn register(cases: &mut Cases) {
    keys::register(cases);
    encrypt::register(cases);
    batch::register(cases);
    rotation::register(cases);
    guard::register(cases);
}
