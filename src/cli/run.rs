//! `vaultquake run`.

use super::args::{Backend, RunArgs};
use super::exit::Exit;
use super::jobs::{Round, jobs, rounds};
use super::one_run::{Done, one};
use super::out::{say, tell};
use super::planned::{Planned, plan};
use super::programs::{Places, find_programs};
use super::signals::Signals;
use super::subject::{NoSubject, Subject, subject};
use super::suite;
use super::terminal::{Terminal, wants_colour};
use super::upgrading::upgrading;
use crate::compare;
use crate::helper::find_prometheus;
use crate::machine::lock;
use crate::model::Scenario;
use crate::report;
use crate::runner::{Siblings, Stop};
use std::collections::BTreeSet;
use std::sync::Mutex;

pub fn run(args: &RunArgs) -> Exit {
    if let Some(exit) = suite::run(args) {
        return exit;
    }
    let mut planned = match plan(&args.paths, args.tag.as_deref()) {
        Ok(planned) if planned.is_empty() => {
            let why = args.tag.as_ref().map_or("was found".to_owned(), |tag| format!("has the tag `{tag}`"));
            tell!("vaultquake: no scenario {why}");
            return Exit::Inconclusive;
        }
        Ok(planned) => planned,
        Err(errors) => {
            tell!("{errors}");
            return Exit::Usage;
        }
    };
    let first_seed = args.seed.unwrap_or_else(|| rand::random_range(1..1_000_000));
    if first_seed.checked_add(u64::from(args.repeat) - 1).is_none() {
        let repeat = args.repeat;
        tell!("vaultquake: --seed {first_seed} counted up for --repeat {repeat} passes {}", u64::MAX);
        return Exit::Usage;
    }
    if args.seed.is_some() {
        planned.iter_mut().for_each(|planned| planned.scenario.seed = None);
    }
    let terminal = Terminal::new();
    let tell = |exit: Exit, why: &dyn std::fmt::Display| {
        terminal.block(|| tell!("vaultquake: {why}"));
        exit
    };
    if args.jobs > 1 && args.backend == Backend::Attach {
        let why =
            "--jobs runs each scenario on a cluster of its own, and --backend attach has one: leave it out";
        return tell(Exit::Usage, &why);
    }
    let signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => return tell(Exit::Trouble, &format!("cannot listen for signals: {error}")),
    };
    let upgrades = |planned: &Planned| planned.scenario.replaces_versions();
    if (args.from.is_some() || args.to.is_some()) && !planned.iter().any(upgrades) {
        let why = "--from and --to are for scenarios that upgrade nodes, and none of these does";
        return tell(Exit::Usage, &why);
    }
    let mut subjects = match Subjects::find(args, &planned, &mut |text| terminal.line(text)) {
        Ok(subjects) => subjects,
        Err(none) if none.missing => {
            for planned in &planned {
                terminal.line(&format!("skipped {}: {}", planned.scenario.name, none.why));
            }
            return tell(skipped(args.deny_skips), &"nothing was judged");
        }
        Err(none) => return tell(none.exit, &none.why),
    };
    let found = planned.len();
    if planned.iter().any(|planned| planned.scenario.uses_a_database())
        && let Err(none) = subjects.find_postgres(&mut |text| terminal.line(text))
    {
        if !none.missing {
            return tell(none.exit, &none.why);
        }
        planned.retain(|planned| {
            let needs_it = planned.scenario.uses_a_database();
            if needs_it {
                terminal.line(&format!("skipped {}: {}", planned.scenario.name, none.why));
            }
            !needs_it
        });
        if planned.is_empty() {
            return tell(skipped(args.deny_skips), &"nothing was judged");
        }
    }
    if let Err(none) = find_prometheus(&std::env::var_os("PATH").unwrap_or_default()) {
        planned.retain(|planned| {
            let needs_it = planned.scenario.alerts.is_some();
            if needs_it {
                terminal.line(&format!("skipped {}: {none}", planned.scenario.name));
            }
            !needs_it
        });
    }
    let places = Places::of_this_machine();
    planned.retain_mut(|planned| {
        let program = subjects.of(&planned.scenario).program.clone();
        match find_programs(&mut planned.scenario, program.as_deref(), &places) {
            Ok(()) => true,
            Err(why) => {
                terminal.line(&format!("skipped {}: {why}", planned.scenario.name));
                false
            }
        }
    });
    if planned.is_empty() {
        return tell(skipped(args.deny_skips), &"nothing was judged");
    }
    let some_were_skipped = planned.len() < found;
    let rounds = rounds(jobs(&planned, args.repeat, first_seed), args.jobs);
    warn_of_too_many(&rounds, &terminal);
    let waiting = &mut |waiting: &str| terminal.line(&format!("another run has the machine: {waiting}"));
    // Between commands it is one at a time; the runs of this one share it.
    let _lock = match lock::exclusive(waiting) {
        Ok(lock) => lock,
        Err(error) => return tell(Exit::Trouble, &error),
    };
    let unsupported = Mutex::new(BTreeSet::new());
    let mut done = Vec::new();
    for round in &rounds {
        let siblings = Siblings::at_once(round.at_once);
        done.extend(round.work_off(|job| {
            let path = &job.planned.path;
            if unsupported.lock().unwrap().contains(path) {
                return Some(None);
            }
            // Each run its own: what stopped one must not stop those after it.
            let stop = Stop::default();
            let _watched = signals.watch_over(&stop)?;
            Some(match one(args, job, subjects.of(&job.planned.scenario), &terminal, &siblings, &stop) {
                Done::Judged { result, exit, .. } => Some((Some(*result), exit)),
                Done::Trouble(_) => Some((None, Exit::Trouble)),
                // By design, so it counts for nothing, and no other seed changes it.
                Done::Unsupported(why) => {
                    if unsupported.lock().unwrap().insert(path.clone()) {
                        terminal.line(&format!("{}: {why}", job.planned.scenario.name));
                    }
                    None
                }
            })
        }));
        if signals.caught() {
            return Exit::Interrupted;
        }
    }
    done.sort_by_key(|(place, _)| *place);
    let (results, mut exits): (Vec<_>, Vec<_>) = done.into_iter().filter_map(|(_, done)| done).unzip();
    let results: Vec<_> = results.into_iter().flatten().collect();
    if results.len() > 1 {
        say!("\n{}", report::terminal_many(&results, wants_colour()));
        let spreads = report::spreads(&compare::spreads(&results));
        if !spreads.is_empty() {
            say!("{}", spreads.trim_end());
        }
    }
    if some_were_skipped && args.deny_skips {
        exits.push(Exit::Trouble);
    }
    if exits.is_empty() {
        return tell(Exit::Inconclusive, &"nothing was judged");
    }
    Exit::worst(exits)
}

