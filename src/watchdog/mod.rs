//! Heals an attached cluster and removes what we made on it when the harness dies before it could.
//!
//! A process of its own, in its own session, holding the read end of a pipe whose write end only the harness
//! has: however the harness ends, the pipe closes. After an orderly end it does nothing. Injects nothing,
//! ever.

mod process;
mod undo;

pub use process::{Watchdog, WatchdogError, main, spawn};
pub use undo::{AttachRecord, Undone, active_node, undo};
