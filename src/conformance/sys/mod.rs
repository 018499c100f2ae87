//! The system's own paths: initialisation, seal, health, raft, snapshots, leases, metrics, audit.

mod audit;
mod audit_fields;
mod audit_log;
mod health;
mod init;
mod leases;
mod leases_mount;
mod leases_revoke;
mod metrics;
mod peers;
mod raft;
mod recovery;
mod snapshot;
mod unseal;

use super::Cases;

pub(super) use init::five_distinct;

pub fn register(cases: &mut Cases) {
    init::register(cases);
    unseal::register(cases);
    health::register(cases);
    raft::register(cases);
    peers::register(cases);
    snapshot::register(cases);
    recovery::register(cases);
    leases::register(cases);
    leases_revoke::register(cases);
    metrics::register(cases);
    audit::register(cases);
    audit_fields::register(cases);
}
