//! The server's own agent, which the consciousness document's injector puts beside each service: it logs in by itself, and
//! renders secrets into files.

mod auto_auth;
mod failover;
mod process;
mod template;

use super::Cases;

pub fn register(cases: &mut Cases) {
    template::register(cases);
    auto_auth::register(cases);
    failover::register(cases);
}
