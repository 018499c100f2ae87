//! What opens a server: shares of a key, or another system that keeps the key.

mod auto;
mod awskms;
mod cloud;
mod fixed;
mod shamir;
mod transit;

use super::Cases;

pub fn register(cases: &mut Cases) {
    shamir::register(cases);
    fixed::register(cases);
    transit::register(cases);
    awskms::register(cases);
    cloud::register(cases);
}
