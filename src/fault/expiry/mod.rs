//! `expire` and `revoke`: tokens, leases and secret ids are made like the documented ones but for what is tested, used,
//! renewed or revoked through one node after another, and watched through every node to their end and beyond.

mod acts;
mod family;
mod mint;
mod question;
mod watch;

use super::{Fault, FaultContext, Injected};
use crate::cluster::Ability;
use crate::model::{Credential, NodeId, Span};
use async_trait::async_trait;

/// It ends by itself.
pub struct Expire {
    pub credential: Credential,
    pub ttl: Span,
}

/// It is ended, once through each node.
pub struct Revoke {
    pub credential: Credential,
}

#[async_trait]
impl Fault for Expire {
    fn needs(&self) -> Vec<Ability> {
        vec![Ability::Operate]
    }

    async fn inject(&self, context: &FaultContext, id: &str, _nodes: &[NodeId]) -> Injected {
        let applied = self.mint(context, id).await.map_err(|error| error.to_string());
        Injected { hit: Vec::new(), applied }
    }
}

#[async_trait]
impl Fault for Revoke {
    fn needs(&self) -> Vec<Ability> {
        vec![Ability::Operate]
    }

    async fn inject(&self, context: &FaultContext, id: &str, _nodes: &[NodeId]) -> Injected {
        let applied = self.found_families(context, id).await.map_err(|error| error.to_string());
        Injected { hit: Vec::new(), applied }
    }
}
