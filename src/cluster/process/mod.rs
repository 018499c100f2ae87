//! Nodes as child processes on loopback: no privilege, no daemon, runs anywhere.

mod certificates;
mod child;
mod config;
mod links;
mod nodes;

pub use certificates::{NodeCertificate, RunCa};
pub use config::{NodePlan, render};
pub use links::CANNOT_LOSE;
pub use nodes::{ProcessCluster, ProcessOptions};
