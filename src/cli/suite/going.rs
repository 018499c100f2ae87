//! A night while it goes on: one run after the other until its time is over, with what there is of it written down after each.

use super::plan::{Plan, Turn, fits};
use super::rounded;
use crate::cli::args::{Backend, RunArgs};
use crate::cli::exit::Exit;
use crate::cli::jobs::Job;
use crate::cli::one_run::{Done, one};
use crate::cli::out::{say, tell};
use crate::cli::past::write_index;
use crate::cli::programs::{Places, find_programs};
use crate::cli::signals::Signals;
use crate::cli::subject::{NoSubject, Subject, subject};
use crate::cli::terminal::{Terminal, wants_colour};
use crate::cli::upgrading::upgrading;
use crate::machine::lock;
use crate::model::{
    LeftOut, LeftOutFor, SuiteBackend, SuiteEnd, SuiteItem, SuiteReport, SuiteRun, UpgradePair,
};
use crate::record::{RecordError, RunFolder, SUITE_JSON};
use crate::report;
use crate::runner::{Siblings, Stop};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Whom a turn runs against: the backend, the versions, and whether there are two of them.
type Against = (SuiteBackend, Option<UpgradePair>, bool);

pub struct Going<'a> {
    args: &'a RunArgs,
    terminal: Arc<Terminal>,
    places: Places,
    /// Found once for all turns that run against the same; or why there is none.
    subjects: BTreeMap<Against, Result<Subject, Why>>,
    began: Instant,
    within: Duration,
    /// How long the runs that ended were thought to take, and did.
    thought: Duration,
    took: Duration,
    /// Without what has not been reached.
    report: SuiteReport,
    exits: Vec<Exit>,
}

/// Why a turn does not run.
#[derive(Clone)]
struct Why {
    /// This machine lacks something: a skip, and no trouble.
    missing: bool,
    words: String,
}

impl From<NoSubject> for Why {
    fn from(none: NoSubject) -> Self {
        Self { missing: none.missing, words: none.why }
    }
}

/// What is there to be run, or why not.
enum Ready<'s> {
    Go(&'s Subject),
    Not(Why),
}

impl<'a> Going<'a> {
    pub fn through(plan: Plan, args: &'a RunArgs) -> Exit {
        let terminal = Terminal::new();
        let told = |exit: Exit, why: &dyn std::fmt::Display| {
            terminal.block(|| tell!("vaultquake: {why}"));
            exit
        };
        let signals = match Signals::listen() {
            Ok(signals) => signals,
            Err(error) => return told(Exit::Trouble, &format!("cannot listen for signals: {error}")),
        };
        let waiting = &mut |waiting: &str| terminal.line(&format!("another run has the machine: {waiting}"));
        let _lock = match lock::exclusive(waiting) {
            Ok(lock) => lock,
            Err(error) => return told(Exit::Trouble, &error),
        };
        let (mut going, tonight) = Going::begin(plan, args, terminal.clone());
        match going.work_off(tonight, &signals) {
            Ok(()) => going.end(),
            Err(error) => told(Exit::Trouble, &error),
        }
    }

    fn begin(plan: Plan, args: &'a RunArgs, terminal: Arc<Terminal>) -> (Self, Vec<Turn>) {
        let Plan { suite, night, tonight, left_out, .. } = plan;
        let report = SuiteReport {
            version: 1,
            suite: suite.name,
            summary: suite.summary,
            night: night.number,
            first_seed: night.first_seed,
            within: suite.within,
            server: args.server.server.clone(),
            started_at: jiff::Timestamp::now(),
            elapsed_ms: 0.0,
            end: SuiteEnd::UnderWay,
            runs: Vec::new(),
            left_out,
        };
        let going = Going {
            args,
            terminal,
            places: Places::of_this_machine(),
            subjects: BTreeMap::new(),
            began: Instant::now(),
            within: suite.within.0,
            thought: Duration::ZERO,
            took: Duration::ZERO,
            report,
            exits: Vec::new(),
        };
        (going, tonight)
    }

