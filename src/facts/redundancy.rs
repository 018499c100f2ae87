//! Whether the cluster could lose as many nodes as its size allows, as autopilot said.

use crate::model::Event;
use crate::record::SavedRun;

/// (time, whether every voter was healthy) at each change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Redundancy {
    changes: Vec<(f64, bool)>,
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
        Self { changes }
    }

    /// Whether it was full at `t_ms`; `None` before autopilot was first heard.
    pub fn full_at(&self, t_ms: f64) -> Option<bool> {
        self.changes.iter().take_while(|change| change.0 <= t_ms).last().map(|change| change.1)
    }

    /// The moment from which on it was full without interruption until `until_ms`, not before `from_ms`.
    /// Takes the last such stretch: autopilot can still say "full" shortly after a node is lost.
    pub fn full_from(&self, from_ms: f64, until_ms: f64) -> Option<f64> {
        let mut start_ms = None;
        for &(t_ms, full) in self.changes.iter().take_while(|change| change.0 < until_ms) {
            start_ms = if full { start_ms.or(Some(t_ms)) } else { None };
        }
        start_ms.map(|start_ms: f64| start_ms.max(from_ms))
    }
}
