//! Clusters: how nodes run, what can be done to them, and what is seen of them.
//!
//! A backend knows processes and addresses; it knows nothing of scenarios, load or verdicts.

mod access;
pub mod attach;
mod backend;
pub mod capabilities;
pub mod certificates;
pub mod docker;
mod links;
pub mod node_config;
mod node_folders;
mod packet_links;
pub mod process;
mod seal_stanza;
mod siblings;
mod store_place;
mod view;

pub use access::{Access, TenantAccess};
pub use backend::{Ability, Cluster, ClusterError, Node, NodeFiles, Signal, Took};
pub use capabilities::Capability;
pub use links::{LinkNeeds, LinkSighting, Links};
pub use seal_stanza::SealStanza;
pub use siblings::Siblings;
pub use store_place::StorePlace;
pub use view::ClusterView;