    /// # Errors
    /// What there is could not be written: without that nobody learns of it.
    fn work_off(&mut self, tonight: Vec<Turn>, signals: &Signals) -> Result<(), RecordError> {
        let count = tonight.len();
        self.write(&tonight)?;
        for place in 0..count {
            let (turn, rest) = (&tonight[place], &tonight[place + 1..]);
            let stop = Stop::default();
            let Some(_watched) = signals.watch_over(&stop) else {
                self.report.end = SuiteEnd::Interrupted;
                return self.write(&tonight[place..]);
            };
            self.take(turn, place + 1, count, &stop);
            self.write(rest)?;
        }
        self.report.end = if signals.caught() { SuiteEnd::Interrupted } else { SuiteEnd::Whole };
        self.write(&[])
    }

    /// How much longer tonight's runs took than was thought: a busy machine must not break the time at its end.
    fn pace(&self) -> f64 {
        match self.thought.as_secs_f64() {
            0.0 => 1.0,
            thought => (self.took.as_secs_f64() / thought).max(1.0),
        }
    }

    fn take(&mut self, turn: &Turn, number: usize, count: usize, stop: &Stop) {
        let left = self.within.saturating_sub(self.began.elapsed());
        let about = turn.about.mul_f64(self.pace());
        let (fits, about) = (fits(self.began.elapsed(), about, self.within), rounded(about));
        if !fits {
            let why = format!("it takes about {about}, and {} were left", rounded(left));
            return self.leave_out(&turn.item, LeftOutFor::Budget, why);
        }
        self.terminal.line(&format!(
            "{number} of {count}: {}, about {about}; {} of {} are left",
            turn.item,
            rounded(left),
            self.report.within
        ));
        let mut turn = turn.clone();
        let mut args = self.args.clone();
        args.backend = match turn.item.backend {
            SuiteBackend::Process => Backend::Process,
            SuiteBackend::Docker => Backend::Docker,
        };
        if let Some(UpgradePair { from, to }) = turn.item.upgrade.clone() {
            (args.from, args.to) = (Some(from), Some(to));
        }
        let began = Instant::now();
        let (terminal, places) = (self.terminal.clone(), &self.places);
        let done = match make_ready(&mut self.subjects, &mut turn, &args, places, &terminal) {
            Ready::Not(why) if why.missing => {
                return self.leave_out(&turn.item, LeftOutFor::Skipped, why.words);
            }
            Ready::Not(why) => {
                terminal.line(&format!("{}: {}", turn.item, why.words));
                Done::Trouble(why.words)
            }
            Ready::Go(subject) => {
                let job = Job { place: number, planned: &turn.planned, seed: turn.seed };
                one(&args, &job, subject, &terminal, &Siblings::at_once(1), stop)
            }
        };
        let took_ms = began.elapsed().as_secs_f64() * 1e3;
        // What could not even begin says nothing of the pace.
        if let Done::Judged { .. } = done {
            self.thought += turn.about;
            self.took += began.elapsed();
        }
        match done {
            Done::Unsupported(why) => self.leave_out(&turn.item, LeftOutFor::Unsupported, why),
            Done::Trouble(why) => self.ended(turn, Exit::Trouble, None, why, None, took_ms),
            Done::Judged { result, exit, folder, harness_failed } => {
                let verdict = harness_failed.is_none().then_some(result.verdict);
                let said = harness_failed.unwrap_or_else(|| report::said(&result));
                let folder = folder.file_name().map(|name| name.to_string_lossy().into_owned());
                self.ended(turn, exit, verdict, said, folder, took_ms);
            }
        }
    }

    fn ended(
        &mut self,
        turn: Turn,
        exit: Exit,
        verdict: Option<crate::model::Verdict>,
        said: String,
        folder: Option<String>,
        took_ms: f64,
    ) {
        self.exits.push(exit);
        self.report.runs.push(SuiteRun { item: turn.item, seed: turn.seed, verdict, said, folder, took_ms });
    }

