//! Which scenario files the paths on a command line mean. Does not check the files.

use super::diagnostic::{Diagnostic, FileErrors};
use super::known_findings;
use super::source::{Source, nearest_name_help};
use super::yaml;
use std::fs;
use std::path::{Path, PathBuf};

/// What stands beside scenarios and is about what is known of servers.
const NO_SCENARIOS: [&str; 2] = [known_findings::FILE_NAME, "known-divergences.yaml"];

/// Files as they are named; folders with everything below them, except blueprints, suites, known findings and
/// whatever is hidden. Sorted, each once.
///
/// # Errors
/// A path does not exist or cannot be read, or a folder holds no scenario.
pub fn find_scenarios(paths: &[PathBuf]) -> Result<Vec<PathBuf>, FileErrors> {
    let mut found = Vec::new();
    let mut diagnostics = Vec::new();
    for path in paths {
        if let Err(diagnostic) = find(path, &mut found) {
            diagnostics.push(diagnostic);
        }
    }
    if !diagnostics.is_empty() {
        return Err(FileErrors { diagnostics });
    }
    found.sort();
    found.dedup();
    Ok(found)
}

fn find(path: &Path, found: &mut Vec<PathBuf>) -> Result<(), Diagnostic> {
    let metadata = fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            Diagnostic::of_file(path, "there is no such file or folder", nearest_name_help(path))
        }
        _ => unreadable(path, &error),
    })?;
    if !metadata.is_dir() {
        found.push(path.to_path_buf());
        return Ok(());
    }
    let before = found.len();
    walk(path, found)?;
    if found.len() == before {
        let help = "scenarios are files that end in .yaml";
        return Err(Diagnostic::of_file(path, "there is no scenario in this folder", help));
    }
    Ok(())
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), Diagnostic> {
    let entries = fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
    for entry in entries {
        let entry = entry.map_err(|error| unreadable(folder, &error))?;
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        // A link to a folder is not followed: it may lead back up.
        let kind = entry.file_type().map_err(|error| unreadable(&path, &error))?;
        if name.starts_with('.') {
            continue;
        } else if kind.is_dir() {
            walk(&path, found)?;
        } else if (name.ends_with(".yaml") || name.ends_with(".yml"))
            && path.is_file()
            && !NO_SCENARIOS.contains(&name.as_str())
            && !is_of_another_kind(&path)
        {
            found.push(path);
        }
    }
    Ok(())
}

/// A broken file counts as a scenario, so that it is complained about and not passed over.
fn is_of_another_kind(path: &Path) -> bool {
    let kind = Source::read(path).ok().and_then(|source| yaml::declared_kind(&source));
    kind.is_some_and(|kind| matches!(kind.value.as_str(), "blueprint" | "suite"))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Diagnostic {
    Diagnostic::of_file(path, "it cannot be read", error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_give_their_scenarios_in_order_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            path
        };
        let second = write("b/two.yaml", "name: two\n");
        let first = write("a/one.yml", "kind: scenario\nname: one\n");
        let broken = write("c/broken.yaml", "name: [\n");
        write("a/plan.yaml", "kind: blueprint\nname: plan\n");
        write("a/all.yaml", "kind: suite\n");
        write("known-findings.yaml", "findings: []\n");
        write("known-divergences.yaml", "divergences: []\n");
        write("notes.txt", "name: no\n");
        write(".git/hidden.yaml", "name: hidden\n");
        let found = find_scenarios(&[root.path().to_path_buf(), second.clone()]).unwrap();
        assert_eq!(found, [first, second, broken]);
    }

    #[test]
    fn a_path_that_does_not_exist_is_answered_with_the_nearest_name() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("leader-kill.yaml"), "name: x\n").unwrap();
        let errors = find_scenarios(&[root.path().join("leader-kil.yaml")]).unwrap_err().to_string();
        assert!(errors.contains("there is no such file or folder"), "{errors}");
        assert!(errors.contains("leader-kill.yaml`?"), "{errors}");
    }

    #[test]
    fn a_folder_without_a_scenario_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        let errors = find_scenarios(&[root.path().to_path_buf()]).unwrap_err().to_string();
        assert!(errors.contains("there is no scenario in this folder"), "{errors}");
    }
}
