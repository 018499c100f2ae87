//! One run from its first process to its last line in the journal: phases, signals, deadlines, teardown. It
//! decides when things happen; what they mean is judged afterwards, from the folder.

mod alerts;
mod at_rest;
mod attached;
mod collect;
mod extent;
mod ground;
mod key_keeper;
mod load_plan;
mod phases;
mod progress;
mod recovery;
mod renewal;
mod restore;
mod snapshot_first;
mod stop;
mod timeline;

pub use ground::{BackendChoice, Front, Ground};
pub use phases::{RunEnd, RunError, RunRequest, run};
pub use progress::Progress;
pub use stop::{Stop, StopReason};

pub use crate::cluster::Siblings;
