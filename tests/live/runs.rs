//! The runs that several tests look at, and the scenarios that are made for a test.

use super::harness::{
    Finished, Running, finish, no_server_within, place, processes_with, signal, vaultquake, wait_for,
};
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;
use vaultquake::model::{Event, Phase};

/// A short scenario at the server's fastest timing; `timeline` is one line of YAML.
pub fn fast(timeline: &str) -> String {
    format!("{}timeline: [{timeline}]\n", FAST_STEADY)
}

/// The same without a fault.
pub const FAST_STEADY: &str = "\
name: live
summary: Made by a test of the harness.
blueprint: alphapulse
server: { performance_multiplier: 1 }
load:
  - { workload: kv2.read, route: any, rate: 50/s }
  - { workload: kv2.write, route: leader, rate: 20/s }
warm_up: 1s
steady: 3s
recovery: { within: 30s, hold: 2s }
expect: [no-lost-writes]
";

/// The leader is killed and stays away until somebody ends the run.
pub fn long_kill() -> String {
    fast("{ at: 0s, kill: leader, heal_after: 60s }")
}

fn shipped(name: &str) -> Finished {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/failover").join(format!("{name}.yaml"));
    let place = place(name);
    let run = Running::start(&place, vaultquake().arg("run").arg(file).arg("--out").arg(place.join("out")));
    finish(run)
}

/// `failover/leader-kill-fast`, as it is shipped.
pub fn leader_kill_fast() -> &'static Finished {
    static RUN: OnceLock<Finished> = OnceLock::new();
    RUN.get_or_init(|| shipped("leader-kill-fast"))
}

/// `failover/leader-kill`, at the server's default timing.
pub fn leader_kill() -> &'static Finished {
    static RUN: OnceLock<Finished> = OnceLock::new();
    RUN.get_or_init(|| shipped("leader-kill"))
}

/// As somebody else would, without the harness.
pub fn kill_n2_in_the_steady_phase(run: &mut Running) {
    let folder = run.folder();
    run.wait_for_event(&folder, "the steady phase", |event| {
        matches!(event, Event::Phase { phase: Phase::Steady })
    });
    let node = format!("-config={}/", folder.private().join("nodes/n2").display());
    let pid = wait_for("the process of n2", Duration::from_secs(5), || {
        processes_with(&node).first().map(|(pid, _)| *pid)
    });
    signal(pid, "KILL");
}

/// Somebody else kills the node in the steady phase at which the fault is aimed afterwards.
pub fn victim_already_dead() -> &'static Finished {
    static RUN: OnceLock<Finished> = OnceLock::new();
    RUN.get_or_init(|| {
        let text = fast("{ at: 0s, kill: n2, heal_after: 2s }").replace("within: 30s", "within: 3s");
        let mut run = Running::scenario(&place("victim-already-dead"), &text);
        kill_n2_in_the_steady_phase(&mut run);
        let finished = finish(run);
        no_server_within(&finished.folder, Duration::from_secs(5));
        finished
    })
}
