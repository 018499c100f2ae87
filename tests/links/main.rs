//! The network between real nodes, cut and healed: what the links do to a real cluster, and what its servers make
//! of it. Skipped by name where the server cannot be had.

mod cut;
#[path = "../skips/default_server.rs"]
mod default_server;
mod ground;
#[path = "../skips/mod.rs"]
mod skips;

use default_server::default_server;
use ground::Ground;
use libtest_mimic::{Arguments, Trial};

fn main() {
    let mut arguments = Arguments::from_args();
    // Each has a cluster of its own and the machine for itself.
    arguments.test_threads = Some(1);
    let trial = |name: &'static str, test: fn(&Ground)| {
        skips::trial(name, default_server, move |server| {
            test(&Ground::up(&server.path));
            Ok(())
        })
    };
    let trials: Vec<Trial> = vec![
        trial("an_isolated_leader_is_replaced_and_comes_back", cut::isolated_leader),
        trial("a_leader_that_cannot_hear_is_replaced", cut::deaf_leader),
        trial("a_leader_that_cannot_speak_is_replaced", cut::mute_leader),
        trial("a_node_restarted_while_it_is_cut_off_comes_back", cut::restarted_while_cut),
        trial("clients_are_cut_off_and_come_back", cut::clients),
    ];
    libtest_mimic::run(&arguments, trials).exit();
}
