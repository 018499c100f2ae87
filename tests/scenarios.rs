//! Each scenario file tagged `ci` is a test by its name, on real clusters: once on child processes, once in containers
//! (`…@docker`), and once attached to a cluster that `up` keeps (`…@attach`). Works under `cargo test` and under `cargo nextest run`; the
//! dev profile is optimised, and the program takes the machine for itself.

#[path = "skips/default_server.rs"]
mod default_server;
#[path = "skips/docker.rs"]
mod docker;
mod skips;

use default_server::default_server;
use docker::docker_engine;
use libtest_mimic::{Arguments, Failed};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use vaultquake::scenario::{find_scenarios, load_scenario};

const TAG: &str = "ci";

fn main() {
    let mut arguments = Arguments::from_args();
    // They queue for the machine anyway, and the cluster of the attached ones must not run beside the others.
    arguments.test_threads.get_or_insert(1);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = find_scenarios(&[root.join("scenarios")]).unwrap_or_else(|errors| panic!("{errors}"));
    let (mut on_processes, mut in_containers, mut attached) = (Vec::new(), Vec::new(), Vec::new());
    let shared: Arc<Mutex<Option<UpCluster>>> = Arc::default();
    for file in files {
        let scenario = load_scenario(&file).unwrap_or_else(|errors| panic!("{errors}"));
        if !scenario.tags.iter().any(|tag| tag == TAG) {
            continue;
        }
        let name = name_of(&file, &root.join("scenarios"));
        // The timing and the network of somebody else's cluster are not ours to change: unsupported, by design.
        let of_links = scenario.timeline.iter().any(|step| step.fault.is_of_links());
        if scenario.server.performance_multiplier.is_none() && !of_links {
            let (file, shared) = (file.clone(), shared.clone());
            attached.push(skips::trial(format!("{name}@attach"), default_server, move |_| {
                let mut cluster = shared.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                if cluster.is_none() {
                    *cluster = Some(UpCluster::bring_up()?);
                }
                let attach_file = cluster.as_ref().map(UpCluster::attach_file).unwrap_or_default();
                run(
                    &file,
                    &[Path::new("--backend"), Path::new("attach"), Path::new("--cluster"), &attach_file],
                )
            }));
        }
        let in_container = file.clone();
        in_containers.push(skips::trial(
            format!("{name}@docker"),
            || default_server().and_then(|_| docker_engine()),
            move |()| run(&in_container, &[Path::new("--backend"), Path::new("docker")]),
        ));
        on_processes.push(skips::trial(name, default_server, move |_| run(&file, &[])));
    }
    assert!(!on_processes.is_empty() && !attached.is_empty(), "no scenario is tagged `{TAG}`");
    let conclusion = libtest_mimic::run(
        &arguments,
        on_processes.into_iter().chain(in_containers).chain(attached).collect(),
    );
    drop(shared.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take());
    conclusion.exit();
}

fn name_of(file: &Path, root: &Path) -> String {
    let name = file.strip_prefix(root).unwrap_or(file).with_extension("");
    name.display().to_string()
}

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_vaultquake"))
}

/// Runs to the end; what it told is in the error when it did not exit with 0.
fn succeed(command: &mut Command) -> Result<String, Failed> {
    let output = command.output()?;
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(told);
    }
    let progress = String::from_utf8_lossy(&output.stderr);
    Err(Failed::from(format!("{}\n{progress}\n{told}", output.status)))
}

fn run(file: &Path, more: &[&Path]) -> Result<(), Failed> {
    // Beside the other build products, so that CI can keep the reports.
    let reports = Path::new(env!("CARGO_TARGET_TMPDIR")).join("reports");
    succeed(program().arg("run").arg(file).arg("--deny-skips").arg("--out").arg(reports).args(more))
        .map(|_| ())
}

/// A cluster that `up --detach` keeps; ended when dropped.
struct UpCluster {
    state: tempfile::TempDir,
}

impl UpCluster {
    fn bring_up() -> Result<Self, Failed> {
        let cluster = Self { state: tempfile::tempdir()? };
        succeed(cluster.command().args(["up", "--detach"]))?;
        Ok(cluster)
    }

    /// With a state folder of its own: a person's clusters stay as they are.
    fn command(&self) -> Command {
        let mut command = program();
        command.env("XDG_STATE_HOME", self.state.path());
        command
    }

    fn attach_file(&self) -> PathBuf {
        self.state.path().join("vaultquake/up/default/attach.yaml")
    }
}

impl Drop for UpCluster {
    fn drop(&mut self) {
        if let Err(failed) = succeed(self.command().arg("down")) {
            eprintln!("the cluster could not be taken down: {}", failed.message().unwrap_or_default());
        }
    }
}
