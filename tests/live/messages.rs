//! Exit codes and messages for what goes wrong before there is anything to judge.

use super::harness::{
    Ended, RUN_WITHIN, Running, find_runs, no_server_within, place, processes_with, signal, vaultquake,
    wait_for,
};
use super::runs;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use vaultquake::machine::lock;

const SCENARIO: &str = "scenarios/failover/leader-kill-fast.yaml";

fn run(name: &str, arguments: &[&str]) -> Ended {
    let place = place(name);
    let mut command = vaultquake();
    command.arg("run").args(arguments).arg("--out").arg(place.join("out"));
    let ended = Running::start(&place, command.current_dir(env!("CARGO_MANIFEST_DIR"))).end(RUN_WITHIN);
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    ended
}

pub fn an_unknown_path() {
    let ended = run("unknown-path", &["scenarios/failover/leader-kil.yaml"]);
    ended.expect_code(64);
    ended.expect_stderr(&["scenarios/failover/leader-kil.yaml", "no such file", "leader-kill.yaml"]);
}

pub fn a_broken_scenario() {
    let file = place("broken").join("scenario.yaml");
    fs::write(&file, runs::FAST_STEADY.replace("steady: 3s", "steady: 3 parsecs")).unwrap();
    let ended = run("broken", &[file.to_str().unwrap()]);
    ended.expect_code(64);
    ended.expect_stderr(&[&format!("{}:9:9", file.display()), "parsecs"]);
}

/// The command is what has to change, not the machine.
pub fn an_unknown_version() {
    let ended = run("unknown-version", &[SCENARIO, "--server", "openbao@2.99.0"]);
    ended.expect_code(64);
    ended.expect_stderr(&["2.99.0", "2.7.2", "--allow-unpinned", "openbao=/path/to/bao"]);
}

pub fn an_image() {
    let ended = run("image", &[SCENARIO, "--server", "image:x"]);
    ended.expect_code(3);
    ended.expect_stderr(&["image:x", "docker", "openbao=/path/to/bao"]);
}

pub fn jobs_that_make_no_sense() {
    for none in ["0", "65"] {
        let ended = run("jobs", &[SCENARIO, "--jobs", none]);
        ended.expect_code(64);
        ended.expect_stderr(&["--jobs <N>", "1..=64"]);
    }
    let attached = ["--jobs", "2", "--backend", "attach", "--cluster", "cluster.yaml"];
    let ended = run("jobs", &[&[SCENARIO][..], &attached].concat());
    ended.expect_code(64);
    ended.expect_stderr(&["--jobs", "a cluster of its own", "leave it out"]);
}

pub fn no_server_at_all() {
    let ended = run("no-server", &[SCENARIO, "--server", "openbao=/bin/false"]);
    ended.expect_code(3);
    ended.expect_stderr(&["/bin/false", "does not say its version"]);
    assert!(find_runs(&place("no-server")).is_empty(), "there was nothing to run");
}

/// Skipped by name, with what is missing; only on demand is that an error.
pub fn a_server_that_cannot_be_had() {
    for (deny, code) in [(None, 2), (Some("--deny-skips"), 3)] {
        let place = place("cannot-be-had");
        let mut command = vaultquake();
        command.args(["run", SCENARIO]).args(deny).arg("--out").arg(place.join("out"));
        command.env("PATH", &place).env("VAULTQUAKE_CACHE", place.join("cache"));
        let ended = Running::start(&place, command.current_dir(env!("CARGO_MANIFEST_DIR"))).end(RUN_WITHIN);
        ended.expect_code(code);
        ended.expect_stderr(&["skipped leader-kill-fast: ", "pip is missing", "nothing was judged"]);
        assert!(find_runs(&place).is_empty(), "there was nothing to run");
    }
}

/// Says that it is OpenBao, and then does not serve.
fn server_that_exits(place: &Path) -> PathBuf {
    let path = place.join("bao");
    let script = "#!/bin/sh\n[ \"$1\" = version ] && echo 'OpenBao v2.7.2 (x)' && exit 0\n\
                  echo 'error: the moon is in the wrong house'\nexit 7\n";
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

pub fn a_server_that_exits_at_once() {
    let server = server_that_exits(&place("exits-at-once"));
    let ended = run("exits-at-once", &[SCENARIO, "--server", &format!("openbao={}", server.display())]);
    ended.expect_code(3);
    ended.expect_stderr(&[
        ": process ",
        "exit code 7",
        "the moon is in the wrong house",
        "what there is of the run",
    ]);
    let runs = find_runs(&place("exits-at-once"));
    assert_eq!(runs.len(), 1);
    no_server_within(&runs[0], Duration::from_secs(1));
}

pub fn an_out_folder_that_cannot_be() {
    let place = place("out");
    fs::write(place.join("taken"), "a file").unwrap();
    let out = place.join("taken/below");
    let mut command = vaultquake();
    command.arg("run").arg(SCENARIO).arg("--out").arg(&out).current_dir(env!("CARGO_MANIFEST_DIR"));
    let ended = Running::start(&place, &mut command).end(Duration::from_secs(30 * 60));
    ended.expect_code(3);
    ended.expect_stderr(&["cannot write", &out.display().to_string()]);
    assert!(processes_with(&out.display().to_string()).is_empty());
}

/// The second run says who has the machine, and goes on when it is free.
pub fn machine_taken() {
    let machine = lock::exclusive(&mut |_| {}).unwrap();
    let mut run = Running::scenario(&place("machine-taken"), runs::FAST_STEADY);
    let holder = format!("another run has the machine: waiting for pid {} ", std::process::id());
    wait_for("who has the machine", Duration::from_secs(60), || run.stderr().contains(&holder).then_some(()));
    std::thread::sleep(Duration::from_millis(300));
    assert!(find_runs(&place("machine-taken")).is_empty(), "it began although the machine is taken");
    drop(machine);
    let folder = run.folder();
    signal(run.pid(), "INT");
    run.end(Duration::from_secs(30)).expect_code(130);
    no_server_within(&folder, Duration::from_secs(1));
}
