//! What nodes that were cut off from the majority went on answering, and how old it was.
//!
//! An answer is stale when a newer version of its key had been acknowledged before it was asked for. That is no
//! violation: a standby may answer with what it has. How old it may get is what is measured.

use super::Facts;
use super::sessions::Newer;
use crate::model::{NodeId, Operation, StaleReads, Workload};
use std::collections::BTreeMap;

/// One row for each fault and node that it cut off, and, when there is any, one for all reads through nodes that had
/// not been cut off before.
pub fn stale_reads(facts: &Facts) -> Vec<StaleReads> {
    let acknowledged = Acknowledged::of(facts);
    let mut rows = Vec::new();
    let mut cut_off_from: BTreeMap<&NodeId, f64> = BTreeMap::new();
    for fault in &facts.faults {
        let Some(network) = &fault.network else { continue };
        for node in &network.without_quorum {
            let times = network.cut_off_ms(node, facts.load_end_ms);
            let (Some(&(first_ms, _)), Some(&(_, healed_ms))) = (times.first(), times.last()) else {
                continue;
            };
            let within = |op: &Operation| op.node.as_ref() == Some(node) && lies_in(op, &times);
            let mut row = measure(facts, &acknowledged, within, first_ms);
            row.fault = Some(fault.id.clone());
            row.node = Some(node.clone());
            row.cut_off_ms = Some(times.iter().map(|(from_ms, until_ms)| until_ms - from_ms).sum());
            row.stale_after_heal_ms = stale_after_heal_ms(facts, &acknowledged, node, healed_ms);
            rows.push(row);
            let from_ms = cut_off_from.entry(node).or_insert(first_ms);
            *from_ms = from_ms.min(first_ms);
        }
    }
    if !rows.is_empty() {
        let apart = |op: &Operation| {
            let from_ms = op.node.as_ref().map(|node| cut_off_from.get(node));
            from_ms.is_some_and(|from_ms| from_ms.is_none_or(|from_ms| done_ms(op) < *from_ms))
        };
        rows.push(StaleReads { last_answer_ms: None, ..measure(facts, &acknowledged, apart, 0.0) });
    }
    rows
}

fn sent_ms(op: &Operation) -> f64 {
    op.sent_us as f64 / 1e3
}

fn done_ms(op: &Operation) -> f64 {
    op.done_us as f64 / 1e3
}

/// Sent and over within one of the times: what hangs until the heal was not answered by a node that is cut off.
fn lies_in(op: &Operation, times: &[(f64, f64)]) -> bool {
    times.iter().any(|&(from_ms, until_ms)| {
        (from_ms..=until_ms).contains(&sent_ms(op)) && (!op.is_ok() || done_ms(op) <= until_ms)
    })
}

/// How long after the heal the node was last asked and answered without a write that had been acknowledged before
/// the heal. `None` when it never did.
fn stale_after_heal_ms(
    facts: &Facts,
    acknowledged: &Acknowledged,
    node: &NodeId,
    healed_ms: f64,
) -> Option<f64> {
    let reads = facts.loads.iter().filter(|load| load.load.workload == Workload::Kv2Read);
    reads
        .flat_map(|load| &load.ops)
        .filter(|op| op.is_ok() && op.node.as_ref() == Some(node) && sent_ms(op) >= healed_ms)
        .filter(|op| {
            let behind_ms = acknowledged.lacks(op).map(|(_, behind_ms)| behind_ms);
            behind_ms.is_some_and(|behind_ms| sent_ms(op) - behind_ms < healed_ms)
        })
        .map(|op| sent_ms(op) - healed_ms)
        .reduce(f64::max)
}

fn measure(
    facts: &Facts,
    acknowledged: &Acknowledged,
    fits: impl Fn(&Operation) -> bool,
    first_ms: f64,
) -> StaleReads {
    let mut row = StaleReads {
        fault: None,
        node: None,
        cut_off_ms: None,
        answered: 0,
        unanswered: 0,
        last_answer_ms: None,
        stale: 0,
        versions_behind_max: 0,
        behind_max_ms: 0.0,
        oldest: None,
        stale_after_heal_ms: None,
    };
    let reads = facts.loads.iter().filter(|load| load.load.workload == Workload::Kv2Read);
    for op in reads.flat_map(|load| &load.ops).filter(|op| fits(op)) {
        if !op.is_ok() {
            row.unanswered += 1;
            continue;
        }
        row.answered += 1;
        let answer_ms = done_ms(op) - first_ms;
        row.last_answer_ms =
            Some(row.last_answer_ms.map_or(answer_ms, |last_ms: f64| last_ms.max(answer_ms)));
        let Some((versions, behind_ms)) = acknowledged.lacks(op) else { continue };
        row.stale += 1;
        row.versions_behind_max = row.versions_behind_max.max(versions);
        if behind_ms > row.behind_max_ms {
            (row.behind_max_ms, row.oldest) = (behind_ms, Some(op.id));
        }
    }
    row
}

