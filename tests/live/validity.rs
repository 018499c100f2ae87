//! What proves nothing gives no verdict: a fault that hit a dead node, too few operations, an aborted run.

use super::harness::{Running, find_runs, finish, place, result, vaultquake};
use super::runs;
use std::fs;
use vaultquake::model::Verdict;

pub fn a_victim_that_is_dead_already() {
    let run = runs::victim_already_dead();
    run.ended.expect_code(2);
    let result = result(&run.folder);
    assert_eq!(result.verdict, Verdict::Inconclusive);
    let named = result.reasons.iter().any(|reason| {
        reason.contains("did not take hold")
            && reason.contains("n2 is already down")
            && reason.contains("signal 9")
    });
    assert!(named, "{:?}", result.reasons);
    assert!(run.ended.stdout.contains("n2 is already down"), "{}", run.ended.stdout);
}

pub fn too_few_operations() {
    let text = runs::fast("{ at: 0s, kill: follower, heal_after: 1s }")
        .replace("rate: 50/s", "rate: 1/s")
        .replace("rate: 20/s", "rate: 1/s");
    let run = finish(Running::scenario(&place("too-few"), &text));
    run.ended.expect_code(2);
    let result = result(&run.folder);
    assert_eq!(result.verdict, Verdict::Inconclusive);
    for kind in ["reads or logins", "writes"] {
        let said = result.reasons.iter().any(|reason| {
            reason.contains(&format!("{kind} succeeded before the first fault"))
                && reason.contains("are needed")
        });
        assert!(said, "{kind}: {:?}", result.reasons);
    }
}

pub fn an_aborted_run_does_not_stop_the_next() {
    let place = place("aborted");
    let aborted = runs::long_kill().replace("name: live", "name: aborted") + "abort_when: { outage: 1s }\n";
    fs::create_dir(place.join("scenarios")).unwrap();
    fs::write(place.join("scenarios/a.yaml"), aborted).unwrap();
    fs::write(place.join("scenarios/b.yaml"), runs::FAST_STEADY).unwrap();
    let mut command = vaultquake();
    command.arg("run").arg(place.join("scenarios")).arg("--out").arg(place.join("out"));
    let run = finish(Running::start(&place, &mut command));
    run.ended.expect_code(2);
    let results: Vec<_> = find_runs(&place).iter().map(result).collect();
    assert_eq!(results.len(), 2, "{}", run.ended.all());
    assert_eq!((results[0].scenario.as_str(), results[0].verdict), ("aborted", Verdict::Inconclusive));
    assert!(results[0].reasons.iter().any(|reason| reason.contains("no write was acknowledged for 1s")));
    assert_eq!((results[1].scenario.as_str(), results[1].verdict), ("live", Verdict::Pass));
}
