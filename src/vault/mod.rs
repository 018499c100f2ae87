//! HTTP clients of the server's API. Status, headers and body are always reachable: nothing is retried,
//! redirected or interpreted behind the caller's back.
//!
//! Two clients, on purpose: [`Client`] (reqwest) for set-up and control, where comfort counts, and [`Wire`]
//! (hyper's connection below it) for load and observation, where CPU and knowing exactly how far a request
//! got count.

mod client;
mod endpoint;
#[cfg(test)]
pub mod testing;
mod wire;

pub use client::{Answer, Body, Client, ClientError, Exchange, wait_until};
pub use endpoint::{Endpoint, EndpointError, TlsMaterial, TlsVersions};
pub use wire::{Failure, RawAnswer, Wire, is_exhaustion, request};
