//! A cluster of a run's own behind proxies: everything is done to the real nodes, and asked of the proxies.

use crate::catalogue::Mutant;
use crate::lab::Lab;
use crate::proxy;
use async_trait::async_trait;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use vaultquake::cluster::{Ability, Cluster, ClusterError, Links, Node, NodeFiles, Signal, StorePlace, Took};
use vaultquake::model::{Edition, NodeId, Strain};
use vaultquake::runner::Front;
use vaultquake::vault::Endpoint;

/// Proxies before the nodes of the run's cluster, and before the one that its snapshot is restored into.
pub fn front(mutant: &'static Mutant) -> Front {
    let first: Arc<OnceLock<Arc<Lab>>> = Arc::default();
    Arc::new(move |cluster| {
        let first = first.clone();
        Box::pin(async move {
            let lab = Lab::new(cluster.nodes()).map_err(|error| error.to_string())?;
            // What was restored is opened by what opened the cluster it came from.
            let lab = match first.get() {
                Some(first) => lab.of_operator(&first.operator_token()).restored(),
                None => lab,
            };
            let lab = Arc::new(lab);
            first.get_or_init(|| lab.clone());
            let mut nodes = Vec::new();
            for (index, node) in cluster.nodes().iter().enumerate() {
                let url = proxy::start(index, lab.clone(), mutant.play).await;
                let url = url.map_err(|error| error.to_string())?;
                let endpoint = Endpoint::new(&url, None).map_err(|error| error.to_string())?;
                nodes.push(Node { id: node.id.clone(), endpoint });
            }
            Ok(Arc::new(Behind { cluster, nodes, lab }) as Arc<dyn Cluster>)
        })
    })
}

struct Behind {
    cluster: Arc<dyn Cluster>,
    /// The same nodes, at the addresses of their proxies.
    nodes: Vec<Node>,
    lab: Arc<Lab>,
}

#[async_trait]
impl Cluster for Behind {
    fn backend(&self) -> &'static str {
        self.cluster.backend()
    }

    fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    fn lacks(&self, ability: Ability) -> Option<String> {
        self.cluster.lacks(ability)
    }

    async fn signal(&self, node: &NodeId, signal: Signal) -> Result<Took, ClusterError> {
        self.lab.note_signal(self.nodes.iter().position(|known| known.id == *node), signal);
        self.cluster.signal(node, signal).await
    }

    async fn replace(&self, node: &NodeId, edition: Edition) -> Result<Took, ClusterError> {
        self.cluster.replace(node, edition).await
    }

    async fn start(&self, node: &NodeId) -> Result<String, ClusterError> {
        self.cluster.start(node).await
    }

    fn files(&self, node: &NodeId) -> NodeFiles {
        self.cluster.files(node)
    }

    fn store(&self, node: &NodeId) -> Option<StorePlace> {
        self.cluster.store(node)
    }

    fn ca_file(&self) -> Option<&Path> {
        self.cluster.ca_file()
    }

    async fn ended(&self, node: &NodeId) -> Option<String> {
        self.cluster.ended(node).await
    }

    async fn strain(&self, node: &NodeId, strain: &Strain) -> Result<Took, ClusterError> {
        self.cluster.strain(node, strain).await
    }

    async fn relieve(&self, node: &NodeId, strain: &Strain) -> Result<String, ClusterError> {
        self.cluster.relieve(node, strain).await
    }

    fn links(&self) -> Option<&dyn Links> {
        self.cluster.links()
    }

    async fn before_seal(&self, node: &NodeId) -> Result<(), ClusterError> {
        self.cluster.before_seal(node).await
    }

    fn healed(&self, node: &NodeId) -> Result<(), ClusterError> {
        self.cluster.healed(node)
    }

    fn pids(&self) -> Vec<u32> {
        self.cluster.pids()
    }

    fn trouble(&self) -> Option<String> {
        self.cluster.trouble()
    }

    async fn shut_down(&self) {
        self.cluster.shut_down().await;
    }
}
