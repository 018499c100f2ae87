//! The attach backend against a real cluster that `up` keeps: what it refuses, what it does, and that it
//! leaves nothing behind, also when it is killed. Skipped by name where the server cannot be had.

mod attached;
mod conform;
#[path = "../skips/default_server.rs"]
mod default_server;
mod ground;
mod refused;
mod roles;
#[path = "../skips/mod.rs"]
mod skips;

use default_server::default_server;
use ground::Ground;
use libtest_mimic::{Arguments, Failed};
use skips::Unmet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

type Test = fn(&ground::Ground) -> Result<(), Failed>;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let Some(code) = roles::play(&words) {
        return code;
    }
    let tests: [(&str, Test); 10] = [
        ("without_disposable_nothing_destructive_is_done", refused::without_disposable),
        ("with_another_id_nothing_at_all_is_done", refused::with_another_id),
        ("a_killed_leader_is_healed_and_nothing_of_ours_remains", attached::leader_kill),
        ("a_hook_that_does_nothing_is_found_out", attached::idle_hook),
        ("a_killed_harness_is_cleaned_up_after", attached::killed_harness),
        ("without_a_watchdog_clean_does_its_work", attached::killed_watchdog),
        ("clean_removes_only_names_of_ours", attached::clean_cluster),
        ("conform_leaves_nothing_on_a_cluster_that_exists", conform::leaves_nothing),
        ("conform_interrupted_leaves_nothing_either", conform::interrupted),
        ("conform_says_what_is_typed_wrong", conform::typed_wrong),
    ];
    let mut arguments = Arguments::from_args();
    // They share one cluster, and each harms it.
    arguments.test_threads = Some(1);
    let shared: Arc<Mutex<Option<Ground>>> = Arc::default();
    let trial = |(name, test): (&'static str, Test)| {
        let shared = shared.clone();
        // The first that runs brings the cluster up.
        let on_ground = move |binary: PathBuf| {
            let mut ground = shared.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            if ground.is_none() {
                *ground = Some(Ground::up(&binary)?);
            }
            ground.as_ref().map_or(Ok(()), test)
        };
        skips::trial(name, server, on_ground)
    };
    let detached = |binary: PathBuf| roles::detached_comes_and_goes(&binary);
    let trials =
        tests.into_iter().map(trial).chain([skips::trial("up_detached_comes_and_goes", server, detached)]);
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    if let Some(mut ground) = shared.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take() {
        ground.down();
    }
    conclusion.exit_code()
}

fn server() -> Result<PathBuf, Unmet> {
    Ok(default_server()?.path)
}
