//! The architecture's rules, held by a test: what may import what, and what no file may do.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Which of our modules each module may import. What is not listed is forbidden; the table has no cycle, and
/// the test below checks that too.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("machine", &["model"]),
    ("netns", &["machine", "model"]),
    ("record", &["model"]),
    ("scenario", &["model"]),
    ("secrecy", &[]),
    ("vault", &["model"]),
    ("server", &["machine", "model"]),
    ("proxy", &["machine", "model"]),
    ("docker", &["machine", "record", "vault"]),
    ("helper", &["cluster", "machine", "model", "proxy", "server", "vault"]),
    ("cluster", &["docker", "machine", "model", "netns", "proxy", "record", "vault"]),
    ("bootstrap", &["cluster", "helper", "machine", "model", "record", "vault"]),
    ("load", &["cluster", "helper", "machine", "model", "record", "vault"]),
    ("fault", &["bootstrap", "cluster", "helper", "model", "record", "vault"]),
    ("observe", &["cluster", "helper", "load", "machine", "model", "record", "secrecy", "vault"]),
    ("watchdog", &["bootstrap", "cluster", "machine", "model", "record", "vault"]),
    (
        "cleaning",
        &["bootstrap", "cluster", "docker", "helper", "machine", "model", "record", "vault", "watchdog"],
    ),
    (
        "runner",
        &[
            "bootstrap",
            "cluster",
            "docker",
            "fault",
            "helper",
            "load",
            "machine",
            "model",
            "observe",
            "record",
            "vault",
            "watchdog",
        ],
    ),
    ("up", &["bootstrap", "cluster", "machine", "model", "record", "runner", "vault"]),
    ("compose", &["bootstrap", "cluster", "model", "vault"]),
    (
        "conformance",
        &["bootstrap", "cluster", "docker", "helper", "machine", "model", "record", "secrecy", "vault"],
    ),
    ("facts", &["model", "record"]),
    ("check", &["facts", "model", "record"]),
    ("slo", &["facts", "model", "record"]),
    ("analyse", &["check", "facts", "model", "record", "slo"]),
    ("compare", &["model"]),
    ("soak", &["model", "record", "scenario"]),
    ("report", &["model"]),
    (
        "cli",
        &[
            "analyse",
            "bootstrap",
            "cleaning",
            "cluster",
            "compare",
            "compose",
            "conformance",
            "docker",
            "helper",
            "machine",
            "model",
            "netns",
            "record",
            "report",
            "runner",
            "scenario",
            "secrecy",
            "server",
            "soak",
            "up",
            "vault",
            "watchdog",
        ],
    ),
];

/// Pure functions of saved data: nothing live.
const PURE: [&str; 7] = ["model", "facts", "check", "slo", "analyse", "compare", "report"];
const LIVE: [&str; 10] = [
    "tokio",
    "reqwest",
    "hyper",
    "std::net",
    "std::process",
    "std::thread",
    "std::fs",
    "Instant",
    "SystemTime",
    "Timestamp::now",
];

/// Calls that have a better replacement here.
const BANNED: [(&str, &str); 6] = [
    (concat!("tod", "o!("), "finish it, or leave it out"),
    (concat!("unimplement", "ed!("), "finish it, or leave it out"),
    (concat!("db", "g!("), "write to the journal, or print what a person needs"),
    (concat!("#[ign", "ore"), "skip by name, with the reason"),
    (concat!("serde_", "yaml"), "serde-saphyr"),
    (concat!("Redirect", "Policy"), "redirects are answers here and are never followed"),
];

const LINES_MAX: usize = 600;

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Module of a file below `src/`, and the file's text without its unit tests.
fn modules() -> Vec<(String, PathBuf, String)> {
    let src = root().join("src");
    let module_of = |path: &Path| {
        let first = path.strip_prefix(&src).unwrap().components().next().unwrap();
        first.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
    };
    let files = sources(&src).into_iter().map(|path| {
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default().to_owned();
        (module_of(&path), path, code)
    });
    let is_test = |path: &Path| path.file_stem().is_some_and(|stem| stem == "tests" || stem == "testing");
    files.filter(|(module, path, _)| !matches!(module.as_str(), "lib" | "main") && !is_test(path)).collect()
}

const HIDDEN: &str = "several modules at once";

