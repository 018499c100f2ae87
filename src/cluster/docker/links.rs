//! Link agents in the network namespaces of the containers: as root directly, else in a container beside each.

use crate::cluster::{ClusterError, LinkNeeds, Node};
use crate::docker::{Bind, Engine, MadeList, Owner, SidecarPlan};
use crate::model::NodeId;
use crate::netns::{Controller, Entrance, Member, NamespaceOf, Pipe, agent_files};
use async_trait::async_trait;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// How links are to be disturbed.
pub struct LinkOptions {
    pub needs: LinkNeeds,
    /// This program.
    pub exe: PathBuf,
    /// In containers beside the nodes' also where root could do without.
    pub always_beside: bool,
}

pub(super) struct NodeLinks {
    pub controller: Controller,
    options: LinkOptions,
    engine: Engine,
    owner: Owner,
    image: String,
}

impl NodeLinks {
    pub fn new(options: LinkOptions, engine: &Engine, owner: &Owner, image: &str, nodes: &[Node]) -> Self {
        let member = |node: &Node| Member { id: node.id.clone(), address: node.endpoint.address.ip() };
        let controller = Controller::new(nodes.iter().map(member));
        Self { controller, options, engine: engine.clone(), owner: owner.clone(), image: image.to_owned() }
    }

    /// To be called as soon as the node's container runs: it has a new namespace then. Returns since when the network
    /// was as it is to be.
    pub async fn attend(
        &self,
        node: &NodeId,
        container: &str,
        pid: Option<u32>,
        made: &MadeList,
    ) -> Result<Instant, ClusterError> {
        let entrance: Arc<dyn Entrance> = match pid {
            Some(pid) if rustix::process::geteuid().is_root() && !self.options.always_beside => {
                Arc::new(NamespaceOf::process(pid, &self.options.exe).map_err(ClusterError::Failed)?)
            }
            _ => {
                let plan = self.plan(node, container).await.map_err(ClusterError::Failed)?;
                let noted = made.about_to_make(&self.owner.run_id, "container", &plan.name);
                noted.map_err(|error| ClusterError::Failed(error.to_string()))?;
                Arc::new(Beside { engine: self.engine.clone(), owner: self.owner.clone(), plan })
            }
        };
        Ok(self.controller.attend(node, entrance).await?)
    }

    async fn plan(&self, node: &NodeId, container: &str) -> Result<SidecarPlan, String> {
        let files = agent_files(&self.options.exe).await?;
        Ok(SidecarPlan {
            name: self.owner.name(&format!("link-{node}")),
            image: self.image.clone(),
            command: vec![self.options.exe.display().to_string(), "link-agent".to_owned()],
            binds: files.into_iter().map(|path| Bind { path, read_only: true }).collect(),
            beside: container.to_owned(),
            // The second for packets that must not wait for a core.
            capabilities: ["NET_ADMIN", "SYS_NICE"].map(str::to_owned).to_vec(),
        })
    }
}

struct Beside {
    engine: Engine,
    owner: Owner,
    plan: SidecarPlan,
}

#[async_trait]
impl Entrance for Beside {
    async fn open(&self) -> Result<Pipe, String> {
        let sidecar =
            self.engine.start_sidecar(&self.owner, &self.plan).await.map_err(|error| error.to_string())?;
        Ok(Pipe { input: sidecar.input, output: sidecar.output, keep: Box::new(()) })
    }
}
