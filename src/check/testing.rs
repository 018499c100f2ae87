//! Hand-made operations on one key, for the tests of checkers that look at single operations. Never live.

use super::Checked;
use crate::facts::Facts;
use crate::facts::testing::{RunBuilder, node};
use crate::model::*;
use crate::record::SavedRun;

/// What a checker says of a run.
pub fn verdict(check: fn(&Facts) -> Checked, run: &SavedRun) -> (Verdict, Checked) {
    let found = check(&Facts::of(run));
    (if found.violations.is_empty() { found.coverage } else { Verdict::Fail }, found)
}

/// A run in which n1 leads from 0 to 5 s, with just these operations.
pub fn run_of(operations: Vec<Operation>) -> SavedRun {
    let mut run = RunBuilder::new().phases(0.0, 1e3, 2e3, 5e3).build();
    run.history = operations.into_iter().zip(0..).map(|(op, id)| Operation { id, ..op }).collect();
    run
}

/// An acknowledged operation on key 7, sent to n1, the leader.
fn operation(op: Workload, sent_ms: u64, done_ms: u64) -> Operation {
    Operation {
        id: 0,
        load: Some(0),
        client: Some(0),
        op,
        route: Route::Leader,
        node: Some(node("n1")),
        due_us: sent_ms * 1_000,
        sent_us: sent_ms * 1_000,
        done_us: done_ms * 1_000,
        outcome: Outcome::Ok,
        error: None,
        status: None,
        key: Some(7),
        version: None,
        digest: None,
        expected: None,
        index: None,
        subject: None,
        request: None,
        ttl_s: None,
    }
}

/// The value of a version has its number, unless a test says otherwise.
fn digest(value: u64) -> Option<String> {
    Some(format!("{value:016x}"))
}

pub fn write(version: u64, sent_ms: u64, done_ms: u64) -> Operation {
    let op = operation(Workload::Kv2Write, sent_ms, done_ms);
    Operation { version: Some(version), digest: digest(version), ..op }
}

pub fn cas(expected: u64, version: u64, sent_ms: u64, done_ms: u64) -> Operation {
    Operation { op: Workload::Kv2Cas, expected: Some(expected), ..write(version, sent_ms, done_ms) }
}

/// A check-and-set that was refused because another version was there.
pub fn conflict(expected: u64, value: u64, sent_ms: u64, done_ms: u64) -> Operation {
    Operation {
        version: None,
        outcome: Outcome::Failed,
        error: Some(ErrorKind::CasConflict),
        ..cas(expected, value, sent_ms, done_ms)
    }
}

pub fn read(version: u64, sent_ms: u64, done_ms: u64) -> Operation {
    Operation { op: Workload::Kv2Read, ..write(version, sent_ms, done_ms) }
}

pub fn read_deleted(version: u64, sent_ms: u64, done_ms: u64) -> Operation {
    Operation { digest: None, ..read(version, sent_ms, done_ms) }
}

/// An encryption that brought a ciphertext; its plaintext has its number.
pub fn sealed(number: u32, key_version: u64, sent_ms: u64) -> Operation {
    let op = operation(Workload::TransitEncrypt, sent_ms, sent_ms + 5);
    let subject = Some(number.to_string().into());
    Operation { key: None, subject, version: Some(key_version), digest: digest(number.into()), ..op }
}

/// A decryption of such a ciphertext.
pub fn unsealed(number: u32, sent_ms: u64) -> Operation {
    Operation { op: Workload::TransitDecrypt, version: None, ..sealed(number, 0, sent_ms) }
}

pub fn read_nothing(sent_ms: u64, done_ms: u64) -> Operation {
    let op = operation(Workload::Kv2Read, sent_ms, done_ms);
    Operation { outcome: Outcome::Failed, error: Some(ErrorKind::NotFound), status: Some(404), ..op }
}

/// The same without an answer: sent then, and unknown.
pub fn unanswered(op: Operation) -> Operation {
    let (outcome, error) = (Outcome::Unknown, Some(ErrorKind::Timeout));
    Operation { outcome, error, version: None, done_us: op.sent_us + 10_000_000, ..op }
}

pub fn valued(op: Operation, value: u64) -> Operation {
    Operation { digest: digest(value), ..op }
}

pub fn via(name: &str, op: Operation) -> Operation {
    Operation { node: Some(node(name)), route: Route::Standby, ..op }
}

pub fn by_client(client: u16, op: Operation) -> Operation {
    Operation { client: Some(client), ..op }
}
