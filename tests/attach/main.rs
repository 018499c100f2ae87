//! The attach backend against a real cluster that `up` keeps: what it refuses, what it does, and that it
//! leaves nothing behind, also when it is killed. Needs a server binary: VAULTQUAKE_TEST_BAO names it.

mod attached;
mod ground;
mod refused;
mod roles;

use libtest_mimic::{Arguments, Failed, Trial};
use std::path::PathBuf;
use std::process::ExitCode;

const BINARY: &str = "VAULTQUAKE_TEST_BAO";

type Test = fn(&ground::Ground) -> Result<(), Failed>;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let Some(code) = roles::play(&words) {
        return code;
    }
    let tests: [(&str, Test); 7] = [
        ("without_disposable_nothing_destructive_is_done", refused::without_disposable),
        ("with_another_id_nothing_at_all_is_done", refused::with_another_id),
        ("a_killed_leader_is_healed_and_nothing_of_ours_remains", attached::leader_kill),
        ("a_hook_that_does_nothing_is_found_out", attached::idle_hook),
        ("a_killed_harness_is_cleaned_up_after", attached::killed_harness),
        ("without_a_watchdog_clean_does_its_work", attached::killed_watchdog),
        ("clean_removes_only_names_of_ours", attached::clean_cluster),
    ];
    let binary = std::env::var_os(BINARY).map(PathBuf::from);
    if binary.is_none() {
        eprintln!("skipped, all of them: {BINARY} does not name a server binary");
    }
    let mut arguments = Arguments::from_args();
    // They share one cluster, and each harms it.
    arguments.test_threads = Some(1);
    let listing = arguments.list;
    let ground = match &binary {
        Some(binary) if !listing => match ground::Ground::up(binary) {
            Ok(ground) => Some(ground::shared(ground)),
            Err(error) => {
                eprintln!("no cluster to attach to: {error}");
                return ExitCode::FAILURE;
            }
        },
        _ => None,
    };
    let trial = |(name, test): (&str, Test)| {
        let ground = ground.clone();
        let run =
            move || ground.map_or(Err(Failed::from("no cluster")), |ground| test(&ground.lock().unwrap()));
        Trial::test(name, run).with_ignored_flag(binary.is_none())
    };
    let trials = tests.into_iter().map(trial).chain([Trial::test("up_detached_comes_and_goes", {
        let binary = binary.clone();
        move || roles::detached_comes_and_goes(&binary.ok_or("no server binary")?)
    })
    .with_ignored_flag(binary.is_none())]);
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    if let Some(ground) = ground {
        ground.lock().unwrap().down();
    }
    conclusion.exit_code()
}
