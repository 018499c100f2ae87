//! The cluster of containers: network, addresses, signals, evidence.

use super::evidence::{connecting, in_words, visible_pid};
use super::links::{LinkOptions, NodeLinks};
use super::log::LogCopy;
use crate::cluster::node_config::NodeAddresses;
use crate::cluster::node_folders::{self, NodeFolder};
use crate::cluster::{
    Ability, Cluster, ClusterError, Links, Node, NodeFiles, SealStanza, Signal, StorePlace, Took,
    capabilities,
};
use crate::docker::{
    Bind, ContainerPlan, ContainerState, DockerError, Engine, EngineWatch, MadeList, Owner, candidates,
    made_file,
};
use crate::model::{Blueprint, Disk, Edition, NodeId, ServerTuning, Strain};
use crate::record::RecordError;
use crate::vault::{Client, ClientError, wait_until};
use async_trait::async_trait;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

pub struct DockerOptions<'a> {
    pub owner: Owner,
    /// Name or id.
    pub image: &'a str,
    /// That of the version to which nodes are upgraded, where they are; the server's program has the same name in it.
    pub upgrade_to: Option<&'a str>,
    /// The server's program in the image.
    pub program: &'a str,
    pub blueprint: &'a Blueprint,
    pub tuning: &'a ServerTuning,
    /// The run's private folder, absolute: lists what is made, and holds the nodes' data, certificates,
    /// configuration and audit files in `nodes`.
    pub private: &'a Path,
    /// Holds what the servers print; absolute.
    pub logs: &'a Path,
    /// What each node gets a disk of its own for.
    pub disks: &'a [Disk],
    /// What opens the nodes; nothing where a person does.
    pub seal: Option<&'a SealStanza>,
}

pub struct DockerCluster {
    pub(super) engine: Engine,
    owner: Owner,
    pub(super) network: String,
    made: MadeList,
    watch: EngineWatch,
    nodes: Vec<Node>,
    slots: Vec<Slot>,
    ca_file: Option<PathBuf>,
    gateway: Ipv4Addr,
    image: String,
    upgrade_to: Option<String>,
    links: Option<NodeLinks>,
    is_shut_down: AtomicBool,
}

pub(super) struct Slot {
    pub container: String,
    pub folder: NodeFolder,
    /// As it was made, for one that takes its place.
    plan: ContainerPlan,
    log: LogCopy,
    /// The server's process, as this machine numbers it; none while it is down, or where it cannot be seen.
    pub pid: Mutex<Option<u32>>,
}

/// Where a node is, for who reaches into its network or its cgroup from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeContainer {
    pub container_id: String,
    /// The server's process, as this machine numbers it; none while it is down, or where it cannot be seen.
    pub pid: Option<u32>,
    pub address: IpAddr,
    /// The bridge that the nodes share.
    pub network: String,
}

#[derive(Debug, thiserror::Error)]
pub enum DockerClusterError {
    #[error(transparent)]
    Engine(#[from] DockerError),
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error("cannot prepare the nodes: {0}")]
    Nodes(#[from] io::Error),
}

/// Inside the network every node has its own address, so all have the same ports.
const API_PORT: u16 = 8200;
const CLUSTER_PORT: u16 = 8201;
/// A server that listens after 0.4 s here may take long on a loaded machine.
const LISTEN_WITHIN: Duration = Duration::from_secs(30);
/// A clean stop hands leadership over and closes the store.
const STOP_WITHIN: Duration = Duration::from_secs(20);
/// The engine itself takes some of it.
const REACTS_WITHIN: Duration = Duration::from_secs(10);
const EVERY: Duration = Duration::from_millis(10);
/// Each look costs the engine processor time that the other nodes need.
const START_EVERY: Duration = Duration::from_millis(25);

impl From<DockerError> for ClusterError {
    fn from(error: DockerError) -> Self {
        ClusterError::Failed(error.to_string())
    }
}

impl DockerCluster {
    /// Makes the network, folders, certificates, configurations and containers; starts nothing yet. After an
    /// error nothing of it remains.
    pub async fn prepare(options: DockerOptions<'_>) -> Result<Self, DockerClusterError> {
        let engine = Engine::connect().await?;
        engine.check()?;
        let made = MadeList::open(&made_file(options.private))?;
        let mut cluster = Self {
            watch: engine.watch(&options.owner),
            engine,
            network: options.owner.name("net"),
            owner: options.owner.clone(),
            made,
            nodes: Vec::new(),
            slots: Vec::new(),
            ca_file: None,
            gateway: Ipv4Addr::LOCALHOST,
            image: options.image.to_owned(),
            upgrade_to: options.upgrade_to.map(str::to_owned),
            links: None,
            is_shut_down: AtomicBool::new(false),
        };
        match cluster.make(&options).await {
            Ok(()) => Ok(cluster),
            Err(error) => {
                cluster.shut_down().await;
                Err(error)
            }
        }
    }

