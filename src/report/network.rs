//! What was asked of the network beside what packets met there, and what nodes that were cut off went on
//! answering: in words, for every medium. Must not format for any one of them.

use super::figure;
use crate::model::{FaultRow, LinkRow, NetworkRow, ProbeRow, RunResult, StaleReads};

pub const LINK_HEADINGS: [&str; 6] = ["Fault", "Way", "Asked", "Before", "During", "After"];
pub const STALE_HEADINGS: [&str; 8] = [
    "Fault",
    "Node",
    "Cut off for",
    "Reads answered",
    "Last answer after",
    "Older than an acknowledged write",
    "Oldest answer behind by",
    "Caught up after the heal within",
];

/// A sentence for each fault that was done to the network.
pub fn sentences(result: &RunResult) -> Vec<String> {
    let of = |fault: &FaultRow| {
        let NetworkRow { asked, way, effect_ms, heal_ms, times } = fault.network.as_ref()?;
        let times = if *times > 1 { format!(" each of {times} times") } else { String::new() };
        let whole = heal_ms.map_or_else(
            || "never made whole again".to_owned(),
            |ms| format!("made whole again within {}", figure::duration(ms)),
        );
        let effect = figure::duration(*effect_ms);
        Some(format!("{}: {asked}; by {way}, on every link within {effect}{times}, {whole}.", fault.id))
    };
    result.faults.iter().filter_map(of).collect()
}

/// One row for each way that a fault disturbed or that was watched beside it.
pub fn links(result: &RunResult) -> Vec<Vec<String>> {
    let row = |fault: &FaultRow, link: &LinkRow| {
        let LinkRow { from, to, asked, before, during, after } = link;
        let mut cells = vec![fault.id.clone(), format!("{from} → {to}"), asked.words()];
        cells.extend([before, during, after].map(|seen| probe(seen.as_ref())));
        cells
    };
    result.faults.iter().flat_map(|fault| fault.links.iter().map(move |link| row(fault, link))).collect()
}

/// `20 of 20, 0.12 ms`: how many packets arrived, and their median delay.
fn probe(seen: Option<&ProbeRow>) -> String {
    let Some(ProbeRow { sent, arrived, delay_ms }) = seen else { return "not looked at".to_owned() };
    let delay = delay_ms.map(|delay| format!(", {}", figure::duration(delay.median))).unwrap_or_default();
    format!("{arrived} of {sent}{delay}")
}

/// One row for each node that was cut off, and one for all other reads.
pub fn stale_reads(result: &RunResult) -> Vec<Vec<String>> {
    result.stale_reads.iter().map(stale_row).collect()
}

fn stale_row(row: &StaleReads) -> Vec<String> {
    let time = |ms: Option<f64>| ms.map_or_else(|| "–".to_owned(), figure::duration);
    let stale = match row.answered {
        0 => "–".to_owned(),
        answered => {
            let share = figure::percent(row.stale as f64 * 100.0 / answered as f64);
            format!("{} ({share})", figure::count(row.stale))
        }
    };
    let behind = match row.stale {
        0 => "–".to_owned(),
        _ => format!(
            "{}, {}",
            figure::counted(row.versions_behind_max, "version"),
            figure::duration(row.behind_max_ms)
        ),
    };
    vec![
        row.fault.clone().unwrap_or_else(|| "–".to_owned()),
        row.node.as_ref().map_or_else(|| "never cut off, or not yet".to_owned(), ToString::to_string),
        time(row.cut_off_ms),
        format!("{} of {}", figure::count(row.answered), figure::count(row.answered + row.unanswered)),
        time(row.last_answer_ms),
        stale,
        behind,
        match (&row.node, row.stale_after_heal_ms) {
            (None, _) => "–".to_owned(),
            (Some(_), None) => "at once".to_owned(),
            (Some(_), Some(ms)) => figure::duration(ms),
        },
    ]
}

/// `cut off, n1 went on answering reads for 28 s, 540 of 930 older than an acknowledged write, by up to 17 s`:
/// of the node that was furthest behind.
pub fn stale_phrase(result: &RunResult) -> Option<String> {
    let cut_off = result.stale_reads.iter().filter(|row| row.node.is_some());
    let worst = cut_off.max_by(|a, b| {
        a.behind_max_ms.total_cmp(&b.behind_max_ms).then_with(|| a.answered.cmp(&b.answered))
    })?;
    let node = worst.node.as_ref()?;
    let Some(last_ms) = worst.last_answer_ms else {
        return Some(format!("cut off, {node} answered no read"));
    };
    let went_on = format!("cut off, {node} went on answering reads for {}", figure::duration(last_ms));
    Some(match worst.stale {
        0 => format!("{went_on}, none older than an acknowledged write"),
        stale => format!(
            "{went_on}, {} of {} older than an acknowledged write, by up to {}",
            figure::count(stale),
            figure::count(worst.answered),
            figure::duration(worst.behind_max_ms)
        ),
    })
}
