//! Planted bugs: for each checker, that it reports what it must and nothing else. Saved runs are judged again by
//! every `cargo test`; with VQ_MUTANTS=live all are run against a real cluster, with VQ_MUTANTS=save kept as well, and with
//! VQ_MUTANTS=soak one is looked for with random faults.

mod asked;
mod audit;
mod bugs;
mod catalogue;
#[path = "../skips/default_server.rs"]
mod default_server;
mod front;
mod ground;
mod lab;
mod live;
mod matrix;
mod proxy;
mod saved;
#[path = "../skips/mod.rs"]
mod skips;
mod soak;
mod turn;

use catalogue::{Mutant, mutants};
use default_server::default_server;
use ground::Ground;
use libtest_mimic::{Arguments, Failed, Trial};
use skips::Unmet;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use turn::Turn;
use vaultquake::helper::{Installation, PostgresError, fetch_or_find};
use vaultquake::record::{RunFolder, SavedRun};
use vaultquake::server::{ProvisionOptions, ServerBinary, ServerSpec, provision};
use vaultquake::watchdog;

const PAGE: &str = "docs/planted-bugs.md";

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Judge,
    Live,
    Save,
    Soak,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [word, folder] = &words[..]
        && word == "watchdog"
    {
        return watchdog::main(Path::new(folder));
    }
    let mode = match std::env::var("VQ_MUTANTS").as_deref() {
        Ok("live") => Mode::Live,
        Ok("save") => Mode::Save,
        Ok("soak") => Mode::Soak,
        _ => Mode::Judge,
    };
    let mut arguments = Arguments::from_args();
    if mode == Mode::Judge {
        return libtest_mimic::run(&arguments, judging()).exit_code();
    }
    if mode == Mode::Soak {
        let trial = skips::trial("a_bug_that_needs_two_faults_in_an_order", default_server, |server| {
            soak::found_shrunk_and_repeated(&server)
        });
        return libtest_mimic::run(&arguments, vec![trial]).exit_code();
    }
    // They share one cluster, and would be felt by one another.
    arguments.test_threads = Some(1);
    let shared: Shared = Arc::default();
    let mut conclusion = libtest_mimic::run(&arguments, live(&shared, mode));
    let bench = std::mem::take(&mut *shared.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
    if let Some(mut ground) = bench.ground {
        ground.down();
    }
    if mode == Mode::Save
        && let Err(why) =
            matrix().and_then(|page| std::fs::write(page_path(), page).map_err(|e| e.to_string()))
    {
        eprintln!("{why}");
        conclusion.num_failed += 1;
    }
    conclusion.exit_code()
}

/// What every live run needs: the server, the version that is upgraded to it, and the database beside it.
#[derive(Clone)]
struct Means {
    server: ServerBinary,
    before: ServerBinary,
    postgres: Installation,
}

/// What mutants of an upgrade begin with.
const BEFORE: &str = "openbao@2.7.1";

fn means() -> Result<Means, Unmet> {
    let postgres = fetch_or_find(&ProvisionOptions::from_env()?, &mut |text| eprintln!("{text}"));
    let postgres = postgres.map_err(|error| match error {
        PostgresError::Missing { .. } => Unmet::Missing(error.to_string()),
        PostgresError::Failed(_) => Unmet::Broken(error.to_string()),
    })?;
    let before: ServerSpec = BEFORE.parse().expect("our own");
    let before = provision(&before, &ProvisionOptions::from_env()?, &mut |text| eprintln!("{text}"))?;
    Ok(Means { server: default_server()?, before, postgres })
}

/// What the runs have one after the other.
#[derive(Default)]
struct Bench {
    /// The first that runs on it brings it up.
    ground: Option<Ground>,
    turn: Option<Turn>,
}

type Shared = Arc<Mutex<Bench>>;

fn live(shared: &Shared, mode: Mode) -> Vec<Trial> {
    let trial = |mutant: &'static Mutant| {
        let shared = shared.clone();
        skips::trial(mutant.name, means, move |means| shake(&shared, &means, mutant, mode))
    };
    mutants().map(trial).collect()
}

fn shake(shared: &Shared, means: &Means, mutant: &'static Mutant, mode: Mode) -> Result<(), Failed> {
    let mut bench = shared.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    bench.turn = Some(Turn::again(bench.turn.take())?);
    let place = tempfile::tempdir()?;
    let slot = &mut bench.ground;
    let (folder, run) = match run_on(slot, means, mutant, &place) {
        Ok(ran) => ran,
        // On a machine that is busy with other things a node was seen to hang for good.
        Err(why) => {
            eprintln!("{}: {why}; once more, on a new cluster", mutant.name);
            if let Some(mut ground) = slot.take() {
                ground.down();
            }
            run_on(slot, means, mutant, &place)?
        }
    };
    let (verdicts, result) = matrix::verdicts(&run);
    if let Some(wrong) = matrix::wrong(mutant, &verdicts, &result) {
        // At once: the whole takes minutes.
        eprintln!("{}: {wrong}", mutant.name);
        return Err(wrong.into());
    }
    if mode == Mode::Save {
        saved::keep(mutant.name, &folder)?;
    }
    Ok(())
}

fn run_on(
    slot: &mut Option<Ground>,
    Means { server, before, postgres }: &Means,
    mutant: &'static Mutant,
    place: &TempDir,
) -> Result<(RunFolder, SavedRun), String> {
    if live::takes_its_own(mutant)? {
        return live::run_alone(server, before, mutant, place.path());
    }
    if slot.is_none() {
        *slot = Some(Ground::up(&server.path, postgres)?);
    }
    slot.as_ref().map_or(Err("there is no cluster".into()), |ground| live::run(ground, mutant))
}

fn judging() -> Vec<Trial> {
    let saved = mutants().map(|mutant| {
        Trial::test(format!("saved::{}", mutant.name), move || {
            let (verdicts, result) = matrix::verdicts(&saved::read(mutant.name)?);
            matrix::wrong(mutant, &verdicts, &result).map_or(Ok(()), |wrong| Err(wrong.into()))
        })
    });
    let page = Trial::test("the_page_says_what_the_saved_runs_say", || {
        let is = std::fs::read_to_string(page_path())?;
        if is == matrix()? {
            return Ok(());
        }
        Err(format!("{PAGE} is not what the saved runs say; VQ_MUTANTS=save writes both").into())
    });
    saved.chain([page]).collect()
}

fn page_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE)
}

fn matrix() -> Result<String, String> {
    let of = |mutant: &Mutant| Ok((mutant.name, matrix::verdicts(&saved::read(mutant.name)?).0));
    let matrix: BTreeMap<_, _> = mutants().map(of).collect::<Result<_, String>>()?;
    Ok(matrix::page(&matrix))
}