    async fn make(&mut self, options: &DockerOptions<'_>) -> Result<(), DockerClusterError> {
        let run_id = &self.owner.run_id;
        let seed = run_id.bytes().fold(0u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte));
        self.made.about_to_make(run_id, "network", &self.network)?;
        let subnet = self.engine.create_network(&self.owner, &self.network, &candidates(seed)).await?;
        self.gateway = subnet.gateway();
        let addresses = (0..usize::from(options.blueprint.nodes)).map(|index| NodeAddresses {
            api: (subnet.node(index), API_PORT).into(),
            cluster: (subnet.node(index), CLUSTER_PORT).into(),
            known_api: format!("{}:{API_PORT}", subnet.node(index)),
            known_cluster: format!("{}:{CLUSTER_PORT}", subnet.node(index)),
        });
        let addresses: Vec<_> = addresses.collect();
        let nodes = options.private.join("nodes");
        let prepared = node_folders::prepare(
            options.blueprint,
            options.tuning,
            &nodes,
            options.logs,
            &addresses,
            options.disks,
            options.seal.map(|seal| (seal, subnet.gateway())),
        )?;
        for (index, (node, folder)) in prepared.nodes.iter().zip(prepared.folders).enumerate() {
            let container = self.owner.name(node.id.as_str());
            self.made.about_to_make(run_id, "container", &container)?;
            let plan = ContainerPlan {
                name: container.clone(),
                image: options.image.to_owned(),
                command: vec![
                    options.program.to_owned(),
                    "server".to_owned(),
                    format!("-config={}", folder.config().display()),
                ],
                // What the server writes belongs to who runs us, and can be read and removed without the engine.
                user: format!("{}:{}", rustix::process::geteuid(), rustix::process::getegid()),
                working_dir: Some(folder.root.clone()),
                env: vec![format!("HOME={}", folder.root.display()), "TZ=UTC".to_owned()],
                binds: binds(&folder),
                network: Some((self.network.clone(), subnet.node(index))),
            };
            self.engine.create_container(&self.owner, &plan).await?;
            self.slots.push(Slot {
                log: LogCopy::new(self.engine.clone(), container.clone(), folder.log.clone()),
                container,
                folder,
                plan,
                pid: Mutex::new(None),
            });
        }
        self.nodes = prepared.nodes;
        self.ca_file = prepared.ca_file;
        Ok(())
    }

    /// Before the nodes start: their links can be disturbed. Without a need nothing is put between them.
    pub fn with_links(mut self, options: LinkOptions) -> Self {
        if options.needs.peers || options.needs.clients {
            self.links = Some(NodeLinks::new(options, &self.engine, &self.owner, &self.image, &self.nodes));
        }
        self
    }

    /// This machine, as the nodes reach it.
    pub fn gateway(&self) -> Ipv4Addr {
        self.gateway
    }

    /// Where a node is at this moment.
    pub async fn container(&self, id: &NodeId) -> Result<NodeContainer, ClusterError> {
        let (node, slot) = self.slot(id)?;
        let state = self.engine.inspect_container(&slot.container).await?;
        Ok(NodeContainer {
            pid: visible_pid(&state),
            container_id: state.id,
            address: node.endpoint.address.ip(),
            network: self.network.clone(),
        })
    }

    fn slot(&self, id: &NodeId) -> Result<(&Node, &Slot), ClusterError> {
        let index = self.nodes.iter().position(|node| &node.id == id);
        let index = index.ok_or_else(|| ClusterError::NotApplicable(format!("there is no node {id}")))?;
        Ok((&self.nodes[index], &self.slots[index]))
    }

    /// Asks the engine until the container is as it should be.
    async fn wait_for(
        &self,
        slot: &Slot,
        what: &str,
        within: Duration,
        fits: impl Fn(&ContainerState) -> bool,
    ) -> Result<ContainerState, ClusterError> {
        let seen = wait_until(what, within, EVERY, || async {
            match self.engine.inspect_container(&slot.container).await {
                Ok(state) if fits(&state) => Ok(state),
                Ok(state) => Err(in_words(&state)),
                Err(error) => Err(error.to_string()),
            }
        });
        seen.await.map_err(|error: ClientError| ClusterError::Failed(error.to_string()))
    }

