//! The cluster of child processes: folders, ports, signals, evidence.

use super::child::spawn_server;
use super::links::{FrontPorts, NodeLinks};
use crate::cluster::node_config::NodeAddresses;
use crate::cluster::node_folders::{self, NodeFolder, PreparedNodes};
use crate::cluster::{
    Ability, Cluster, ClusterError, LinkNeeds, Links, Node, NodeFiles, SealStanza, Signal, StorePlace, Took,
    capabilities,
};
use crate::machine::{ChildProcess, describe, poll_until};
use crate::model::{Blueprint, Disk, Edition, NodeId, ServerTuning, Strain};
use crate::vault::{Client, wait_until};
use async_trait::async_trait;
use rustix::process::Signal as Posix;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

pub struct ProcessOptions<'a> {
    pub binary: PathBuf,
    /// That of the version to which nodes are upgraded, where they are.
    pub upgrade_to: Option<PathBuf>,
    pub blueprint: &'a Blueprint,
    pub tuning: &'a ServerTuning,
    /// Holds data, certificates, configuration and audit files; private.
    pub folder: &'a Path,
    /// Holds what the servers print.
    pub logs: &'a Path,
    /// API and cluster port of each node; the caller keeps them reserved.
    pub ports: &'a [(u16, u16)],
    /// Where proxies are put in front of the nodes; their ports are reserved in here.
    pub links: LinkNeeds,
    /// What each node gets a disk of its own for.
    pub disks: &'a [Disk],
    /// What opens the nodes; nothing where a person does.
    pub seal: Option<&'a SealStanza>,
}

pub struct ProcessCluster {
    nodes: Vec<Node>,
    slots: Arc<Vec<Slot>>,
    links: Option<NodeLinks>,
    ca_file: Option<PathBuf>,
    binary: PathBuf,
    upgrade_to: Option<PathBuf>,
}

struct Slot {
    /// Ends before its folder loses its disks.
    process: Mutex<Option<ChildProcess>>,
    folder: NodeFolder,
    /// What its next start runs.
    binary: Mutex<PathBuf>,
}

/// A server that listens after 0.4 s here may take long on a loaded machine.
const LISTEN_WITHIN: Duration = Duration::from_secs(30);
/// A clean stop hands leadership over and closes the store.
const STOP_WITHIN: Duration = Duration::from_secs(20);
const KILL_WITHIN: Duration = Duration::from_secs(5);

impl ProcessCluster {
    /// Writes folders, certificates and configurations; starts nothing yet.
    pub fn prepare(options: ProcessOptions) -> io::Result<Self> {
        let fronts = FrontPorts::reserve(options.links, options.ports.len())?;
        let loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let addresses = options.ports.iter().copied().enumerate().map(|(index, (api_port, cluster_port))| {
            let (known_api, known_cluster) = fronts.known(index, (api_port, cluster_port));
            NodeAddresses {
                api: loopback(api_port),
                cluster: loopback(cluster_port),
                known_api: loopback(known_api).to_string(),
                known_cluster: loopback(known_cluster).to_string(),
            }
        });
        let addresses: Vec<_> = addresses.collect();
        let PreparedNodes { nodes, folders, ca_file } = node_folders::prepare(
            options.blueprint,
            options.tuning,
            options.folder,
            options.logs,
            &addresses,
            options.disks,
            options.seal.map(|seal| (seal, Ipv4Addr::LOCALHOST)),
        )?;
        let slots = folders.into_iter().map(|folder| Slot {
            folder,
            process: Mutex::new(None),
            binary: Mutex::new(options.binary.clone()),
        });
        let slots: Arc<Vec<_>> = Arc::new(slots.collect());
        let ids: Vec<_> = nodes.iter().map(|node| node.id.clone()).collect();
        let own_ports: Vec<_> = ids.iter().cloned().zip(options.ports.iter().copied()).collect();
        let held = slots.clone();
        let running = move |(id, slot): (&NodeId, &Slot)| Some((id.clone(), slot.pid()?));
        let pids = Arc::new(move || ids.iter().zip(held.iter()).filter_map(running).collect());
        let links = NodeLinks::start(fronts, &own_ports, pids)?;
        let ProcessOptions { binary, upgrade_to, .. } = options;
        Ok(Self { nodes, slots, links, ca_file, binary, upgrade_to })
    }

