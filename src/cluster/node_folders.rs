//! What nodes of our own find before they are started: a folder each, certificates, a configuration.

use super::certificates::{NodeCertificate, RunCa};
use super::node_config::{NodeAddresses, NodePlan, audit_file, render};
use super::seal_stanza::{SealStanza, write_private};
use super::{ClusterError, Node, NodeFiles, StorePlace, Took};
use crate::machine::{SmallDisk, blocking};
use crate::model::{Blueprint, Disk, NodeId, ServerTuning};
use crate::vault::{Endpoint, TlsMaterial};
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// One node's place on the disk. The server runs in `root`.
pub struct NodeFolder {
    /// Holds data, configuration and audit files.
    pub root: PathBuf,
    pub certificate: Option<NodeCertificate>,
    /// What the server prints.
    pub log: PathBuf,
    /// Where other nodes reach its raft, as `host:port`.
    raft_addr: String,
    /// One for each audit device.
    audit_files: Vec<PathBuf>,
    /// Those that are no part of this machine's own.
    disks: Vec<(Disk, Arc<SmallDisk>)>,
}

impl NodeFolder {
    /// The folder for what is on such a disk, whether it has one of its own or not.
    pub fn on(&self, disk: Disk) -> PathBuf {
        self.root.join(disk.folder())
    }

    pub fn store(&self, node: &NodeId) -> StorePlace {
        StorePlace { node: node.clone(), data: self.on(Disk::Data), raft_addr: self.raft_addr.clone() }
    }

    pub fn files(&self) -> NodeFiles {
        NodeFiles {
            audit: self.audit_files.clone(),
            log: Some(self.log.clone()),
            data: Some(self.on(Disk::Data)),
        }
    }

    fn disk(&self, disk: Disk) -> Result<Arc<SmallDisk>, ClusterError> {
        let own = self.disks.iter().find(|(kind, _)| *kind == disk);
        let no_own = || format!("{} is not on a disk of its own", self.on(disk).display());
        own.map(|(_, disk)| disk.clone()).ok_or_else(|| ClusterError::NotApplicable(no_own()))
    }

    /// Leaves no room on one of its disks.
    pub async fn fill(&self, disk: Disk) -> Result<Took, ClusterError> {
        let disk = self.disk(disk)?;
        // Before it is full, so that nothing that it costs is counted away.
        let at = Instant::now();
        Ok(Took { at, evidence: blocking(move || disk.fill()).await.map_err(failed)? })
    }

    pub async fn free(&self, disk: Disk) -> Result<String, ClusterError> {
        let disk = self.disk(disk)?;
        blocking(move || disk.free()).await.map_err(failed)
    }

    /// Once its server has ended: what was on its own disks stays in its folder, and they are no more.
    pub fn close_disks(&self) -> io::Result<()> {
        self.disks.iter().try_for_each(|(_, disk)| disk.close())
    }

    pub fn config(&self) -> PathBuf {
        self.root.join("server.hcl")
    }

    /// The end of the log, for errors about a server that did not come up.
    pub fn last_words(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let last: Vec<_> = text.lines().rev().filter(|line| !line.trim().is_empty()).take(3).collect();
        last.into_iter().rev().collect::<Vec<_>>().join(" | ")
    }
}

fn failed(error: io::Error) -> ClusterError {
    ClusterError::Failed(error.to_string())
}

/// Nodes that could be started now, in the order of their ids.
pub struct PreparedNodes {
    pub nodes: Vec<Node>,
    pub folders: Vec<NodeFolder>,
    /// The CA that signed every node's certificate; a joining node needs its text.
    pub ca_file: Option<PathBuf>,
}

/// Writes folders, certificates and configurations below `folder`, `n1` for the first of `addresses` and so on. Each
/// node gets `disks` of its own, where root runs us. `seal` is what opens them, and where they find this machine.
pub fn prepare(
    blueprint: &Blueprint,
    tuning: &ServerTuning,
    folder: &Path,
    logs: &Path,
    addresses: &[NodeAddresses],
    disks: &[Disk],
    seal: Option<(&SealStanza, Ipv4Addr)>,
) -> io::Result<PreparedNodes> {
    let ca = match blueprint.tls.enabled {
        true => Some(RunCa::create(&folder.join("tls"))?),
        false => None,
    };
    let tls = match &ca {
        None => None,
        Some(ca) => Some(TlsMaterial::from_files(&ca.ca_file(), None).map_err(io::Error::other)?),
    };
    let mut prepared = PreparedNodes { nodes: Vec::new(), folders: Vec::new(), ca_file: None };
    for (number, addresses) in (1..).zip(addresses) {
        let id = format!("n{number}");
        let root = folder.join(&id);
        for disk in Disk::ALL {
            std::fs::create_dir_all(root.join(disk.folder()))?;
        }
        // Who is not root is told so before anything starts.
        let own = disks.iter().filter(|_| rustix::process::geteuid().is_root());
        let mount = |disk: &Disk| Ok((*disk, Arc::new(SmallDisk::mount(&root.join(disk.folder()))?)));
        let disks = own.map(mount).collect::<io::Result<_>>()?;
        let certificate = ca.as_ref().map(|ca| ca.issue(&id, addresses.api.ip())).transpose()?;
        let scheme = if certificate.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}", addresses.known_api);
        let endpoint = Endpoint::new(&url, tls.as_ref()).map_err(io::Error::other)?;
        let seal = seal.map(|(seal, host)| seal.place(&root, host)).transpose()?;
        let (certificate_of, seal) = (certificate.as_ref(), seal.as_deref());
        let plan = NodePlan { id: &id, folder: &root, addresses, certificate: certificate_of, seal };
        let config = render(blueprint, tuning, &plan);
        let (log, raft_addr) = (logs.join(format!("{id}.log")), addresses.known_cluster.clone());
        let audit_files = blueprint.audit.iter().map(|device| root.join(audit_file(device))).collect();
        let node_folder = NodeFolder { root, certificate, log, raft_addr, audit_files, disks };
        // The token of a seal may stand in it.
        write_private(&node_folder.config(), config.as_bytes())?;
        prepared.folders.push(node_folder);
        prepared.nodes.push(Node { id: NodeId(id), endpoint });
    }
    prepared.ca_file = ca.map(|ca| ca.ca_file());
    Ok(prepared)
}
