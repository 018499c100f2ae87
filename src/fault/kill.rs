//! `kill`: SIGKILL; the process has no chance to hand anything over.

use super::{Applied, Fault, FaultContext, FaultError, needs_a_node};
use crate::cluster::{Ability, Signal};
use crate::model::NodeId;
use async_trait::async_trait;

pub struct Kill;

#[async_trait]
impl Fault for Kill {
    fn needs(&self) -> &'static [Ability] {
        &[Ability::Kill, Ability::Start, Ability::Unseal]
    }

    async fn inject(
        &self,
        context: &FaultContext,
        _id: &str,
        node: Option<&NodeId>,
    ) -> Result<Applied, FaultError> {
        let took = context.cluster.signal(needs_a_node(node)?, Signal::Kill).await?;
        Ok(Applied { at_ms: context.journal.ms_of(took.at), evidence: took.evidence })
    }

    async fn heal(&self, context: &FaultContext, node: &NodeId) -> Result<String, FaultError> {
        context.start_and_unseal(node).await
    }
}
