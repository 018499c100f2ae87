//! What each node claimed to be, and for how long two polls in a row vouch for it.

use crate::model::{Event, NodeId, Role};
use crate::record::SavedRun;
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq)]
pub struct RoleTrack {
    pub node: NodeId,
    pub segments: Vec<RoleSegment>,
    /// When a poll of the node is known to have been answered, or to have failed, by time.
    polled_ms: Vec<f64>,
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

    /// The times in which the node may have been active: from the last poll that saw something else to the first
    /// that sees something else again.
    pub fn may_be_active(&self) -> impl Iterator<Item = (f64, f64)> {
        let active = self.segments.iter().enumerate().filter(|(_, segment)| segment.role == Role::Active);
        active.map(|(i, segment)| {
            let before = i.checked_sub(1).map(|i| self.segments[i].last_ms);
            let after = self.segments.get(i + 1).map(|next| next.start_ms);
            (before.unwrap_or(segment.start_ms), after.unwrap_or(f64::INFINITY))
        })
    }

    /// The first stretch of more than `longest_ms` in `[from_ms, until_ms]` in which nothing is known of the
    /// node. A node that was last seen down is known: only changes and answers are journalled.
    pub fn unwatched(&self, from_ms: f64, until_ms: f64, longest_ms: f64) -> Option<(f64, f64)> {
        let within = self.polled_ms.iter().copied().filter(|t_ms| (from_ms..until_ms).contains(t_ms));
        let mut last_ms = from_ms;
        for t_ms in within.chain([until_ms]) {
            let down = matches!(self.at(last_ms), Some(Role::Unreachable | Role::Sealed));
            if t_ms - last_ms > longest_ms && !down {
                return Some((last_ms, t_ms));
            }
            last_ms = t_ms;
        }
        None
    }
}

pub(super) fn tracks(run: &SavedRun) -> Vec<RoleTrack> {
    let mut seen: BTreeMap<&NodeId, Vec<(f64, f64, Role)>> = BTreeMap::new();
    let mut polled: BTreeMap<&NodeId, Vec<f64>> = BTreeMap::new();
    for entry in &run.journal {
        match &entry.event {
            Event::Role { node, role, previous_ms } => {
                seen.entry(node).or_default().push((entry.t_ms, *previous_ms, *role));
                polled.entry(node).or_default().extend([*previous_ms, entry.t_ms]);
            }
            Event::Indices { node, samples } => {
                polled.entry(node).or_default().extend(samples.iter().map(|sample| sample.0));
            }
            _ => {}
        }
    }
    let track = |node: &NodeId| {
        let mut changes = seen.remove(node).unwrap_or_default();
        changes.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut polled_ms = polled.remove(node).unwrap_or_default();
        polled_ms.sort_by(f64::total_cmp);
        let segments = changes
            .iter()
            .enumerate()
            .map(|(i, &(start_ms, _, role))| {
                let last_ms = match changes.get(i + 1) {
                    Some(&(_, previous_ms, _)) => previous_ms,
                    None => polled_ms.last().copied().unwrap_or(start_ms),
                };
                RoleSegment { start_ms, last_ms: last_ms.max(start_ms), role }
            })
            .collect();
        RoleTrack { node: node.clone(), segments, polled_ms }
    };
    run.info.nodes.iter().map(|node| &node.id).map(track).collect()
}
