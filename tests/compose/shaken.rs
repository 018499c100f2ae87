//! As a person does it: write the files, bring them up, set the cluster up, attach, kill the leader, take it down.

use crate::skips::Unmet;
use crate::{check, printed};
use libtest_mimic::Failed;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use vaultquake::model::{RunResult, Verdict};
use vaultquake::record::find_run_folders;

/// Every ability that the attach file has hooks for, once.
const SCENARIO: &str = "\
name: attached
summary: Made by a test of the Compose files.
blueprint: alphapulse
load:
  - { workload: kv2.read, route: any, rate: 30/s }
  - { workload: kv2.write, route: leader, rate: 10/s }
warm_up: 1s
steady: 3s
timeline:
  - { at: 0s, pause: follower, heal_after: 3s }
  - { at: 8s, kill: leader, heal_after: 14s }
recovery: { within: 60s, hold: 3s }
expect: [no-lost-writes, failover.mttr]
";

fn answers(command: &mut Command) -> Result<(), String> {
    match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

pub fn docker_compose() -> Result<(), Unmet> {
    answers(Command::new("docker-compose").arg("version")).map_err(|why| {
        Unmet::Missing(format!("no docker-compose ({why}); Debian: `apt-get install docker-compose`"))
    })
}

pub fn engine() -> Result<(), Unmet> {
    answers(Command::new("docker").args(["version", "--format", "{{.Server.Version}}"])).map_err(|why| {
        Unmet::Missing(format!("no Docker Engine answers ({why}); Debian: `apt-get install docker.io`"))
    })
}

/// Whatever happens, nothing of it stays.
struct Up {
    out: PathBuf,
    image: String,
}

impl Up {
    fn docker_compose(&self, arguments: &[&str]) -> std::io::Result<Output> {
        let mut command = Command::new("docker-compose");
        command.current_dir(&self.out).env("VAULTQUAKE_IMAGE", &self.image);
        command.env("COMPOSE_PROJECT_NAME", &self.image).args(arguments).output()
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let down = self.docker_compose(&["down", "-v", "-t", "2"]);
        let image = Command::new("docker").args(["rmi", "-f", &self.image]).output();
        for (what, done) in [("down", down), ("rmi", image)] {
            if !done.as_ref().is_ok_and(|output| output.status.success()) {
                eprintln!("{what}: {done:?}");
            }
        }
    }
}

/// The binary and nothing else: it needs nothing else.
fn build(image: &str, binary: &Path, folder: &Path) -> Result<(), Failed> {
    let context = folder.join("image");
    fs::create_dir(&context)?;
    fs::copy(binary, context.join("bao"))?;
    fs::set_permissions(context.join("bao"), fs::Permissions::from_mode(0o755))?;
    fs::write(context.join("Dockerfile"), "FROM scratch\nCOPY bao /usr/bin/bao\n")?;
    let built = Command::new("docker")
        .args(["build", "-q", "-t", image, "."])
        .env("DOCKER_BUILDKIT", "0")
        .current_dir(&context)
        .output()?;
    printed(built, "docker build").map(drop)
}

pub fn brought_up_attached_and_shaken(binary: &Path) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let out = folder.path().join("alphapulse");
    let said = out.to_str().ok_or("a path")?;
    let vaultquake = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_vaultquake")).args(arguments).current_dir(folder.path()).output()
    };
    printed(vaultquake(&["compose", "alphapulse", "--out", said])?, "compose")?;
    let up = Up { out: out.clone(), image: format!("vq-compose-{}", std::process::id()) };
    build(&up.image, binary, folder.path())?;
    printed(up.docker_compose(&["up", "-d"])?, "docker-compose up")?;
    let bootstrap = ["compose", "alphapulse", "--out", said, "--bootstrap"];
    let told = printed(vaultquake(&bootstrap)?, "bootstrap")?;
    check(told.contains("cluster.yaml") && told.contains("https://127.0.0.1:8204"), || told.clone())?;
    for secret in ["token", "unseal-keys", "cluster.yaml"] {
        let mode = fs::metadata(out.join(secret))?.permissions().mode() & 0o777;
        check(mode == 0o600, || format!("{secret} has mode {mode:o}"))?;
    }
    let again = vaultquake(&bootstrap)?;
    let why = String::from_utf8_lossy(&again.stderr).into_owned();
    check(again.status.code() == Some(3) && why.contains("initialised already"), || why.clone())?;

    let scenario = folder.path().join("attached.yaml");
    fs::write(&scenario, SCENARIO)?;
    let run = [
        "run",
        "attached.yaml",
        "--backend",
        "attach",
        "--cluster",
        "alphapulse/cluster.yaml",
        "--out",
        "runs",
    ];
    let text = printed(vaultquake(&run)?, "run")?;
    let runs = find_run_folders(&folder.path().join("runs"));
    let run = runs.first().ok_or("no run folder")?;
    let result: RunResult = serde_json::from_slice(&fs::read(run.result_json())?)?;
    check(result.verdict == Verdict::Pass && result.faults.len() == 2, || text.clone())?;
    let healed = result.faults.iter().filter(|fault| fault.healed_ms.is_some()).count();
    check(healed == 2, || text.clone())?;
    printed(up.docker_compose(&["down", "-t", "2"])?, "docker-compose down").map(drop)
}