    /// Ends and removes everything of the run. Safe to call twice.
    ///
    /// # Errors
    /// Names what is left, and stays on the list for `clean`.
    pub async fn tear_down(&self) -> Result<(), String> {
        if self.is_shut_down.swap(true, Ordering::SeqCst) {
            return Ok(());
        }
        if let Some(links) = &self.links {
            links.controller.leave().await;
        }
        // Ended first, so that their last words are in the logs: a removal takes with it what the engine keeps.
        let kills = self.slots.iter().map(|slot| self.engine.signal_container(&slot.container, "SIGKILL"));
        futures_util::future::join_all(kills).await;
        futures_util::future::join_all(self.slots.iter().map(|slot| slot.log.finish())).await;
        let (_, mut trouble) = self.engine.remove_run(&self.owner.run_id).await;
        let closed = self.slots.iter().map(|slot| slot.folder.close_disks());
        trouble
            .extend(closed.filter_map(|closed| closed.err()).map(|error| format!("a disk is left: {error}")));
        match trouble.is_empty() {
            true => self.made.all_removed().map_err(|error| error.to_string()),
            false => Err(format!("{}; `vaultquake clean` tries again", trouble.join("; "))),
        }
    }
}

/// The node's folder, and what in it or beside it the server must not change.
fn binds(folder: &NodeFolder) -> Vec<Bind> {
    let read_only = |path: &Path| Bind { path: path.to_owned(), read_only: true };
    let certificate = folder.certificate.iter();
    let tls = certificate.flat_map(|certificate| [&certificate.cert_file, &certificate.key_file]);
    let mut binds = vec![Bind { path: folder.root.clone(), read_only: false }, read_only(&folder.config())];
    binds.extend(tls.map(|file| read_only(file)));
    binds
}

