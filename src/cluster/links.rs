//! The network of a cluster, for backends that can disturb it.

use super::{ClusterError, Took};
use crate::model::{LinkMap, NodeId};
use async_trait::async_trait;

/// What of the network can be disturbed must be put in place before the nodes start; what is not needed is not
/// put between them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkNeeds {
    /// Between the nodes.
    pub peers: bool,
    /// Between the nodes and their clients.
    pub clients: bool,
}

/// What packets of our own met on one way of a link.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LinkSighting {
    pub sent: u32,
    pub arrived: u32,
    /// One way, of those that arrived, in milliseconds, ascending.
    pub delays_ms: Vec<f64>,
}

#[async_trait]
pub trait Links: Send + Sync {
    /// By what means, in words for reports, such as `TCP proxies` or `nftables in each node's namespace`.
    fn way(&self) -> &str;

    /// Makes the network just as `map` says: what it does not name passes untouched again. `at` is the moment from
    /// which it held on every link.
    async fn set(&self, map: &LinkMap) -> Result<Took, ClusterError>;

    /// Sends a few packets of our own one way over a link, independently of the servers. Takes a second at most
    /// beyond what the link delays.
    async fn probe(&self, from: &NodeId, to: &NodeId) -> Result<LinkSighting, ClusterError>;
}
