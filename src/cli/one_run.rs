//! One run of one scenario, from its folder to its printed verdict.

use super::args::{Backend, RunArgs};
use super::exit::Exit;
use super::jobs::Job;
use super::out::{say, tell};
use super::publish::publish;
use super::subject::Subject;
use super::terminal::{Terminal, wants_colour};
use crate::helper::find_prometheus;
use crate::machine::priority;
use crate::model::{RunResult, Scenario};
use crate::record::RunFolder;
use crate::report;
use crate::runner::{self, Progress, RunError, RunRequest, Siblings, Stop, StopReason};
use crate::scenario::{overrides, with_faults_drawn};
use crate::server::cache_folder;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// What became of one run.
pub enum Done {
    Judged {
        result: Box<RunResult>,
        exit: Exit,
        folder: PathBuf,
        harness_failed: Option<String>,
    },
    /// The harness or the set-up failed, and why; told already.
    Trouble(String),
    Unsupported(String),
}

pub fn one(
    args: &RunArgs,
    job: &Job,
    subject: &Subject,
    terminal: &Arc<Terminal>,
    siblings: &Siblings,
    stop: &Stop,
) -> Done {
    let Job { planned, seed, .. } = *job;
    let scenario = &planned.scenario.name;
    let name = match (siblings.at_most(), args.repeat) {
        (1, _) => None,
        (_, 1) => Some(scenario.clone()),
        (_, _) => Some(format!("{scenario}-{seed}")),
    };
    let lines = Arc::new(terminal.part(name));
    let trouble = |text: String| {
        lines.last(|| tell!("vaultquake: {scenario}: {text}"));
        Done::Trouble(text)
    };
    let (started_at, zero) = (jiff::Timestamp::now(), Instant::now());
    let folder = match RunFolder::create(&args.out, started_at, scenario, seed) {
        Ok(folder) => folder,
        Err(error) => return trouble(error.to_string()),
    };
    terminal.line(&format!("{scenario}: {} (seed {seed})", planned.scenario.summary));
    let drawn = Scenario { seed: None, ..with_faults_drawn(&planned.scenario, seed) };
    let request = RunRequest {
        overrides: overrides(&drawn).into_iter().chain(subject.overrides.clone()).collect(),
        scenario: drawn,
        seed,
        backend: subject.backend.clone(),
        server: subject.server.clone(),
        upgraded_to: subject.upgraded_to.clone(),
        out: args.out.clone(),
        command: repeat_command(args, &planned.path, seed),
        known_findings: planned.known_findings.clone(),
        saved_states: cache_folder().ok().filter(|_| args.reuse).map(|cache| cache.join("states")),
        siblings: siblings.clone(),
        postgres: subject.postgres.clone(),
        prometheus: find_prometheus(&std::env::var_os("PATH").unwrap_or_default()).ok(),
    };
    let progress: Arc<dyn Progress> = lines.clone();
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
    let published = match published {
        Ok(published) => published,
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
    if published.exit() == Exit::Pass {
        // Raft data and raw audit files are evidence of a failure; after a pass they only fill the disk.
        let _ = std::fs::remove_dir_all(folder.private().join("nodes"));
    }
    // What stopped the run may have kept the journal from saying so: a full disk does.
    let trouble = match stop.reason() {
        Some(StopReason::Trouble(why)) => Some(why),
        _ => published.harness_failed.clone(),
    };
    let exit = if trouble.is_some() { Exit::Trouble } else { published.exit() };
    lines.last(|| {
        say!("{}", report::terminal(&published.result, wants_colour()));
        say!("report: {}", folder.root().join("report.html").display());
        if let Some(why) = &trouble {
            tell!("vaultquake: the harness failed in this run: {why}");
        }
    });
    let folder = folder.root().to_path_buf();
    Done::Judged { result: Box::new(published.result), exit, folder, harness_failed: trouble }
}

pub(super) fn run_to_the_end(
    request: RunRequest,
    folder: &RunFolder,
    started_at: jiff::Timestamp,
    zero: Instant,
    progress: Arc<dyn Progress>,
    stop: &Stop,
) -> Result<(), RunError> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().on_thread_start(priority::be_prompt).build();
    let runtime = runtime.map_err(|error| RunError::SetUp(format!("cannot start the runtime: {error}")))?;
    runtime.block_on(async {
        runner::run(request, folder.clone(), started_at, zero, progress, stop.clone()).await.map(|_| ())
    })
}

fn repeat_command(args: &RunArgs, path: &Path, seed: u64) -> String {
    let mut command = format!("vaultquake run {} --seed {seed}", shell_word(&path.to_string_lossy()));
    if args.server.server != super::DEFAULT_SERVER {
        command += &format!(" --server {}", shell_word(&args.server.server));
    }
    for (option, server) in [("--from", &args.from), ("--to", &args.to)] {
        if let Some(server) = server {
            command += &format!(" {option} {}", shell_word(server));
        }
    }
    if args.server.allow_unpinned {
        command += " --allow-unpinned";
    }
    if args.reuse {
        command += " --reuse";
    }
    if args.backend == Backend::Docker {
        command += " --backend docker";
    }
    if let (Backend::Attach, Some(cluster)) = (args.backend, &args.cluster) {
        command += &format!(" --backend attach --cluster {}", shell_word(&cluster.to_string_lossy()));
    }
    command
}

/// As it has to be typed: quoted where a shell would see more than a word.
fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:@%,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::{Cli, Command};
    use clap::Parser;

    #[test]
    fn the_command_that_repeats_a_run_is_read_back_as_the_same() {
        let typed = ["vaultquake", "run", "my runs/it's.yaml", "--allow-unpinned"];
        let typed = typed.into_iter().chain(["--server", "openbao=/opt/my bao", "--seed", "7"]);
        let Command::Run(args) = Cli::parse_from(typed).command else { panic!() };
        let command = repeat_command(&args, &args.paths[0], 7);
        let shown = std::process::Command::new("sh")
            .args(["-c", &format!("vaultquake() {{ printf '%s\\n' \"$@\"; }}; {command}")])
            .output()
            .unwrap();
        let words = String::from_utf8(shown.stdout).unwrap();
        let expected = [
            "run",
            "my runs/it's.yaml",
            "--seed",
            "7",
            "--server",
            "openbao=/opt/my bao",
            "--allow-unpinned",
        ];
        assert_eq!(words.lines().collect::<Vec<_>>(), expected, "{command}");
        assert_eq!(shell_word("scenarios/a.yaml"), "scenarios/a.yaml");
    }
}