#[async_trait]
impl Cluster for DockerCluster {
    fn backend(&self) -> &'static str {
        "docker"
    }

    fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    fn lacks(&self, ability: Ability) -> Option<String> {
        capabilities::of_docker(ability).lacks()
    }

    async fn signal(&self, id: &NodeId, signal: Signal) -> Result<Took, ClusterError> {
        let (node, slot) = self.slot(id)?;
        let name = &slot.container;
        let before = self.engine.inspect_container(name).await?;
        let not_applicable = |why: String| Err(ClusterError::NotApplicable(why));
        match signal {
            _ if !before.running => {
                return not_applicable(format!("{id} is already down: {}", in_words(&before)));
            }
            Signal::Pause if before.paused => return not_applicable(format!("{id} is already paused")),
            Signal::Resume if !before.paused => return not_applicable(format!("{id} is not paused")),
            _ => {}
        }
        // The effect lies between this moment and the engine's answer; the earlier one counts nothing away.
        let at = Instant::now();
        match signal {
            Signal::Kill => self.engine.signal_container(name, "SIGKILL").await?,
            Signal::Stop => self.engine.signal_container(name, "SIGTERM").await?,
            Signal::Pause => self.engine.pause_container(name).await?,
            Signal::Resume => self.engine.unpause_container(name).await?,
            Signal::Reopen => self.engine.signal_container(name, "SIGHUP").await?,
        }
        let answered_ms = at.elapsed().as_millis();
        let what = format!("{id} reacts to {signal:?}");
        let state = match signal {
            Signal::Kill => self.wait_for(slot, &what, REACTS_WITHIN, |state| !state.running).await?,
            Signal::Stop => self.wait_for(slot, &what, STOP_WITHIN, |state| !state.running).await?,
            Signal::Pause => self.wait_for(slot, &what, REACTS_WITHIN, |state| state.paused).await?,
            Signal::Resume => self.wait_for(slot, &what, REACTS_WITHIN, |state| !state.paused).await?,
            // What it does with it shows in its files.
            Signal::Reopen => before,
        };
        let took_ms = at.elapsed().as_millis();
        let said = in_words(&state);
        let evidence = match signal {
            Signal::Kill | Signal::Stop => {
                *slot.pid.lock().unwrap() = None;
                let address = node.endpoint.address;
                format!("{said} after {took_ms} ms; {address} {}", connecting(node).await)
            }
            Signal::Pause => format!("{said} (cgroup freezer): the engine answered after {answered_ms} ms"),
            Signal::Resume => format!("{said} again (thawed): the engine answered after {answered_ms} ms"),
            Signal::Reopen => format!("SIGHUP sent: the engine answered after {answered_ms} ms"),
        };
        Ok(Took { at, evidence })
    }

    async fn replace(&self, id: &NodeId, edition: Edition) -> Result<Took, ClusterError> {
        let image = edition.pick(&self.image, self.upgrade_to.as_ref());
        let image = image.ok_or_else(ClusterError::no_second_version)?;
        let took = self.signal(id, Signal::Stop).await?;
        let slot = self.slot(id)?.1;
        slot.log.begin_anew().await;
        // What a node has to keep stands in its folder, outside the container.
        self.engine.remove_container(&slot.container).await?;
        let plan = ContainerPlan { image: image.clone(), ..slot.plan.clone() };
        self.engine.create_container(&self.owner, &plan).await?;
        Ok(took)
    }

    async fn start(&self, id: &NodeId) -> Result<String, ClusterError> {
        let (node, slot) = self.slot(id)?;
        let name = &slot.container;
        let before = self.engine.inspect_container(name).await?;
        if before.running {
            return Err(ClusterError::NotApplicable(format!("{id} is running: {}", in_words(&before))));
        }
        let began = Instant::now();
        self.engine.start_container(name).await?;
        let runs = Instant::now();
        let state = self.engine.inspect_container(name).await?;
        let pid = visible_pid(&state);
        *slot.pid.lock().unwrap() = pid;
        // First of all: until then it hears whom it likes.
        let linked = match &self.links {
            Some(links) => Some(links.attend(id, name, pid, &self.made).await?),
            None => None,
        };
        slot.log.follow().await;
        let client = Client::new(&node.endpoint)?;
        let what = format!("{id} answers");
        let listening = wait_until(&what, LISTEN_WITHIN, START_EVERY, || async {
            let Err(error) = client.get("sys/seal-status").await else { return Ok(Ok(())) };
            match self.engine.inspect_container(name).await {
                Ok(state) if !state.running => Ok(Err(in_words(&state))),
                _ => Err(error.to_string()),
            }
        });
        if let Err(ended) = listening.await? {
            slot.log.finish().await;
            return Err(ClusterError::Failed(format!("{id}: {ended}: {}", slot.folder.last_words())));
        }
        let linked = linked.map(|at| at.saturating_duration_since(runs).as_millis());
        let linked = linked
            .map_or(String::new(), |ms| format!("; its links were as they should be {ms} ms after it ran"));
        Ok(format!("container {} answers after {} ms{linked}", state.short_id(), began.elapsed().as_millis()))
    }

    fn store(&self, id: &NodeId) -> Option<StorePlace> {
        Some(self.slot(id).ok()?.1.folder.store(id))
    }

    fn ca_file(&self) -> Option<&Path> {
        self.ca_file.as_deref()
    }

    fn files(&self, id: &NodeId) -> NodeFiles {
        self.slot(id).map(|(_, slot)| slot.folder.files()).unwrap_or_default()
    }

    async fn ended(&self, id: &NodeId) -> Option<String> {
        let (_, slot) = self.slot(id).ok()?;
        let state = self.engine.inspect_container(&slot.container).await.ok()?;
        (!state.running).then(|| in_words(&state))
    }

    async fn strain(&self, id: &NodeId, strain: &Strain) -> Result<Took, ClusterError> {
        let (node, slot) = self.slot(id)?;
        self.take_away(node, slot, strain).await
    }

    async fn relieve(&self, id: &NodeId, strain: &Strain) -> Result<String, ClusterError> {
        let (node, slot) = self.slot(id)?;
        self.give_back(node, slot, strain).await
    }

    fn links(&self) -> Option<&dyn Links> {
        self.links.as_ref().map(|links| &links.controller as &dyn Links)
    }

    fn pids(&self) -> Vec<u32> {
        self.slots.iter().filter_map(|slot| *slot.pid.lock().unwrap()).collect()
    }

    fn trouble(&self) -> Option<String> {
        self.watch.trouble()
    }

    async fn shut_down(&self) {
        // What is left is on the list, and whoever wants to tell of it asks `tear_down`.
        let _ = self.tear_down().await;
    }
}

impl Drop for DockerCluster {
    /// After a panic nobody has shut it down.
    fn drop(&mut self) {
        if *self.is_shut_down.get_mut() {
            return;
        }
        let run_id = self.owner.run_id.clone();
        let path = self.made.path().to_owned();
        // Of its own: the runtime that we are dropped in may be the one that ends.
        let removal = std::thread::spawn(move || {
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
                return;
            };
            runtime.block_on(async {
                if let Ok(engine) = Engine::connect().await
                    && engine.remove_run(&run_id).await.1.is_empty()
                {
                    let _ = MadeList::close(&path);
                }
            });
        });
        let _ = removal.join();
    }
}
