//! What becomes of a run when its engine is restarted or has no room: an engine of the test's own, in a network namespace
//! of its own, so that nobody else's notices.

use super::harness::{FAST_STEADY, Running, place, signal, vaultquake, wait_for};
use super::skips::Unmet;
use super::strain;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use vaultquake::machine::{SmallDisk, unmount_left};
use vaultquake::model::{Event, Phase};
use vaultquake::server::ServerBinary;

const UP_WITHIN: Duration = Duration::from_secs(30);
/// It gives its containers 15 s to end.
const DOWN_WITHIN: Duration = Duration::from_secs(60);
/// What there is to wait for after an end before the time, and removals that are tried for a while.
const ENDS_WITHIN: Duration = Duration::from_secs(120);

pub fn engine_program() -> Result<(), Unmet> {
    strain::root()?;
    let has = |program: &str| {
        Command::new(program)
            .arg("--version")
            .stdout(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    match ["dockerd", "unshare", "nsenter"].iter().find(|program| !has(program)) {
        None => Ok(()),
        Some(program) => Err(Unmet::Missing(format!("an engine of its own needs {program}"))),
    }
}

struct OwnEngine {
    folder: PathBuf,
    process: Child,
}

impl OwnEngine {
    fn start(folder: &Path, keeper: &Keeper) -> Self {
        let config = folder.join("daemon.json");
        fs::write(&config, "{}").unwrap();
        let mut command = keeper.enter();
        command
            .args(["sh", "-c", "ip link set lo up && exec \"$@\"", "sh", "dockerd", "--config-file"])
            .arg(config);
        for (option, name) in [("--data-root", "data"), ("--exec-root", "exec"), ("--pidfile", "pid")] {
            command.arg(option).arg(folder.join(name));
        }
        let log = File::options().create(true).append(true).open(folder.join("log")).unwrap();
        command.arg("--host").arg(host(folder)).stdin(Stdio::null());
        let process = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let engine = Self { folder: folder.to_owned(), process };
        wait_for("the engine answers", UP_WITHIN, || engine.answers().then_some(()));
        engine
    }

    fn answers(&self) -> bool {
        let mut asked = Command::new("docker");
        asked.args(["--host", &host(&self.folder), "version"]).stdout(Stdio::null()).stderr(Stdio::null());
        asked.status().unwrap().success()
    }

    fn stop(&mut self) {
        signal(self.process.id(), "TERM");
        let ended = || self.process.try_wait().unwrap();
        wait_for("the engine ends", DOWN_WITHIN, ended);
    }

    fn has_nothing_after_clean(&self, keeper: &Keeper, place: &Path) {
        let mut clean = self.vaultquake(keeper);
        let cleaned = Running::start(place, clean.arg("clean").arg(place));
        cleaned.end(Duration::from_secs(60)).expect_code(0);
        let listed = |what: &[&str]| {
            let mut list = Command::new("docker");
            let listed = list.args(["--host", &host(&self.folder)]).args(what).output().unwrap();
            String::from_utf8(listed.stdout).unwrap()
        };
        assert_eq!(listed(&["ps", "--all", "--quiet"]), "");
        assert!(!listed(&["network", "ls"]).contains("vq-"));
    }

    /// As this program is called beside it.
    fn vaultquake(&self, keeper: &Keeper) -> Command {
        let mut command = keeper.enter();
        command.arg(vaultquake().get_program());
        command.env("DOCKER_HOST", host(&self.folder)).stdin(Stdio::null());
        command
    }
}

impl Drop for OwnEngine {
    fn drop(&mut self) {
        if self.process.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.stop();
        }
    }
}

fn host(folder: &Path) -> String {
    format!("unix://{}", folder.join("sock").display())
}

/// Holds a network namespace, also while the engine is away.
struct Keeper(Child);

impl Keeper {
    fn start() -> Self {
        let keeper = Self(Command::new("unshare").args(["--net", "sleep", "600"]).spawn().unwrap());
        let is_apart = || (namespace(keeper.0.id()) != namespace(std::process::id())).then_some(());
        wait_for("a network namespace", UP_WITHIN, is_apart);
        keeper
    }

    fn enter(&self) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/proc/{}/ns/net", self.0.id()));
        command
    }
}

fn namespace(pid: u32) -> PathBuf {
    fs::read_link(format!("/proc/{pid}/ns/net")).unwrap()
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn restarted_in_the_middle(_: &ServerBinary) {
    let place = place("restarted");
    // A socket's path is short.
    let folder = tempfile::Builder::new().prefix("vq-engine-").tempdir().unwrap();
    let keeper = Keeper::start();
    let mut engine = OwnEngine::start(folder.path(), &keeper);
    let file = place.join("scenario.yaml");
    fs::write(&file, FAST_STEADY.replace("steady: 3s", "steady: 120s")).unwrap();
    let mut command = engine.vaultquake(&keeper);
    command.arg("run").arg(file).args(["--backend", "docker", "--out"]).arg(place.join("out"));
    let mut run = Running::start(&place, &mut command);
    let run_folder = run.folder();
    run.wait_for_event(&run_folder, "the steady phase", |event| {
        matches!(event, Event::Phase { phase: Phase::Steady })
    });
    engine.stop();
    let engine = OwnEngine::start(folder.path(), &keeper);
    let ended = run.end(ENDS_WITHIN);
    ended.expect_code(3);
    ended.expect_stderr(&["the container engine hung up"]);
    engine.has_nothing_after_clean(&keeper, &place);
}

/// The image does not fit.
pub fn with_a_full_disk(_: &ServerBinary) {
    let place = place("full-engine");
    let folder = tempfile::Builder::new().prefix("vq-engine-").tempdir().unwrap();
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    let disk = SmallDisk::mount(&data).unwrap();
    let keeper = Keeper::start();
    let engine = OwnEngine::start(folder.path(), &keeper);
    let file = place.join("scenario.yaml");
    fs::write(&file, FAST_STEADY).unwrap();
    let mut command = engine.vaultquake(&keeper);
    command.arg("run").arg(file).args(["--backend", "docker", "--out"]).arg(place.join("out"));
    let ended = Running::start(&place, &mut command).end(ENDS_WITHIN);
    ended.expect_code(3);
    ended.expect_stderr(&["no space left on device"]);
    engine.has_nothing_after_clean(&keeper, &place);
    drop(engine);
    // What an engine makes of it is of no interest.
    unmount_left(folder.path()).unwrap();
    drop(disk);
}
