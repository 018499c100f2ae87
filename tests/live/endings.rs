//! However a run ends, no server outlives it, and what it wrote can be read.

use super::harness::{
    Running, events, finish, no_server_within, place, recheck, result, servers_of, signal, wait_for,
};
use super::runs;
use std::time::{Duration, Instant};
use vaultquake::machine::{FileLock, lock};
use vaultquake::model::{Event, Phase, Verdict};
use vaultquake::record::read_run;

const GONE_WITHIN: Duration = Duration::from_secs(5);
/// Healing starts a server again and waits for it; the load drains for at most 12 s.
const HEALED_WITHIN: Duration = Duration::from_secs(90);

pub fn killed_in_the_fault_phase() {
    let mut run = Running::scenario(&place("killed"), &runs::long_kill());
    let folder = run.folder();
    run.wait_for_fault(&folder);
    assert_eq!(servers_of(&folder).len(), 2, "one of three is down");
    signal(run.pid(), "KILL");
    let ended = run.end(GONE_WITHIN);
    assert_eq!(ended.signal, Some(9));
    no_server_within(&folder, GONE_WITHIN);
    assert_eq!(FileLock::holder(&folder.lock()).unwrap(), None, "the folder looks alive");

    let saved = read_run(&folder).unwrap();
    assert!(!saved.ended() && !saved.history.is_empty());
    assert!(saved.damage.iter().all(|damage| damage.contains("cut off")), "{:?}", saved.damage);
    let (rechecked, judged) = recheck(&folder);
    rechecked.expect_code(2);
    assert_eq!(judged.verdict, Verdict::Inconclusive);
    assert!(rechecked.stdout.to_lowercase().contains("inconclusive"), "{}", rechecked.stdout);
    assert!(judged.reasons.iter().any(|reason| reason.contains("did not come to its end")));
    assert!(!folder.result_json().exists(), "nobody finished this run, so nobody has its result");

    let next = finish(Running::scenario(&place("after-killed"), runs::FAST_STEADY));
    next.ended.expect_code(0);
}

pub fn signalled_in_the_fault_phase(name: &str) {
    let mut run = Running::scenario(&place(&format!("once-{name}")), &runs::long_kill());
    let folder = run.folder();
    run.wait_for_fault(&folder);
    signal(run.pid(), name);
    let ended = run.end(HEALED_WITHIN);
    ended.expect_code(130);
    ended.expect_stderr(&[&format!("SIG{name}: stopping in order")]);
    no_server_within(&folder, Duration::from_secs(1));
    let events = events(&folder);
    assert!(events.iter().any(|event| matches!(event, Event::Healed { fault, .. } if fault == "f1")));
    let interrupted = Event::Interrupted { signal: format!("SIG{name}") };
    assert!(events.contains(&interrupted) && events.last() == Some(&Event::Ended));
    let result = result(&folder);
    assert_ne!(result.verdict, Verdict::Pass);
    assert!(result.reasons.iter().any(|reason| reason.contains("interrupted")), "{:?}", result.reasons);
    assert!(folder.root().join("report.html").is_file());
}

/// A node that will not come back must not keep the person waiting for as long as the scenario allows it.
pub fn sigint_in_the_recovery_phase() {
    let text = runs::fast("{ at: 0s, kill: n2, heal_after: 2s }").replace("within: 30s", "within: 300s");
    let mut run = Running::scenario(&place("recovery"), &text);
    runs::kill_n2_in_the_steady_phase(&mut run);
    let folder = run.folder();
    run.wait_for_event(&folder, "the recovery phase", |event| {
        matches!(event, Event::Phase { phase: Phase::Recovery })
    });
    signal(run.pid(), "INT");
    let ended = run.end(HEALED_WITHIN);
    ended.expect_code(130);
    no_server_within(&folder, Duration::from_secs(1));
    assert!(folder.root().join("report.html").is_file());
}

/// Also a server that is stopped, and would not hear SIGTERM, must not stay.
pub fn sigint_twice() {
    let text = runs::fast("{ at: 0s, pause: leader, heal_after: 60s }");
    let mut run = Running::scenario(&place("twice"), &text);
    let folder = run.folder();
    run.wait_for_fault(&folder);
    signal(run.pid(), "INT");
    // Two at once are one to the kernel.
    wait_for("an answer to the first", GONE_WITHIN, || run.stderr().contains("SIGINT").then_some(()));
    let second = Instant::now();
    signal(run.pid(), "INT");
    let ended = run.end(Duration::from_secs(3));
    ended.expect_code(130);
    ended.expect_stderr(&["ending at once"]);
    no_server_within(&folder, GONE_WITHIN.saturating_sub(second.elapsed()));
    let (rechecked, _) = recheck(&folder);
    rechecked.expect_code(2);
}

pub fn sigint_during_set_up() {
    let mut run = Running::scenario(&place("set-up"), &runs::long_kill());
    let folder = run.folder();
    wait_for("a server", Duration::from_secs(30), || (!servers_of(&folder).is_empty()).then_some(()));
    signal(run.pid(), "INT");
    let ended = run.end(Duration::from_secs(20));
    ended.expect_code(130);
    no_server_within(&folder, Duration::from_secs(1));
    let result = result(&folder);
    assert_ne!(result.verdict, Verdict::Pass);
    assert!(!events(&folder).iter().any(|event| matches!(event, Event::FaultRequested { .. })));
}

/// There is nothing to heal yet, so one is enough; and the exit code is the same as later.
pub fn signalled_while_waiting() {
    let _machine = lock::exclusive(&mut |_| {}).unwrap();
    for name in ["INT", "TERM", "HUP"] {
        let run = Running::scenario(&place(&format!("waiting-{name}")), runs::FAST_STEADY);
        wait_for("waiting", Duration::from_secs(60), || {
            run.stderr().contains("another run has the machine").then_some(())
        });
        signal(run.pid(), name);
        run.end(GONE_WITHIN).expect_code(130);
    }
}
