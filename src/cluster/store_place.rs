//! Where a node keeps its store, while it does not run: taken away with all that is in it, or told who its peers are.

use crate::machine::blocking;
use crate::model::NodeId;
use serde_json::json;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

#[derive(Clone, Debug)]
pub struct StorePlace {
    pub node: NodeId,
    pub data: PathBuf,
    /// Where the other nodes reach its raft, as `host:port`.
    pub raft_addr: String,
}

/// What a folder held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    pub files: u64,
    pub bytes: u64,
}

impl StorePlace {
    /// Removes everything in it; returns what that was. The folder itself may be a disk of its own, and stays.
    pub async fn wipe(&self) -> io::Result<Held> {
        let data = self.data.clone();
        blocking(move || {
            let held = held_below(&data)?;
            for entry in fs::read_dir(&data)? {
                let entry = entry?;
                match entry.file_type()?.is_dir() {
                    true => fs::remove_dir_all(entry.path())?,
                    false => fs::remove_file(entry.path())?,
                }
            }
            Ok(held)
        })
        .await
    }

    /// What is in it now.
    pub async fn held(&self) -> io::Result<Held> {
        let data = self.data.clone();
        blocking(move || held_below(&data)).await
    }

    /// The server's own recovery file. At its next start the node takes these, and nobody else, for its cluster.
    pub fn recovery_file(&self) -> PathBuf {
        self.data.join("raft/peers.json")
    }

    pub fn write_recovery_file(&self, peers: &[StorePlace]) -> io::Result<()> {
        let peer =
            |peer: &StorePlace| json!({ "id": peer.node, "address": peer.raft_addr, "non_voter": false });
        let peers: Vec<_> = peers.iter().map(peer).collect();
        fs::write(self.recovery_file(), serde_json::to_vec(&peers)?)
    }
}

fn held_below(folder: &Path) -> io::Result<Held> {
    let mut held = Held::default();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            let below = held_below(&entry.path())?;
            held = Held { files: held.files + below.files, bytes: held.bytes + below.bytes };
        } else {
            held = Held { files: held.files + 1, bytes: held.bytes + entry.metadata()?.len() };
        }
    }
    Ok(held)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_is_left_of_a_store_but_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let place =
            StorePlace { node: NodeId::new("n1"), data: folder.path().to_owned(), raft_addr: "h:1".into() };
        fs::create_dir_all(folder.path().join("raft/snapshots")).unwrap();
        fs::write(folder.path().join("raft/raft.db"), "12345").unwrap();
        place.write_recovery_file(std::slice::from_ref(&place)).unwrap();
        let peers = fs::read_to_string(place.recovery_file()).unwrap();
        assert_eq!(peers, r#"[{"address":"h:1","id":"n1","non_voter":false}]"#);
        let held = Held { files: 2, bytes: 5 + peers.len() as u64 };
        assert_eq!(place.wipe().await.unwrap(), held);
        assert_eq!((place.held().await.unwrap(), folder.path().is_dir()), (Held::default(), true));
        fs::remove_dir(folder.path()).unwrap();
        assert!(place.wipe().await.is_err(), "what is not there was not wiped");
    }
}