/// The first words after every `crate::` that is code and not prose.
fn imports(code: &str) -> BTreeSet<String> {
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let mut found = BTreeSet::new();
    for line in lines {
        for part in line.split("crate::").skip(1) {
            let word: String = part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            // `crate::{a, b}` or `crate::*` would hide what is imported.
            found.insert(if word.is_empty() { HIDDEN.to_owned() } else { word });
        }
    }
    found
}

#[test]
fn modules_import_only_what_the_table_allows() {
    let allowed: BTreeMap<_, _> = MAY_IMPORT.iter().copied().collect();
    let mut wrong = Vec::new();
    for (module, path, code) in modules() {
        let Some(may) = allowed.get(module.as_str()) else {
            wrong.push(format!("{}: module `{module}` is not in the table", path.display()));
            continue;
        };
        for import in imports(&code) {
            let hidden = import == HIDDEN;
            if hidden
                || import != module
                    && allowed.contains_key(import.as_str())
                    && !may.contains(&import.as_str())
            {
                wrong.push(format!("{}: `{module}` must not import `{import}`", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_form_of_import_goes_unseen() {
    let bad = "//! crate::prose\nuse crate::{cli, vault::Client};\n    let now = crate::runner::now();\n";
    assert_eq!(imports(bad), BTreeSet::from([HIDDEN.to_owned(), "runner".to_owned()]));
    assert_eq!(imports("use crate::facts::Facts; use crate::model::*;").len(), 2);
}

/// Crates that only one module may know: what others see of them are types of that module's own.
const ONLY_IN: [(&str, &str); 2] = [("bollard", "docker"), ("tokio_postgres", "helper")];

#[test]
fn the_engines_client_stays_in_its_module() {
    let mut wrong = Vec::new();
    for (module, path, code) in modules() {
        for (name, home) in ONLY_IN {
            if module != home && code.lines().any(|line| has_word(line, name)) {
                wrong.push(format!("{}: `{name}` is only for `{home}`", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_has_no_cycle() {
    // Taking away what imports nothing left must in the end take away everything.
    let mut left: BTreeMap<_, BTreeSet<_>> =
        MAY_IMPORT.iter().map(|(module, may)| (*module, may.iter().copied().collect())).collect();
    while !left.is_empty() {
        let free: Vec<_> = left.iter().filter(|(_, may)| may.is_empty()).map(|(module, _)| *module).collect();
        assert!(!free.is_empty(), "these import one another: {:?}", left.keys());
        for module in free {
            left.remove(module);
            left.values_mut().for_each(|may| {
                may.remove(module);
            });
        }
    }
}

/// Whether `word` stands in the line, and not as a part of a longer name.
fn has_word(line: &str, word: &str) -> bool {
    let part_of_a_name = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        !line[..at].ends_with(part_of_a_name) && !line[at + word.len()..].starts_with(part_of_a_name)
    })
}

#[test]
fn judgement_and_reports_touch_nothing_live() {
    let mut wrong = Vec::new();
    for (module, path, code) in modules() {
        if PURE.contains(&module.as_str()) {
            let uses: Vec<_> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
            let live = LIVE.iter().filter(|live| uses.iter().any(|line| has_word(line, live)));
            wrong.extend(live.map(|live| format!("{}: uses {live}", path.display())));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_open_with_their_purpose_stay_small_and_use_no_banned_call() {
    let mut wrong = Vec::new();
    let folders = ["src", "tests", "benches"].map(|folder| root().join(folder));
    for path in folders.iter().flat_map(|folder| sources(folder)) {
        let text = fs::read_to_string(&path).unwrap();
        if !text.starts_with("//!") {
            wrong.push(format!("{}: must open with `//!` and its purpose", path.display()));
        }
        let lines = text.lines().count();
        if lines > LINES_MAX {
            wrong.push(format!("{}: {lines} lines, at most {LINES_MAX}", path.display()));
        }
        let banned = BANNED.iter().filter(|(call, _)| text.contains(call));
        wrong.extend(banned.map(|(call, instead)| format!("{}: `{call}`: {instead}", path.display())));
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        if ["utils", "util", "common", "imp", "helpers"].contains(&name.as_ref()) {
            wrong.push(format!("{}: name it by its one job", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
