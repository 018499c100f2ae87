//! The network of one node, disturbed packet by packet inside its own network namespace.
//!
//! An agent (this program, as the hidden subcommand `link-agent`) lives in the namespace of each node. It holds a
//! table of rules of its own there, holds back packets that are to arrive later, and sends and counts packets of our
//! own. It talks JSON lines with the [`Controller`], and when that goes away it takes its rules with it.
//!
//! Knows nodes, addresses and links; nothing of servers, clusters or runs.

mod agent;
mod clock;
mod connection;
mod controller;
mod files;
mod held;
mod hold;
mod namespace;
mod netlink;
mod part;
mod probes;
mod protocol;
mod queue;
mod rules;
mod shape;
mod table;

pub use agent::main;
pub use connection::{Entrance, Pipe};
pub use controller::{Controller, Effect, Member, NetnsError, Seen};
pub use files::agent_files;
pub use namespace::{NamespaceOf, try_agent};
