//! After everything has ended: what the files that are left tell. The servers no longer write, the history is whole, and
//! what is read here was there when somebody looks again.

mod audit;
mod files;
mod plaintext;

use crate::cluster::NodeFiles;
use crate::machine::blocking;
use crate::model::{Event, NodeId, PlaceKind};
use crate::record::{Journal, RunFolder};
use crate::secrecy::RunSecrets;
use std::io;

/// What a run's cluster left.
#[derive(Clone)]
pub struct Remains {
    pub nodes: Vec<NodeRemains>,
    /// The mount of the load's secrets.
    pub kv_mount: String,
}

#[derive(Clone)]
pub struct NodeRemains {
    pub id: NodeId,
    /// As the server's configuration has it, and as it stands in its log.
    pub url: String,
    pub files: NodeFiles,
}

/// What the scenario asks for. What it does not ask for is done where it costs next to nothing.
#[derive(Clone, Copy)]
pub struct Asked {
    pub audit: bool,
    pub secrecy: bool,
}

/// Read in less than a second.
const CHEAP_BYTES: u64 = 256 << 20;

/// Journals what the files tell; stops early when `is_cancelled`. A run that came to no secrets has nothing to look at.
pub async fn look_at_rest(
    folder: &RunFolder,
    remains: Remains,
    asked: Asked,
    journal: &Journal,
    is_cancelled: impl Fn() -> bool + Send + Sync + 'static,
) -> io::Result<()> {
    let (folder, journal) = (folder.clone(), journal.clone());
    blocking(move || {
        let Some(secrets) = RunSecrets::read(&folder.private())? else { return Ok(()) };
        let is_cheap = files::total_bytes(&remains) <= CHEAP_BYTES;
        if asked.audit || is_cheap {
            let read = audit::read(&folder.history(), &remains, &is_cancelled)?;
            if !is_cancelled() {
                journal.write(Event::AuditRead(Box::new(read)));
            }
        }
        if asked.secrecy || is_cheap {
            let found = plaintext::search(&folder, &remains, &secrets, &is_cancelled)?;
            if is_cancelled() {
                return Ok(());
            }
            for hit in found.hits.iter().filter(|hit| hit.kind == PlaceKind::RunFolder) {
                let reason = format!(
                    "the {} stands in {} at byte {} ({})",
                    hit.secret, hit.file, hit.offset, hit.form
                );
                journal.write(Event::HarnessError { reason });
            }
            journal.write(Event::PlaintextSearched(Box::new(found)));
        }
        Ok(())
    })
    .await
}
