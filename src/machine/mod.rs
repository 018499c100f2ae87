//! Facts about this machine, and what runs on it must share: locks and ports.
//!
//! Knows nothing of servers, scenarios or runs, and changes nothing but its own lock files.

pub mod children;
pub mod cpu;
mod facts;
mod file_lock;
pub mod lock;
pub mod open_files;
pub mod ports;
pub mod priority;
mod process_start;
pub mod sockets;

pub use facts::{facts, free_disk_mib};
pub use file_lock::{FileLock, LockError};
pub use process_start::started_ticks;
