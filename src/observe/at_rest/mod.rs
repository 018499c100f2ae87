//! After everything has ended: what the files that are left tell. The servers no longer write, the history is whole, and
//! what is read here was there when somebody looks again.

mod audit;
mod bodiless;
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
    /// What is stored readably on every node: where a policy of ours stands.
    pub stored: String,
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::time::Instant;

    async fn journal_after(planted: &str) -> String {
        let place = tempfile::tempdir().unwrap();
        let folder = RunFolder::at(place.path());
        fs::create_dir(folder.private()).unwrap();
        fs::write(folder.run_json(), "{}").unwrap();
        fs::write(folder.history(), planted).unwrap();
        let journal = Journal::create(&folder.journal(), Instant::now()).unwrap();
        let remains =
            Remains { nodes: vec![], kv_mount: "secret".into(), stored: "sys/policy/tenant-".into() };
        let asked = Asked { audit: true, secrecy: true };
        let look = || look_at_rest(&folder, remains.clone(), asked, &journal, || false);
        look().await.unwrap();
        assert_eq!(fs::read_to_string(folder.journal()).unwrap(), "", "there are no secrets yet");
        let secrets = r#"{"access":{"root_token":"s.0123456789","unseal_keys":[],"tenants":[]},"canary":"vqc0123456789ab"}"#;
        folder.write_secret("secrets.json", secrets.as_bytes()).unwrap();
        look().await.unwrap();
        fs::read_to_string(folder.journal()).unwrap()
    }

    #[tokio::test]
    async fn a_secret_in_our_own_files_is_our_own_failure() {
        let clean = journal_after("nothing\n").await;
        assert!(clean.contains("audit_read") && clean.contains("plaintext_searched"), "{clean}");
        assert!(!clean.contains("harness_error"), "{clean}");
        let leaking = journal_after("a value: vqc0123456789ab-77\n").await;
        let why = "the canary stands in history.jsonl at byte 9 (raw)";
        assert!(leaking.contains("harness_error") && leaking.contains(why), "{leaking}");
        assert!(!leaking.contains("vqc0123456789ab"));
    }
}
