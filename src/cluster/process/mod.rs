//! Nodes as child processes on loopback: no privilege, no daemon, runs anywhere.

mod child;
mod links;
mod nodes;

pub use child::{spawn_server, spawn_server_with_run};
pub use links::CANNOT_LOSE;
pub use nodes::{ProcessCluster, ProcessOptions};
