//! `restart`: what an operator does in a maintenance window: stop, start, unseal. The same acts as `stop`; only
//! the scenario says it differently, because the time down is part of the fault and not a wait for a heal.

use super::node_by_node::NodeFault;
use super::stop::Stop;
use super::{Applied, FaultContext, FaultError};
use crate::cluster::Ability;
use crate::model::NodeId;
use async_trait::async_trait;

pub struct Restart;

#[async_trait]
impl NodeFault for Restart {
    fn needs(&self) -> &'static [Ability] {
        Stop.needs()
    }

    async fn inject(&self, context: &FaultContext, node: &NodeId) -> Result<Applied, FaultError> {
        Stop.inject(context, node).await
    }

    async fn heal(&self, context: &FaultContext, node: &NodeId) -> Result<String, FaultError> {
        Stop.heal(context, node).await
    }
}
