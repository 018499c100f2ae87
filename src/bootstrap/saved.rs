//! The store of a first node as it was when it had just been initialised, kept for later runs: most of the time from
//! nothing to three voters is the first election, and a node that comes back alone leads at once.
//!
//! Its address is another in each run; the server's own recovery file (`raft/peers.json`) tells it.

use super::BootstrapError;
use crate::cluster::{Access, StorePlace};
use crate::machine::{blocking, copy_below};
use crate::model::Blueprint;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// What is kept, and how; another number makes what earlier versions kept unknown.
const FORMAT: &str = "1";
const STORE: &str = "store";
const ACCESS: &str = "access.json";

/// Where the store of one kind of first node is kept, whether it is there or not.
#[derive(Clone, Debug)]
pub struct SavedState {
    folder: PathBuf,
}

impl SavedState {
    /// Below `root`, for this server and for a blueprint's seal and audit devices, which are all that such a store depends
    /// on.
    pub fn of(root: &Path, server: &str, blueprint: &Blueprint) -> Self {
        let of_blueprint = json!([blueprint.seal, blueprint.audit]).to_string();
        let digest = Sha256::digest(format!("{FORMAT}\n{server}\n{of_blueprint}"));
        let key: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Self { folder: root.join(key) }
    }

    pub fn exists(&self) -> bool {
        self.folder.join(ACCESS).is_file()
    }

    /// Fills the empty data folder of a node that does not run yet; returns the keys to what is in it.
    pub async fn restore(&self, place: &StorePlace) -> Result<Access, BootstrapError> {
        let (folder, place) = (self.folder.clone(), place.clone());
        let restored = blocking(move || {
            let access = serde_json::from_slice(&fs::read(folder.join(ACCESS))?)?;
            copy_below(&folder.join(STORE), &place.data)?;
            place.write_recovery_file(std::slice::from_ref(&place))?;
            Ok(access)
        });
        restored.await.map_err(cannot("reuse a saved store"))
    }

    /// Keeps the store of a node that does not run. Whoever was faster has kept one as good.
    pub async fn save(&self, place: &StorePlace, access: &Access) -> Result<(), BootstrapError> {
        let (folder, place, access) = (self.folder.clone(), place.clone(), access.clone());
        let kept = blocking(move || {
            let root = folder.parent().unwrap_or(Path::new("."));
            DirBuilder::new().recursive(true).mode(0o700).create(root)?;
            let part = root.join(format!(".{}", rand::random::<u64>()));
            let copied = copy_below(&place.data, &part.join(STORE)).and_then(|()| {
                let mut file =
                    OpenOptions::new().write(true).create_new(true).mode(0o600).open(part.join(ACCESS))?;
                file.write_all(&serde_json::to_vec(&access)?)?;
                fs::rename(&part, &folder)
            });
            match copied {
                Ok(()) => Ok(()),
                Err(error) => {
                    let _ = fs::remove_dir_all(&part);
                    if folder.is_dir() { Ok(()) } else { Err(error) }
                }
            }
        });
        kept.await.map_err(cannot("keep the store for later runs"))
    }

    /// One that a node did not come back with is of no use to anybody.
    pub fn remove(&self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn cannot(doing: &str) -> impl FnOnce(io::Error) -> BootstrapError {
    move |error| BootstrapError::Unexpected(format!("cannot {doing}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn place(data: PathBuf) -> StorePlace {
        StorePlace { node: crate::model::NodeId::new("n1"), data, raft_addr: "127.0.0.1:7".to_owned() }
    }

    #[tokio::test]
    async fn what_was_saved_comes_back_with_a_new_address() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("old/raft")).unwrap();
        fs::write(at("old/vault.db"), "store").unwrap();
        let blueprint = crate::facts::testing::steady_run().build().info.scenario.blueprint;
        let saved = SavedState::of(&at("states"), "openbao 2.7.2", &blueprint);
        assert_ne!(saved.folder, SavedState::of(&at("states"), "openbao 2.7.1", &blueprint).folder);
        assert!(!saved.exists());
        let access = Access { root_token: "secret".into(), ..Access::default() };
        saved.save(&place(at("old")), &access).await.unwrap();
        // The second to come finds its work done.
        saved.save(&place(at("old")), &access).await.unwrap();
        let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(at("states")), mode(saved.folder.join(ACCESS))), (0o700, 0o600));
        assert_eq!(fs::read_dir(at("states")).unwrap().count(), 1, "nothing half done is left");

        fs::create_dir(at("new")).unwrap();
        let back = saved.restore(&place(at("new"))).await.unwrap();
        assert_eq!(back.root_token, "secret");
        assert_eq!(fs::read_to_string(at("new/vault.db")).unwrap(), "store");
        let peers = fs::read_to_string(at("new/raft/peers.json")).unwrap();
        assert!(peers.contains(r#""address":"127.0.0.1:7""#), "{peers}");
        saved.remove();
        assert!(!saved.exists() && saved.restore(&place(at("new"))).await.is_err());
    }
}
