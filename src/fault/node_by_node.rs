//! Faults that are done to one node after the other's example: each of them alone, all at the same moment.

use super::{Applied, Fault, FaultContext, FaultError, Injected, NOTHING_TO_HEAL};
use crate::cluster::Ability;
use crate::model::NodeId;
use async_trait::async_trait;
use futures_util::future::join_all;

/// A fault of one node, whatever is done to others.
#[async_trait]
pub trait NodeFault: Send + Sync {
    fn needs(&self) -> &'static [Ability];

    async fn inject(&self, context: &FaultContext, node: &NodeId) -> Result<Applied, FaultError>;

    /// One-shot faults have nothing to heal and are never asked.
    async fn heal(&self, _context: &FaultContext, _node: &NodeId) -> Result<String, FaultError> {
        Err(FaultError::NotApplicable(NOTHING_TO_HEAL.into()))
    }
}

pub struct NodeByNode<F>(pub F);

#[async_trait]
impl<F: NodeFault> Fault for NodeByNode<F> {
    fn needs(&self) -> Vec<Ability> {
        self.0.needs().to_vec()
    }

    async fn inject(&self, context: &FaultContext, _id: &str, nodes: &[NodeId]) -> Injected {
        let done = join_all(nodes.iter().map(|node| self.0.inject(context, node))).await;
        let (mut hit, mut evidence, mut trouble, mut at_ms) = (Vec::new(), Vec::new(), Vec::new(), f64::MAX);
        for (node, result) in nodes.iter().zip(done) {
            match result {
                Ok(applied) => {
                    hit.push(node.clone());
                    at_ms = at_ms.min(applied.at_ms);
                    evidence.push(applied.evidence);
                }
                Err(FaultError::NotApplicable(why)) => trouble.push(why),
                Err(FaultError::Failed(why)) => {
                    // It may have half happened: it is healed with the others.
                    hit.push(node.clone());
                    trouble.push(why);
                }
            }
        }
        let applied = match trouble.is_empty() {
            true => Ok(Applied { at_ms, evidence: evidence.join("; ") }),
            false => Err(trouble.join("; ")),
        };
        Injected { hit, applied }
    }

    async fn heal(&self, context: &FaultContext, _id: &str, nodes: &[NodeId]) -> Result<String, FaultError> {
        let healed = join_all(nodes.iter().map(|node| self.0.heal(context, node))).await;
        let (mut evidence, mut trouble) = (Vec::new(), Vec::new());
        for (node, result) in nodes.iter().zip(healed) {
            match result {
                Ok(text) => evidence.push(format!("{node}: {text}")),
                Err(error) => trouble.push(format!("{node}: {error}")),
            }
        }
        match trouble.is_empty() {
            true => Ok(evidence.join("; ")),
            false => Err(FaultError::Failed(trouble.join("; "))),
        }
    }
}
