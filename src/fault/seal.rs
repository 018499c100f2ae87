//! `seal`: the node forgets its keys by API and serves nothing until it is unsealed.

use super::node_by_node::NodeFault;
use super::{Applied, FaultContext, FaultError};
use crate::cluster::Ability;
use crate::model::NodeId;
use crate::vault::wait_until;
use async_trait::async_trait;
use reqwest::Method;
use std::time::Duration;

pub struct Seal;

const SEALED_WITHIN: Duration = Duration::from_secs(5);

#[async_trait]
impl NodeFault for Seal {
    fn needs(&self) -> &'static [Ability] {
        &[Ability::Operate, Ability::Unseal]
    }

    async fn inject(&self, context: &FaultContext, node: &NodeId) -> Result<Applied, FaultError> {
        let client = context.client(node)?;
        if client.get("sys/seal-status").await?.body["sealed"] == true {
            return Err(FaultError::NotApplicable(format!("{node} is already sealed")));
        }
        context.cluster.before_seal(node).await?;
        let at_ms = context.journal.now_ms();
        let operator = client.with_token(&context.access.root_token);
        let answer = operator.call(Method::PUT, "sys/seal", None).await?;
        if !answer.is_success() {
            let why = format!("{node} answered {} to sys/seal: {}", answer.status, answer.errors());
            return Err(FaultError::Failed(why));
        }
        wait_until(&format!("{node} is sealed"), SEALED_WITHIN, Duration::from_millis(5), || async {
            match client.get("sys/seal-status").await {
                Ok(answer) if answer.body["sealed"] == true => Ok(()),
                Ok(_) => Err("unsealed".to_owned()),
                Err(error) => Err(error.to_string()),
            }
        })
        .await?;
        let took_ms = context.journal.now_ms() - at_ms;
        Ok(Applied { at_ms, evidence: format!("{node} says sealed: true after {took_ms:.0} ms") })
    }

    async fn heal(&self, context: &FaultContext, node: &NodeId) -> Result<String, FaultError> {
        context.unseal(node).await
    }
}
