//! The stretches in which the cluster was whole and left alone: before the first fault, between two, and after all.

use super::Facts;
use crate::model::Phase;

#[derive(Clone, Debug, PartialEq)]
pub struct Rest {
    /// Follows `served`: `before anything was done`, `after f1.2 (n3)`.
    pub when: String,
    /// The fault that it follows.
    pub after: Option<String>,
    pub start_ms: f64,
    pub end_ms: f64,
}

impl Facts<'_> {
    /// In order of time. One that was too short to begin is left out: the next fault came before the cluster was whole.
    pub fn rests(&self) -> Vec<Rest> {
        let faults: Vec<_> = self.disturbing_faults().collect();
        let steady = self.phase(Phase::Steady).map(|steady| Rest {
            when: "before anything was done".into(),
            after: None,
            start_ms: steady.start_ms,
            end_ms: steady.end_ms,
        });
        let after = faults.iter().enumerate().filter_map(|(place, fault)| {
            let end_ms = match faults.get(place + 1) {
                Some(next) => next.requested_ms,
                None => self.phase(Phase::Recovery)?.end_ms,
            };
            let start_ms = self.redundancy.full_from(fault.over_ms()?, end_ms)?;
            let nodes: Vec<_> = fault.nodes.iter().map(|node| node.as_str()).collect();
            let when = format!("after {} ({})", fault.id, nodes.join(", "));
            Some(Rest { when, after: Some(fault.id.clone()), start_ms, end_ms })
        });
        steady.into_iter().chain(after).collect()
    }
}
