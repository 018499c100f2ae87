//! The Compose files: the committed copies are current, and what they bring up can be attached to and shaken.
//! Skipped by name where there is no Docker Engine, no Compose or no server.

#[path = "../skips/default_server.rs"]
mod default_server;
mod shaken;
#[path = "../skips/mod.rs"]
mod skips;

use default_server::default_server;
use libtest_mimic::{Arguments, Failed, Trial};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

type Test = fn() -> Result<(), Failed>;

fn main() {
    let arguments = Arguments::from_args();
    let anywhere: [(&str, Test); 3] = [
        ("committed_copies_are_current", committed_copies_are_current),
        ("written_files_keep_their_secrets", written_files_keep_their_secrets),
        ("mistakes_are_told_with_the_way_out", mistakes_are_told_with_the_way_out),
    ];
    let mut trials: Vec<_> = anywhere.into_iter().map(|(name, test)| Trial::test(name, test)).collect();
    trials.push(skips::trial("every_file_is_one_that_compose_takes", shaken::docker_compose, |()| {
        every_file_is_one_that_compose_takes()
    }));
    trials.push(skips::trial(
        "a_cluster_is_brought_up_attached_and_shaken",
        || shaken::docker_compose().and_then(|()| shaken::engine()).and_then(|()| default_server()),
        |server| shaken::brought_up_attached_and_shaken(&server.path),
    ));
    libtest_mimic::run(&arguments, trials).exit();
}

fn compose(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vaultquake"));
    command.arg("compose").args(arguments).output().expect("the program runs")
}

/// Its standard output; a failure tells what it said.
pub fn printed(output: Output, what: &str) -> Result<String, Failed> {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    check(output.status.success(), || format!("{what}: {}: {said}", output.status))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

pub fn check(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), Failed> {
    if holds { Ok(()) } else { Err(Failed::from(otherwise())) }
}

fn committed(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("compose").join(format!("{name}.yaml"))
}

/// `VAULTQUAKE_UPDATE_COMPOSE=1` writes them anew.
fn committed_copies_are_current() -> Result<(), Failed> {
    for name in ["alphapulse", "helpers"] {
        let rendered = printed(compose(&[name]), name)?;
        let path = committed(name);
        if std::env::var("VAULTQUAKE_UPDATE_COMPOSE").as_deref() == Ok("1") {
            fs::write(&path, &rendered)?;
        }
        let copy = fs::read_to_string(&path).unwrap_or_default();
        check(copy == rendered, || {
            format!("{} is not what `vaultquake compose {name}` prints; write it there", path.display())
        })?;
    }
    Ok(())
}

fn written_files_keep_their_secrets() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let mode = |path: &Path| fs::metadata(path).map(|about| about.permissions().mode() & 0o777);
    for (name, secrets) in [
        ("alphapulse", &["tls/n1.key", "tls/n2.key", "tls/n3.key"][..]),
        ("helpers", &["postgres-password", "redis-password"]),
    ] {
        let out = folder.path().join(name);
        printed(compose(&[name, "--out", out.to_str().ok_or("a path")?]), name)?;
        check(mode(&out)? == 0o700, || format!("{name}: others can look into it"))?;
        check(fs::read(out.join("compose.yaml"))? == fs::read(committed(name))?, || {
            format!("{name} differs")
        })?;
        for secret in secrets {
            let mode = mode(&out.join(secret))?;
            check(mode == 0o600, || format!("{secret} has mode {mode:o}"))?;
        }
    }
    let config = fs::read_to_string(folder.path().join("alphapulse/n2/server.hcl"))?;
    for line in
        ["api_addr = \"https://n2:8200\"", "address = \"0.0.0.0:8200\"", "tls_min_version = \"tls13\""]
    {
        check(config.contains(line), || format!("{line} is missing in {config}"))?;
    }
    Ok(())
}

fn mistakes_are_told_with_the_way_out() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let out = folder.path().to_str().ok_or("a path")?;
    let refused = |arguments: &[&str], code: i32, words: &[&str]| {
        let output = compose(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        check(output.status.code() == Some(code), || format!("{arguments:?}: {}: {said}", output.status))?;
        let missing = words.iter().find(|word| !said.contains(**word));
        check(missing.is_none(), || format!("{arguments:?}: {missing:?} is missing in {said}"))
    };
    refused(&["alphapuls"], 64, &["alphapulse"])?;
    refused(&["--bootstrap"], 64, &["--out"])?;
    refused(&["helpers", "--out", out, "--bootstrap"], 64, &["docker-compose up -d"])?;
    refused(
        &["--out", out, "--bootstrap"],
        64,
        &["compose.yaml is missing", "vaultquake compose alphapulse --out"],
    )?;
    printed(compose(&["--out", out]), "the first time")?;
    refused(&["--out", out], 64, &["is there already", "remove the folder"])
}

fn every_file_is_one_that_compose_takes() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    for name in ["alphapulse", "helpers"] {
        let out = folder.path().join(name);
        printed(compose(&[name, "--out", out.to_str().ok_or("a path")?]), name)?;
        let config = Command::new("docker-compose").args(["config", "-q"]).current_dir(&out).output()?;
        printed(config, name)?;
    }
    Ok(())
}
