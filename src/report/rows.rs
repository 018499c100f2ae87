//! The rows that every report shows, already in words: objectives and invariants, what decides first.
//! Must not format for any one medium (no escaping, no markup).

use super::{figure, words};
use crate::model::{Breakdown, InvariantRow, ObjectiveRow, RunResult, Verdict};
use serde::Serialize;

/// One promise beside what was measured. All texts are raw; escape them for the medium.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub id: String,
    pub title: String,
    pub meaning: &'static str,
    pub gating: bool,
    pub promised: String,
    pub source: String,
    /// `11.31 s`, or `no data`.
    pub measured: String,
    /// `11.29 to 11.33 s`, or empty.
    pub interval: String,
    /// `12,000 samples`.
    pub samples: String,
    pub verdict: Verdict,
    pub note: String,
    pub parts: Vec<Part>,
}

/// The same figure for one part of the run.
#[derive(Clone, Debug, Serialize)]
pub struct Part {
    pub name: String,
    pub measured: String,
    pub interval: String,
    pub samples: String,
    pub verdict: Verdict,
}

/// Every objective, those that decide first; otherwise in the result's order.
pub fn all_objectives(result: &RunResult) -> Vec<&ObjectiveRow> {
    let mut rows: Vec<&ObjectiveRow> = result.objectives.iter().collect();
    rows.sort_by_key(|row| !row.gating);
    rows
}

/// The objectives that decide, or that the scenario exercises, in the same order.
pub fn objectives(result: &RunResult) -> Vec<Row> {
    all_objectives(result).into_iter().filter(|row| !is_unexercised(row)).map(objective).collect()
}

/// What the scenario does not exercise: id, and why there is no data.
pub fn unexercised(result: &RunResult) -> Vec<(String, String)> {
    let rows = result.objectives.iter().filter(|row| is_unexercised(row));
    rows.map(|row| (row.id.clone(), row.note.clone())).collect()
}

fn is_unexercised(row: &ObjectiveRow) -> bool {
    !row.exercised && !row.gating && row.measured.is_none()
}

/// Invariants, those that decide first; otherwise in the result's order.
pub fn invariants(result: &RunResult) -> Vec<&InvariantRow> {
    let mut rows: Vec<&InvariantRow> = result.invariants.iter().collect();
    rows.sort_by_key(|row| !row.gating);
    rows
}

pub fn objective(row: &ObjectiveRow) -> Row {
    Row {
        id: row.id.clone(),
        title: words::title(&row.id).to_owned(),
        meaning: words::meaning(&row.id),
        gating: row.gating,
        promised: row.target.clone(),
        source: row.source.clone(),
        measured: measured(row.measured, &row.unit, row.interval),
        interval: interval(row.measured, row.interval, &row.unit),
        samples: samples(row.samples),
        verdict: row.verdict,
        note: row.note.clone(),
        parts: match &row.breakdown[..] {
            [only] if only.measured == row.measured && only.samples == row.samples => vec![],
            parts => parts.iter().map(|part| breakdown(part, &row.unit)).collect(),
        },
    }
}

fn breakdown(part: &Breakdown, unit: &str) -> Part {
    Part {
        name: part.part.clone(),
        measured: measured(part.measured, unit, part.interval),
        interval: interval(part.measured, part.interval, unit),
        samples: samples(part.samples),
        verdict: part.verdict,
    }
}

fn measured(value: Option<f64>, unit: &str, bounds: Option<[f64; 2]>) -> String {
    value.map_or_else(
        || "no data".to_owned(),
        |value| {
            let (factor, unit) = figure::readable(value, bounds, unit);
            figure::measured(value * factor, unit, bounds.map(|ends| ends.map(|end| end * factor)))
        },
    )
}

fn interval(value: Option<f64>, bounds: Option<[f64; 2]>, unit: &str) -> String {
    let (factor, unit) = figure::readable(value.unwrap_or(0.0), bounds, unit);
    bounds.and_then(|ends| figure::interval(ends.map(|end| end * factor), unit)).unwrap_or_default()
}

fn samples(count: u64) -> String {
    figure::counted(count, "sample")
}

/// The figure of an objective in one line: `promised < 60 s, measured 11.31 s (11.29 to 11.33 s, 1 sample)`.
pub fn objective_line(row: &Row) -> String {
    let around = if row.interval.is_empty() {
        row.samples.clone()
    } else {
        format!("{}, {}", row.interval, row.samples)
    };
    format!("promised {}, measured {} ({around})", row.promised, row.measured)
}

/// What an invariant found in one line: `1,234 checked, 2 violations, 1 of them known`.
pub fn invariant_line(row: &InvariantRow) -> String {
    let mut text = format!("{} checked", figure::count(row.checked));
    if row.violations.is_empty() {
        text.push_str(if row.checked > 0 { ", no violation" } else { "" });
        return text;
    }
    text.push_str(&format!(", {}", figure::counted(row.violations.len() as u64, "violation")));
    match row.violations.iter().filter(|violation| violation.known.is_some()).count() {
        0 => {}
        known if known == row.violations.len() => text.push_str(", all known"),
        known => text.push_str(&format!(", {known} of them known")),
    }
    text
}

/// Whether anything was judged at all.
pub fn nothing_was_judged(result: &RunResult) -> bool {
    result.objectives.is_empty() && result.invariants.is_empty()
}

/// The reasons in the result, or the plain statement that there is nothing to judge.
pub fn reasons(result: &RunResult) -> Vec<String> {
    if result.reasons.is_empty() && result.verdict != Verdict::Pass {
        let why = if nothing_was_judged(result) {
            "No objective and no invariant has any data."
        } else {
            "The result names no reason."
        };
        return vec![why.to_owned()];
    }
    result.reasons.clone()
}
