//! TCP links with stable ports between the parties of a cluster, without any privilege: delay, spread, bandwidth,
//! black hole, reject, one way, heal.
//!
//! A proxy sees bytes and not packets, so it plays what TCP makes of packets:
//!
//! * A black hole keeps what was read, in order, and delivers it after the heal, as retransmission would. What an
//!   end gave up meanwhile is closed then. A new connection is accepted by the kernel, because its backlog cannot be
//!   kept from that, but nothing moves on it until the handshake could have been made.
//! * One way cut, the other way goes on for [`WINDOW`] bytes a connection: no acknowledgement comes back. A new
//!   connection hangs, for a handshake needs both ways.
//! * A delay holds for the handshake too: first bytes arrive one round trip and one way after the dial.
//! * Reject resets connections, old and new, whichever way is rejected. A node that is down resets too, where
//!   packets would be refused.
//! * Memory is bounded: when [`QUEUE_MAX`] bytes wait in one way of a connection, reading stops, and the sender
//!   meets a full window.
//!
//! Packets cannot be lost. Everything runs in one thread of its own at raised priority, so a change of the network is
//! one step between two steps of every pump: there is no moment at which it holds on some links only.

mod connection;
mod dialer;
mod front;
mod network;
mod pacer;
mod probe;
mod pump;
#[cfg(test)]
mod tests;
mod thread;

pub use dialer::{Dialers, NodePids};
pub use front::Front;
pub use probe::Sighting;
pub use pump::{QUEUE_MAX, WINDOW};
pub use thread::{Applied, Proxy};
