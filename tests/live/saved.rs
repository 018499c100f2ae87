//! A saved run is judged again without a cluster.

use super::harness::recheck;
use super::runs;
use std::fs;

pub fn recheck_gives_the_same_bytes() {
    let run = runs::leader_kill_fast();
    let root = run.folder.root();
    let state = || {
        let changed = fs::metadata(run.folder.result_json()).unwrap().modified().unwrap();
        (fs::read(run.folder.result_json()).unwrap(), changed)
    };
    let before = state();
    let (ended, _) = recheck(&run.folder);
    assert_eq!(ended.code, run.ended.code, "{}", ended.all());
    assert!(state() == before, "recheck touched result.json");
    let again = fs::read(root.join("recheck.json")).unwrap();
    assert!(again == before.0, "recheck.json differs from result.json in {}", root.display());
}
