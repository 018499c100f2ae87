//! `vaultquake run`.

use super::args::{Backend, RunArgs};
use super::exit::Exit;
use super::publish::publish;
use super::signals::Signals;
use super::terminal::{Terminal, wants_colour};
use crate::machine::FileLock;
use crate::machine::lock;
use crate::model::{KnownFinding, RunResult, Scenario, Server, Verdict};
use crate::record::RunFolder;
use crate::report;
use crate::runner::{self, BackendChoice, Progress, RunError, RunRequest, Stop, StopReason};
use crate::scenario::{find_known_findings, find_scenarios, load_known_findings, load_scenario, overrides};
use crate::server::{ProvisionOptions, ServerSpec, provision};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// One scenario file, read and checked before anything is started.
struct Planned {
    path: PathBuf,
    scenario: Scenario,
    known_findings: Vec<KnownFinding>,
}

/// What became of one run.
enum Done {
    Judged(Box<RunResult>, Exit),
    /// The harness or the set-up failed; told already.
    Trouble,
    Unsupported(String),
}

pub fn run(args: &RunArgs) -> Exit {
    let planned = match plan(&args.paths, args.tag.as_deref()) {
        Ok(planned) if planned.is_empty() => {
            eprintln!(
                "vaultquake: no scenario {}",
                match &args.tag {
                    Some(tag) => format!("has the tag `{tag}`"),
                    None => "was found".to_owned(),
                }
            );
            return Exit::Inconclusive;
        }
        Ok(planned) => planned,
        Err(errors) => {
            eprintln!("{errors}");
            return Exit::Usage;
        }
    };
    let spec: ServerSpec = match args.server.parse() {
        Ok(spec) => spec,
        Err(error) => {
            eprintln!("vaultquake: --server: {error}");
            return Exit::Usage;
        }
    };
    let terminal = Arc::new(Terminal::new());
    let signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => {
            eprintln!("vaultquake: cannot listen for signals: {error}");
            return Exit::Trouble;
        }
    };
    let server = ProvisionOptions::from_env().and_then(|options| {
        let options = ProvisionOptions { allow_unpinned: args.allow_unpinned, ..options };
        provision(&spec, &options, &mut |text| terminal.line(text))
    });
    let server = match server {
        Ok(server) => server,
        Err(error) => {
            terminal.finish();
            eprintln!("vaultquake: {error}");
            return Exit::from(&error);
        }
    };
    terminal.line(&format!("{} {} from {}", server.product, server.version, server.path.display()));
    let lock =
        lock::exclusive(&mut |waiting| terminal.line(&format!("another run has the machine: {waiting}")));
    let _lock = match lock {
        Ok(lock) => lock,
        Err(error) => {
            terminal.finish();
            eprintln!("vaultquake: {error}");
            return Exit::Trouble;
        }
    };
    let backend = match args.backend {
        Backend::Process => BackendChoice::Process { binary: server.path.clone() },
    };
    let about = Server { product: server.product.to_string(), version: server.version };
    let first_seed = args.seed.unwrap_or_else(|| rand::random_range(1..1_000_000));
    let mut exits = Vec::new();
    let mut results = Vec::new();
    for planned in &planned {
        for repetition in 0..u64::from(args.repeat) {
            let seed = first_seed + repetition;
            // Each run its own: what stopped one must not stop those after it.
            let stop = Stop::default();
            signals.watch_over(Some(stop.clone()));
            let done = one(args, planned, &backend, &about, seed, &terminal, &stop);
            signals.watch_over(None);
            match done {
                Done::Judged(result, exit) => {
                    results.push(*result);
                    exits.push(exit);
                }
                Done::Trouble => exits.push(Exit::Trouble),
                Done::Unsupported(why) => {
                    terminal.line(&format!("{}: {why}", planned.scenario.name));
                }
            }
            if signals.caught() {
                terminal.finish();
                return Exit::Interrupted;
            }
        }
    }
    terminal.finish();
    if results.len() > 1 {
        println!("\n{}", report::terminal_many(&results, wants_colour()));
    }
    Exit::worst(exits)
}