    /// The process of a node that runs, this moment.
    pub fn pid(&self, id: &NodeId) -> Option<u32> {
        self.slot(id).ok()?.1.pid()
    }

    fn slot(&self, id: &NodeId) -> Result<(&Node, &Slot), ClusterError> {
        let index = self.nodes.iter().position(|node| &node.id == id);
        let index = index.ok_or_else(|| ClusterError::NotApplicable(format!("there is no node {id}")))?;
        Ok((&self.nodes[index], &self.slots[index]))
    }
}

impl Slot {
    /// Runs `f` on the running process; an ended or absent one is "not applicable".
    fn with_running<T>(
        &self,
        id: &NodeId,
        f: impl FnOnce(&mut ChildProcess) -> Result<T, ClusterError>,
    ) -> Result<T, ClusterError> {
        let mut guard = self.process.lock().unwrap();
        match guard.as_mut() {
            None => Err(ClusterError::NotApplicable(format!("{id} has no process"))),
            Some(process) => match process.ended() {
                Some(status) => Err(ClusterError::NotApplicable(format!(
                    "{id} is already down: its process {} ended with {}",
                    process.pid(),
                    describe(status)
                ))),
                None => f(process),
            },
        }
    }

    /// While it runs.
    fn pid(&self) -> Option<u32> {
        let mut guard = self.process.lock().unwrap();
        guard.as_mut().and_then(|process| process.ended().is_none().then(|| process.pid()))
    }

    fn ended(&self) -> Option<String> {
        let mut guard = self.process.lock().unwrap();
        guard.as_mut().and_then(|process| {
            process.ended().map(|status| format!("process {} ended with {}", process.pid(), describe(status)))
        })
    }

    fn state(&self) -> Option<char> {
        self.process.lock().unwrap().as_ref().and_then(ChildProcess::state)
    }
}

fn cannot(id: &NodeId, strain: &Strain) -> ClusterError {
    ClusterError::NotApplicable(format!("{id} is a child process, which cannot be given {}", strain.words()))
}

async fn refuses_connections(node: &Node) -> bool {
    match TcpStream::connect(node.endpoint.address).await {
        Err(error) => error.kind() == io::ErrorKind::ConnectionRefused,
        Ok(_) => false,
    }
}

