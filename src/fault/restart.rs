//! `restart`: what an operator does in a maintenance window: stop, start, unseal. The same acts as `stop`; only
//! the scenario says it differently, because the time down is part of the fault and not a wait for a heal.

use super::stop::Stop;
use super::{Applied, Fault, FaultContext, FaultError};
use crate::cluster::Ability;
use crate::model::NodeId;
use async_trait::async_trait;

pub struct Restart;

#[async_trait]
impl Fault for Restart {
    fn needs(&self) -> &'static [Ability] {
        Stop.needs()
    }

    async fn inject(
        &self,
        context: &FaultContext,
        id: &str,
        node: Option<&NodeId>,
    ) -> Result<Applied, FaultError> {
        Stop.inject(context, id, node).await
    }

    async fn heal(&self, context: &FaultContext, node: &NodeId) -> Result<String, FaultError> {
        Stop.heal(context, node).await
    }
}