fn plan(paths: &[PathBuf], tag: Option<&str>) -> Result<Vec<Planned>, String> {
    let files = find_scenarios(paths).map_err(|errors| errors.to_string())?;
    let mut planned = Vec::new();
    let mut errors = Vec::new();
    for path in files {
        let read = load_scenario(&path).map_err(|error| error.to_string()).and_then(|scenario| {
            let findings = find_known_findings(&path).map(|path| load_known_findings(&path)).transpose();
            findings
                .map_err(|error| error.to_string())
                .map(|findings| (scenario, findings.unwrap_or_default()))
        });
        match read {
            Ok((scenario, known_findings)) => planned.push(Planned { path, scenario, known_findings }),
            Err(error) => errors.push(error),
        }
    }
    if !errors.is_empty() {
        errors.dedup();
        return Err(errors.join("\n"));
    }
    planned.retain(|planned| tag.is_none_or(|tag| planned.scenario.tags.iter().any(|own| own == tag)));
    Ok(planned)
}

fn one(
    args: &RunArgs,
    planned: &Planned,
    backend: &BackendChoice,
    server: &Server,
    seed: u64,
    terminal: &Arc<Terminal>,
    stop: &Stop,
) -> Done {
    let trouble = |text: String| {
        terminal.finish();
        eprintln!("vaultquake: {}: {text}", planned.scenario.name);
        Done::Trouble
    };
    let (started_at, zero) = (jiff::Timestamp::now(), Instant::now());
    let folder = match RunFolder::create(&args.out, started_at, &planned.scenario.name, seed) {
        Ok(folder) => folder,
        Err(error) => return trouble(error.to_string()),
    };
    // Held as long as this process lives: whoever cleans up must not touch a run that is alive.
    let _alive = match FileLock::try_acquire(&folder.lock()) {
        Ok(Some(lock)) => lock,
        Ok(None) => return trouble(format!("{} is in use", folder.root().display())),
        Err(error) => return trouble(error.to_string()),
    };
    terminal.line(&format!("{}: {} (seed {seed})", planned.scenario.name, planned.scenario.summary));
    let request = RunRequest {
        scenario: planned.scenario.clone(),
        overrides: overrides(&planned.scenario),
        seed,
        backend: backend.clone(),
        server: server.clone(),
        out: args.out.clone(),
        command: repeat_command(args, &planned.path, seed),
        known_findings: planned.known_findings.clone(),
    };
    let progress: Arc<dyn Progress> = terminal.clone();
    let ended = run_to_the_end(request, &folder, started_at, zero, progress, stop);
    let setup_error = match ended {
        Ok(()) => None,
        Err(RunError::Unsupported { backend, what }) => {
            let _ = std::fs::remove_dir_all(folder.root());
            return Done::Unsupported(format!("unsupported on the {backend} backend: {what}"));
        }
        Err(error) => Some(error),
    };
    let published = publish(&folder);
    if let Some(error) = setup_error {
        // Nothing was measured: the reports say so, and the terminal only has to say why.
        return trouble(format!("{error}\n  what there is of the run: {}", folder.root().display()));
    }
    let result = match published {
        Ok(result) => result,
        Err(error) => {
            // What could not be written first is the cause; the report is only the last to notice.
            let cause = match stop.reason() {
                Some(StopReason::Trouble(why)) => format!("{why}\n  then {error}"),
                _ => error.to_string(),
            };
            let folder = folder.root().display();
            return trouble(format!("{cause}\n  what there is of the run: {folder}"));
        }
    };
    if result.verdict == Verdict::Pass {
        // Raft data and raw audit files are evidence of a failure; after a pass they only fill the disk.
        let _ = std::fs::remove_dir_all(folder.private().join("nodes"));
    }
    terminal.finish();
    println!("{}", report::terminal(&result, wants_colour()));
    println!("report: {}", folder.root().join("report.html").display());
    let exit = match stop.reason() {
        Some(StopReason::Trouble(why)) => {
            eprintln!("vaultquake: {why}");
            Exit::Trouble
        }
        _ => result.verdict.into(),
    };
    Done::Judged(Box::new(result), exit)
}

fn run_to_the_end(
    request: RunRequest,
    folder: &RunFolder,
    started_at: jiff::Timestamp,
    zero: Instant,
    progress: Arc<dyn Progress>,
    stop: &Stop,
) -> Result<(), RunError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| RunError::SetUp(format!("cannot start the runtime: {error}")))?;
    runtime.block_on(async {
        runner::run(request, folder.clone(), started_at, zero, progress, stop.clone()).await.map(|_| ())
    })
}

fn repeat_command(args: &RunArgs, path: &Path, seed: u64) -> String {
    let mut command = format!("vaultquake run {} --seed {seed}", path.display());
    if args.server != super::DEFAULT_SERVER {
        command += &format!(" --server {}", args.server);
    }
    command
}
