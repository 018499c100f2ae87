//! `vaultquake shrink`: runs smaller and smaller schedules of a failed run, and keeps the smallest that fails.

use super::args::{Backend, RunArgs, ServerChoice, ShrinkArgs};
use super::exit::Exit;
use super::one_run::run_to_the_end;
use super::out::{say, tell};
use super::planned::{Planned, plan};
use super::publish::publish;
use super::signals::Signals;
use super::subject::{Subject, subject};
use super::terminal::Terminal;
use crate::machine::lock;
use crate::model::{PastRun, Phase, Step};
use crate::record::{RecordError, RunFolder, find_past_runs};
use crate::runner::{Progress, RunRequest, Siblings, Stop};
use crate::scenario::overrides;
use crate::server::cache_folder;
use crate::soak::{self, Outcome, Shrunk, Smallest};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Where the folders of the runs go, in that of the run.
const RUNS: &str = "shrink";

/// Writes the smallest schedule so far, once more with what the whole search found.
type Keep<'a> = dyn Fn(&Smallest, Option<&Shrunk>) -> Result<PathBuf, RecordError> + 'a;

pub fn shrink(args: &ShrinkArgs) -> Exit {
    let usage = |why: String| {
        tell!("vaultquake: {why}");
        Exit::Usage
    };
    let folder = RunFolder::at(&args.run);
    let Some(past) = find_past_runs(&args.run).0.pop().filter(|_| folder.run_json().is_file()) else {
        return usage(format!("{} is no run that was judged", args.run.display()));
    };
    let rows = soak::failed_rows(&past.result);
    if rows.is_empty() {
        return usage(format!("nothing failed in this run, which is {}", past.result.verdict));
    }
    let path = folder.root().join(soak::SCHEDULE);
    if !path.is_file() {
        let why = "it has no schedule.yaml: only runs whose faults were drawn (`random`) can be shrunk";
        return usage(format!("{}: {why}", args.run.display()));
    }
    let planned = match plan(&[path], None) {
        Ok(mut planned) => planned.remove(0),
        Err(errors) => {
            tell!("{errors}");
            return Exit::Usage;
        }
    };
    let run_args = match run_args(args, &past, &folder) {
        Ok(run_args) => run_args,
        Err(why) => return usage(why),
    };
    let terminal = Terminal::new();
    let tell = |exit: Exit, why: &dyn std::fmt::Display| {
        terminal.block(|| tell!("vaultquake: {why}"));
        exit
    };
    let signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => return tell(Exit::Trouble, &format!("cannot listen for signals: {error}")),
    };
    let found = subject(&run_args, &mut |text| terminal.line(text)).and_then(|mut subject| {
        if planned.scenario.uses_a_database() {
            subject.find_postgres(&mut |text| terminal.line(text))?;
        }
        Ok(subject)
    });
    let subject = match found {
        Ok(subject) => subject,
        Err(none) => return tell(none.exit, &none.why),
    };
    let waiting = &mut |waiting: &str| terminal.line(&format!("another run has the machine: {waiting}"));
    let _lock = match lock::exclusive(waiting) {
        Ok(lock) => lock,
        Err(error) => return tell(Exit::Trouble, &error),
    };
    let searching = Searching {
        args: &run_args,
        planned: &planned,
        subject: &subject,
        rows: &rows,
        seed: planned.scenario.seed.unwrap_or(past.info.seed),
        until: args.within.map(|within| Instant::now() + within.0),
        signals: &signals,
        terminal: &terminal,
    };
    let keep = |smallest: &Smallest, shrunk: Option<&Shrunk>| {
        soak::save_smallest(&folder, &planned.scenario, smallest, &rows, shrunk)
    };
    let mut unwritten = None;
    let mut keep_found = |smallest: &Smallest, how: &str| {
        terminal.line(&format!("{how}: {} fail: {}", faults(smallest.steps.len()), words(&smallest.steps)));
        // Here too: who kills the search keeps what it had found.
        unwritten = keep(smallest, None).err();
    };
    let steps = &planned.scenario.timeline;
    let shrunk = soak::shrink(steps, args.tries, &mut |steps| searching.once(steps), &mut keep_found);
    if let Some(error) = unwritten {
        return tell(Exit::Trouble, &error);
    }
    let exit = told(&shrunk, &rows, steps.len(), &keep, args.tries);
    if signals.caught() { Exit::Interrupted } else { exit }
}

/// Says what was found, and writes it as what it now is.
fn told(shrunk: &Shrunk, rows: &BTreeSet<String>, began_with: usize, keep: &Keep, tries: u32) -> Exit {
    let Some(smallest) = &shrunk.smallest else {
        let why = match shrunk.finished {
            true => format!("it did not fail again in {tries} runs: it fails seldom, or not by its faults"),
            false => format!("the search was ended after {} runs, before it failed again", shrunk.runs),
        };
        tell!("vaultquake: {why}");
        return Exit::Inconclusive;
    };
    let rows: Vec<_> = rows.iter().map(String::as_str).collect();
    let ended = if shrunk.finished { "" } else { " (ended before the search was over)" };
    say!(
        "smallest: {} of {began_with}, after {} runs{ended}; fails in {} runs: {}",
        faults(smallest.steps.len()),
        shrunk.runs,
        smallest.rate.words(),
        rows.join(", ")
    );
    smallest.steps.iter().for_each(|step| say!("  {}", words(std::slice::from_ref(step))));
    match keep(smallest, Some(shrunk)) {
        Ok(path) => {
            say!("repeat it: vaultquake run {}", path.display());
            Exit::Pass
        }
        Err(error) => {
            tell!("vaultquake: {error}");
            Exit::Trouble
        }
    }
}

