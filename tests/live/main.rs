//! The harness itself, on real servers and through the real program: what it leaves behind, how it ends, what
//! it says, and that it can tell what it measures. Skipped by name where the server cannot be had.

mod audit;
#[path = "../skips/default_server.rs"]
mod default_server;
mod disk;
mod endings;
mod harness;
mod instrument;
mod messages;
mod reused;
mod runs;
mod saved;
mod secrets;
mod side_by_side;
#[path = "../skips/mod.rs"]
mod skips;
mod validity;

use default_server::default_server;
use libtest_mimic::{Arguments, Trial};

fn main() {
    let mut arguments = Arguments::from_args();
    // Runs queue for the machine anyway, and what measures must not do so beside a test that searches files.
    arguments.test_threads.get_or_insert(1);
    let on_servers: [(&str, fn()); 25] = [
        ("audit::values_written_down_as_they_are", audit::values_written_down_as_they_are),
        ("audit::entries_that_were_taken_away", audit::entries_that_were_taken_away),
        ("reused::from_the_second_run_on", reused::from_the_second_run_on),
        ("secrets::stay_private_in_a_run_that_passes", secrets::stay_private_in_a_run_that_passes),
        ("secrets::stay_private_in_a_run_that_does_not", secrets::stay_private_in_a_run_that_does_not),
        ("secrets::planted_ones_are_found", secrets::planted_ones_are_found),
        ("saved::recheck_gives_the_same_bytes", saved::recheck_gives_the_same_bytes),
        ("instrument::tells_multiplier_1_from_5", instrument::tells_multiplier_1_from_5),
        ("instrument::shows_a_stall_of_two_seconds", instrument::shows_a_stall_of_two_seconds),
        ("validity::a_victim_that_is_dead_already", validity::a_victim_that_is_dead_already),
        ("validity::too_few_operations", validity::too_few_operations),
        ("validity::an_aborted_run_does_not_stop_the_next", validity::an_aborted_run_does_not_stop_the_next),
        ("endings::killed_in_the_fault_phase", endings::killed_in_the_fault_phase),
        ("endings::sigint_in_the_fault_phase", || endings::signalled_in_the_fault_phase("INT")),
        ("endings::sigterm_in_the_fault_phase", || endings::signalled_in_the_fault_phase("TERM")),
        ("endings::sighup_in_the_fault_phase", || endings::signalled_in_the_fault_phase("HUP")),
        ("endings::sigint_in_the_recovery_phase", endings::sigint_in_the_recovery_phase),
        ("endings::sigint_twice", endings::sigint_twice),
        ("endings::sigint_during_set_up", endings::sigint_during_set_up),
        ("endings::signalled_while_waiting_for_the_machine", endings::signalled_while_waiting),
        ("side_by_side::share_the_machine_but_for_latency", side_by_side::share_the_machine_but_for_latency),
        ("side_by_side::sigint_ends_all_of_them", side_by_side::sigint_ends_all_of_them),
        ("messages::machine_taken", messages::machine_taken),
        ("messages::a_server_that_exits_at_once", messages::a_server_that_exits_at_once),
        ("messages::an_out_folder_that_cannot_be", messages::an_out_folder_that_cannot_be),
    ];
    let anywhere: [(&str, fn()); 7] = [
        ("messages::an_unknown_path", messages::an_unknown_path),
        ("messages::a_broken_scenario", messages::a_broken_scenario),
        ("messages::an_unknown_version", messages::an_unknown_version),
        ("messages::an_image", messages::an_image),
        ("messages::jobs_that_make_no_sense", messages::jobs_that_make_no_sense),
        ("messages::no_server_at_all", messages::no_server_at_all),
        ("messages::a_server_that_cannot_be_had", messages::a_server_that_cannot_be_had),
    ];
    let on_servers = on_servers.into_iter().map(|(name, test)| on_a_server(name, test));
    let anywhere = anywhere.into_iter().map(|(name, test)| {
        Trial::test(name, move || {
            test();
            Ok(())
        })
    });
    let on_disks: [(_, fn()); 2] = [
        ("disk::full_in_the_steady_phase", disk::full_in_the_steady_phase),
        ("disk::killed_while_a_node_has_no_room", disk::killed_while_a_node_has_no_room),
    ];
    let on_disks = on_disks.into_iter().map(|(name, test)| {
        let prepare = || default_server().and_then(|_| disk::private_mounts());
        skips::trial(name, prepare, move |()| {
            test();
            Ok(())
        })
    });
    let trials = anywhere.chain(on_servers).chain(on_disks).collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    if !arguments.list {
        harness::leave_ground(conclusion.has_failed());
    }
    conclusion.exit();
}

fn on_a_server(name: &str, test: fn()) -> Trial {
    skips::trial(name, default_server, move |_| {
        test();
        Ok(())
    })
}
