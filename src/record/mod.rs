//! The run folder: the single source of truth of a run. Written append-only so that it survives a crash
//! at any moment; read back by everything that judges or draws.

mod durable;
mod folder;
mod lines;
mod past;
mod read;

pub use durable::DurableLines;
pub use folder::{BLUEPRINT, PRIVATE_DIR, RunFolder, find_run_folders};
pub use lines::{HistoryWriter, Journal, RecordError};
pub use past::{SUITE_JSON, find_past_runs, read_suite};
pub use read::{ReadError, SavedRun, read_run};
