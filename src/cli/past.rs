//! `vaultquake trend` and `vaultquake compare`: what runs that are over say beside one another.

use super::args::CompareArgs;
use super::exit::Exit;
use super::out::{say, tell};
use crate::compare;
use crate::model::{Change, PastRun, SuiteReport};
use crate::record::{RecordError, RunFolder, find_past_runs, read_suite};
use crate::report;
use std::path::Path;

/// Where the index page of a folder of runs goes, in that folder.
const INDEX: &str = "index.html";

pub fn trend(folder: &Path) -> Exit {
    let Some(runs) = runs(folder) else { return Exit::Usage };
    let trends = compare::trends(&runs);
    say!("{}", report::trends(&trends).trim());
    // Of one run there is a report already.
    if RunFolder::at(folder).run_json().is_file() {
        return Exit::Pass;
    }
    let place = RunFolder::at(folder);
    match place.write_whole(INDEX, report::index(&runs, &trends, read_suite(folder).as_ref()).as_bytes()) {
        Ok(path) => {
            say!("\nindex: {}", path.display());
            Exit::Pass
        }
        Err(error) => {
            tell!("vaultquake: {error}");
            Exit::Trouble
        }
    }
}

/// The index of a folder of runs, with the suite that ran there last.
///
/// # Errors
/// It could not be written.
pub fn write_index(folder: &RunFolder, suite: Option<&SuiteReport>) -> Result<(), RecordError> {
    let (runs, _) = find_past_runs(folder.root());
    folder.write_whole(INDEX, report::index(&runs, &compare::trends(&runs), suite).as_bytes()).map(drop)
}

