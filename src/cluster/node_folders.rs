//! What nodes of our own find before they are started: a folder each, certificates, a configuration.

use super::Node;
use super::certificates::{NodeCertificate, RunCa};
use super::node_config::{NodeAddresses, NodePlan, render};
use crate::model::{Blueprint, NodeId, ServerTuning};
use crate::vault::{Endpoint, TlsMaterial};
use std::io;
use std::path::{Path, PathBuf};

/// One node's place on the disk. The server runs in `root`.
pub struct NodeFolder {
    /// Holds data, configuration and audit files.
    pub root: PathBuf,
    pub certificate: Option<NodeCertificate>,
    /// What the server prints.
    pub log: PathBuf,
}

impl NodeFolder {
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

/// Nodes that could be started now, in the order of their ids.
pub struct PreparedNodes {
    pub nodes: Vec<Node>,
    pub folders: Vec<NodeFolder>,
    /// The CA that signed every node's certificate; a joining node needs its text.
    pub ca_file: Option<PathBuf>,
}

/// Writes folders, certificates and configurations below `folder`, `n1` for the first of `addresses` and so on.
pub fn prepare(
    blueprint: &Blueprint,
    tuning: &ServerTuning,
    folder: &Path,
    logs: &Path,
    addresses: &[NodeAddresses],
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
        std::fs::create_dir_all(root.join("data"))?;
        let certificate = ca.as_ref().map(|ca| ca.issue(&id, addresses.api.ip())).transpose()?;
        let scheme = if certificate.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}", addresses.known_api);
        let endpoint = Endpoint::new(&url, tls.as_ref()).map_err(io::Error::other)?;
        let plan = NodePlan { id: &id, folder: &root, addresses, certificate: certificate.as_ref() };
        let config = render(blueprint, tuning, &plan);
        let node_folder = NodeFolder { root, certificate, log: logs.join(format!("{id}.log")) };
        std::fs::write(node_folder.config(), config)?;
        prepared.folders.push(node_folder);
        prepared.nodes.push(Node { id: NodeId(id), endpoint });
    }
    prepared.ca_file = ca.map(|ca| ca.ca_file());
    Ok(prepared)
}
