//! Tokens: made, looked up, renewed, revoked, expired.

mod ending;
mod holder;
mod making;
mod renewing;

use super::Cases;

pub fn register(cases: &mut Cases) {
    making::register(cases);
    renewing::register(cases);
    ending::register(cases);
}