fn faults(count: usize) -> String {
    if count == 1 { "1 fault".to_owned() } else { format!("{count} faults") }
}

fn words(steps: &[Step]) -> String {
    let word = |step: &Step| {
        let held = step.heal_after.map(|held| format!(" for {held}")).unwrap_or_default();
        format!("{} {}{held}", step.fault, step.target)
    };
    steps.iter().map(word).collect::<Vec<_>>().join(", ")
}

/// As the run was made, unless something else is asked for.
fn run_args(args: &ShrinkArgs, past: &PastRun, folder: &RunFolder) -> Result<RunArgs, String> {
    let backend = match (args.backend, past.info.backend.as_str()) {
        (Some(backend), _) => backend,
        (None, "process") => Backend::Process,
        (None, "docker") => Backend::Docker,
        (None, other) => {
            return Err(format!(
                "the run was on the {other} backend: say --backend, with --cluster to attach"
            ));
        }
    };
    let server = &past.info.server;
    let server = args.server.clone().unwrap_or_else(|| format!("{}@{}", server.product, server.version));
    Ok(RunArgs {
        paths: Vec::new(),
        backend,
        cluster: args.cluster.clone(),
        server: ServerChoice { server, allow_unpinned: args.allow_unpinned },
        from: None,
        to: None,
        seed: None,
        date: None,
        out: folder.root().join(RUNS),
        tag: None,
        repeat: 1,
        jobs: 1,
        reuse: args.reuse,
        deny_skips: false,
    })
}

struct Searching<'a> {
    args: &'a RunArgs,
    planned: &'a Planned,
    subject: &'a Subject,
    rows: &'a BTreeSet<String>,
    seed: u64,
    until: Option<Instant>,
    signals: &'a Signals,
    terminal: &'a Arc<Terminal>,
}

impl Searching<'_> {
    /// One run of a schedule; `None` when no more are to begin, or this one was interrupted.
    fn once(&self, steps: &[Step]) -> Option<Outcome> {
        if self.until.is_some_and(|until| Instant::now() >= until) {
            return None;
        }
        let stop = Stop::default();
        let _watched = self.signals.watch_over(&stop)?;
        self.terminal.line(&format!("trying {}: {}", faults(steps.len()), words(steps)));
        let outcome = self.run(steps, &stop).unwrap_or_else(|why| {
            self.terminal.line(&format!("it could not be run: {why}"));
            Outcome::Unclear
        });
        if self.signals.caught() {
            return None;
        }
        self.terminal.line(match outcome {
            Outcome::Fails => "it fails",
            Outcome::Holds => "it passes",
            Outcome::Unclear => "it is inconclusive",
        });
        Some(outcome)
    }

    fn run(&self, steps: &[Step], stop: &Stop) -> Result<Outcome, String> {
        let scenario =
            crate::model::Scenario { timeline: steps.to_vec(), seed: None, ..self.planned.scenario.clone() };
        let (started_at, zero) = (jiff::Timestamp::now(), Instant::now());
        let folder = RunFolder::create(&self.args.out, started_at, &scenario.name, self.seed)
            .map_err(|error| error.to_string())?;
        let saved_states = cache_folder().ok().filter(|_| self.args.reuse);
        let request = RunRequest {
            overrides: overrides(&scenario).into_iter().chain(self.subject.overrides.clone()).collect(),
            scenario,
            seed: self.seed,
            backend: self.subject.backend.clone(),
            server: self.subject.server.clone(),
            upgraded_to: None,
            out: self.args.out.clone(),
            command: format!("vaultquake run {}", soak::SCHEDULE),
            known_findings: self.planned.known_findings.clone(),
            saved_states: saved_states.map(|cache| cache.join("states")),
            siblings: Siblings::none(),
            postgres: self.subject.postgres.clone(),
            prometheus: None,
        };
        run_to_the_end(request, &folder, started_at, zero, Arc::new(Quiet), stop)
            .map_err(|error| error.to_string())?;
        let published = publish(&folder).map_err(|error| error.to_string())?;
        let outcome = match &published.harness_failed {
            Some(why) => return Err(why.clone()),
            None => soak::outcome(&published.result, self.rows),
        };
        // Only what failed is worth its room.
        if outcome == Outcome::Holds {
            let _ = std::fs::remove_dir_all(folder.root());
        }
        Ok(outcome)
    }
}

/// Dozens of runs: their phases are of no interest.
struct Quiet;

impl crate::bootstrap::Progress for Quiet {
    fn step(&self, _: &str, _: Duration) {}
}

impl Progress for Quiet {
    fn phase(&self, _: Phase, _: Option<Duration>) {}
    fn note(&self, _: &str) {}
}
