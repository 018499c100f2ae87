//! No secret of a run stands in anything that may be shared, in any of the ways in which text gets encoded.

use super::harness::{Finished, place};
use super::runs;
use base64::Engine;
use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD, STANDARD as PADDED};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use vaultquake::record::{PRIVATE_DIR, RunFolder};

/// One spelling of one secret; `of` names it without giving it away in a test's output.
struct Needle {
    of: String,
    text: String,
}

fn secrets(folder: &RunFolder) -> Vec<(String, Vec<u8>)> {
    let text = fs::read(folder.private().join("secrets.json")).expect("secrets.json");
    let json: Value = serde_json::from_slice(&text).unwrap();
    let access = &json["access"];
    let mut found =
        vec![("root token".to_owned(), &access["root_token"]), ("canary".into(), &json["canary"])];
    for (number, key) in access["unseal_keys"].as_array().unwrap().iter().enumerate() {
        found.push((format!("unseal key {number}"), key));
    }
    for (number, tenant) in access["tenants"].as_array().unwrap().iter().enumerate() {
        for field in ["token", "secret_id"] {
            found.push((format!("{field} of tenant {number}"), &tenant[field]));
        }
    }
    let mut found: Vec<_> = found
        .into_iter()
        .map(|(name, value)| (name, value.as_str().expect("a text").as_bytes().to_vec()))
        .collect();
    // The server also gives the keys in hex, which is another text for the same bytes.
    let raw_keys = found
        .iter()
        .filter(|(name, _)| name.starts_with("unseal"))
        .map(|(name, key)| (format!("bytes of {name}"), PADDED.decode(key).expect("unseal keys are base64")));
    let raw_keys: Vec<_> = raw_keys.collect();
    found.extend(raw_keys);
    assert!(found.len() >= 8 && found.iter().all(|(_, secret)| secret.len() >= 8));
    found
}

/// Base64 of `secret` somewhere inside a longer text: the characters that do not depend on its neighbours,
/// for each of the three places at which it can begin.
fn base64_inside(secret: &[u8], alphabet: &Alphabet) -> [String; 3] {
    let engine = GeneralPurpose::new(alphabet, NO_PAD);
    [0, 1, 2].map(|before: usize| {
        let padded: Vec<u8> = std::iter::repeat_n(0, before).chain(secret.iter().copied()).collect();
        let encoded = engine.encode(&padded);
        encoded[(before * 8).div_ceil(6)..padded.len() * 8 / 6].to_owned()
    })
}

fn spellings(secret: &[u8]) -> Vec<(&'static str, String)> {
    let each = |f: &dyn Fn(u8) -> String| secret.iter().map(|&byte| f(byte)).collect::<String>();
    let mut all = vec![
        ("hex", each(&|byte| format!("{byte:02x}"))),
        ("upper hex", each(&|byte| format!("{byte:02X}"))),
    ];
    all.extend(base64_inside(secret, &STANDARD).map(|text| ("base64", text)));
    all.extend(base64_inside(secret, &URL_SAFE).map(|text| ("url-safe base64", text)));
    if let Ok(text) = std::str::from_utf8(secret) {
        let escaped = |keep: &[u8], hex: &dyn Fn(u8) -> String| {
            each(&|byte| match byte.is_ascii_alphanumeric() || keep.contains(&byte) {
                true => char::from(byte).to_string(),
                false => hex(byte),
            })
        };
        all.push(("raw", text.to_owned()));
        all.push(("URL-escaped", escaped(b"-._~", &|byte| format!("%{byte:02X}"))));
        all.push(("URL-escaped in lower case", escaped(b"-._~", &|byte| format!("%{byte:02x}"))));
        all.push(("URL-escaped in whole", each(&|byte| format!("%{byte:02X}"))));
        all.push(("JSON-escaped slashes", text.replace('/', "\\/")));
        all.push(("JSON-escaped", escaped(b"-._", &|byte| format!("\\u{byte:04x}"))));
        all.push(("JSON-escaped in whole", each(&|byte| format!("\\u{byte:04x}"))));
        all.push(("HTML-escaped", escaped(b"-._", &|byte| format!("&#x{byte:x};"))));
    }
    all
}

fn needles(folder: &RunFolder) -> Vec<Needle> {
    let mut needles = Vec::new();
    for (name, secret) in secrets(folder) {
        let mut spelled = spellings(&secret);
        spelled.sort_by(|a, b| a.1.cmp(&b.1));
        spelled.dedup_by(|a, b| a.1 == b.1);
        let spelled = spelled.into_iter();
        needles.extend(spelled.map(|(how, text)| Needle { of: format!("{name}, {how}"), text }));
    }
    needles
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

fn leaks_in(text: &str, needles: &[Needle]) -> Vec<String> {
    let hits = needles.iter().filter(|needle| text.contains(&needle.text));
    hits.map(|needle| needle.of.clone()).collect()
}

/// Every needle in every file outside of the private folder, or in a file's name.
fn leaks_below(root: &Path, needles: &[Needle]) -> Vec<String> {
    let mut leaks = Vec::new();
    for path in files_below(root) {
        let name = path.strip_prefix(root).unwrap();
        if name.starts_with(PRIVATE_DIR) {
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        for text in [String::from_utf8_lossy(&bytes), name.to_string_lossy()] {
            let found = leaks_in(&text, needles).into_iter();
            leaks.extend(found.map(|of| format!("{}: {of}", name.display())));
        }
    }
    leaks
}

fn check(run: &Finished) {
    let needles = needles(&run.folder);
    let root = run.folder.root();
    for name in ["run.json", "journal.jsonl", "history.jsonl", "result.json", "report.html", "logs/n1.log"] {
        assert!(root.join(name).is_file(), "{name} is missing: {}", run.ended.all());
    }
    assert_eq!(leaks_below(root, &needles), [""; 0]);
    assert_eq!(leaks_in(&run.ended.stdout, &needles), [""; 0]);
    assert_eq!(leaks_in(&run.ended.stderr, &needles), [""; 0]);

    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&run.folder.private()), 0o700);
    assert_eq!(mode(&run.folder.private().join("secrets.json")), 0o600);
    for path in files_below(&run.folder.private()) {
        let text = fs::read(&path).unwrap();
        let found = leaks_in(&String::from_utf8_lossy(&text), &needles);
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
    for (of, secret) in secrets(&run.folder) {
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
    let leaks = leaks_below(&copy, &needles(&run.folder));
    for (name, of) in &planted {
        assert!(
            leaks.iter().any(|leak| leak.starts_with(&format!("{name}: {of}, "))),
            "{name} holds the {of}"
        );
    }
    let clean = |leak: &&String| !planted.iter().any(|(name, _)| leak.starts_with(&format!("{name}: ")));
    assert_eq!(leaks.iter().filter(clean).count(), 0, "found where nothing was planted");
}
