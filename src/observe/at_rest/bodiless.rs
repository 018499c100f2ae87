//! Requests whose answers have no body, and so no id: what was asked, as the history tells it and as an audit entry does.

use crate::load::{key_of_path, verb_of_probe};
use crate::model::{Operation, Probe, Verb, Workload};

/// What cannot be told apart any further.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Bodiless {
    /// Deletions and the like of one secret.
    Removal(Workload, u32),
    /// The lease's id is no business of the history.
    Revocation,
    /// Of all leases of one role.
    RevocationOfRole(Box<str>),
    Probe(Verb),
}

impl Bodiless {
    pub fn of_operation(operation: &Operation) -> Option<Self> {
        let subject = || operation.subject.as_deref();
        match operation.op {
            Workload::Kv2Delete | Workload::Kv2Undelete | Workload::Kv2Destroy => {
                Some(Self::Removal(operation.op, operation.key?))
            }
            Workload::DatabaseRevoke => Some(Self::Revocation),
            Workload::DatabaseRevokePrefix => {
                Some(Self::RevocationOfRole(subject()?.trim_end_matches('/').into()))
            }
            Workload::IsolationProbe => Some(Self::Probe(subject()?.parse::<Probe>().ok()?.verb)),
            _ => None,
        }
    }

    /// `mount` is that of the load's secrets; path and operation are as the entry has them.
    pub fn of_entry(mount: &str, path: &str, operation: &str) -> Option<Self> {
        if path == "sys/leases/revoke" {
            return Some(Self::Revocation);
        }
        if let Some(prefix) = path.strip_prefix("sys/leases/revoke-prefix/") {
            return Some(Self::RevocationOfRole(prefix.rsplit('/').next()?.into()));
        }
        if let Some(verb) = verb_of_probe(mount, path, operation) {
            return Some(Self::Probe(verb));
        }
        let (part, key) = key_of_path(mount, path)?;
        let removal = match (part, operation) {
            ("data", "delete") => Workload::Kv2Delete,
            ("undelete", "create" | "update") => Workload::Kv2Undelete,
            ("destroy", "create" | "update") => Workload::Kv2Destroy,
            _ => return None,
        };
        Some(Self::Removal(removal, key))
    }

    /// Whether a tenant asks, and nobody else.
    pub fn is_of_tenants(&self) -> bool {
        matches!(self, Self::Removal(..))
    }
}
