//! Each scenario file tagged `ci` is a test by its name, on a real cluster. Works under `cargo test` and under
//! `cargo nextest run`; the dev profile is optimised, and the program takes the machine for itself.

use libtest_mimic::{Arguments, Failed, Trial};
use std::path::{Path, PathBuf};
use std::process::Command;
use vaultquake::scenario::{find_scenarios, load_scenario};
use vaultquake::server::{ProvisionOptions, ServerError, ServerSpec, provision};

const TAG: &str = "ci";

fn main() {
    let arguments = Arguments::from_args();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = find_scenarios(&[root.join("scenarios")]).unwrap_or_else(|errors| panic!("{errors}"));
    let mut tagged = Vec::new();
    for file in files {
        let scenario = load_scenario(&file).unwrap_or_else(|errors| panic!("{errors}"));
        if scenario.tags.iter().any(|tag| tag == TAG) {
            tagged.push((name_of(&file, &root.join("scenarios")), file));
        }
    }
    assert!(!tagged.is_empty(), "no scenario is tagged `{TAG}`");
    // Listing must stay quick and quiet: nextest lists before every run.
    let missing = if arguments.list { None } else { missing_server() };
    let deny_skips = std::env::var_os("VAULTQUAKE_DENY_SKIPS").is_some_and(|value| value == "1");
    let trials = tagged.into_iter().map(|(name, file)| match &missing {
        None => Trial::test(name, move || run(&file)),
        Some(why) if deny_skips => {
            let why = why.clone();
            Trial::test(name, move || Err(Failed::from(format!("skipped, and skips are denied: {why}"))))
        }
        Some(why) => {
            eprintln!("skipped {name}: {why}");
            Trial::test(name, || Ok(())).with_ignored_flag(true)
        }
    });
    libtest_mimic::run(&arguments, trials.collect()).exit();
}

fn name_of(file: &Path, root: &Path) -> String {
    let name = file.strip_prefix(root).unwrap_or(file).with_extension("");
    name.display().to_string()
}

/// Why the server cannot be had on this machine, if it cannot.
fn missing_server() -> Option<String> {
    let spec: ServerSpec = vaultquake::cli::DEFAULT_SERVER.parse().expect("our own default");
    let provisioned = ProvisionOptions::from_env()
        .and_then(|options| provision(&spec, &options, &mut |text| eprintln!("{text}")));
    provisioned.err().map(|error: ServerError| error.to_string())
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