#[async_trait]
impl Cluster for ProcessCluster {
    fn backend(&self) -> &'static str {
        "process"
    }

    fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    fn lacks(&self, ability: Ability) -> Option<String> {
        let lies_between = |disturbs: fn(&NodeLinks) -> bool, whom: &str| match &self.links {
            Some(links) if disturbs(links) => None,
            _ => Some(format!("nothing lies between these nodes and {whom} that could be disturbed")),
        };
        match ability {
            Ability::CutPeers | Ability::SlowPeers => lies_between(NodeLinks::disturbs_peers, "their peers"),
            Ability::CutClients => lies_between(NodeLinks::disturbs_clients, "their clients"),
            _ => capabilities::of_process(ability).lacks(),
        }
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
        self.slot(id).ok()?.1.ended()
    }

    async fn strain(&self, id: &NodeId, strain: &Strain) -> Result<Took, ClusterError> {
        let (_, slot) = self.slot(id)?;
        slot.with_running(id, |_| Ok(()))?;
        match strain {
            Strain::FullDisk(disk) => slot.folder.fill(*disk).await,
            other => Err(cannot(id, other)),
        }
    }

    async fn relieve(&self, id: &NodeId, strain: &Strain) -> Result<String, ClusterError> {
        match strain {
            Strain::FullDisk(disk) => self.slot(id)?.1.folder.free(*disk).await,
            other => Err(cannot(id, other)),
        }
    }

    fn links(&self) -> Option<&dyn Links> {
        self.links.as_ref().map(|links| links as &dyn Links)
    }

    async fn signal(&self, id: &NodeId, signal: Signal) -> Result<Took, ClusterError> {
        let (node, slot) = self.slot(id)?;
        let posix = match signal {
            Signal::Kill => Posix::KILL,
            Signal::Stop => Posix::TERM,
            Signal::Pause => Posix::STOP,
            Signal::Resume => Posix::CONT,
            Signal::Reopen => Posix::HUP,
        };
        let began = Instant::now();
        slot.with_running(id, |process| {
            let paused = process.state() == Some('T');
            match signal {
                Signal::Pause if paused => {
                    return Err(ClusterError::NotApplicable(format!("{id} is already paused")));
                }
                Signal::Resume if !paused => {
                    return Err(ClusterError::NotApplicable(format!("{id} is not paused")));
                }
                _ => {}
            }
            process
                .signal(posix)
                .map_err(|error| ClusterError::Failed(format!("cannot signal {id}: {error}")))
        })?;
        let seen = match signal {
            Signal::Kill => poll_until(KILL_WITHIN, || slot.ended().is_some()).await,
            Signal::Stop => poll_until(STOP_WITHIN, || slot.ended().is_some()).await,
            Signal::Pause => poll_until(KILL_WITHIN, || slot.state() == Some('T')).await,
            Signal::Resume => poll_until(KILL_WITHIN, || !matches!(slot.state(), Some('T') | None)).await,
            // What it does with it shows in its files.
            Signal::Reopen => true,
        };
        let took_ms = began.elapsed().as_millis();
        if !seen {
            return Err(ClusterError::Failed(format!(
                "{id} did not react to {signal:?} within {took_ms} ms"
            )));
        }
        let evidence = match signal {
            Signal::Kill | Signal::Stop => {
                if let Some(links) = &self.links {
                    links.went_down(id).await;
                }
                let ended = slot.ended().unwrap_or_default();
                let port = if refuses_connections(node).await { "refuses" } else { "still accepts" };
                format!(
                    "{ended} after {took_ms} ms; port {} {port} connections",
                    node.endpoint.address.port()
                )
            }
            Signal::Pause => format!("process is stopped (kernel state T) after {took_ms} ms"),
            Signal::Resume => format!("process runs again (left kernel state T) after {took_ms} ms"),
            Signal::Reopen => "SIGHUP sent".to_owned(),
        };
        Ok(Took { at: began, evidence })
    }

    async fn replace(&self, id: &NodeId, edition: Edition) -> Result<Took, ClusterError> {
        let binary = edition.pick(&self.binary, self.upgrade_to.as_ref());
        let binary = binary.ok_or_else(ClusterError::no_second_version)?;
        let took = self.signal(id, Signal::Stop).await?;
        self.slot(id)?.1.binary.lock().unwrap().clone_from(binary);
        Ok(took)
    }

    async fn start(&self, id: &NodeId) -> Result<String, ClusterError> {
        let (node, slot) = self.slot(id)?;
        let began = Instant::now();
        let pid = {
            let mut guard = slot.process.lock().unwrap();
            if let Some(process) = guard.as_mut()
                && process.ended().is_none()
            {
                return Err(ClusterError::NotApplicable(format!(
                    "{id} is running: process {}",
                    process.pid()
                )));
            }
            if let Some(links) = &self.links {
                links.open(id)?;
            }
            let binary = slot.binary.lock().unwrap().clone();
            let spawned = spawn_server(&binary, &slot.folder.config(), &slot.folder.log);
            let process = spawned.map_err(|error| {
                ClusterError::Failed(format!("cannot start {}: {error}", binary.display()))
            })?;
            let pid = process.pid();
            *guard = Some(process);
            pid
        };
        let client = Client::new(&node.endpoint)?;
        let what = format!("{id} answers");
        let listening = wait_until(&what, LISTEN_WITHIN, Duration::from_millis(10), || async {
            if let Some(ended) = slot.ended() {
                return Ok(Err(format!("{id}: {ended}: {}", slot.folder.last_words())));
            }
            match client.get("sys/seal-status").await {
                Ok(_) => Ok(Ok(())),
                Err(error) => Err(error.to_string()),
            }
        });
        listening.await?.map_err(ClusterError::Failed)?;
        Ok(format!("process {pid} answers after {} ms", began.elapsed().as_millis()))
    }

    fn pids(&self) -> Vec<u32> {
        self.slots.iter().filter_map(Slot::pid).collect()
    }

    async fn shut_down(&self) {
        for slot in self.slots.iter() {
            // A stopped process ends on SIGKILL too; dropping reaps it.
            slot.process.lock().unwrap().take();
            // What could not be unmounted is found again by `clean`.
            let _ = slot.folder.close_disks();
        }
        if let Some(links) = &self.links {
            links.shut_down().await;
        }
    }
}
