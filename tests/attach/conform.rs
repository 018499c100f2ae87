//! The conformance suite on a cluster that exists: it leaves nothing there, however it ends.

use crate::ground::{Ground, check};
use libtest_mimic::Failed;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Enough cases that a signal finds some at work.
const CASES: &str = "kv2";

fn conform(ground: &Ground, addr: &str, out: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vaultquake"));
    command.args(["conform", CASES, "--addr", addr]);
    command.arg("--token-file").arg(&ground.file.token_file).arg("--out").arg(out);
    if let Some(ca) = &ground.file.ca_cert {
        command.arg("--ca-cert").arg(ca);
    }
    command
}

fn told(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The whole way on somebody else's cluster, by the address of a standby, which answers with older data than its active node;
/// no token in anything that can be shared.
pub fn leaves_nothing(ground: &Ground) -> Result<(), Failed> {
    let before = ground.snapshot()?;
    let out = tempfile::tempdir()?;
    let output = conform(ground, &ground.standby()?, out.path()).args(["--format", "json"]).output()?;
    check(output.status.code() == Some(0), || told(&output))?;
    let result: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let asked = result["servers"][0]["cases"].as_array().map_or(0, Vec::len);
    check(asked >= 4, || told(&output))?;
    let after = ground.snapshot()?;
    check(before == after, || format!("left: {:?}", after.symmetric_difference(&before)))?;
    let token = std::fs::read_to_string(&ground.file.token_file)?;
    check(!told(&output).contains(token.trim()), || "the token was printed".into())
}

/// SIGINT while cases are at work: exit 130, and nothing is left.
pub fn interrupted(ground: &Ground) -> Result<(), Failed> {
    let before = ground.snapshot()?;
    let out = tempfile::tempdir()?;
    let addr = ground.file.nodes[0].api_addr.as_str();
    let mut child = conform(ground, addr, out.path()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let until = Instant::now() + Duration::from_secs(30);
    // It lists on disk what it is about to make.
    while !made_something(out.path()) {
        check(Instant::now() < until, || "it made nothing".into())?;
        std::thread::sleep(Duration::from_millis(2));
    }
    interrupt(&child)?;
    let status = child.wait()?;
    check(status.code() == Some(130), || format!("it ended with {status}"))?;
    let after = ground.snapshot()?;
    check(before == after, || format!("left: {:?}", after.symmetric_difference(&before)))
}

fn made_something(out: &Path) -> bool {
    let folders = std::fs::read_dir(out).into_iter().flatten().flatten();
    let lists = folders.map(|folder| folder.path().join("private/made.jsonl"));
    lists.map(std::fs::metadata).any(|made| made.is_ok_and(|made| made.len() > 0))
}

fn interrupt(child: &Child) -> Result<(), Failed> {
    let pid = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw).ok_or("no pid")?;
    Ok(rustix::process::kill_process(pid, rustix::process::Signal::INT)?)
}

/// What is typed wrong is told before anything is asked.
pub fn typed_wrong(ground: &Ground) -> Result<(), Failed> {
    let program = env!("CARGO_BIN_EXE_vaultquake");
    let addr = ground.file.nodes[0].api_addr.as_str();
    for (words, why) in [
        (vec!["no-such-engine"], "--list"),
        (vec!["--addr", addr], "--token-file"),
        (vec!["--addr", addr, "--token-file", "/nowhere/token"], "--ca-cert FILE"),
        (vec!["--addr", "localhost", "--token-file", "/nowhere/token"], "https://"),
        (vec!["--server", "openbao"], "openbao@"),
    ] {
        let output = Command::new(program).arg("conform").args(&words).output()?;
        let right = output.status.code() == Some(64) && told(&output).contains(why);
        check(right, || format!("{words:?}: {} {}", output.status, told(&output)))?;
    }
    let mut command = Command::new(program);
    command.args(["conform", "--addr", addr, "--token-file", "/nowhere/token", "--ca-cert"]);
    let output = command.arg(ground.file.ca_cert.as_deref().unwrap_or(Path::new(""))).output()?;
    check(output.status.code() == Some(64) && told(&output).contains("/nowhere"), || told(&output))
}
