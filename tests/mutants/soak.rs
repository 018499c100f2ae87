//! A bug that needs two faults in an order, against random faults: some seed finds it, the search leaves those two, and the
//! file that it writes repeats it. With VQ_MUTANTS=soak; every run has a cluster of its own.

use crate::bugs::{legal, soaked};
use crate::catalogue::{Mutant, Play};
use crate::front::front;
use crate::ground::{Quiet, runtime};
use crate::live;
use jiff::Timestamp;
use libtest_mimic::Failed;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use vaultquake::analyse::judge;
use vaultquake::machine::lock;
use vaultquake::model::{FaultKind, RunResult, Scenario, Server, Step, Target};
use vaultquake::record::{RunFolder, SavedRun, read_run};
use vaultquake::runner::{self, BackendChoice, RunRequest, Siblings, Stop};
use vaultquake::scenario::{load_scenario, with_faults_drawn};
use vaultquake::server::ServerBinary;
use vaultquake::soak::{Outcome, failed_rows, outcome, save_schedule, save_smallest, shrink};

const SEEDS: std::ops::RangeInclusive<u64> = 1..=20;
const TRIES: u32 = 3;

static PAUSE_THEN_KILL: Mutant =
    mutant("soaked", |asked, lab| Box::pin(soaked::dropped_after_pause_then_kill(asked, lab)));
static SOUND: Mutant = mutant("soaked-clean", |asked, lab| Box::pin(legal::clean(asked, lab)));

const fn mutant(name: &'static str, play: Play) -> Mutant {
    Mutant {
        name,
        scenario: "soaked",
        does: "Once a node was paused and a leader killed after that, one in five writes is acknowledged and not done.",
        caught_by: &["no-lost-writes"],
        maybe_by: &[],
        play,
        audit: None,
    }
}

/// What the bug needs, going by a schedule.
fn has_both_in_order(steps: &[Step]) -> bool {
    let paused = steps.iter().position(|step| step.fault == FaultKind::Pause);
    let kills = |step: &Step| step.fault == FaultKind::Kill && step.target == Target::Leader;
    paused.is_some_and(|paused| steps[paused..].iter().any(kills))
}

pub fn found_shrunk_and_repeated(server: &ServerBinary) -> Result<(), Failed> {
    let _machine = lock::exclusive(&mut |who| eprintln!("{who}"))?;
    let temporary = tempfile::tempdir()?;
    let kept = std::env::var_os("VQ_SOAK_OUT");
    let out = kept.as_deref().map_or(temporary.path(), Path::new);
    let soaked = live::scenario("soaked")?;
    let mut found = None;
    for seed in SEEDS {
        let drawn = with_faults_drawn(&soaked, seed);
        // On a machine that is busy with other things a cluster may not come up in time: the next seed.
        let (folder, run, result) = match once(server, &PAUSE_THEN_KILL, &drawn, seed, out) {
            Ok(ran) => ran,
            Err(why) => {
                eprintln!("seed {seed} could not be run: {why}");
                continue;
            }
        };
        let rows = failed_rows(&result);
        eprintln!("seed {seed}: {} ({}): {rows:?}", result.verdict, words(&drawn.timeline));
        if !rows.is_empty() && !has_both_in_order(&drawn.timeline) {
            return Err(
                format!("{rows:?} failed without what the bug needs: {}", folder.root().display()).into()
            );
        }
        if !rows.is_empty() {
            found = Some((seed, folder, run, rows));
            break;
        }
    }
    let (seed, folder, run, rows) = found.ok_or("no seed found it")?;
    let path = save_schedule(&folder, &run)?.ok_or("the run has no schedule")?;
    let schedule = load_scenario(&path).map_err(|errors| errors.to_string())?;
    let again = |mutant, steps: &[Step]| {
        let scenario = Scenario { timeline: steps.to_vec(), ..schedule.clone() };
        once(server, mutant, &scenario, seed, out)
    };
    let mut run = |steps: &[Step]| {
        let outcome = match again(&PAUSE_THEN_KILL, steps) {
            Ok((_, _, result)) => outcome(&result, &rows),
            Err(why) => {
                eprintln!("  {why}");
                Outcome::Unclear
            }
        };
        eprintln!("  tried {}: {outcome:?}", words(steps));
        Some(outcome)
    };
    let shrunk = shrink(&schedule.timeline, TRIES, &mut run, &mut |smallest, how| {
        eprintln!("{how}: {}", words(&smallest.steps));
    });
    let smallest = shrunk.smallest.as_ref().ok_or("it did not fail again")?;
    eprintln!("smallest after {} runs, {}: {}", shrunk.runs, smallest.rate.words(), words(&smallest.steps));
    let [first, second] = &smallest.steps[..] else {
        return Err("more or less than two faults are left".into());
    };
    assert_eq!(
        (first.fault, second.fault, &second.target),
        (FaultKind::Pause, FaultKind::Kill, &Target::Leader)
    );

    let path = save_smallest(&folder, &schedule, smallest, &rows, Some(&shrunk))?;
    eprintln!("{}", std::fs::read_to_string(&path)?);
    let read = load_scenario(&path).map_err(|errors| errors.to_string())?;
    assert_eq!(read.timeline, smallest.steps);
    let (_, _, repeated) = once(server, &PAUSE_THEN_KILL, &read, seed, out)?;
    assert_eq!(failed_rows(&repeated), rows, "the written file does not repeat it");
    // It is the bug that fails, and not the two faults.
    let (_, _, sound) = once(server, &SOUND, &read, seed, out)?;
    assert_eq!(failed_rows(&sound), BTreeSet::new());
    Ok(())
}

fn words(steps: &[Step]) -> String {
    let words: Vec<_> = steps.iter().map(|step| format!("{} {}", step.fault, step.target)).collect();
    words.join(", ")
}

fn once(
    server: &ServerBinary,
    mutant: &'static Mutant,
    scenario: &Scenario,
    seed: u64,
    out: &Path,
) -> Result<(RunFolder, SavedRun, RunResult), String> {
    let (now, zero) = (Timestamp::now(), Instant::now());
    let folder = RunFolder::create(out, now, &scenario.name, seed).map_err(|error| error.to_string())?;
    let backend = BackendChoice::Process { binary: server.path.clone(), upgrade_to: None };
    let request = RunRequest {
        scenario: scenario.clone(),
        overrides: vec![],
        seed,
        backend: BackendChoice::Behind { backend: Box::new(backend), front: front(mutant) },
        server: Server { product: server.product.to_string(), version: server.version.clone() },
        upgraded_to: None,
        out: out.to_owned(),
        command: "VQ_MUTANTS=soak cargo test --test mutants".into(),
        known_findings: vec![],
        saved_states: None,
        siblings: Siblings::none(),
        postgres: None,
        prometheus: None,
    };
    let runtime = runtime().map_err(|error| error.to_string())?;
    let ended =
        runtime.block_on(runner::run(request, folder.clone(), now, zero, Arc::new(Quiet), Stop::default()));
    ended.map_err(|error| error.to_string())?;
    let run = read_run(&folder).map_err(|error| error.to_string())?;
    let result = judge(&run);
    Ok((folder, run, result))
}
