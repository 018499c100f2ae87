//! `vaultquake run` and `vaultquake validate` of a suite: many scenarios in a given time, each in its turn.

mod going;
mod plan;

use super::args::{Backend, RunArgs, ValidateArgs};
use super::exit::Exit;
use super::out::{say, tell};
use crate::model::Span;
use crate::scenario::is_suite;
use crate::server::ServerSpec;
use going::Going;
use plan::{Night, Plan, unfold};
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

/// Runs the suite that the command line names; nothing where it names none.
pub fn run(args: &RunArgs) -> Option<Exit> {
    let refused = |why: &dyn std::fmt::Display| {
        tell!("vaultquake: {why}");
        Some(Exit::Usage)
    };
    let Some(path) = args.paths.iter().find(|path| is_suite(path)) else {
        return args.date.and_then(|_| refused(&"--date is for a suite, and none of these is one"));
    };
    if let Some(why) = misplaced(args) {
        return refused(&why);
    }
    if let Err(error) = args.server.server.parse::<ServerSpec>() {
        return refused(&format!("--server: {error}"));
    }
    Some(match unfold(path, Night::of(args.seed, args.date)) {
        Ok(plan) => Going::through(plan, args),
        Err(errors) => {
            tell!("{errors}");
            Exit::Usage
        }
    })
}

/// What a suite says itself must not be said a second time, and otherwise.
fn misplaced(args: &RunArgs) -> Option<&'static str> {
    let rules = [
        (args.paths.len() > 1, "a suite is run by itself: name only its file"),
        (
            args.backend != Backend::Process || args.cluster.is_some(),
            "a suite says itself on which backends: leave --backend out",
        ),
        (
            args.from.is_some() || args.to.is_some(),
            "a suite says itself what is upgraded to what: leave --from and --to out",
        ),
        (args.tag.is_some(), "a suite says itself what runs: leave --tag out"),
        (args.repeat != 1, "a suite says itself what is repeated: leave --repeat out"),
        (args.jobs != 1, "a suite's runs follow one another, since its time is planned so: leave --jobs out"),
    ];
    rules.into_iter().find(|(holds, _)| *holds).map(|(_, why)| why)
}

/// Shows what a night would do.
pub fn validate(path: &Path, args: &ValidateArgs) -> Exit {
    match unfold(path, Night::of(args.seed, args.date)) {
        Ok(plan) => {
            say!("{}", describe(&plan));
            Exit::Pass
        }
        Err(errors) => {
            tell!("{errors}");
            Exit::Usage
        }
    }
}

/// In whole seconds.
fn rounded(duration: Duration) -> Span {
    Span::from_secs(duration.as_secs_f64().round() as u64)
}

fn describe(plan: &Plan) -> String {
    let (run, left, takes) = plan.foreseen();
    let Plan { suite, night, nights, .. } = plan;
    let mut text = format!("{}: {}\n", suite.name, suite.summary);
    let _ = writeln!(
        text,
        "\nnight {}, seeds from {}; a rotation takes {nights} nights\n\ntonight, about {} of {}",
        night.number,
        night.first_seed,
        rounded(takes),
        suite.within
    );
    for (start, turn) in &run {
        let (start, about) = (rounded(*start).to_string(), rounded(turn.about).to_string());
        let _ = writeln!(text, "  after {start:>7}  about {about:>6}  {:<16} {}", turn.item.group, turn.item);
    }
    if !left.is_empty() {
        let _ = writeln!(text, "\nnot tonight: the time does not suffice");
        let mut told = Vec::new();
        for turn in left {
            // Once, however often it was to be repeated.
            if told.contains(&&turn.item) {
                continue;
            }
            told.push(&turn.item);
            let _ = writeln!(
                text,
                "  about {:>6}  {:<16} {}",
                rounded(turn.about).to_string(),
                turn.item.group,
                turn.item
            );
        }
    }
    if !plan.left_out.is_empty() {
        let _ = writeln!(text, "\nnot tonight: others have their turn");
        for left in &plan.left_out {
            let _ = writeln!(text, "  {:<16} {}; {}", left.item.group, left.item, left.why);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::{Cli, Command};
    use clap::Parser;

    #[test]
    fn what_a_suite_says_itself_is_refused_beside_it() {
        let suite = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/nightly.yaml");
        let scenario = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/failover/leader-kill.yaml");
        let of = |more: &[&str]| {
            let words = ["vaultquake", "run"].iter().chain(more);
            let Command::Run(args) = Cli::parse_from(words).command else { panic!() };
            run(&args)
        };
        for more in [
            &[suite, scenario][..],
            &[suite, "--backend", "docker"],
            &[suite, "--from", "openbao@2.7.1"],
            &[suite, "--tag", "ci"],
            &[suite, "--repeat", "2"],
            &[suite, "--jobs", "2"],
            &[suite, "--server", "openbao"],
            &[scenario, "--date", "2026-11-23"],
        ] {
            assert_eq!(of(more), Some(Exit::Usage), "{more:?}");
        }
        assert_eq!(of(&[scenario]), None);
    }
}
