//! A blueprint as a Compose file that a person brings up by hand, with what it needs beside it: node configurations,
//! certificates, and once it is up the files to attach to it. Starts no container itself.

mod attach_file;
mod bootstrap;
mod files;

pub use bootstrap::{Bootstrapped, bootstrap};
pub use files::{HELPERS, render, write_cluster, write_helpers};

use crate::bootstrap::BootstrapError;
use crate::model::{Blueprint, NodeId};
use std::io;
use std::path::{Path, PathBuf};

/// What the Compose file is called in the folder where everything is written.
pub const COMPOSE_FILE: &str = "compose.yaml";

/// In a container every node listens on the same ports.
const API_PORT: u16 = 8200;
const CLUSTER_PORT: u16 = 8201;

#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    #[error("{what} {}: {source}", path.display())]
    Io { what: &'static str, path: PathBuf, source: io::Error },
    #[error(
        "{} is there already, and new certificates would shut its cluster out; remove the folder, or name another",
        .0.display()
    )]
    Taken(PathBuf),
    #[error("{} is missing: `vaultquake compose {blueprint} --out {}` writes it", path.display(), out.display())]
    NotWritten { path: PathBuf, blueprint: String, out: PathBuf },
    #[error(
        "{node} at {url} does not answer: {why}; bring it up first: `docker-compose up -d` in {}", out.display()
    )]
    NotUp { node: NodeId, url: String, why: String, out: PathBuf },
    #[error(
        "{node} at {url} is initialised already; its keys went to whoever did that. For a new cluster: \
         `docker-compose down`, and another folder"
    )]
    Initialised { node: NodeId, url: String },
    #[error("cannot set the cluster up: {0}")]
    Bootstrap(#[from] BootstrapError),
    #[error("{0}")]
    Failed(String),
}

/// A node as the Compose file has it.
struct ComposeNode {
    id: String,
    container: String,
    /// On this machine's loopback: 8200, 8202, 8204.
    host_port: u16,
}

fn nodes_of(blueprint: &Blueprint) -> Vec<ComposeNode> {
    let node = |index: u16| {
        let id = format!("n{}", index + 1);
        ComposeNode { container: format!("{}-{id}", blueprint.name), id, host_port: API_PORT + 2 * index }
    };
    (0..u16::from(blueprint.nodes)).map(node).collect()
}

fn scheme(blueprint: &Blueprint) -> &'static str {
    if blueprint.tls.enabled { "https" } else { "http" }
}

fn ca_file(out: &Path) -> PathBuf {
    out.join("tls/ca.pem")
}
