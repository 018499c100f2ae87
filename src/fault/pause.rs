//! `pause`: SIGSTOP; the process keeps its connections open and says nothing, like a machine that hangs.

use super::node_by_node::NodeFault;
use super::{Applied, FaultContext, FaultError};
use crate::cluster::{Ability, Signal};
use crate::model::{NodeId, Role};
use async_trait::async_trait;
use std::time::Duration;

pub struct Pause;

const ANSWERS_WITHIN: Duration = Duration::from_secs(30);

#[async_trait]
impl NodeFault for Pause {
    fn needs(&self) -> &'static [Ability] {
        &[Ability::Pause]
    }

    async fn inject(&self, context: &FaultContext, node: &NodeId) -> Result<Applied, FaultError> {
        context.signal(node, Signal::Pause).await
    }

    async fn heal(&self, context: &FaultContext, node: &NodeId) -> Result<String, FaultError> {
        let resumed = context.cluster.signal(node, Signal::Resume).await?;
        let answers = |role| role != Role::Unreachable;
        let seen = context.wait_for_role(node, ANSWERS_WITHIN, "answering", answers).await?;
        Ok(format!("{}; {seen}", resumed.evidence))
    }
}
