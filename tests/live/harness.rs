//! The real program, started, watched and signalled from outside as a person or a CI job would. Every wait is
//! bounded and says what it last saw; nothing here judges.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use vaultquake::model::{Event, RunResult};
use vaultquake::record::{RunFolder, find_run_folders};

/// Another run may have the machine, and queues of scenarios are long.
const MACHINE_WITHIN: Duration = Duration::from_secs(30 * 60);
/// The longest run here takes a minute; a loaded machine is given five.
pub const RUN_WITHIN: Duration = Duration::from_secs(300);
const EVERY: Duration = Duration::from_millis(20);

/// A short scenario at the server's fastest timing; `timeline` is one line of YAML.
pub fn fast(timeline: &str) -> String {
    format!("{}timeline: [{timeline}]\n", FAST_STEADY)
}

/// The same without a fault.
pub const FAST_STEADY: &str = "\
name: live
summary: Made by a test of the harness.
blueprint: alphapulse
server: { performance_multiplier: 1 }
load:
  - { workload: kv2.read, route: any, rate: 50/s }
  - { workload: kv2.write, route: leader, rate: 20/s }
warm_up: 1s
steady: 3s
recovery: { within: 30s, hold: 2s }
expect: [no-lost-writes]
";

/// The leader is killed and stays away until somebody ends the run.
pub fn long_kill() -> String {
    fast("{ at: 0s, kill: leader, heal_after: 60s }")
}

/// One folder for all tests of this process.
pub fn ground() -> &'static Path {
    static GROUND: OnceLock<PathBuf> = OnceLock::new();
    GROUND.get_or_init(|| {
        let made = tempfile::Builder::new().prefix("live-").tempdir_in(env!("CARGO_TARGET_TMPDIR"));
        made.expect("a temporary folder").keep()
    })
}

/// A test's own folder: its scenarios, its run folders, what the program printed.
pub fn place(name: &str) -> PathBuf {
    let place = ground().join(name);
    fs::create_dir_all(&place).unwrap();
    place
}

pub fn vaultquake() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vaultquake"));
    command.stdin(Stdio::null());
    command
}

/// Asks again until there is an answer.
pub fn wait_for<T>(what: &str, within: Duration, mut probe: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(began.elapsed() < within, "{what}: not seen within {:.0} s", within.as_secs_f64());
        std::thread::sleep(EVERY);
    }
}

/// Processes that have `text` in their command line, with it.
pub fn processes_with(text: &str) -> Vec<(u32, String)> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let lines = pids.filter_map(|pid| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        Some((pid, String::from_utf8_lossy(&line).replace('\0', " ")))
    });
    lines.filter(|(pid, line)| *pid != std::process::id() && line.contains(text)).collect()
}

/// Servers of this run folder that still live.
pub fn servers_of(folder: &RunFolder) -> Vec<(u32, String)> {
    processes_with(&format!("-config={}/", folder.private().display()))
}

pub fn no_server_within(folder: &RunFolder, within: Duration) {
    let began = Instant::now();
    while !servers_of(folder).is_empty() {
        assert!(began.elapsed() < within, "still there after {within:?}: {:?}", servers_of(folder));
        std::thread::sleep(EVERY);
    }
}

pub fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill").args(["-s", name, "--", &pid.to_string()]).status().unwrap();
    assert!(sent.success(), "{name} could not be sent to {pid}");
}

/// A program that was started and has not ended yet. Dropping it kills it.
pub struct Running {
    child: Child,
    place: PathBuf,
}

