//! Faults that give a node less than it had: room, disk writes, processor time, memory, its network.
//!
//! What a server makes of it is part of the evidence: it may refuse, go on, or end. One that ended is started again
//! when the strain is taken away.

use super::node_by_node::NodeFault;
use super::{Applied, EVERY, FaultContext, FaultError};
use crate::cluster::Ability;
use crate::model::{Disk, NodeId, Strain};
use crate::vault::{ClientError, wait_until};
use async_trait::async_trait;
use std::time::Duration;

pub struct Strained(pub Strain);

/// What is left of the last page of an audit file takes a few more entries.
const REFUSES_WITHIN: Duration = Duration::from_secs(10);
/// Who ends of it does so with the next write, or with the next memory it wants.
const ENDS_WITHIN: Duration = Duration::from_secs(5);
/// Each look at a container costs its engine processor time that the nodes need.
const LOOK_EVERY: Duration = Duration::from_millis(50);

#[async_trait]
impl NodeFault for Strained {
    fn needs(&self) -> &'static [Ability] {
        match self.0 {
            Strain::FullDisk(Disk::Audit) => &[Ability::FillDisk],
            Strain::FullDisk(Disk::Data) => &[Ability::FillDisk, Ability::Start, Ability::Unseal],
            Strain::SlowDisk { .. } => &[Ability::SlowDisk],
            Strain::Cpu { .. } => &[Ability::LimitCpu],
            Strain::Memory { .. } => &[Ability::LimitMemory, Ability::Start, Ability::Unseal],
            Strain::NoNetwork => &[Ability::Disconnect],
            Strain::SlowAnswers { .. } => &[Ability::DisturbKms],
        }
    }

    async fn inject(&self, context: &FaultContext, node: &NodeId) -> Result<Applied, FaultError> {
        let took = context.cluster.strain(node, &self.0).await?;
        let mut applied = Applied { at_ms: context.journal.ms_of(took.at), evidence: took.evidence };
        match self.0 {
            Strain::FullDisk(Disk::Audit) => {
                let refused = refuses(context, node).await?;
                applied.at_ms = context.journal.now_ms();
                applied.evidence += &format!("; {refused}");
            }
            Strain::FullDisk(Disk::Data) => {
                let ended = ends(context, node).await.unwrap_or_else(|| "its process goes on".to_owned());
                applied.evidence += &format!("; {ended}");
            }
            Strain::Memory { .. } => {
                let lives = || FaultError::Failed(format!("{}: it can live with that", applied.evidence));
                let ended = ends(context, node).await.ok_or_else(lives)?;
                applied.evidence += &format!("; {ended}");
            }
            Strain::SlowDisk { .. } | Strain::Cpu { .. } | Strain::NoNetwork | Strain::SlowAnswers { .. } => {
            }
        }
        Ok(applied)
    }

    async fn heal(&self, context: &FaultContext, node: &NodeId) -> Result<String, FaultError> {
        let relieved = context.cluster.relieve(node, &self.0).await?;
        if let Some(ended) = context.cluster.ended(node).await {
            let started = context.start_and_unseal(node).await?;
            return Ok(format!("{relieved}; {ended}; {started}"));
        }
        Ok(format!("{relieved}; {}", context.serves_again(node).await?))
    }
}

/// Asks for something that must be audited until the node refuses.
async fn refuses(context: &FaultContext, node: &NodeId) -> Result<String, FaultError> {
    let client = context.client(node)?.with_token(&context.access.root_token);
    let what = format!("{node} refuses what it cannot audit");
    let refused = wait_until(&what, REFUSES_WITHIN, EVERY, || async {
        match client.get("auth/token/lookup-self").await {
            Ok(_) => Err("it still answers".to_owned()),
            Err(ClientError::Refused { status, .. }) if status >= 500 => Ok(status),
            Err(error) => Err(error.to_string()),
        }
    });
    Ok(format!("a request that must be audited is refused with {}", refused.await?))
}

/// How it came down, when it does.
async fn ends(context: &FaultContext, node: &NodeId) -> Option<String> {
    let what = format!("{node} ends");
    let ended = wait_until(&what, ENDS_WITHIN, LOOK_EVERY, || async {
        context.cluster.ended(node).await.ok_or_else(|| "it goes on".to_owned())
    });
    ended.await.ok()
}
