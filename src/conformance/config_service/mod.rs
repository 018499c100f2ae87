//! A configuration service in front of a cluster, as its document describes it: the HTTP API, what stands in the cluster
//! and what in Redis, and what holds while the cluster is away or changes its leader.
//!
//! Not part of the server's own catalogue: the subject is the service, by its URL or as a command. What cannot be looked
//! at without its Redis, its cluster, or the means to take that away is not judged, and says which is missing.

mod cache;
mod change;
mod create;
mod document;
mod leader_loss;
mod outage;
mod power;
mod read;
mod service;
mod traffic;
mod under_test;

pub use under_test::{Behind, ServiceChoice, ServiceUnderTest};

use super::{Case, Cases, Checked, Source};
use service::Service;
use std::sync::Arc;

/// What is documented of the service.
pub fn cases() -> Vec<Case> {
    let mut cases = Cases::default();
    create::register(&mut cases);
    read::register(&mut cases);
    change::register(&mut cases);
    cache::register(&mut cases);
    document::register(&mut cases);
    outage::register(&mut cases);
    leader_loss::register(&mut cases);
    cases.into_cases()
}

/// Adds a case about the service; what it makes there is removed when it ends.
fn add<F>(
    cases: &mut Cases,
    id: &'static str,
    meaning: &'static str,
    run: impl Fn(Service) -> F + Send + Sync + 'static,
) where
    F: Future<Output = Checked> + Send + 'static,
{
    let run = Arc::new(run);
    cases.add(id, Source::ConfigService, meaning, move |lab| {
        let run = run.clone();
        async move {
            let service = Service::new(lab)?;
            let checked = run(service.clone()).await;
            service.clean_up().await;
            checked
        }
    });
}

/// The same for a case that takes the cluster away.
fn add_alone<F>(
    cases: &mut Cases,
    id: &'static str,
    meaning: &'static str,
    run: impl Fn(Service) -> F + Send + Sync + 'static,
) where
    F: Future<Output = Checked> + Send + 'static,
{
    let run = Arc::new(run);
    cases.add_alone(id, Source::ConfigService, meaning, move |lab| {
        let run = run.clone();
        async move { run(Service::new(lab)?).await }
    });
}
