//! Facts about this machine, what runs on it must share (locks and ports), and what can be done to its disks.
//!
//! Knows nothing of servers, scenarios or runs.

mod blocking;
mod child;
pub mod children;
mod copy;
pub mod cpu;
mod disk_throttle;
mod facts;
mod file_lock;
pub mod lock;
mod mark;
pub mod open_files;
pub mod ports;
pub mod priority;
mod process_start;
mod program;
mod small_disk;
pub mod sockets;

pub use blocking::blocking;
pub use child::{ChildProcess, describe, poll_until};
pub use copy::copy_below;
pub use disk_throttle::DiskThrottle;
pub use facts::{facts, free_disk_mib};
pub use file_lock::{FileLock, LockError};
pub use mark::drawn_mark;
pub use process_start::started_ticks;
pub use program::{ProgramEnd, find_program, run_program};
pub use small_disk::{SmallDisk, unmount_left};
