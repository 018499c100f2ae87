//! The run in one sentence, made from the result's data alone. Says nothing that was not measured.

use super::{figure, network, words};
use crate::model::{FaultRow, Outage, RunResult, Verdict};

/// `OpenBao 2.7.2, 3 nodes, leader n2 killed: writes stopped for 11.3 s, reads did not stop; none of 1,234
/// acknowledged writes was lost.` `nodes` is how many nodes were watched, when that is known.
pub fn sentence(result: &RunResult, nodes: Option<usize>) -> String {
    let mut subject = vec![words::servers_name(&result.server)];
    if let Some(nodes) = nodes.filter(|nodes| *nodes > 0) {
        subject.push(figure::counted(nodes as u64, "node"));
    }
    if let Some(faults) = faults(&result.faults) {
        subject.push(faults);
    } else if has_operations(result) {
        subject.push("undisturbed".to_owned());
    }
    let mut findings = vec![];
    if has_operations(result) {
        findings.push(service(result));
    }
    findings.extend(latency(result));
    findings.extend(network::stale_phrase(result));
    findings.extend(lost_writes(result));
    if findings.is_empty() {
        findings.push("nothing was measured".to_owned());
    }
    format!("{}: {}.", subject.join(", "), findings.join("; "))
}

fn has_operations(result: &RunResult) -> bool {
    result.load.iter().any(|row| row.sent > 0)
}

fn faults(faults: &[FaultRow]) -> Option<String> {
    let first = faults.first()?;
    let without_effect = faults.iter().filter(|fault| fault.applied_ms.is_none()).count();
    let what = match faults.len() {
        1 if without_effect == 1 => return Some(words::fault_without_effect(first)),
        1 => words::fault_phrase(first),
        2 | 3 => faults.iter().map(words::fault_phrase).collect::<Vec<_>>().join(", then "),
        many => format!("{many} faults ({} first)", words::fault_phrase(first)),
    };
    match without_effect {
        0 => Some(what),
        n => Some(format!("{what} ({n} without effect)")),
    }
}

/// How long each kind of operation was without a success, or what share failed without such a gap.
fn service(result: &RunResult) -> String {
    let kinds =
        [("writes", &["kv2.write", "kv2.cas"][..]), ("reads", &["kv2.read"]), ("logins", &["approle.login"])];
    let mut phrases = vec![];
    let mut any_failed = false;
    for (noun, operations) in kinds {
        let asked = |operation: &str| operations.contains(&operation);
        if !result.load.iter().any(|row| asked(&row.operation) && row.sent > 0) {
            continue;
        }
        let worst = result
            .outages
            .iter()
            .filter(|outage| asked(&outage.operation))
            .max_by(|a, b| length_ms(a).total_cmp(&length_ms(b)));
        let whole = result.load.iter().filter(|row| asked(&row.operation) && row.phase == "all");
        let (failed, attempted) = whole.fold((0, 0), |(failed, attempted), row| {
            let refused = row.failed.saturating_sub(row.conflicts);
            (failed + refused + row.unknown, attempted + row.ok + row.failed + row.unknown)
        });
        any_failed |= failed > 0;
        phrases.push(match worst {
            Some(outage) => format!("{noun} stopped for {}", figure::duration(length_ms(outage))),
            None if failed > 0 => {
                let share = figure::percent(failed as f64 * 100.0 / attempted as f64);
                format!("{share} of {noun} failed (no gap of 100 ms or more)")
            }
            None => format!("{noun} did not stop"),
        });
    }
    match phrases.len() {
        0 => "the load had no outage to show".to_owned(),
        _ if result.outages.is_empty() && !any_failed => "no outage was seen".to_owned(),
        _ => phrases.join(", "),
    }
}

pub fn length_ms(outage: &Outage) -> f64 {
    outage.end_ms - outage.start_ms
}

/// In a run without faults the latency figures are the point.
fn latency(result: &RunResult) -> Option<String> {
    if !result.faults.is_empty() {
        return None;
    }
    let figures: Vec<String> = ["read.p99", "write.p99", "throughput.node"]
        .iter()
        .filter_map(|id| result.objectives.iter().find(|row| row.id == *id))
        .filter_map(|row| {
            row.measured?;
            let measured = super::rows::objective(row).measured;
            let name = match row.id.as_str() {
                "read.p99" => "read p99",
                "write.p99" => "write p99",
                _ => "highest rate carried",
            };
            Some(format!("{name} {measured}"))
        })
        .collect();
    (!figures.is_empty()).then(|| figures.join(", "))
}

fn lost_writes(result: &RunResult) -> Option<String> {
    let row = result.invariants.iter().find(|row| row.id == "no-lost-writes" && row.checked > 0)?;
    let of = figure::counted(row.checked, "acknowledged write");
    if row.violations.is_empty() {
        return Some(match row.verdict {
            Verdict::Pass => format!("none of {of} was lost"),
            _ => format!("{of} checked, without a clear answer"),
        });
    }
    let counted = result.objectives.iter().find(|row| row.id == "failover.rpo").and_then(|row| row.measured);
    let lost = counted.filter(|lost| *lost >= 1.0).map_or(row.violations.len() as u64, |lost| lost as u64);
    Some(format!("{} of {of} {} lost", figure::count(lost), if lost == 1 { "was" } else { "were" }))
}
