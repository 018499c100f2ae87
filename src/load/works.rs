//! From the workload of a load to what one of its requests does.

use super::certificates::Certificates;
use super::ciphertexts::Ciphertexts;
use super::database::{DatabasePlan, DatabaseWork};
use super::engine::LoadPlan;
use super::keyspace::Keyspace;
use super::mounts::Mounts;
use super::pki_issue::PkiIssue;
use super::pki_revoke::PkiRevoke;
use super::program::{ProgramPlan, ProgramWork};
use super::transit::Transit;
use super::transit_decrypt::TransitDecrypt;
use super::transit_encrypt::TransitEncrypt;
use super::transit_rewrap::TransitRewrap;
use super::transit_rotate::TransitRotate;
use super::work::Work;
use super::{approle_login, isolation_probe, kv2_cas, kv2_read, kv2_remove, kv2_rivals, kv2_write};
use crate::model::{Load, Workload};
use crate::record::Journal;
use std::sync::Arc;

pub(super) struct Works {
    keys: Arc<Keyspace>,
    /// One for all loads: two tables over the same keys would make conflicts of our own.
    kv2_cas: Arc<kv2_cas::Kv2Cas>,
    certificates: Arc<Certificates>,
    transit: Transit,
    mounts: Mounts,
    database: Option<DatabasePlan>,
    programs: Option<ProgramPlan>,
    journal: Journal,
}

impl Works {
    pub fn new(
        keys: Arc<Keyspace>,
        ciphertexts: Arc<Ciphertexts>,
        certificates: Arc<Certificates>,
        plan: &LoadPlan,
        journal: Journal,
    ) -> Self {
        let kv2_cas = Arc::new(kv2_cas::Kv2Cas::new(keys.clone(), 1));
        let mounts = plan.mounts.clone();
        let transit = Transit { keys: keys.clone(), kept: ciphertexts, mount: mounts.transit.clone() };
        Self {
            keys,
            kv2_cas,
            certificates,
            transit,
            mounts,
            database: plan.database.clone(),
            programs: plan.programs.clone(),
            journal,
        }
    }

    /// What a load does.
    pub fn of_load(&self, load: &Load) -> Arc<dyn Work> {
        match (&load.program, &self.programs) {
            (Some(program), Some(plan)) => Arc::new(ProgramWork {
                keys: self.keys.clone(),
                program: program.clone(),
                plan: plan.clone(),
                journal: self.journal.clone(),
            }),
            _ => self.of(load.workload),
        }
    }

    pub fn of(&self, workload: Workload) -> Arc<dyn Work> {
        let keys = self.keys.clone();
        match workload {
            Workload::Kv2Read => Arc::new(kv2_read::Kv2Read { keys }),
            Workload::Kv2Write => Arc::new(kv2_write::Kv2Write::new(keys)),
            Workload::Kv2Cas if keys.cas().is_empty() => Arc::new(kv2_rivals::Kv2Rivals { keys }),
            Workload::Kv2Cas => self.kv2_cas.clone(),
            how @ (Workload::Kv2Delete | Workload::Kv2Undelete | Workload::Kv2Destroy) => {
                Arc::new(kv2_remove::Kv2Remove { keys, how })
            }
            Workload::ApproleLogin => {
                Arc::new(approle_login::ApproleLogin { keys, mount: self.mounts.approle.clone() })
            }
            Workload::TransitEncrypt => Arc::new(TransitEncrypt(self.transit.clone())),
            Workload::TransitDecrypt => Arc::new(TransitDecrypt(self.transit.clone())),
            Workload::TransitRewrap => Arc::new(TransitRewrap(self.transit.clone())),
            Workload::TransitRotate => Arc::new(TransitRotate(self.transit.clone())),
            Workload::PkiIssue => {
                let (kept, mount) = (self.certificates.clone(), self.mounts.pki.clone());
                Arc::new(PkiIssue { keys, kept, mount })
            }
            Workload::PkiRevoke => {
                let (kept, mount) = (self.certificates.clone(), self.mounts.pki.clone());
                Arc::new(PkiRevoke { keys, kept, mount })
            }
            Workload::Program => unreachable!("the scenario's rules let no such load be without its program"),
            Workload::IsolationProbe => Arc::new(isolation_probe::IsolationProbe::new(keys)),
            how @ (Workload::DatabaseCreds
            | Workload::DatabaseRenew
            | Workload::DatabaseRevoke
            | Workload::DatabaseRevokePrefix) => {
                let plan = self.database.clone();
                let plan = plan.expect("the scenario's rules let no such load into a run without a database");
                Arc::new(DatabaseWork { keys, plan, journal: self.journal.clone(), how })
            }
        }
    }
}
