//! Looks for a run's secrets in bytes that must not hold them, however they are written down there. Reads what it is
//! given and knows nothing of clusters, journals or verdicts.

mod search;
mod secrets;
mod spelling;

pub use search::{Found, Hit, Search};
pub use secrets::{RunSecrets, Secret};
pub use spelling::{Spelling, spellings};
