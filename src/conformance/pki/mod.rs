//! PKI: authorities, certificates for services, revocation, intermediates; what the server gives out is read and verified by
//! libraries that are not the server's.

mod intermediate;
mod issue;
mod mount;
mod names;
mod renewal;
mod revoke;
mod root;
mod x509;

use super::Cases;

pub fn register(cases: &mut Cases) {
    root::register(cases);
    names::register(cases);
    issue::register(cases);
    renewal::register(cases);
    revoke::register(cases);
    intermediate::register(cases);
}
