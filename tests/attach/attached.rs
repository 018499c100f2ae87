//! Runs on the attached cluster: to their end, and killed in the middle.

use crate::ground::{Ground, check, events, run, scenario};
use libtest_mimic::Failed;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use vaultquake::machine::FileLock;
use vaultquake::model::{Event, FaultKind, HookName, Phase};

pub fn leader_kill(ground: &Ground) -> Result<(), Failed> {
    let before = ground.snapshot()?;
    for fault in [FaultKind::Kill, FaultKind::Pause, FaultKind::Seal] {
        let folder = ground.run_folder();
        run(&ground.file, scenario(fault, 4), folder.clone()).map_err(|error| error.to_string())?;
        let seen = events(&folder);
        let applied = seen.iter().any(|event| matches!(event, Event::FaultApplied { .. }));
        let healed = seen.iter().any(|event| matches!(event, Event::Healed { .. }));
        let lost = seen.iter().any(|event| matches!(event, Event::HarnessError { .. }));
        check(applied && healed && !lost, || format!("{fault}: {:?}", told(&seen)))?;
        // We did not see these nodes being made.
        let made = |event: &Event| matches!(event, Event::ClusterReady { .. } | Event::NodeJoined { .. });
        check(!seen.iter().any(made), || "the run says that it made the cluster".into())?;
        ground.is_whole()?;
        let after = ground.snapshot()?;
        check(before == after, || format!("{fault} left: {:?}", after.symmetric_difference(&before)))?;
        let log = std::fs::read_to_string(folder.private().join("watchdog.log"))?;
        check(log.is_empty(), || format!("the watchdog did something after an orderly end: {log}"))?;
    }
    Ok(())
}

pub fn idle_hook(ground: &Ground) -> Result<(), Failed> {
    let mut file = ground.file.clone();
    for node in &mut file.nodes {
        node.hooks.insert(HookName::Kill, "true".into());
    }
    let before = ground.snapshot()?;
    let folder = ground.run_folder();
    run(&file, scenario(FaultKind::Kill, 1), folder.clone()).map_err(|error| error.to_string())?;
    let seen = events(&folder);
    let found_out = |event: &Event| {
        matches!(event, Event::FaultNotApplied { reason, .. }
            if reason.contains("hook `kill` exited 0 but") && reason.contains("still answers"))
    };
    check(seen.iter().any(found_out), || format!("{:?}", told(&seen)))?;
    let after = ground.snapshot()?;
    check(before == after, || format!("left: {:?}", after.symmetric_difference(&before)))
}

/// SIGKILL of the harness while the leader is down: the watchdog brings it back and removes what was made.
pub fn killed_harness(ground: &Ground) -> Result<(), Failed> {
    let before = ground.snapshot()?;
    let folder = ground.run_folder();
    let file = ground.private_file("attach.json");
    std::fs::write(&file, serde_json::to_string(&ground.file).unwrap())?;
    let mut harness = Command::new(std::env::current_exe()?)
        .args(["harness"])
        .arg(&file)
        .arg(folder.root())
        .stdout(Stdio::null())
        .spawn()?;
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let seen = events(&folder);
        if seen.iter().any(|event| matches!(event, Event::FaultApplied { .. })) {
            let phase = |event: &Event| matches!(event, Event::Phase { phase: Phase::Recovery });
            check(!seen.iter().any(phase), || "the fault phase is over already".into())?;
            break;
        }
        let ended = harness.try_wait()?;
        check(ended.is_none() && Instant::now() < until, || format!("{ended:?}: {:?}", told(&seen)))?;
        std::thread::sleep(Duration::from_millis(20));
    }
    check(FileLock::try_acquire(&folder.lock())?.is_none(), || "a living run's lock is free".into())?;
    let during = ground.snapshot()?;
    check(during.iter().any(|name| name.contains(" vq-")), || "nothing was made under our names".into())?;
    harness.kill()?;
    harness.wait()?;
    ground.is_whole()?;
    let log = folder.private().join("watchdog.log");
    let said = || std::fs::read_to_string(&log).unwrap_or_default();
    let until = Instant::now() + Duration::from_secs(120);
    while !said().contains("nothing is left to undo") {
        check(Instant::now() < until && !said().contains("something is left"), said)?;
        std::thread::sleep(Duration::from_millis(100));
    }
    check(said().contains("healed kill of") && said().contains("removed vq-"), said)?;
    let after = ground.snapshot()?;
    check(before == after, || format!("left: {:?}", after.symmetric_difference(&before)))
}

/// What matters of a journal when a test has failed.
fn told(seen: &[Event]) -> Vec<&Event> {
    let quiet = |event: &&Event| {
        !matches!(
            event,
            Event::Control { .. }
                | Event::Cpu { .. }
                | Event::Indices { .. }
                | Event::Health { .. }
                | Event::ReadBack { .. }
                | Event::Term { .. }
        )
    };
    seen.iter().filter(quiet).collect()
}
