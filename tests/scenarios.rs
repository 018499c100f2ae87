//! Each scenario file tagged `ci` is a test by its name, on a real cluster. Works under `cargo test` and
//! under `cargo nextest run`; the dev profile is optimised, and the program takes the machine for itself.

#[path = "skips/default_server.rs"]
mod default_server;
mod skips;

use default_server::default_server;
use libtest_mimic::{Arguments, Failed};
use std::path::{Path, PathBuf};
use std::process::Command;
use vaultquake::scenario::{find_scenarios, load_scenario};

const TAG: &str = "ci";

fn main() {
    let arguments = Arguments::from_args();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = find_scenarios(&[root.join("scenarios")]).unwrap_or_else(|errors| panic!("{errors}"));
    let mut trials = Vec::new();
    for file in files {
        let scenario = load_scenario(&file).unwrap_or_else(|errors| panic!("{errors}"));
        if scenario.tags.iter().any(|tag| tag == TAG) {
            let name = name_of(&file, &root.join("scenarios"));
            trials.push(skips::trial(name, default_server, move |_| run(&file)));
        }
    }
    assert!(!trials.is_empty(), "no scenario is tagged `{TAG}`");
    libtest_mimic::run(&arguments, trials).exit();
}

fn name_of(file: &Path, root: &Path) -> String {
    let name = file.strip_prefix(root).unwrap_or(file).with_extension("");
    name.display().to_string()
}

/// Where the run's report is kept, so that CI can show it: beside the other build products.
fn reports() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("reports")
}

fn run(file: &Path) -> Result<(), Failed> {
    let output = Command::new(env!("CARGO_BIN_EXE_vaultquake"))
        .arg("run")
        .arg(file)
        .arg("--deny-skips")
        .arg("--out")
        .arg(reports())
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    let (told, progress) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Err(Failed::from(format!("{}\n{progress}\n{told}", output.status)))
}
