//! A container engine on which nodes can run, for tests that need one.

use super::skips::Unmet;
use vaultquake::docker::Engine;

/// Asks as the program itself would.
pub fn docker_engine() -> Result<(), Unmet> {
    let runtime = tokio::runtime::Runtime::new().map_err(|error| Unmet::Broken(error.to_string()))?;
    let asked = runtime.block_on(async { Engine::connect().await.and_then(|engine| engine.check()) });
    asked.map_err(|error| Unmet::Missing(error.to_string()))
}
