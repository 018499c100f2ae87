//! Random faults after the run: what really happened as a scenario of its own, and the smallest schedule that still fails.
//! Starts nothing: whoever searches says how a schedule is run.

mod file;
mod happened;
mod moves;
mod rows;
mod search;
#[cfg(test)]
mod tests;

pub use file::{SCHEDULE, SMALLEST, save_schedule, save_smallest};
pub use happened::{Schedule, happened};
pub use rows::{Outcome, failed_rows, outcome};
pub use search::{Rate, Shrunk, Smallest, shrink};
