//! What each node claimed to be, and for how long two polls in a row vouch for it.

use crate::model::{Event, NodeId, Role};
use crate::record::SavedRun;
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq)]
pub struct RoleTrack {
    pub node: NodeId,
    pub segments: Vec<RoleSegment>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RoleSegment {
    /// The first poll that saw the role.
    pub start_ms: f64,
    /// The last poll known to have seen it: between the two the role is as certain as polls can make it.
    pub last_ms: f64,
    pub role: Role,
}

impl RoleTrack {
    /// The role last seen at or before `t_ms`.
    pub fn at(&self, t_ms: f64) -> Option<Role> {
        let after = self.segments.partition_point(|segment| segment.start_ms <= t_ms);
        after.checked_sub(1).map(|i| self.segments[i].role)
    }
}

pub(super) fn tracks(run: &SavedRun) -> Vec<RoleTrack> {
    let mut seen: BTreeMap<&NodeId, Vec<(f64, f64, Role)>> = BTreeMap::new();
    let mut last_poll_ms: BTreeMap<&NodeId, f64> = BTreeMap::new();
    for entry in &run.journal {
        match &entry.event {
            Event::Role { node, role, previous_ms } => {
                seen.entry(node).or_default().push((entry.t_ms, *previous_ms, *role));
            }
            Event::Indices { node, samples } => {
                let latest = last_poll_ms.entry(node).or_insert(0.0);
                *latest = samples.iter().map(|sample| sample.0).fold(*latest, f64::max);
            }
            _ => {}
        }
    }
    let track = |node: &NodeId| {
        let mut changes = seen.remove(node).unwrap_or_default();
        changes.sort_by(|a, b| a.0.total_cmp(&b.0));
        let segments = changes
            .iter()
            .enumerate()
            .map(|(i, &(start_ms, _, role))| {
                let last_ms = match changes.get(i + 1) {
                    Some(&(_, previous_ms, _)) => previous_ms,
                    None => last_poll_ms.get(node).copied().unwrap_or(start_ms),
                };
                RoleSegment { start_ms, last_ms: last_ms.max(start_ms), role }
            })
            .collect();
        RoleTrack { node: node.clone(), segments }
    };
    run.info.nodes.iter().map(|node| &node.id).map(track).collect()
}
