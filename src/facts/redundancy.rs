//! Whether the cluster could lose as many nodes as its size allows, as autopilot said.

use crate::model::{Entry, Event};
use crate::record::SavedRun;

/// (time, whether every voter was healthy) at each change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Redundancy {
    changes: Vec<(f64, bool)>,
    /// Whenever autopilot was heard: changes are journalled alone, but the term shows that it still answers.
    heard_ms: Vec<f64>,
}

impl Redundancy {
    pub(super) fn of(run: &SavedRun) -> Self {
        let nodes = run.info.nodes.len();
        let mut changes: Vec<(f64, bool)> = run
            .journal
            .iter()
            .filter_map(|entry| match entry.event {
                Event::Redundancy { voters, healthy, failure_tolerance } => {
                    let full = usize::from(voters) == nodes
                        && healthy == voters
                        && usize::from(failure_tolerance) >= nodes.saturating_sub(1) / 2;
                    Some((entry.t_ms, full))
                }
                _ => None,
            })
            .collect();
        changes.sort_by(|a, b| a.0.total_cmp(&b.0));
        let heard = |entry: &&Entry| matches!(entry.event, Event::Redundancy { .. } | Event::Term { .. });
        let mut heard_ms: Vec<f64> = run.journal.iter().filter(heard).map(|entry| entry.t_ms).collect();
        heard_ms.sort_by(f64::total_cmp);
        Self { changes, heard_ms }
    }

    /// Whether it was full at `t_ms`; `None` before autopilot was first heard.
    pub fn full_at(&self, t_ms: f64) -> Option<bool> {
        self.changes.iter().take_while(|change| change.0 <= t_ms).last().map(|change| change.1)
    }

    /// When autopilot was first heard in `[from_ms, until_ms)`.
    pub fn first_heard_ms(&self, from_ms: f64, until_ms: f64) -> Option<f64> {
        let first = self.heard_ms.partition_point(|t_ms| *t_ms < from_ms);
        self.heard_ms.get(first).copied().filter(|t_ms| *t_ms < until_ms)
    }

    /// The moment from which on it was full without interruption until `until_ms`, as autopilot said at or
    /// after `from_ms`: what it said before is no evidence, and an autopilot that fell silent gives none.
    /// Takes the last such stretch: autopilot can still say "full" shortly after a node is lost.
    pub fn full_from(&self, from_ms: f64, until_ms: f64) -> Option<f64> {
        let mut start_ms: Option<f64> = None;
        for &(t_ms, full) in self.changes.iter().take_while(|change| change.0 < until_ms) {
            start_ms = if full { start_ms.or(Some(t_ms)) } else { None };
        }
        self.first_heard_ms(start_ms?.max(from_ms), until_ms)
    }
}