/// The acknowledged versions of each key.
struct Acknowledged<'a>(BTreeMap<u32, Newer<'a>>);

impl<'a> Acknowledged<'a> {
    fn of(facts: &Facts<'a>) -> Self {
        let mut of_key: BTreeMap<u32, Vec<&'a Operation>> = BTreeMap::new();
        for op in facts.writes.iter().copied().filter(|op| op.is_ok() && op.version.is_some()) {
            of_key.entry(op.key.unwrap_or_default()).or_default().push(op);
        }
        Self(of_key.into_iter().map(|(key, writes)| (key, Newer::of(writes.into_iter()))).collect())
    }

    /// How many versions that had been acknowledged when the read was sent are newer than its answer, and how long
    /// ago the first of them was. `None` when its answer was the newest.
    fn lacks(&self, read: &Operation) -> Option<(u64, f64)> {
        let (writes, version) = (self.0.get(&read.key?)?, read.version?);
        let first = writes.before(read)?;
        let newest = writes.newest_before(read)?;
        Some((newest - version, (read.sent_us - first.done_us) as f64 / 1e3))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::*;

    #[test]
    fn an_isolated_node_answers_with_what_it_had_and_the_others_do_not() {
        let run = isolated_run().build();
        let rows = stale_reads(&Facts::of(&run));
        let [cut_off, others] = &rows[..] else { panic!("{rows:?}") };
        assert_eq!((cut_off.fault.as_deref(), cut_off.node.as_ref()), (Some("f1"), Some(&node("n1"))));
        assert_eq!(cut_off.cut_off_ms, Some(27_990.0));
        // A third of 100/s for 28 s, and nothing was written before 23 s.
        assert!((920..=940).contains(&cut_off.answered), "{cut_off:?}");
        assert!((500..600).contains(&cut_off.stale), "{cut_off:?}");
        assert!(cut_off.last_answer_ms.unwrap() > 27_900.0);
        assert!(cut_off.versions_behind_max > 40 && cut_off.behind_max_ms > 16_000.0, "{cut_off:?}");
        let oldest = run.history.iter().find(|op| Some(op.id) == cut_off.oldest).unwrap();
        assert_eq!(oldest.node, Some(node("n1")));
        assert_eq!(cut_off.stale_after_heal_ms, None);
        assert_eq!((others.fault.as_ref(), others.stale), (None, 0));
        // Two nodes throughout, and the third until it was cut off.
        assert!((4_050..4_080).contains(&others.answered), "{others:?}");
    }

    #[test]
    fn what_it_lacks_after_the_heal_is_its_own_and_not_the_others() {
        let run = isolated_run().frozen("n1", 12e3, 41.5e3).build();
        let rows = stale_reads(&Facts::of(&run));
        let after_ms = rows[0].stale_after_heal_ms.unwrap();
        assert!((1_400.0..=1_510.0).contains(&after_ms), "{after_ms}");
        assert_eq!(rows[1].stale, 0);
    }

    #[test]
    fn what_hangs_until_the_heal_is_no_answer_of_a_node_that_is_cut_off() {
        let mut run = isolated_run().build();
        for op in run.history.iter_mut().filter(|op| op.op == Workload::Kv2Read) {
            if op.node == Some(node("n1")) && (12_000_000..39_000_000).contains(&op.sent_us) {
                op.done_us = 40_500_000;
            }
        }
        let rows = stale_reads(&Facts::of(&run));
        assert!(rows[0].answered < 40, "{rows:?}");
    }

    #[test]
    fn a_run_in_which_nobody_was_cut_off_has_no_row() {
        assert_eq!(stale_reads(&Facts::of(&kill_run().build())), []);
    }
}
