//! Each requested fault with what became of it.

use super::network::NetworkFact;
use crate::model::{Event, FaultKind, FaultRow, NodeId, Strain, Target};
use crate::record::SavedRun;

#[derive(Clone, Debug, PartialEq)]
pub struct FaultFact {
    pub id: String,
    pub kind: FaultKind,
    pub target: Target,
    pub nodes: Vec<NodeId>,
    pub requested_ms: f64,
    /// When it took hold, and the evidence.
    pub applied: Option<(f64, String)>,
    pub not_applied: Option<String>,
    pub heal_requested_ms: Option<f64>,
    pub healed: Option<(f64, String)>,
    pub heal_failed: Option<String>,
    /// For a fault of the network.
    pub network: Option<NetworkFact>,
    /// For a fault that gives a node less than it had.
    pub strain: Option<Strain>,
}

impl FaultFact {
    pub fn applied_ms(&self) -> Option<f64> {
        self.applied.as_ref().map(|(t_ms, _)| *t_ms)
    }

    pub fn healed_ms(&self) -> Option<f64> {
        self.healed.as_ref().map(|(t_ms, _)| *t_ms)
    }

    /// When nothing of it was left: healed, or applied for one-shot faults.
    pub fn over_ms(&self) -> Option<f64> {
        if self.kind.is_one_shot() { self.applied_ms() } else { self.healed_ms() }
    }

    /// From when on the cluster may recover: nothing is left of the fault, or what is done to repair the loss has begun.
    pub fn recovers_from_ms(&self) -> Option<f64> {
        match self.kind {
            FaultKind::Lose => self.over_ms().and(self.heal_requested_ms),
            _ => self.over_ms(),
        }
    }

    /// Whether it took hold and there is something to recover from. A token that ends
    /// disturbs nobody.
    pub fn disturbs(&self) -> bool {
        self.applied.is_some() && !self.kind.disturbs_nobody()
    }

    /// The nodes that stop serving while it lasts.
    pub fn down(&self) -> &[NodeId] {
        match &self.network {
            Some(network) => &network.takes_out,
            None if self.kind.is_one_shot() || self.kind.only_hampers() => &[],
            None => &self.nodes,
        }
    }

    /// Whether `node` was down because of this fault at some moment of `[from_ms, to_ms]`. The injection
    /// itself counts from the request on, since evidence comes a little later than the effect.
    pub fn has_down(&self, node: &NodeId, from_ms: f64, to_ms: f64) -> bool {
        self.not_applied.is_none()
            && self.down().contains(node)
            && self.requested_ms <= to_ms
            && self.healed_ms().is_none_or(|healed_ms| from_ms <= healed_ms)
    }

    pub fn row(&self) -> FaultRow {
        let evidence = match (&self.applied, &self.not_applied) {
            (Some((_, evidence)), _) => evidence.clone(),
            (None, Some(reason)) => reason.clone(),
            (None, None) => "no evidence that it took hold".into(),
        };
        let heal_evidence = match (&self.healed, &self.heal_failed) {
            _ if self.kind.is_one_shot() => "not applicable".into(),
            (Some((_, evidence)), _) => evidence.clone(),
            (None, Some(reason)) => format!("not healed: {reason}"),
            (None, None) => "not healed".into(),
        };
        FaultRow {
            id: self.id.clone(),
            kind: self.kind,
            target: self.target.clone(),
            nodes: self.nodes.clone(),
            requested_ms: self.requested_ms,
            applied_ms: self.applied_ms(),
            evidence,
            healed_ms: self.healed_ms(),
            heal_evidence,
            strain: self.strain.as_ref().map(Strain::words),
            network: self.network.as_ref().and_then(NetworkFact::row),
            links: self.network.as_ref().map(NetworkFact::link_rows).unwrap_or_default(),
        }
    }
}

pub(super) fn faults(run: &SavedRun) -> Vec<FaultFact> {
    let all: Vec<NodeId> = run.info.nodes.iter().map(|node| node.id.clone()).collect();
    let mut faults: Vec<FaultFact> = Vec::new();
    for entry in &run.journal {
        let t_ms = entry.t_ms;
        // The latest of that name: a fault repeated under one name is several faults.
        let named = |faults: &mut Vec<FaultFact>, name: &str, change: &dyn Fn(&mut FaultFact)| {
            faults.iter_mut().rev().find(|fault| fault.id == name).into_iter().for_each(change);
        };
        match &entry.event {
            Event::FaultRequested { fault, kind, target, nodes, link, strain } => faults.push(FaultFact {
                id: fault.clone(),
                kind: *kind,
                target: target.clone(),
                nodes: nodes.clone(),
                requested_ms: t_ms,
                applied: None,
                not_applied: None,
                heal_requested_ms: None,
                healed: None,
                heal_failed: None,
                network: link.as_ref().map(|link| NetworkFact::of(link, &all, nodes)),
                strain: *strain,
            }),
            Event::FaultApplied { fault, evidence } => {
                named(&mut faults, fault, &|f| f.applied = Some((t_ms, evidence.clone())));
            }
            Event::FaultNotApplied { fault, reason } => {
                named(&mut faults, fault, &|f| f.not_applied = Some(reason.clone()));
            }
            Event::HealRequested { fault } => {
                named(&mut faults, fault, &|f| f.heal_requested_ms = Some(t_ms));
            }
            Event::Healed { fault, evidence } => {
                named(&mut faults, fault, &|f| f.healed = Some((t_ms, evidence.clone())));
            }
            Event::HealFailed { fault, reason } => {
                named(&mut faults, fault, &|f| f.heal_failed = Some(reason.clone()));
            }
            Event::LinksSet { fault, .. } | Event::LinkProbe { fault, .. } => {
                named(&mut faults, fault, &|f| {
                    f.network.iter_mut().for_each(|network| network.take(t_ms, &entry.event));
                });
            }
            _ => {}
        }
    }
    faults
}
