//! Who keeps keys: that of a cluster which opens itself, before it is prepared, and ours to a cluster, in the run folder.

use super::RunError;
use crate::cluster::SealStanza;
use crate::fault::KeepKeys;
use crate::helper::{TransitKms, TransitKmsError};
use crate::model::{Scenario, SealKind};
use crate::record::RunFolder;
use serde_json::json;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;

pub struct KeyKeeper {
    /// For every node's configuration; nothing where a person opens the nodes.
    pub stanza: Option<SealStanza>,
    kms: Option<TransitKms>,
}

impl KeyKeeper {
    /// Starts what the scenario's seal needs. `binary` is the server on this machine.
    pub async fn start(
        scenario: &Scenario,
        binary: Option<&Path>,
        folder: &RunFolder,
    ) -> Result<Self, RunError> {
        match scenario.blueprint.seal.kind {
            SealKind::Shamir => Ok(Self { stanza: None, kms: None }),
            SealKind::Static => {
                Ok(Self { stanza: Some(SealStanza::Static { key: rand::random() }), kms: None })
            }
            SealKind::Transit => {
                let binary = binary.ok_or_else(|| RunError::Unsupported {
                    backend: "docker",
                    what: "a transit seal needs the server's binary on this machine, where another one keeps its key; \
                           --server names an image"
                        .to_owned(),
                })?;
                let cannot =
                    |error: std::io::Error| RunError::SetUp(format!("cannot find the run folder: {error}"));
                let place = std::path::absolute(folder.private().join("kms")).map_err(cannot)?;
                let log = std::path::absolute(folder.private().join("kms.log")).map_err(cannot)?;
                let kms = TransitKms::start(binary, &place, &log).await.map_err(in_words)?;
                Ok(Self { stanza: Some(kms.stanza()), kms: Some(kms) })
            }
        }
    }

    /// Lets nodes find it, which find this machine at `host`.
    pub fn open_at(self, host: Ipv4Addr) -> Result<Option<Arc<TransitKms>>, RunError> {
        let Some(kms) = self.kms else { return Ok(None) };
        kms.open_at(host).map_err(in_words)?;
        Ok(Some(Arc::new(kms)))
    }
}

/// Writes the keys to a cluster where the search for secrets looks them up, and a person whose cluster went on without us.
pub fn keep_in(folder: &RunFolder, canary: &str) -> KeepKeys {
    let (folder, canary) = (folder.clone(), canary.to_owned());
    Box::new(move |access| {
        let secrets = json!({ "access": access, "canary": canary });
        let written = folder.write_secret("secrets.json", secrets.to_string().as_bytes());
        written.map(drop).map_err(|error| error.to_string())
    })
}

fn in_words(error: TransitKmsError) -> RunError {
    RunError::SetUp(error.to_string())
}
