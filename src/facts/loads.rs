//! The history by load, and by operation and route. The harness's own failover probe belongs to no load.

use crate::model::{ErrorKind, Load, Operation, Route, Workload};
use crate::record::SavedRun;
use std::collections::BTreeMap;

pub struct LoadOps<'a> {
    pub load: &'a Load,
    pub name: String,
    /// By intended start.
    pub ops: Vec<&'a Operation>,
}

/// All operations of one kind through one route.
pub struct Part<'a> {
    pub op: Workload,
    pub route: Route,
    pub name: String,
    /// By intended start.
    pub ops: Vec<&'a Operation>,
}

/// Whether the server did what it should: acknowledged, refused a compare-and-set because another version was
/// there, or denied a stranger what is not his, which are answers and no unavailability.
pub fn is_served(op: &Operation) -> bool {
    op.is_ok() || matches!(op.error, Some(ErrorKind::CasConflict | ErrorKind::Denied))
}

/// Those of `ops` (by intended start) whose intended start lies in `[start_ms, end_ms)`.
pub fn due_within<'s, 'a>(ops: &'s [&'a Operation], start_ms: f64, end_ms: f64) -> &'s [&'a Operation] {
    let before = |t_ms: f64| ops.partition_point(|op| (op.due_us as f64) / 1e3 < t_ms);
    let start = before(start_ms);
    &ops[start..before(end_ms).max(start)]
}

fn by_due(ops: &mut [&Operation]) {
    ops.sort_by_key(|op| (op.due_us, op.id));
}

pub(super) fn loads(run: &SavedRun) -> Vec<LoadOps<'_>> {
    let mut loads: Vec<_> = run
        .info
        .scenario
        .load
        .iter()
        .map(|load| LoadOps { load, name: load.name(), ops: Vec::new() })
        .collect();
    for op in &run.history {
        if let Some(load) = op.load.and_then(|load| loads.get_mut(usize::from(load))) {
            load.ops.push(op);
        }
    }
    loads.iter_mut().for_each(|load| by_due(&mut load.ops));
    loads
}

pub(super) fn parts<'a>(loads: &[LoadOps<'a>]) -> Vec<Part<'a>> {
    let mut parts: BTreeMap<(Workload, &Route), Part<'a>> = BTreeMap::new();
    for LoadOps { load, name, ops } in loads {
        let part = parts.entry((load.workload, &load.route)).or_insert_with(|| Part {
            op: load.workload,
            route: load.route.clone(),
            name: name.clone(),
            ops: Vec::new(),
        });
        part.ops.extend(ops);
    }
    let mut parts: Vec<_> = parts.into_values().collect();
    parts.iter_mut().for_each(|part| by_due(&mut part.ops));
    parts
}
