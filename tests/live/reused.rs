//! With `--reuse` the first node's store is kept for later runs, reused by them, and given up when a node does not come back
//! with it.

use super::harness::{FAST_STEADY, Finished, Running, events, finish, place, vaultquake};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use vaultquake::model::Event;
use vaultquake::server::cache_folder;

/// A cache of the test's own, with the servers that are at hand.
fn cache() -> PathBuf {
    let cache = place("reused").join("cache");
    fs::create_dir(&cache).unwrap();
    symlink(cache_folder().unwrap().join("servers"), cache.join("servers")).unwrap();
    cache
}

fn running(cache: &Path, name: &str, more: &[&str]) -> Running {
    let place = place(&format!("reused-{name}"));
    let file = place.join("scenario.yaml");
    fs::write(&file, FAST_STEADY).unwrap();
    let mut command = vaultquake();
    command
        .env("VAULTQUAKE_CACHE", cache)
        .arg("run")
        .arg(file)
        .args(more)
        .arg("--out")
        .arg(place.join("out"));
    Running::start(&place, &mut command)
}

/// Whether the first node came back with a saved store.
fn reused(run: &Finished) -> bool {
    run.ended.expect_code(0);
    let ready = events(&run.folder).into_iter().find_map(|event| match event {
        Event::ClusterReady { reused_state, .. } => Some(reused_state),
        _ => None,
    });
    ready.expect("the cluster was ready")
}

fn states(cache: &Path) -> Vec<PathBuf> {
    fs::read_dir(cache.join("states")).unwrap().map(|entry| entry.unwrap().path()).collect()
}

pub fn from_the_second_run_on() {
    let cache = cache();
    assert!(!reused(&finish(running(&cache, "first", &["--reuse"]))));
    let [state] = &states(&cache)[..] else { panic!("one store is kept") };
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&cache.join("states")), mode(&state.join("access.json"))), (0o700, 0o600));
    assert!(reused(&finish(running(&cache, "second", &["--reuse"]))));
    assert!(!reused(&finish(running(&cache, "not-asked", &[]))), "only who asks gets it");

    fs::write(state.join("store/raft/raft.db"), "damaged").unwrap();
    let damaged = running(&cache, "damaged", &["--reuse"]).end(super::harness::RUN_WITHIN);
    damaged.expect_code(3);
    damaged.expect_stderr(&["the first node had come back with a saved store, which is removed: try again"]);
    assert!(states(&cache).is_empty());
    assert!(!reused(&finish(running(&cache, "again", &["--reuse"]))));
}
