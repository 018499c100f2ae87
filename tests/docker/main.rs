//! The docker backend on a real engine: its image, its nodes, what it refuses, and that it leaves nothing behind.
//! Skipped by name where no engine answers or the server cannot be had.

mod cleaning;
mod cycles;
#[path = "../skips/default_server.rs"]
mod default_server;
#[path = "../skips/docker.rs"]
mod docker;
mod ground;
#[path = "../live/harness.rs"]
#[expect(dead_code, reason = "what the tests of the process backend need beside")]
mod harness;
mod image;
mod links;
mod nodes;
mod own_engine;
mod refused;
#[path = "../skips/mod.rs"]
mod skips;
mod strain;

use default_server::default_server;
use docker::docker_engine;
use libtest_mimic::{Arguments, Trial};
use vaultquake::server::ServerBinary;

fn main() {
    let mut arguments = Arguments::from_args();
    // They look at the same engine, and the runs queue for the machine anyway.
    arguments.test_threads.get_or_insert(1);
    type Test = (&'static str, fn(&ServerBinary));
    let anybody: [Test; 13] = [
        ("image::has_the_same_id_whenever_it_is_made", image::has_the_same_id_whenever_it_is_made),
        ("image::starts_a_server_that_answers", image::starts_a_server_that_answers),
        ("image::says_by_name_which_server_it_holds", image::says_by_name_which_server_it_holds),
        ("nodes::are_killed_paused_stopped_and_started", nodes::are_killed_paused_stopped_and_started),
        ("links::leader_is_cut_off", links::leader_is_cut_off),
        ("links::leader_is_cut_off_from_beside", links::leader_is_cut_off_from_beside),
        ("refused::a_network_of_that_name", refused::a_network_of_that_name),
        ("refused::a_container_of_that_name", refused::a_container_of_that_name),
        ("refused::no_free_subnet", refused::no_free_subnet),
        ("refused::an_image_that_cannot_be_had", refused::an_image_that_cannot_be_had),
        ("refused::an_engine_that_does_not_answer", refused::an_engine_that_does_not_answer),
        ("cleaning::sigint_leaves_nothing", cleaning::sigint_leaves_nothing),
        ("cleaning::sigkill_leaves_what_clean_removes", cleaning::sigkill_leaves_what_clean_removes),
    ];
    let root: [Test; 2] = [
        ("strain::is_taken_away_and_given_back", strain::is_taken_away_and_given_back),
        ("cycles::leave_the_machine_as_it_was", cycles::leave_the_machine_as_it_was),
    ];
    let own_engine: [Test; 2] = [
        ("own_engine::restarted_in_the_middle", own_engine::restarted_in_the_middle),
        ("own_engine::with_a_full_disk", own_engine::with_a_full_disk),
    ];
    type Need = fn() -> Result<(), skips::Unmet>;
    let trial = |need: Need, (name, test): Test| -> Trial {
        let prepare = move || need().and_then(|()| docker_engine()).and_then(|()| default_server());
        skips::trial(name, prepare, move |binary| {
            test(&binary);
            Ok(())
        })
    };
    let trials = anybody.into_iter().map(|test| trial(|| Ok(()), test));
    let trials = trials.chain(root.into_iter().map(|test| trial(strain::root, test)));
    let trials = trials.chain(own_engine.into_iter().map(|test| trial(own_engine::engine_program, test)));
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    if !arguments.list {
        harness::leave_ground(conclusion.has_failed());
    }
    conclusion.exit();
}
