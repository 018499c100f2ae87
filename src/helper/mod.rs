//! Helpers: real programs that a run needs beside the cluster. So far one, PostgreSQL, in which the server under test
//! makes and drops roles.
//!
//! A helper is started with the run and ends with it, however the run ends; it knows nothing of scenarios or verdicts.

mod database;
mod home;
mod installation;
mod instance;
mod session;
mod wheel;

pub use database::{Database, ServerAccess};
pub use home::remove_left;
pub use installation::{Installation, PostgresError, fetch_or_find, find};
pub use session::{Login, Session};
