//! From the saved operations to the steps of each key.

use super::step::{Kind, OPEN, Step};
use crate::facts::{Facts, Leadership};
use crate::model::{ErrorKind, Operation, Outcome, Workload};

/// The steps of all keys, and what was left out.
pub struct History {
    /// By key; those of one key in the order of the history.
    steps: Vec<(u32, Step)>,
    /// Answers that count as the leader's: reads, and refusals of check-and-sets.
    pub observations: u64,
    /// Reads whose node did not lead beyond doubt all the while.
    pub reads_left_out: u64,
    /// Acknowledged writes.
    pub writes: u64,
}

impl History {
    pub fn of(facts: &Facts) -> Self {
        let leadership = facts.leadership();
        let mut history = Self { steps: Vec::new(), observations: 0, reads_left_out: 0, writes: 0 };
        for (op, at) in facts.run.history.iter().zip(0u32..) {
            if let (Some(key), Some(kind)) = (op.key, history.kind(op, leadership)) {
                // A standby takes a deletion for done when its own, perhaps old, data say that nothing is left to do.
                let removes = matches!(kind, Kind::Delete | Kind::Undelete { .. } | Kind::Destroy { .. });
                let is_open = op.outcome == Outcome::Unknown
                    || matches!(kind, Kind::Write { version: None, .. })
                    || removes && !leadership.answered(op);
                let done_us = if is_open { OPEN } else { op.done_us };
                history.steps.push((key, Step { kind, sent_us: op.sent_us, done_us, at }));
            }
        }
        history.steps.sort_by_key(|(key, step)| (*key, step.at));
        history
    }

    /// What the operation tells; `None` when nothing.
    fn kind(&mut self, op: &Operation, leadership: &Leadership) -> Option<Kind> {
        let digest = op.digest.as_deref().and_then(|digest| u64::from_str_radix(digest, 16).ok());
        match (op.op, op.outcome) {
            (Workload::Kv2Read, Outcome::Unknown) => None,
            (Workload::Kv2Read, outcome) => {
                let found = match (outcome, op.version, digest) {
                    (Outcome::Ok, Some(version), Some(value)) => Kind::Read { version, value },
                    (Outcome::Ok, Some(version), None) => Kind::ReadDeleted { version },
                    _ if op.error == Some(ErrorKind::NotFound) => Kind::ReadNone,
                    _ => return None,
                };
                let counts = leadership.answered(op);
                let tally = if counts { &mut self.observations } else { &mut self.reads_left_out };
                *tally += 1;
                counts.then_some(found)
            }
            (Workload::Kv2Write | Workload::Kv2Cas, Outcome::Failed) => {
                // A standby refuses by what it knows itself, which may be old.
                let is_conflict = op.error == Some(ErrorKind::CasConflict) && leadership.answered(op);
                self.observations += u64::from(is_conflict);
                let conflict = op.expected.filter(|_| is_conflict);
                Some(Kind::Refused { value: digest?, conflict })
            }
            (Workload::Kv2Write | Workload::Kv2Cas, outcome) => {
                let acknowledged = outcome == Outcome::Ok;
                self.writes += u64::from(acknowledged);
                let version = op.version.filter(|_| acknowledged);
                Some(Kind::Write { value: digest?, version, expected: op.expected })
            }
            (Workload::Kv2Delete | Workload::Kv2Undelete | Workload::Kv2Destroy, Outcome::Failed)
            | (
                Workload::ApproleLogin
                | Workload::IsolationProbe
                | Workload::DatabaseCreds
                | Workload::DatabaseRenew
                | Workload::DatabaseRevoke
                | Workload::DatabaseRevokePrefix
                | Workload::TransitEncrypt
                | Workload::TransitDecrypt
                | Workload::TransitRewrap
                | Workload::TransitRotate
                | Workload::PkiIssue
                | Workload::PkiRevoke
                | Workload::Program,
                _,
            ) => None,
            (Workload::Kv2Delete, _) => Some(Kind::Delete),
            (Workload::Kv2Undelete, _) => Some(Kind::Undelete { version: op.version? }),
            (Workload::Kv2Destroy, _) => Some(Kind::Destroy { version: op.version? }),
        }
    }

    /// Each key with its steps.
    pub fn keys(&self) -> impl Iterator<Item = (u32, Vec<Step>)> {
        let keys = self.steps.chunk_by(|(a, _), (b, _)| a == b);
        keys.map(|steps| (steps[0].0, steps.iter().map(|(_, step)| *step).collect()))
    }
}
