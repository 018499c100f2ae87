//! A cluster that somebody else runs: the safety guard, hooks, and what has to be undone if we die.

mod cluster;
mod guard;
mod hooks;
mod intents;
mod probe;
#[cfg(test)]
pub(crate) mod testing;

pub use cluster::{AttachCluster, nodes_of};
pub use guard::{Standing, ask_cluster_ids, judge};
pub use hooks::HOOK_WITHIN;
pub use intents::{Harm, HookProcess, Intent, IntentLog, OpenIntent, intents_file, open_intents};
