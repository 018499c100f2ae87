//! `kill`: SIGKILL; the process has no chance to hand anything over.

use super::node_by_node::NodeFault;
use super::{Applied, FaultContext, FaultError};
use crate::cluster::{Ability, Signal};
use crate::model::NodeId;
use async_trait::async_trait;

pub struct Kill;

#[async_trait]
impl NodeFault for Kill {
    fn needs(&self) -> &'static [Ability] {
        &[Ability::Kill, Ability::Start, Ability::Unseal]
    }

    async fn inject(&self, context: &FaultContext, node: &NodeId) -> Result<Applied, FaultError> {
        context.signal(node, Signal::Kill).await
    }

    async fn heal(&self, context: &FaultContext, node: &NodeId) -> Result<String, FaultError> {
        context.start_and_unseal(node).await
    }
}
