//! `step-down`: the active node is asked to give up leadership. It may be elected again.

use super::node_by_node::NodeFault;
use super::{Applied, FaultContext, FaultError};
use crate::cluster::Ability;
use crate::model::{NodeId, Role};
use async_trait::async_trait;
use reqwest::Method;
use std::time::Duration;

pub struct StepDown;

const LEAVES_WITHIN: Duration = Duration::from_secs(5);

#[async_trait]
impl NodeFault for StepDown {
    fn needs(&self) -> &'static [Ability] {
        &[Ability::Operate]
    }

    async fn inject(&self, context: &FaultContext, node: &NodeId) -> Result<Applied, FaultError> {
        let operator = context.client(node)?.with_token(&context.access.root_token);
        let index = context.index(node)?;
        let at_ms = context.journal.now_ms();
        let answer = operator.call(Method::PUT, "sys/step-down", None).await?;
        if !answer.is_success() {
            let why = format!("{node} answered {} to sys/step-down: {}", answer.status, answer.errors());
            return Err(FaultError::Failed(why));
        }
        // A node that steps down may be silent for a while, which alone says nothing about who leads.
        let other = || context.view.leader().filter(|leader| *leader != index);
        let left = context
            .wait_for_role(node, LEAVES_WITHIN, "standby, or another one active", |role| {
                role == Role::Standby || other().is_some()
            })
            .await?;
        let now = other().map_or_else(String::new, |leader| format!(", {} leads", context.view.id(leader)));
        let status = answer.status;
        Ok(Applied { at_ms, evidence: format!("{node} answered {status} to sys/step-down; {left}{now}") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::testing::{context, keep_seeing};
    use crate::vault::testing::Scripted;
    use serde_json::json;

    #[tokio::test]
    async fn silence_is_no_evidence_and_another_leader_is() {
        let node = Scripted::start(|_, _| Some((204, json!(null)))).await;
        let (context, _folder) = context(&[&node, &node], None);
        let n1 = NodeId::new("n1");
        keep_seeing(&context, 0, Role::Unreachable);
        let waited = tokio::time::timeout(Duration::from_millis(150), StepDown.inject(&context, &n1)).await;
        assert!(waited.is_err(), "a poll without an answer passed for evidence");
        keep_seeing(&context, 1, Role::Active);
        let applied = StepDown.inject(&context, &n1).await.unwrap();
        assert!(applied.evidence.ends_with(", n2 leads"), "{}", applied.evidence);
    }

    #[tokio::test]
    async fn it_began_when_it_was_asked_for() {
        let node = Scripted::start(|_, _| {
            std::thread::sleep(Duration::from_millis(400));
            Some((204, json!(null)))
        })
        .await;
        let (context, _folder) = context(&[&node], None);
        keep_seeing(&context, 0, Role::Standby);
        let asked_ms = context.journal.now_ms();
        let applied = StepDown.inject(&context, &NodeId::new("n1")).await.unwrap();
        assert!(applied.at_ms - asked_ms < 350.0, "{} ms later", applied.at_ms - asked_ms);
    }
}
