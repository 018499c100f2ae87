//! Reads that no leader answered: how often they were out of date, by how much, and whether a client
//! noticed, because it missed its own write or went back behind what it had read.
//!
//! A client is one of the load's logical clients ([`Operation::client`]), and what one of them does comes after what
//! was answered to it before. An answer is out of date by the time between the first acknowledgement of a newer
//! version and the sending of the read: a bound from below, for both ends are what a client saw.

use super::{Facts, Latencies, Leadership};
use crate::model::{ErrorKind, Operation, Workload};
use std::collections::HashMap;

pub struct Sessions<'a> {
    /// Reads whose node did not lead beyond doubt.
    pub reads: u64,
    /// Those of them that were out of date, in no order.
    pub stale: Vec<StaleRead<'a>>,
    /// Two writes of one client to one key, of which the later one got the older version.
    pub backwards: Vec<[&'a Operation; 2]>,
}

/// A read that was out of date when it was sent.
pub struct StaleRead<'a> {
    pub read: &'a Operation,
    /// The acknowledged write that had made it so.
    pub newer: &'a Operation,
    pub by_us: u64,
    /// What the same client had written or read before, and this read does not know of.
    pub missed: Option<&'a Operation>,
}

impl<'a> Sessions<'a> {
    pub fn of(facts: &Facts<'a>) -> Self {
        let leadership = facts.leadership();
        let history: &'a [Operation] = &facts.run.history;
        let mut by_key: HashMap<u32, Vec<&Operation>> = HashMap::new();
        for op in history.iter().filter(|op| tells(op)) {
            by_key.entry(op.key.unwrap_or_default()).or_default().push(op);
        }
        let mut keys: Vec<_> = by_key.into_iter().collect();
        keys.sort_by_key(|(key, _)| *key);
        let mut sessions = Self { reads: 0, stale: Vec::new(), backwards: Vec::new() };
        for (_, operations) in keys {
            sessions.add(&operations, leadership);
        }
        sessions
    }

    fn add(&mut self, operations: &[&'a Operation], leadership: &Leadership) {
        let is_write = |op: &&&Operation| op.op.stores_a_version();
        let writes = Newer::of(operations.iter().filter(is_write).copied());
        let mut own: HashMap<u16, Vec<&Operation>> = HashMap::new();
        for op in operations {
            if let Some(client) = op.client {
                own.entry(client).or_default().push(op);
            }
        }
        let own: HashMap<u16, (Newer, Newer)> = own
            .into_iter()
            .map(|(client, ops)| {
                let writes = Newer::of(ops.iter().filter(is_write).copied());
                (client, (writes, Newer::of(ops.iter().copied())))
            })
            .collect();
        for op in operations {
            let own = op.client.and_then(|client| own.get(&client));
            if op.op.stores_a_version() {
                let before = own.and_then(|(writes, _)| writes.before(op));
                self.backwards.extend(before.map(|before| [before, *op]));
            } else if !leadership.answered(op) {
                self.reads += 1;
                if let Some(newer) = writes.before(op) {
                    let by_us = op.sent_us - newer.done_us;
                    let missed = own.and_then(|(_, all)| all.before(op));
                    self.stale.push(StaleRead { read: op, newer, by_us, missed });
                }
            }
        }
    }

    /// Those that a client noticed.
    pub fn noticed(&self) -> impl Iterator<Item = &StaleRead<'a>> {
        self.stale.iter().filter(|read| read.missed.is_some())
    }

    pub fn in_words(&self) -> String {
        if self.stale.is_empty() {
            return format!(
                "none of {} reads through other nodes than the leader was out of date",
                self.reads
            );
        }
        let ages = Latencies::of(self.stale.iter().map(|read| read.by_us));
        let ms = |us: u64| us as f64 / 1e3;
        let own_write = self.noticed().filter(|read| read.missed.is_some_and(|op| op.op.stores_a_version()));
        format!(
            "{} of {} reads through other nodes than the leader ({:.2} %) were out of date, by {:.1} ms (p50), \
             {:.1} ms (p99), {:.1} ms at most; {} missed what their own client had written or read, {} of them \
             its own write",
            self.stale.len(),
            self.reads,
            self.stale.len() as f64 / self.reads.max(1) as f64 * 100.0,
            ms(ages.quantile_us(0.5)),
            ms(ages.quantile_us(0.99)),
            ms(ages.max_us()),
            self.noticed().count(),
            own_write.count(),
        )
    }
}

/// Whether it tells a version: an acknowledged write or read, or a read that found no such secret.
fn tells(op: &Operation) -> bool {
    let reads = op.op == Workload::Kv2Read;
    let acknowledged = op.is_ok() && op.version.is_some() && (reads || op.op.stores_a_version());
    op.key.is_some() && (acknowledged || reads && op.error == Some(ErrorKind::NotFound))
}

/// Operations by version, to find the first that told of a newer one.
pub(super) struct Newer<'a> {
    versions: Vec<u64>,
    /// The one that was over first, of this version and all newer ones.
    first: Vec<&'a Operation>,
}

impl<'a> Newer<'a> {
    pub fn of(operations: impl Iterator<Item = &'a Operation>) -> Self {
        let mut operations: Vec<_> = operations.collect();
        operations.sort_by_key(|op| op.version);
        let versions = operations.iter().map(|op| op.version.unwrap_or(0)).collect();
        for i in (1..operations.len()).rev() {
            if operations[i].done_us < operations[i - 1].done_us {
                operations[i - 1] = operations[i];
            }
        }
        Self { versions, first: operations }
    }

    /// The first that told of a newer version than `op` does, if it was over before `op` was sent.
    pub fn before(&self, op: &Operation) -> Option<&'a Operation> {
        let newer = self.versions.partition_point(|version| *version <= op.version.unwrap_or(0));
        self.first.get(newer).copied().filter(|first| first.done_us < op.sent_us)
    }

    /// The newest version that was told of before `op` was sent.
    pub fn newest_before(&self, op: &Operation) -> Option<u64> {
        let known = self.first.partition_point(|first| first.done_us < op.sent_us);
        self.versions[..known].last().copied()
    }
}
