//! AppRole: for what does not run in Kubernetes.

mod login;
mod mount;
mod secret_id;

use super::Cases;

pub fn register(cases: &mut Cases) {
    login::register(cases);
    secret_id::register(cases);
}