    /// Once, however often it was to be repeated.
    fn leave_out(&mut self, item: &SuiteItem, reason: LeftOutFor, why: String) {
        if self.report.left_out.iter().any(|left| left.item == *item && left.reason == reason) {
            return;
        }
        self.terminal.line(&format!("not run: {item}: {}: {why}", reason.words()));
        if reason == LeftOutFor::Skipped && self.args.deny_skips {
            self.exits.push(Exit::Trouble);
        }
        self.report.left_out.push(LeftOut { item: item.clone(), reason, why });
    }

    /// What there is so far: for programs, for a comment, and as the index of the folder.
    fn write(&mut self, not_reached: &[Turn]) -> Result<(), RecordError> {
        self.report.elapsed_ms = self.began.elapsed().as_secs_f64() * 1e3;
        let mut report = self.report.clone();
        let reason = match report.end {
            SuiteEnd::UnderWay => LeftOutFor::NotReached,
            _ => LeftOutFor::Interrupted,
        };
        for turn in not_reached {
            if !report.left_out.iter().any(|left| left.item == turn.item) {
                report.left_out.push(LeftOut { item: turn.item.clone(), reason, why: String::new() });
            }
        }
        std::fs::create_dir_all(&self.args.out)
            .map_err(|source| RecordError { path: self.args.out.clone(), source })?;
        let folder = RunFolder::at(&self.args.out);
        let mut json = serde_json::to_vec_pretty(&report).expect("model types serialise");
        json.push(b'\n');
        folder.write_whole(SUITE_JSON, &json)?;
        folder.write_whole("summary.md", report::suite_markdown(&report).as_bytes())?;
        write_index(&folder, Some(&report))?;
        self.report.left_out = match report.end {
            SuiteEnd::UnderWay => std::mem::take(&mut self.report.left_out),
            _ => report.left_out,
        };
        Ok(())
    }

    fn end(self) -> Exit {
        say!("\n{}", report::suite_terminal(&self.report, wants_colour()));
        say!("index: {}", self.args.out.join("index.html").display());
        if self.report.end == SuiteEnd::Interrupted {
            return Exit::Interrupted;
        }
        Exit::worst(self.exits)
    }
}

