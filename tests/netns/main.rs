//! Links that are disturbed packet by packet, with real packets between real namespaces. Skipped by name where the
//! machine or the user lacks what it takes.

mod agents;
mod lab;
mod links;
#[path = "../skips/mod.rs"]
mod skips;

use lab::Lab;
use libtest_mimic::{Arguments, Failed};
use skips::Unmet;
use std::process::{Command, ExitCode};

type Test = fn(Lab) -> Result<(), Failed>;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // They measure moments.
    arguments.test_threads.get_or_insert(1);
    let tests: [(&str, Test); 12] = [
        ("links::a_black_hole_silences_one_way_and_nobody_else", links::black_hole),
        ("links::a_refusal_resets_and_refuses_at_once", links::refusal),
        ("links::clients_are_cut_off_and_peers_are_not", links::clients),
        ("links::clients_are_refused_at_once", links::clients_refused),
        ("links::a_share_of_the_packets_is_lost", links::loss),
        ("links::packets_are_late_and_keep_their_order", links::delay),
        ("links::answers_to_clients_are_late", links::delay_to_clients),
        ("links::a_narrow_way_takes_its_time", links::bandwidth),
        ("links::take_effect_within_a_tenth_of_a_second", links::effect),
        ("agents::a_killed_one_leaves_its_table_and_another_takes_over", agents::killed),
        ("agents::go_with_their_controller_and_leave_others_rules_alone", agents::gone),
        ("agents::a_node_with_a_new_namespace_gets_the_map", agents::restarted),
    ];
    let trials = tests.map(|(name, test)| skips::trial(name, needs, move |()| test(Lab::new()?)));
    libtest_mimic::run(&arguments, trials.into()).exit_code()
}

fn needs() -> Result<(), Unmet> {
    if !rustix::process::geteuid().is_root() {
        return Err(Unmet::Missing("entering network namespaces needs root".to_owned()));
    }
    for (program, package) in [("ip", "iproute2"), ("nft", "nftables"), ("nsenter", "util-linux")] {
        if let Err(error) = Command::new(program).arg("-V").output() {
            return Err(Unmet::Missing(format!("{program}: {error}; install {package}")));
        }
    }
    // Containers are often root without the right to make namespaces.
    match Command::new("unshare").args(["--net", "true"]).status() {
        Ok(status) if status.success() => Ok(()),
        _ => Err(Unmet::Missing("network namespaces cannot be made here; it takes CAP_SYS_ADMIN".to_owned())),
    }
}
