//! Nodes as containers on a private bridge: addresses, processes and file systems of their own.

mod evidence;
mod links;
mod log;
mod nodes;
mod strain;

pub use links::LinkOptions;
pub use nodes::{DockerCluster, DockerClusterError, DockerOptions, NodeContainer};
