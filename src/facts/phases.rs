//! When each phase began and ended.

use crate::model::{Event, Phase, PhaseRow};
use crate::record::SavedRun;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PhaseSpan {
    pub phase: Phase,
    pub start_ms: f64,
    pub end_ms: f64,
}

impl PhaseSpan {
    pub fn row(&self) -> PhaseRow {
        PhaseRow { phase: self.phase.name().into(), start_ms: self.start_ms, end_ms: self.end_ms }
    }
}

pub(super) fn phases(run: &SavedRun, end_ms: f64) -> Vec<PhaseSpan> {
    let mut spans: Vec<PhaseSpan> = run
        .journal
        .iter()
        .filter_map(|entry| match entry.event {
            Event::Phase { phase } => Some(PhaseSpan { phase, start_ms: entry.t_ms, end_ms }),
            _ => None,
        })
        .collect();
    spans.sort_by(|a, b| a.start_ms.total_cmp(&b.start_ms));
    for i in 1..spans.len() {
        spans[i - 1].end_ms = spans[i].start_ms;
    }
    spans
}