/// Finds what the turn runs against and what its scenario needs beside that.
fn make_ready<'s>(
    subjects: &'s mut BTreeMap<Against, Result<Subject, Why>>,
    turn: &mut Turn,
    args: &RunArgs,
    places: &Places,
    terminal: &Terminal,
) -> Ready<'s> {
    let mut say = |text: &str| terminal.line(text);
    let replaces = turn.planned.scenario.replaces_versions();
    let found = match subjects.entry((turn.item.backend, turn.item.upgrade.clone(), replaces)) {
        Entry::Occupied(found) => found.into_mut(),
        Entry::Vacant(place) => {
            let found = if replaces { upgrading(args, &mut say) } else { subject(args, &mut say) };
            place.insert(found.map_err(Why::from))
        }
    };
    let subject = match found {
        Ok(subject) => subject,
        Err(why) => return Ready::Not(why.clone()),
    };
    if turn.planned.scenario.uses_a_database()
        && subject.postgres.is_none()
        && let Err(none) = subject.find_postgres(&mut say)
    {
        return Ready::Not(none.into());
    }
    match find_programs(&mut turn.planned.scenario, subject.program.as_deref(), places) {
        Ok(()) => Ready::Go(subject),
        Err(words) => Ready::Not(Why { missing: true, words }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::{Cli, Command};
    use crate::cli::suite::plan::{Night, unfold};
    use crate::record::read_suite;
    use clap::Parser;
    use std::path::Path;

    /// A night against a server that this machine does not have.
    fn night(within: u64, more: &[&str], check: impl Fn(&Going, &Path)) -> Exit {
        let suite = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/nightly.yaml");
        let out = tempfile::tempdir().unwrap();
        let typed = ["vaultquake", "run", suite, "--server", "openbao=/nowhere/bao", "--out"];
        let typed = typed.into_iter().chain([out.path().to_str().unwrap()]).chain(more.iter().copied());
        let Command::Run(args) = Cli::parse_from(typed).command else { panic!() };
        let mut plan = unfold(Path::new(suite), Night { number: 1, first_seed: 1 }).unwrap();
        plan.suite.within = crate::model::Span::from_secs(within);
        plan.tonight.retain(|turn| !turn.planned.scenario.replaces_versions());
        plan.tonight.truncate(3);
        let (mut going, tonight) = Going::begin(plan, &args, Terminal::new());
        going.work_off(tonight, &Signals::listen().unwrap()).unwrap();
        check(&going, out.path());
        going.end()
    }

    #[test]
    fn what_could_not_be_set_up_is_told_and_is_no_verdict_on_the_server() {
        let exit = night(3600, &[], |going, out| {
            let report = read_suite(out).unwrap();
            assert_eq!(report.left_out, going.report.left_out);
            assert_eq!((report.runs.len(), report.end), (3, SuiteEnd::Whole));
            assert!(report.runs.iter().all(|run| run.verdict.is_none() && run.said.contains("/nowhere/bao")));
            let text = std::fs::read_to_string(out.join("summary.md")).unwrap();
            assert!(text.starts_with("## ❗ HARNESS FAILED: 3 runs"), "{text}");
            assert!(out.join("index.html").is_file());
        });
        assert_eq!(exit, Exit::Trouble);
    }

    #[test]
    fn what_would_not_end_in_time_does_not_begin() {
        let exit = night(1, &["--deny-skips"], |going, out| {
            let text = std::fs::read_to_string(out.join("summary.md")).unwrap();
            assert!(text.starts_with("## ⚠️ INCONCLUSIVE: nothing ran"), "{text}");
            let late = going.report.left_out.iter().filter(|left| left.reason == LeftOutFor::Budget);
            let whys: Vec<_> = late.map(|left| left.why.as_str()).collect();
            assert!(whys.len() == 3 && whys.iter().all(|why| why.ends_with("were left")), "{whys:?}");
        });
        assert_eq!(exit, Exit::Inconclusive);
    }

    #[test]
    fn a_slow_night_thinks_of_longer_runs_and_a_fast_one_does_not_count_on_it() {
        night(1, &[], |going, _| assert_eq!(going.pace(), 1.0));
        let suite = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/nightly.yaml");
        let Command::Run(args) = Cli::parse_from(["vaultquake", "run", suite]).command else { panic!() };
        let plan = unfold(Path::new(suite), Night { number: 1, first_seed: 1 }).unwrap();
        let (mut going, _) = Going::begin(plan, &args, Terminal::new());
        (going.thought, going.took) = (Duration::from_secs(100), Duration::from_secs(150));
        assert_eq!(going.pace(), 1.5);
        going.took = Duration::from_secs(50);
        assert_eq!(going.pace(), 1.0);
    }

    #[test]
    fn a_night_that_is_killed_has_told_what_it_did_not_reach() {
        let suite = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/nightly.yaml");
        let out = tempfile::tempdir().unwrap();
        let typed = ["vaultquake", "run", suite, "--out", out.path().to_str().unwrap()];
        let Command::Run(args) = Cli::parse_from(typed).command else { panic!() };
        let plan = unfold(Path::new(suite), Night { number: 1, first_seed: 1 }).unwrap();
        let (mut going, tonight) = Going::begin(plan, &args, Terminal::new());
        going.write(&tonight[1..]).unwrap();
        let report = read_suite(out.path()).unwrap();
        assert_eq!(report.end, SuiteEnd::UnderWay);
        let unreached = report.left_out.iter().filter(|left| left.reason == LeftOutFor::NotReached).count();
        assert_eq!(unreached, tonight.len() - 1);
        // The night itself goes on without them.
        assert!(going.report.left_out.iter().all(|left| left.reason == LeftOutFor::Rotation));
    }
}
