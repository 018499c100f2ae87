//! `stop`: SIGTERM; the process hands over and ends by itself.

use super::node_by_node::NodeFault;
use super::{Applied, FaultContext, FaultError};
use crate::cluster::{Ability, Signal};
use crate::model::NodeId;
use async_trait::async_trait;

pub struct Stop;

#[async_trait]
impl NodeFault for Stop {
    fn needs(&self) -> &'static [Ability] {
        &[Ability::Stop, Ability::Start, Ability::Unseal]
    }

    async fn inject(&self, context: &FaultContext, node: &NodeId) -> Result<Applied, FaultError> {
        context.signal(node, Signal::Stop).await
    }

    async fn heal(&self, context: &FaultContext, node: &NodeId) -> Result<String, FaultError> {
        context.start_and_unseal(node).await
    }
}
