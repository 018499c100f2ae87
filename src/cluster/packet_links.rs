//! Links that are disturbed packet by packet, inside each node's own network namespace.

use super::{ClusterError, LinkSighting, Links, Took};
use crate::model::{LinkMap, NodeId};
use crate::netns::{Controller, Effect, NetnsError, Seen};
use async_trait::async_trait;

#[async_trait]
impl Links for Controller {
    fn way(&self) -> &str {
        "nftables in each node's network namespace"
    }

    async fn set(&self, map: &LinkMap) -> Result<Took, ClusterError> {
        let Effect { at, rules, namespaces, took } = Controller::set(self, map).await?;
        let took_ms = took.as_secs_f64() * 1e3;
        let evidence = format!(
            "{rules} rules read back from nftables in {namespaces} network namespaces, in force after {took_ms:.0} ms"
        );
        Ok(Took { at, evidence })
    }

    async fn probe(&self, from: &NodeId, to: &NodeId) -> Result<LinkSighting, ClusterError> {
        let Seen { sent, arrived, delays_ms } = Controller::probe(self, from, to).await?;
        Ok(LinkSighting { sent, arrived, delays_ms })
    }
}

impl From<NetnsError> for ClusterError {
    fn from(error: NetnsError) -> Self {
        ClusterError::Failed(error.to_string())
    }
}