/// How it ended.
pub struct Ended {
    /// `None`: by a signal.
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Running {
    /// Its output goes to files, so that nobody has to read along.
    pub fn start(place: &Path, command: &mut Command) -> Self {
        let file = |name| File::create(place.join(name)).unwrap();
        let child = command.stdout(file("stdout")).stderr(file("stderr")).spawn().unwrap();
        Self { child, place: place.to_owned() }
    }

    /// `vaultquake run` of this scenario text, into `place`.
    pub fn scenario(place: &Path, text: &str) -> Self {
        let file = place.join("scenario.yaml");
        fs::write(&file, text).unwrap();
        Self::start(place, vaultquake().arg("run").arg(file).arg("--out").arg(place.join("out")))
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn stderr(&self) -> String {
        fs::read_to_string(self.place.join("stderr")).unwrap_or_default()
    }

    /// The run folder; waits until the machine is free and the run begins.
    pub fn folder(&mut self) -> RunFolder {
        let out = self.place.join("out");
        wait_for("a run folder", MACHINE_WITHIN, || {
            let ended = self.child.try_wait().unwrap();
            let found = find_run_folders(&out).into_iter().next();
            assert!(found.is_some() || ended.is_none(), "ended without a run folder: {}", self.stderr());
            found
        })
    }

    /// Waits until the journal of the run has such an event.
    pub fn wait_for_event(&mut self, folder: &RunFolder, what: &str, fits: impl Fn(&Event) -> bool) {
        wait_for(what, RUN_WITHIN, || {
            let seen = events(folder).iter().any(&fits);
            let ended = self.child.try_wait().unwrap();
            assert!(seen || ended.is_none(), "ended before {what}: {}", self.stderr());
            seen.then_some(())
        });
    }

    pub fn wait_for_fault(&mut self, folder: &RunFolder) {
        self.wait_for_event(folder, "fault_applied", |event| matches!(event, Event::FaultApplied { .. }));
    }

    pub fn end(mut self, within: Duration) -> Ended {
        let status = wait_for("the program's end", within, || self.child.try_wait().unwrap());
        let text = |name| String::from_utf8_lossy(&fs::read(self.place.join(name)).unwrap()).into_owned();
        let (stdout, stderr) = (text("stdout"), text("stderr"));
        Ended { code: status.code(), signal: status.signal(), stdout, stderr }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

impl Ended {
    pub fn all(&self) -> String {
        format!("code {:?}, signal {:?}\n{}\n{}", self.code, self.signal, self.stderr, self.stdout)
    }

    pub fn expect_code(&self, code: i32) {
        assert_eq!(self.code, Some(code), "{}", self.all());
    }

    pub fn expect_stderr(&self, words: &[&str]) {
        for word in words {
            assert!(self.stderr.contains(word), "`{word}` is missing in: {}", self.stderr);
        }
    }
}

/// The run folders that a program made for a test, oldest first.
pub fn find_runs(place: &Path) -> Vec<RunFolder> {
    find_run_folders(&place.join("out"))
}

/// Everything journalled so far; an unfinished last line is left out.
pub fn events(folder: &RunFolder) -> Vec<Event> {
    let text = fs::read_to_string(folder.journal()).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let entries = whole.lines().map(serde_json::from_str::<vaultquake::model::Entry>);
    entries.map(|entry| entry.expect("whole lines can be read").event).collect()
}

pub fn result(folder: &RunFolder) -> RunResult {
    serde_json::from_slice(&fs::read(folder.result_json()).expect("result.json")).expect("a result")
}

/// `vaultquake recheck`, and what it wrote.
pub fn recheck(folder: &RunFolder) -> (Ended, RunResult) {
    let place = place(&format!("recheck-{}", folder.root().file_name().unwrap().display()));
    let ended = Running::start(&place, vaultquake().arg("recheck").arg(folder.root())).end(RUN_WITHIN);
    let written = fs::read(folder.root().join("recheck.json")).unwrap_or_else(|_| panic!("{}", ended.all()));
    (ended, serde_json::from_slice(&written).expect("a result"))
}

/// A run that is made once, for every test of this process that looks at it.
pub struct Finished {
    pub folder: RunFolder,
    pub ended: Ended,
}

pub fn finish(mut running: Running) -> Finished {
    let folder = running.folder();
    Finished { ended: running.end(RUN_WITHIN), folder }
}

/// What was left behind is evidence of a failure; after a success it only fills the disk.
pub fn leave_ground(failed: bool) {
    if failed {
        eprintln!("what the runs left: {}", ground().display());
    } else {
        let _ = fs::remove_dir_all(ground());
    }
}
