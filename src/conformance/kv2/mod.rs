//! KV version 2: versions, check-and-set, deletion and its undoing, metadata.

mod cas;
mod deletion;
mod listing;
mod metadata;
mod mount;
mod patch;
mod places;
mod retention;
mod versions;

pub use mount::Kv2;

use super::Cases;

pub fn register(cases: &mut Cases) {
    versions::register(cases);
    cas::register(cases);
    patch::register(cases);
    deletion::register(cases);
    retention::register(cases);
    metadata::register(cases);
    listing::register(cases);
    places::register(cases);
}
