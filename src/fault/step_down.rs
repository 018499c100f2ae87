//! `step-down`: the active node is asked to give up leadership. It may be elected again.

use super::{Applied, Fault, FaultContext, FaultError, needs_a_node};
use crate::cluster::Ability;
use crate::model::{NodeId, Role};
use async_trait::async_trait;
use reqwest::Method;
use std::time::Duration;

pub struct StepDown;

const LEAVES_WITHIN: Duration = Duration::from_secs(5);

#[async_trait]
impl Fault for StepDown {
    fn needs(&self) -> &'static [Ability] {
        &[Ability::Operate]
    }

    async fn inject(
        &self,
        context: &FaultContext,
        _id: &str,
        node: Option<&NodeId>,
    ) -> Result<Applied, FaultError> {
        let node = needs_a_node(node)?;
        let operator = context.client(node)?.with_token(&context.access.root_token);
        let answer = operator.call(Method::PUT, "sys/step-down", None).await?;
        let at_ms = context.journal.now_ms();
        if !answer.is_success() {
            let why = format!("{node} answered {} to sys/step-down: {}", answer.status, answer.errors());
            return Err(FaultError::Failed(why));
        }
        let left = context
            .wait_for_role(node, LEAVES_WITHIN, "no longer active", |role| role != Role::Active)
            .await?;
        Ok(Applied { at_ms, evidence: format!("{node} answered {} to sys/step-down; {left}", answer.status) })
    }

    async fn heal(&self, _context: &FaultContext, node: &NodeId) -> Result<String, FaultError> {
        Err(FaultError::NotApplicable(format!("a step-down of {node} leaves nothing to heal")))
    }
}
