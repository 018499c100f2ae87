//! No secret of a run stands in anything that may be shared, in any of the ways in which text gets encoded.

use super::harness::{Finished, place};
use super::runs;
use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD, STANDARD as PADDED};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use vaultquake::record::{PRIVATE_DIR, RunFolder};
use vaultquake::secrecy::{RunSecrets, Search, Secret};

fn secrets(folder: &RunFolder) -> Vec<Secret> {
    let found =
        RunSecrets::read(&folder.private()).expect("secrets.json").expect("a run with secrets").secrets;
    assert!(found.len() >= 8);
    found
}

fn search(folder: &RunFolder) -> Search {
    Search::new(&secrets(folder), &[]).unwrap()
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        match entry.file_type().unwrap().is_dir() {
            true => found.extend(files_below(&entry.path())),
            false => found.push(entry.path()),
        }
    }
    found
}

/// Which secrets stand in it, and how, without giving them away in a test's output.
fn leaks_in(text: &[u8], search: &Search) -> Vec<String> {
    search.text(text).into_iter().map(|hit| format!("{}, {}", hit.secret, hit.form)).collect()
}

/// Every secret in every file outside of the private folder, or in a file's name.
fn leaks_below(root: &Path, search: &Search) -> Vec<String> {
    let mut leaks = Vec::new();
    for path in files_below(root) {
        let name = path.strip_prefix(root).unwrap();
        if name.starts_with(PRIVATE_DIR) {
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        for text in [&bytes[..], name.to_string_lossy().as_bytes()] {
            let found = leaks_in(text, search).into_iter();
            leaks.extend(found.map(|of| format!("{}: {of}", name.display())));
        }
    }
    leaks
}

fn check(run: &Finished) {
    let search = search(&run.folder);
    let root = run.folder.root();
    for name in ["run.json", "journal.jsonl", "history.jsonl", "result.json", "report.html", "logs/n1.log"] {
        assert!(root.join(name).is_file(), "{name} is missing: {}", run.ended.all());
    }
    assert_eq!(leaks_below(root, &search), [""; 0]);
    assert_eq!(leaks_in(run.ended.stdout.as_bytes(), &search), [""; 0]);
    assert_eq!(leaks_in(run.ended.stderr.as_bytes(), &search), [""; 0]);

    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&run.folder.private()), 0o700);
    assert_eq!(mode(&run.folder.private().join("secrets.json")), 0o600);
    for path in files_below(&run.folder.private()) {
        let text = fs::read(&path).unwrap();
        let found = leaks_in(&text, &search);
        if !found.is_empty() || path.extension().is_some_and(|extension| extension == "key") {
            assert_eq!(mode(&path), 0o600, "{} holds {found:?}", path.display());
        }
    }
}

pub fn stay_private_in_a_run_that_passes() {
    let run = runs::leader_kill_fast();
    run.ended.expect_code(0);
    check(run);
    assert!(!run.folder.private().join("nodes").exists(), "raft data is kept after a pass");
}

pub fn stay_private_in_a_run_that_does_not() {
    let run = runs::victim_already_dead();
    run.ended.expect_code(2);
    check(run);
    assert!(run.folder.private().join("nodes/n1/data").is_dir(), "raft data is evidence, and is kept");
}

/// The search above can fail: each spelling of each secret, alone in a copy of the folder, is found.
pub fn planted_ones_are_found() {
    let run = runs::leader_kill_fast();
    let root = run.folder.root();
    let copy = place("planted");
    for path in files_below(root) {
        let name = path.strip_prefix(root).unwrap();
        // Large, and without a secret as the test above shows: searched once is enough.
        if !name.starts_with(PRIVATE_DIR) && !name.ends_with("history.jsonl") {
            fs::create_dir_all(copy.join(name).parent().unwrap()).unwrap();
            fs::copy(&path, copy.join(name)).unwrap();
        }
    }
    let mut planted = Vec::new();
    for Secret { name: of, bytes: secret } in secrets(&run.folder) {
        let mut inside = b"before ".to_vec();
        inside.extend_from_slice(&secret);
        inside.extend_from_slice(b" after");
        let text = String::from_utf8_lossy(&secret).into_owned();
        let spelled = [
            PADDED.encode(&inside),
            GeneralPurpose::new(&URL_SAFE, NO_PAD).encode(&inside[1..]),
            inside.iter().map(|byte| format!("{byte:02x}")).collect(),
            // The bytes of a key are no text, so the rest does not apply to them.
            text.bytes().map(|byte| format!("%{byte:02X}")).collect(),
            serde_json::to_string(&text).unwrap(),
        ];
        let apply = if of.starts_with("bytes of") { 3 } else { spelled.len() };
        for spelled in &spelled[..apply] {
            let name = format!("planted-{}.md", planted.len());
            fs::write(copy.join(&name), format!("| {spelled} |\n")).unwrap();
            planted.push((name, of.clone()));
        }
    }
    let leaks = leaks_below(&copy, &search(&run.folder));
    for (name, of) in &planted {
        assert!(
            leaks.iter().any(|leak| leak.starts_with(&format!("{name}: {of}, "))),
            "{name} holds the {of}"
        );
    }
    let clean = |leak: &&String| !planted.iter().any(|(name, _)| leak.starts_with(&format!("{name}: ")));
    assert_eq!(leaks.iter().filter(clean).count(), 0, "found where nothing was planted");
}
