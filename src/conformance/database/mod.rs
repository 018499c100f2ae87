//! Dynamic credentials for a real PostgreSQL: the connection, roles, credentials tried in real logins, leases, and a database
//! that goes away.

mod away;
mod config;
mod creds;
mod engine;
mod leases;
mod roles;

use super::Cases;

pub fn register(cases: &mut Cases) {
    config::register(cases);
    roles::register(cases);
    creds::register(cases);
    leases::register(cases);
    away::register(cases);
}
