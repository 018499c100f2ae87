//! What each fault on the active node cost, phase by phase, from the moment it took hold.

use super::server_log::{LogMark, Mark, marks};
use super::{Facts, FaultFact, is_served};
use crate::model::{Failover, FailoverPhases, FaultKind, NodeId, Operation, Role, Route, Workload};

/// A server's log has whole milliseconds of the wall clock: a line may seem this much earlier than it was.
const LOG_SLACK_MS: f64 = 5.0;

pub(super) fn failovers(facts: &Facts) -> Vec<Failover> {
    let marks = marks(facts.run);
    facts
        .faults
        .iter()
        .filter(|fault| hit_the_active_node(facts, fault))
        .filter_map(|fault| fault.applied_ms().map(|applied_ms| failover(facts, &marks, fault, applied_ms)))
        .collect()
}

fn hit_the_active_node(facts: &Facts, fault: &FaultFact) -> bool {
    match fault.kind {
        kind if kind.disturbs_nobody() => false,
        FaultKind::StepDown => true,
        // At the request: a node that goes in good order has handed over before the evidence is in.
        _ => facts.roles.iter().any(|track| {
            fault.down().contains(&track.node) && track.at(fault.requested_ms) == Some(Role::Active)
        }),
    }
}

struct Survivors<'f> {
    fault: &'f FaultFact,
    /// A fault that leaves no quorum can only be recovered from through the nodes that it hit; and who
    /// stepped down goes on serving.
    everyone: bool,
}

impl Survivors<'_> {
    fn has(&self, node: &NodeId) -> bool {
        self.everyone || !self.fault.down().contains(node)
    }

    fn served(&self, op: &Operation) -> bool {
        op.node.as_ref().is_some_and(|node| self.has(node))
    }
}

fn failover(facts: &Facts, marks: &[LogMark], fault: &FaultFact, applied_ms: f64) -> Failover {
    let left = facts.nodes().saturating_sub(fault.down().len());
    let everyone = fault.kind == FaultKind::StepDown || left <= facts.nodes() / 2;
    let survivors = Survivors { fault, everyone };
    let later = facts.faults.iter().map(|other| other.requested_ms).filter(|&t_ms| t_ms > applied_ms);
    let until_ms = later.fold(facts.watched_until_ms(), f64::min);
    // A phase that was over before the evidence of the fault was in took no time that could be measured.
    let from_applied = |t_ms: f64| (t_ms - applied_ms).max(0.0);

    let first_error_ms = first_error_ms(facts, applied_ms, until_ms);
    let lost_ms = lost_ms(facts, fault);
    let active = facts
        .roles
        .iter()
        .filter(|track| survivors.has(&track.node))
        .flat_map(|track| track.segments.iter().map(move |segment| (segment, &track.node)))
        .filter(|(segment, _)| segment.role == Role::Active && segment.start_ms >= fault.requested_ms)
        .filter(|(segment, _)| segment.start_ms < until_ms)
        .min_by(|(a, _), (b, _)| a.start_ms.total_cmp(&b.start_ms));
    let in_logs = || {
        let since_ms = fault.requested_ms - LOG_SLACK_MS;
        marks.iter().filter(move |mark| mark.t_ms >= since_ms && mark.t_ms < until_ms)
    };
    let elected = in_logs().find(|mark| mark.mark == Mark::Elected && survivors.has(&mark.node));
    // What was sent while the old leader could still answer says nothing about the new one: a follower passes
    // it on to a leader that is on its way out.
    let gone_ms = lost_ms.or(first_error_ms).map_or(applied_ms, |t_ms| t_ms.max(applied_ms));
    let since_ms = [elected.map(|mark| mark.t_ms), active.map(|(segment, _)| segment.start_ms)];
    let led_ms = since_ms.into_iter().flatten().reduce(f64::min).map_or(gone_ms, |t_ms| t_ms.max(gone_ms));
    let needs_the_leader = |op: &Operation| op.op != Workload::Kv2Read || op.route == Route::Leader;
    let after = |op: &&&Operation| {
        let from_ms = if needs_the_leader(op) { led_ms } else { gone_ms };
        op.is_ok() && op.sent_us as f64 / 1e3 >= from_ms && survivors.served(op)
    };
    let reads = facts.loads.iter().filter(|load| !load.load.workload.stores_a_version());
    let first_read = reads.flat_map(|load| &load.ops).filter(after).min_by_key(|op| (op.done_us, op.id));
    let first_write = facts.writes.iter().filter(after).min_by_key(|op| (op.done_us, op.id));

    let new_leader = active.map(|(_, node)| node).or(elected.map(|mark| &mark.node)).cloned();
    let log_ready = new_leader.as_ref().and_then(|leader| {
        let mut of_leader = in_logs().filter(|mark| mark.node == *leader);
        of_leader.find(|mark| mark.mark == Mark::TakingOver)?;
        of_leader.find(|mark| mark.mark == Mark::Ready)
    });
    let redundant_ms = fault.over_ms().and_then(|over_ms| facts.redundancy.full_from(over_ms, until_ms));

    Failover {
        fault: fault.id.clone(),
        resolution_ms: resolution_ms(facts, &survivors, applied_ms, first_write.copied()),
        phases_ms: FailoverPhases {
            first_error: first_error_ms.map(from_applied),
            elected: elected.map(|mark| from_applied(mark.t_ms)),
            active: active.map(|(segment, _)| from_applied(segment.start_ms)),
            first_read: first_read.map(|op| from_applied(op.done_us as f64 / 1e3)),
            first_write: first_write.map(|op| from_applied(op.done_us as f64 / 1e3)),
            redundant: redundant_ms.map(from_applied),
        },
        log_ready_ms: log_ready.map(|mark| from_applied(mark.t_ms)),
        new_leader,
    }
}

/// The earliest intended start, after the fault and before the next one, of an operation that was not served.
fn first_error_ms(facts: &Facts, applied_ms: f64, until_ms: f64) -> Option<f64> {
    facts
        .loads
        .iter()
        .filter_map(|load| {
            super::due_within(&load.ops, applied_ms, until_ms).iter().find(|op| !is_served(op))
        })
        .map(|op| op.due_us as f64 / 1e3)
        .min_by(f64::total_cmp)
}

/// The first poll after the request that no longer saw a node of the fault active.
fn lost_ms(facts: &Facts, fault: &FaultFact) -> Option<f64> {
    // Who steps down loses the role without going down.
    let gone = if fault.kind.is_one_shot() { &fault.nodes } else { fault.down() };
    facts
        .roles
        .iter()
        .filter(|track| gone.contains(&track.node))
        .filter(|track| track.at(fault.requested_ms) == Some(Role::Active))
        .filter_map(|track| {
            let later = track.segments.iter().find(|segment| segment.start_ms > fault.requested_ms);
            later.map(|segment| segment.start_ms)
        })
        .min_by(f64::total_cmp)
}

/// How far before the first acknowledged write the attempt before it was sent. Without a write: the widest
/// spacing of attempts is not known either, so 0.
fn resolution_ms(
    facts: &Facts,
    survivors: &Survivors,
    applied_ms: f64,
    first_write: Option<&Operation>,
) -> f64 {
    let Some(first) = first_write else { return 0.0 };
    let before = facts.writes.partition_point(|op| op.sent_us < first.sent_us);
    let previous = facts.writes[..before].iter().rev().find(|op| survivors.served(op));
    let previous_ms = previous.map_or(applied_ms, |op| (op.sent_us as f64 / 1e3).max(applied_ms));
    first.sent_us as f64 / 1e3 - previous_ms
}
