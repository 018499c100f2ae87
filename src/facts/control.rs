//! The control probe's windows: what the machine itself did to timers and to a trivial echo.

use crate::model::{Bound, Event, Unit};
use crate::record::SavedRun;
use std::ops::Add;

/// Where a blueprint promises no latency, windows are marked contaminated by this figure.
pub const DEFAULT_CONTAMINATION_MS: f64 = 5.0;

/// More of the time contaminated than this share, and the machine was measured instead of the server.
pub const CONTAMINATED_SHARE_MAX: f64 = 0.1;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ControlWindow {
    pub start_ms: f64,
    pub end_ms: f64,
    pub stall_p99_ms: f64,
    pub stall_max_ms: f64,
    pub echo_p99_ms: f64,
}

impl ControlWindow {
    /// Whether the machine alone, without any server, was slower than `objective_ms`.
    pub fn contaminates(&self, objective_ms: f64) -> bool {
        self.stall_p99_ms.max(self.echo_p99_ms) > objective_ms
    }

    fn overlap_ms(&self, start_ms: f64, end_ms: f64) -> f64 {
        (self.end_ms.min(end_ms) - self.start_ms.max(start_ms)).max(0.0)
    }
}

/// How much of a stretch of time the control probe watched, and how much of that was contaminated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contamination {
    pub bad_ms: f64,
    pub covered_ms: f64,
}

impl Contamination {
    pub fn of(windows: &[ControlWindow], start_ms: f64, end_ms: f64, objective_ms: f64) -> Self {
        let within = |window: &ControlWindow| window.overlap_ms(start_ms, end_ms);
        let bad = windows.iter().filter(|window| window.contaminates(objective_ms));
        Self {
            bad_ms: bad.map(within).fold(0.0, f64::add),
            covered_ms: windows.iter().map(within).fold(0.0, f64::add),
        }
    }
}

/// The strictest 99th percentile that the scenario's blueprint promises.
pub(super) fn strictest_p99_ms(run: &SavedRun) -> f64 {
    let in_ms = |bound: &Bound| match bound.unit {
        Unit::Ms => Some(bound.value),
        Unit::S => Some(bound.value * 1e3),
        _ => None,
    };
    let objectives = &run.info.scenario.blueprint.objectives;
    objectives
        .iter()
        .filter(|objective| matches!(objective.id.as_str(), "read.p99" | "write.p99"))
        .filter_map(|objective| in_ms(&objective.target))
        .min_by(f64::total_cmp)
        .unwrap_or(DEFAULT_CONTAMINATION_MS)
}

impl super::Facts<'_> {
    /// The figure above which a window counts as contaminated for the run as a whole.
    pub fn contamination_ms(&self) -> f64 {
        strictest_p99_ms(self.run)
    }
}

/// An event stands at the end of its window.
pub(super) fn windows(run: &SavedRun) -> Vec<ControlWindow> {
    run.journal
        .iter()
        .filter_map(|entry| match entry.event {
            Event::Control { window_ms, stall_p99_ms, stall_max_ms, echo_p99_ms, .. } => {
                let end_ms = entry.t_ms;
                let start_ms = end_ms - window_ms;
                Some(ControlWindow { start_ms, end_ms, stall_p99_ms, stall_max_ms, echo_p99_ms })
            }
            _ => None,
        })
        .collect()
}