pub fn compare_runs(args: &CompareArgs) -> Exit {
    let (Some(a), Some(b)) = (runs(&args.a), runs(&args.b)) else { return Exit::Usage };
    let compared = compare::compare(&a, &b);
    if compared.scenarios.is_empty() {
        let of = |runs: &[PastRun]| {
            let mut names: Vec<_> = runs.iter().map(|run| run.result.scenario.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            names.join(", ")
        };
        tell!("vaultquake: no scenario is in both: A has {}, B has {}", of(&a), of(&b));
        return Exit::Usage;
    }
    if !compared.differing.is_empty() && !args.anyway {
        for what in &compared.differing {
            tell!("vaultquake: not the same: {what}");
        }
        tell!("vaultquake: a difference could come from that; with --anyway they are compared all the same");
        return Exit::Usage;
    }
    if args.json {
        say!("{}", serde_json::to_string_pretty(&compared).expect("model types serialise"));
    } else {
        say!("{}", report::comparison(&compared).trim());
    }
    if compared.any(Change::Worse) {
        Exit::Failed
    } else if compared.tells_something() {
        Exit::Pass
    } else {
        Exit::Inconclusive
    }
}

/// Every judged run of a folder; nothing, and why, when there is none.
fn runs(path: &Path) -> Option<Vec<PastRun>> {
    let (runs, unread) = find_past_runs(path);
    for why in unread {
        tell!("vaultquake: passed over: {why}");
    }
    if runs.is_empty() {
        tell!("vaultquake: {} is no run that was judged, and holds none", path.display());
        return None;
    }
    Some(runs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyse::judge;
    use crate::cli::args::{Cli, Command};
    use crate::facts::testing::kill_run;
    use clap::Parser;

    /// One run a figure: so long it took until writes worked again.
    fn folder_of(mttr_s: &[f64], cores: u32) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let run = kill_run().promise("failover.mttr", "< 60 s").build();
        for (number, mttr_s) in mttr_s.iter().enumerate() {
            let mut info = run.info.clone();
            info.machine.cores = cores;
            let mut result = judge(&run);
            result.started_at += jiff::SignedDuration::from_secs(number as i64);
            for row in result.objectives.iter_mut().filter(|row| row.id == "failover.mttr") {
                row.measured = Some(*mttr_s);
            }
            let place = RunFolder::make(folder.path().join(format!("run-{number}"))).unwrap();
            place.write_whole("run.json", &serde_json::to_vec(&info).unwrap()).unwrap();
            place.write_whole("result.json", &serde_json::to_vec(&result).unwrap()).unwrap();
        }
        folder
    }

    fn compared(a: &tempfile::TempDir, b: &tempfile::TempDir, more: &[&str]) -> Exit {
        let words = ["vaultquake", "compare", a.path().to_str().unwrap(), b.path().to_str().unwrap()];
        let Command::Compare(args) = Cli::parse_from(words.iter().chain(more)).command else { panic!() };
        compare_runs(&args)
    }

    #[test]
    fn a_figure_that_became_worse_is_told_by_the_exit_code() {
        let before = folder_of(&[11.2, 11.3, 11.4, 11.5, 11.6], 2);
        let after = folder_of(&[20.1, 20.2, 20.3, 20.4, 20.5], 2);
        assert_eq!(compared(&before, &after, &[]), Exit::Failed);
        assert_eq!(compared(&after, &before, &[]), Exit::Pass);
        assert_eq!(compared(&before, &before, &["--json"]), Exit::Pass);
        let few = folder_of(&[30.0, 31.0], 2);
        assert_eq!(compared(&before, &few, &[]), Exit::Inconclusive);
    }

    #[test]
    fn other_machines_are_not_compared_unless_somebody_wants_it_all_the_same() {
        let here = folder_of(&[11.2, 11.3, 11.4, 11.5, 11.6], 2);
        let there = folder_of(&[20.1, 20.2, 20.3, 20.4, 20.5], 64);
        assert_eq!(compared(&here, &there, &[]), Exit::Usage);
        assert_eq!(compared(&here, &there, &["--anyway"]), Exit::Failed);
        let nothing = tempfile::tempdir().unwrap();
        assert_eq!(compared(&here, &nothing, &[]), Exit::Usage);
    }

    #[test]
    fn what_a_disturbed_machine_measured_is_not_compared() {
        let before = folder_of(&[11.2, 11.3, 11.4, 11.5, 11.6], 2);
        let disturbed = (0..20).map(|number| 40.0 + f64::from(number) / 10.0);
        let after = folder_of(&[11.2, 11.3, 11.4, 11.5].into_iter().chain(disturbed).collect::<Vec<_>>(), 2);
        assert_eq!(compared(&before, &after, &[]), Exit::Failed);
        for number in 4..24 {
            let place = RunFolder::at(after.path().join(format!("run-{number}")));
            let mut result: crate::model::RunResult =
                serde_json::from_slice(&std::fs::read(place.result_json()).unwrap()).unwrap();
            for row in result.objectives.iter_mut().filter(|row| row.id == "failover.mttr") {
                row.verdict = crate::model::Verdict::Inconclusive;
            }
            place.write_whole("result.json", &serde_json::to_vec(&result).unwrap()).unwrap();
        }
        assert_eq!(compared(&before, &after, &[]), Exit::Pass);
        let (a, b) = (runs(before.path()).unwrap(), runs(after.path()).unwrap());
        let text = report::comparison(&compare::compare(&a, &b));
        assert!(text.contains("inconclusive and not counted: 0 of A, 20 of B"), "{text}");
    }

    #[test]
    fn a_repeated_scenario_says_where_its_figures_lie() {
        let folder = folder_of(&[11.2, 11.6, 11.3], 2);
        let (runs, _) = find_past_runs(folder.path());
        let results: Vec<_> = runs.into_iter().map(|run| run.result).collect();
        let text = report::spreads(&compare::spreads(&results));
        assert!(text.contains("failover.mttr        11.3 s (11.2 to 11.6), 3"), "{text}");
        assert_eq!(report::spreads(&compare::spreads(&results[..1])), "");
    }

    #[test]
    fn the_index_has_every_run_and_what_lies_astray() {
        let folder = folder_of(&[11.2, 11.3, 11.4, 11.5, 11.6, 25.0], 2);
        assert_eq!(trend(folder.path()), Exit::Pass);
        let page = std::fs::read_to_string(folder.path().join(INDEX)).unwrap();
        assert_eq!(page.matches("/report.html\"").count(), 6);
        assert!(page.contains("<span class=\"badge fail\">worse</span>"), "{page}");
        let (runs, _) = find_past_runs(folder.path());
        let text = report::trends(&compare::trends(&runs));
        assert!(text.lines().any(|line| line.contains("failover.mttr") && line.ends_with("worse")), "{text}");
        // What is broken is passed over and told.
        std::fs::write(folder.path().join("run-0/result.json"), "{").unwrap();
        let (runs, unread) = find_past_runs(folder.path());
        assert_eq!((runs.len(), unread.len()), (5, 1));
    }
}
