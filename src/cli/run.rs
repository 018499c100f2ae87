//! `vaultquake run`.

use super::args::RunArgs;
use super::exit::Exit;
use super::one_run::{Done, one};
use super::out::{say, tell};
use super::planned::plan;
use super::signals::Signals;
use super::subject::subject;
use super::terminal::{Terminal, wants_colour};
use crate::machine::lock;
use crate::report;
use crate::runner::Stop;
use std::sync::Arc;

pub fn run(args: &RunArgs) -> Exit {
    let planned = match plan(&args.paths, args.tag.as_deref()) {
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
    let terminal = Arc::new(Terminal::new());
    let tell = |exit: Exit, why: &dyn std::fmt::Display| {
        terminal.finish();
        tell!("vaultquake: {why}");
        exit
    };
    let signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => return tell(Exit::Trouble, &format!("cannot listen for signals: {error}")),
    };
    let subject = match subject(args, &mut |text| terminal.line(text)) {
        Ok(subject) => subject,
        Err(none) if none.missing => {
            for planned in &planned {
                terminal.line(&format!("skipped {}: {}", planned.scenario.name, none.why));
            }
            return tell(skipped(args.deny_skips), &"nothing was judged");
        }
        Err(none) => return tell(none.exit, &none.why),
    };
    let waiting = &mut |waiting: &str| terminal.line(&format!("another run has the machine: {waiting}"));
    let _lock = match lock::exclusive(waiting) {
        Ok(lock) => lock,
        Err(error) => return tell(Exit::Trouble, &error),
    };
    let mut exits = Vec::new();
    let mut results = Vec::new();
    for planned in &planned {
        for repetition in 0..u64::from(args.repeat) {
            // Each run its own: what stopped one must not stop those after it.
            let stop = Stop::default();
            signals.watch_over(Some(stop.clone()));
            let done = one(args, planned, &subject, first_seed + repetition, &terminal, &stop);
            signals.watch_over(None);
            match done {
                Done::Judged(result, exit) => {
                    results.push(*result);
                    exits.push(exit);
                }
                Done::Trouble => exits.push(Exit::Trouble),
                // By design, so it counts for nothing, and no other seed changes it.
                Done::Unsupported(why) => {
                    terminal.line(&format!("{}: {why}", planned.scenario.name));
                    break;
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
        say!("\n{}", report::terminal_many(&results, wants_colour()));
    }
    if exits.is_empty() {
        return tell(Exit::Inconclusive, &"nothing was judged");
    }
    Exit::worst(exits)
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
