//! An upgrade as a sheet for who decides about the real one, for every medium. Must not format for any one of them.

use super::figure;
use crate::model::{ConfigurationChange, Rehearsal, SnapshotFirst, UpgradeStep};

pub const HEADINGS: [&str; 7] =
    ["Step", "Node", "Version", "Back after", "Whole after", "Longest outage", "Served in the rest after"];

pub fn word(rehearsal: &Rehearsal) -> &'static str {
    if rehearsal.go { "GO" } else { "NO-GO" }
}

pub fn meaning(rehearsal: &Rehearsal) -> &'static str {
    match rehearsal.go {
        true => "Nothing in this rehearsal speaks against the upgrade.",
        false => "This rehearsal does not show that the upgrade is safe: see the reasons above.",
    }
}

/// The snapshot and then a row a step, under the headings.
pub fn rows(rehearsal: &Rehearsal) -> Vec<Vec<String>> {
    let snapshot = rehearsal.snapshot.iter().map(|snapshot| {
        let node = snapshot.node.as_ref().map_or("–", |node| node.as_str());
        let [first, node, none] = ["snapshot", node, "–"].map(str::to_owned);
        vec![first, node, none.clone(), none.clone(), none.clone(), none, said_of(snapshot)]
    });
    snapshot.chain(step_rows(rehearsal)).collect()
}

/// A row a step.
pub fn step_rows(rehearsal: &Rehearsal) -> impl Iterator<Item = Vec<String>> {
    rehearsal.steps.iter().map(row)
}

/// `412,345 bytes in 0.2 s, whole, SHA-256 0123456789ab…`, or why there is none.
pub fn said_of(snapshot: &SnapshotFirst) -> String {
    let SnapshotFirst { bytes, sha256, took_ms, trouble, .. } = snapshot;
    match trouble {
        Some(why) => format!("none: {why}"),
        None => {
            let (digest, took) = (sha256.get(..12).unwrap_or(sha256), figure::duration(*took_ms));
            format!("{} bytes in {took}, whole, SHA-256 {digest}…", figure::count(*bytes))
        }
    }
}

fn row(step: &UpgradeStep) -> Vec<String> {
    let time = |ms: Option<f64>| ms.map_or_else(|| "never".to_owned(), figure::duration);
    let led = if step.led { ", leader" } else { "" };
    let to = step.to.as_deref().unwrap_or("not back");
    let outage = match (&step.outage_of, step.outage_ms) {
        (Some(what), ms) => format!("{} ({what})", figure::duration(ms)),
        (None, _) => "none".to_owned(),
    };
    let served = match &step.rest {
        None => "no rest".to_owned(),
        Some(rest) => {
            let served = figure::count(rest.asked - rest.unserved.min(rest.asked));
            format!("{served} of {} in {}", figure::count(rest.asked), figure::duration(rest.lasted_ms))
        }
    };
    vec![
        step.fault.clone(),
        format!("{}{led}", step.node),
        format!("{} → {to}", step.from),
        time(step.back_ms),
        time(step.whole_ms),
        outage,
        served,
    ]
}

/// Longest list of changes; `result.json` has them all.
const CHANGES_MAX: usize = 40;

/// What the server says otherwise about its configuration: a heading sentence, and a line each.
pub fn changes(rehearsal: &Rehearsal) -> Option<(String, Vec<String>)> {
    let compared = figure::count(rehearsal.compared?.into());
    let heading = match rehearsal.changes.len() {
        0 => format!("Configuration: all {compared} answers are the same before and after."),
        many => format!("Configuration: {} of {compared} answers are others after the upgrade.", many),
    };
    let line = |change: &ConfigurationChange| {
        let ConfigurationChange { path, before, after, fields } = change;
        match (before, after) {
            (None, _) => format!("{path}: new"),
            (Some(before), after) if before != after => {
                format!("{path}: status {before} before, {after} after")
            }
            _ => format!("{path}: {}", fields.join(", ")),
        }
    };
    let mut lines: Vec<_> = rehearsal.changes.iter().take(CHANGES_MAX).map(line).collect();
    let more = rehearsal.changes.len().saturating_sub(CHANGES_MAX);
    if more > 0 {
        lines.push(format!("… {more} more in result.json"));
    }
    Some((heading, lines))
}

/// A sentence for each step in which requests were in vain.
pub fn errors(rehearsal: &Rehearsal) -> Vec<String> {
    let told = |step: &UpgradeStep| {
        let kinds = step.unserved.iter().map(|kind| format!("{} {}", figure::count(kind.count), kind.error));
        let kinds: Vec<_> = kinds.collect();
        (!kinds.is_empty())
            .then(|| format!("In vain while {} had its turn: {}.", step.node, kinds.join(", ")))
    };
    rehearsal.steps.iter().filter_map(told).collect()
}
