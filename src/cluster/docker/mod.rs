//! Nodes as containers on a private bridge: addresses, processes and file systems of their own.

mod evidence;
mod log;
mod nodes;

pub use nodes::{DockerCluster, DockerClusterError, DockerOptions, NodeContainer};
