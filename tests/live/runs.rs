//! The runs that several tests look at.

pub use super::harness::{FAST_STEADY, fast, long_kill};
use super::harness::{
    Finished, Running, finish, no_server_within, place, processes_with, signal, vaultquake, wait_for,
};
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;
use vaultquake::model::{Event, Phase};

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
