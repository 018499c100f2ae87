//! Nodes as child processes on loopback: no privilege, no daemon, runs anywhere.

mod child;
mod links;
mod nodes;

pub use links::CANNOT_LOSE;
pub use nodes::{ProcessCluster, ProcessOptions};
