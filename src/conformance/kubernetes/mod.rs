//! Logins with a Kubernetes service account, whose token the server has reviewed by the cluster's API.

mod config;
mod login;
mod mount;
mod refused;

use super::Cases;

pub fn register(cases: &mut Cases) {
    config::register(cases);
    login::register(cases);
    refused::register(cases);
}