/// Whom each scenario runs against: those that upgrade nodes begin with another version than the others.
enum Subjects {
    One(Box<Subject>),
    Two { plain: Box<Subject>, upgrading: Box<Subject> },
}

impl Subjects {
    fn find(args: &RunArgs, planned: &[Planned], say: &mut dyn FnMut(&str)) -> Result<Self, NoSubject> {
        let some_upgrade = planned.iter().any(|planned| planned.scenario.replaces_versions());
        let all_upgrade = planned.iter().all(|planned| planned.scenario.replaces_versions());
        Ok(match (some_upgrade, all_upgrade) {
            (false, _) => Self::One(subject(args, say)?.into()),
            (true, true) => Self::One(upgrading(args, say)?.into()),
            (true, false) => {
                Self::Two { plain: subject(args, say)?.into(), upgrading: upgrading(args, say)?.into() }
            }
        })
    }

    fn of(&self, scenario: &Scenario) -> &Subject {
        match self {
            Self::One(subject) => subject,
            Self::Two { upgrading, .. } if scenario.replaces_versions() => upgrading,
            Self::Two { plain, .. } => plain,
        }
    }

    fn find_postgres(&mut self, say: &mut dyn FnMut(&str)) -> Result<(), NoSubject> {
        match self {
            Self::One(subject) => subject.find_postgres(say),
            Self::Two { plain, upgrading } => {
                plain.find_postgres(say)?;
                upgrading.postgres.clone_from(&plain.postgres);
                Ok(())
            }
        }
    }
}

/// More than a core for each, and runs measure one another.
fn warn_of_too_many(rounds: &[Round], terminal: &Terminal) {
    let at_once = rounds.iter().map(|round| u32::from(round.at_once)).max().unwrap_or(1);
    let cores = crate::machine::facts().cores;
    if at_once > 1 && at_once > cores {
        terminal.line(&format!(
            "{at_once} runs at once on {cores} cores will be in each other's way; --jobs {cores} is the most that \
             makes sense here"
        ));
    }
}

/// Every scenario was skipped.
fn skipped(deny_skips: bool) -> Exit {
    if deny_skips { Exit::Trouble } else { Exit::Inconclusive }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::{Cli, Command};
    use clap::Parser;

    #[test]
    fn seeds_that_cannot_be_counted_up_are_refused_before_anything_starts() {
        let scenario = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/failover/leader-kill-fast.yaml");
        let out = tempfile::tempdir().unwrap();
        let typed = ["vaultquake", "run", scenario, "--repeat", "2", "--server", "openbao=/nowhere"];
        let last = u64::MAX.to_string();
        let with = ["--seed", &last, "--out", out.path().to_str().unwrap()];
        let Command::Run(args) = Cli::parse_from(typed.into_iter().chain(with)).command else { panic!() };
        assert_eq!(run(&args), Exit::Usage);
        assert_eq!(std::fs::read_dir(out.path()).unwrap().count(), 0);
    }
}
