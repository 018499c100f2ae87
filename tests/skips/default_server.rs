//! The server that `run` takes by default, for tests that start it.

use super::skips::Unmet;
use vaultquake::server::{ProvisionOptions, ServerBinary, ServerSpec, provision};

/// Finds or fetches it, as the program itself would.
pub fn default_server() -> Result<ServerBinary, Unmet> {
    let spec: ServerSpec = vaultquake::cli::DEFAULT_SERVER.parse().expect("our own default");
    let options = ProvisionOptions::from_env()?;
    Ok(provision(&spec, &options, &mut |text| eprintln!("{text}"))?)
}
