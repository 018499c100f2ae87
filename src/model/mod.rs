//! Plain data that every other module speaks in. Uses nothing of ours, does nothing live:
//! no clock, no file, no network.

mod at_rest;
mod attach;
mod blueprint;
mod certificate;
mod credential;
mod fault;
mod isolation;
mod journal;
mod link;
mod link_fault;
mod link_quantity;
mod node;
mod objective;
mod operation;
mod picture;
mod quantity;
mod result;
mod run_info;
mod scenario;
mod strain;
mod verdict;

pub use at_rest::*;
pub use attach::*;
pub use blueprint::*;
pub use certificate::*;
pub use credential::*;
pub use fault::*;
pub use isolation::*;
pub use journal::*;
pub use link::*;
pub use link_fault::*;
pub use link_quantity::*;
pub use node::*;
pub use objective::*;
pub use operation::*;
pub use picture::*;
pub use quantity::*;
pub use result::*;
pub use run_info::*;
pub use scenario::*;
pub use strain::*;
pub use verdict::*;
