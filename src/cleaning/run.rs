//! One run folder, or all below a folder.

use super::engine::clean_made;
use super::{CleanError, Cleaned};
use crate::helper;
use crate::machine::{FileLock, unmount_left};
use crate::record::{RunFolder, find_run_folders, read_run};
use crate::watchdog::undo;
use std::fs;
use std::path::Path;

/// Does what a watchdog would have done, and removes the containers and the servers' data of a run that did not
/// end. `say` is told of each step on a cluster as it is done.
pub async fn clean_run(
    folder: &RunFolder,
    say: &mut (dyn FnMut(&str) + Send),
) -> Result<Cleaned, CleanError> {
    let mut cleaned = Cleaned { folder: Some(folder.root().to_owned()), ..Cleaned::default() };
    // Without the lock file no run of ours ever began here; looking must not make one.
    let is_plain =
        |path: &Path| fs::symlink_metadata(path).is_ok_and(|about| !about.file_type().is_symlink());
    if !is_plain(&folder.private()) || !is_plain(&folder.lock()) {
        return Err(CleanError::NotARun(folder.root().to_owned()));
    }
    let lock =
        FileLock::try_acquire(&folder.lock()).map_err(|error| CleanError::Failed(error.to_string()))?;
    let Some(_lock) = lock else {
        cleaned.alive = true;
        return Ok(cleaned);
    };
    let undone = undo(folder, say).await;
    cleaned.did.extend(undone.did);
    cleaned.trouble.extend(undone.trouble);
    clean_made(folder, &mut cleaned).await;
    let nodes = folder.private().join("nodes");
    if is_plain(&nodes) {
        match unmount_left(&nodes) {
            Ok(disks) => cleaned.did.extend(disks.iter().map(|at| format!("unmounted {}", at.display()))),
            Err(error) => {
                cleaned.trouble.push(format!("disks may be left below {}: {error}", nodes.display()))
            }
        }
    }
    match helper::remove_left(&folder.private()) {
        Ok(removed) => cleaned.did.extend(removed.map(|path| format!("removed {}", path.display()))),
        Err(error) => cleaned.trouble.push(format!("a database may be left: {error}")),
    }
    let ended = read_run(folder).is_ok_and(|run| run.ended());
    if !ended && is_plain(&nodes) {
        match fs::remove_dir_all(&nodes) {
            Ok(()) => cleaned.did.push(format!("removed {}", nodes.display())),
            Err(error) => cleaned.trouble.push(format!("cannot remove {}: {error}", nodes.display())),
        }
    }
    Ok(cleaned)
}

/// Every run folder directly below `out`; those where there was something to tell.
pub async fn clean_out(out: &Path, say: &mut (dyn FnMut(&str) + Send)) -> Vec<Cleaned> {
    let mut all = Vec::new();
    for folder in find_run_folders(out) {
        match clean_run(&folder, say).await {
            Ok(cleaned) if cleaned.alive || !cleaned.did.is_empty() || !cleaned.trouble.is_empty() => {
                all.push(cleaned);
            }
            Ok(_) | Err(CleanError::NotARun(_)) => {}
            Err(error) => all.push(Cleaned {
                folder: Some(folder.root().to_owned()),
                trouble: vec![error.to_string()],
                ..Cleaned::default()
            }),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_folder(out: &Path, name: &str) -> RunFolder {
        let folder = RunFolder::create(out, jiff::Timestamp::UNIX_EPOCH, name, 1).unwrap();
        fs::create_dir_all(folder.private().join("nodes/n1/data")).unwrap();
        folder
    }

    #[tokio::test]
    async fn a_dead_run_loses_its_nodes_and_nothing_else() {
        let out = tempfile::tempdir().unwrap();
        let folder = run_folder(out.path(), "dead");
        drop(FileLock::try_acquire(&folder.lock()).unwrap().unwrap());
        fs::write(folder.private().join("secrets.json"), "{}").unwrap();
        let cleaned = clean_out(out.path(), &mut |_| {}).await;
        assert_eq!(cleaned.len(), 1);
        assert!(cleaned[0].did[0].contains("nodes") && cleaned[0].trouble.is_empty(), "{cleaned:?}");
        assert!(!folder.private().join("nodes").exists() && folder.private().join("secrets.json").exists());
        assert!(clean_out(out.path(), &mut |_| {}).await.is_empty());
    }

    #[tokio::test]
    async fn a_living_run_is_untouched() {
        let out = tempfile::tempdir().unwrap();
        let folder = run_folder(out.path(), "alive");
        let _lock = FileLock::try_acquire(&folder.lock()).unwrap().unwrap();
        assert!(clean_run(&folder, &mut |_| {}).await.unwrap().alive);
        assert!(folder.private().join("nodes/n1/data").exists());
    }

    #[tokio::test]
    async fn a_folder_without_our_lock_file_is_not_a_run() {
        let out = tempfile::tempdir().unwrap();
        let folder = run_folder(out.path(), "foreign");
        assert!(matches!(clean_run(&folder, &mut |_| {}).await, Err(CleanError::NotARun(_))));
        assert!(folder.private().join("nodes/n1/data").exists() && !folder.lock().exists());
    }
}
