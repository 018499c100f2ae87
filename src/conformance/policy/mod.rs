//! Policies: the documents' own, word for word, and the rules by which they are read.

mod api;
mod documents;
mod rules;
mod services;
mod tenants;
mod workflow;

pub use documents::{NOTHING, WORKFLOW_CI, WORKFLOW_SERVICE};

use super::Cases;

pub fn register(cases: &mut Cases) {
    workflow::register(cases);
    services::register(cases);
    tenants::register(cases);
    rules::register(cases);
    api::register(cases);
}
