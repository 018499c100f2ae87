//! The bugs, each what a proxy does with one request in place of passing it on; and what is no bug, though it may
//! look like one.

pub mod engines;
pub mod leases;
pub mod legal;
pub mod nodes;
pub mod read_back;
pub mod reads;
pub mod removals;
pub mod roles;
pub mod shaken;
pub mod soaked;
pub mod tenants;
pub mod tokens;
pub mod upgraded;
pub mod writes;
