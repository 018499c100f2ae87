//! Runs on the attached cluster: to their end, and killed in the middle.

use crate::ground::{Ground, check, events, run, runtime, scenario};
use libtest_mimic::Failed;
use rustix::process::{Pid, Signal, kill_process};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use vaultquake::cleaning::clean_run;
use vaultquake::machine::FileLock;
use vaultquake::model::{Event, FaultKind, HookName};
use vaultquake::record::RunFolder;

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

/// A harness in a process of its own, in its fault phase, with the fault in hold.
fn harness_in_fault(ground: &Ground, target: &str, folder: &RunFolder) -> Result<Child, Failed> {
    let file = ground.private_file("attach.json");
    std::fs::write(&file, serde_json::to_string(&ground.file).unwrap())?;
    let mut harness = Command::new(std::env::current_exe()?)
        .arg("harness")
        .arg(&file)
        .arg(target)
        .arg(folder.root())
        .stdout(Stdio::null())
        .spawn()?;
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let seen = events(folder);
        if seen.iter().any(|event| matches!(event, Event::FaultApplied { .. })) {
            check(FileLock::try_acquire(&folder.lock())?.is_none(), || "a living run's lock is free".into())?;
            return Ok(harness);
        }
        let ended = harness.try_wait()?;
        check(ended.is_none() && Instant::now() < until, || format!("{ended:?}: {:?}", told(&seen)))?;
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// SIGKILL of the harness while the leader is down: the watchdog brings it back and removes what was made.
pub fn killed_harness(ground: &Ground) -> Result<(), Failed> {
    let before = ground.snapshot()?;
    let folder = ground.run_folder();
    let mut harness = harness_in_fault(ground, "leader", &folder)?;
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

/// Harness and watchdog die while every node is down: no node says which cluster it is of, and `clean` goes
/// by what the run recorded.
pub fn killed_watchdog(ground: &Ground) -> Result<(), Failed> {
    let before = ground.snapshot()?;
    let folder = ground.run_folder();
    let mut harness = harness_in_fault(ground, "all", &folder)?;
    let alive = runtime().block_on(clean_run(&folder, &mut |_| {}))?;
    check(alive.alive && alive.did.is_empty(), || format!("a living run was cleaned: {alive:?}"))?;
    let watchdog = watchdog_of(harness.id()).ok_or("the harness has no watchdog")?;
    kill_process(watchdog, Signal::KILL)?;
    harness.kill()?;
    harness.wait()?;
    let mut said = Vec::new();
    let cleaned = runtime().block_on(clean_run(&folder, &mut |text| said.push(text.to_owned())))?;
    check(cleaned.trouble.is_empty(), || format!("{cleaned:?}"))?;
    let healed = cleaned.did.iter().filter(|did| did.contains("healed kill of")).count();
    check(healed == 3, || format!("{cleaned:?}"))?;
    check(said.iter().any(|text| text.contains("going by the id that the run recorded")), || {
        said.join("; ")
    })?;
    ground.is_whole()?;
    let after = ground.snapshot()?;
    check(before == after, || format!("left: {:?}", after.symmetric_difference(&before)))?;
    let again = runtime().block_on(clean_run(&folder, &mut |_| {}))?;
    check(again.did.is_empty() && again.trouble.is_empty(), || format!("not done at once: {again:?}"))
}

/// The child whose command line says that it is one.
fn watchdog_of(harness: u32) -> Option<Pid> {
    let tasks = std::fs::read_dir(format!("/proc/{harness}/task")).ok()?.flatten();
    let children = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    let children = children.collect::<Vec<_>>().join(" ");
    let mut children = children.split_whitespace().filter_map(|pid| pid.parse().ok());
    let is_one = |pid: &i32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).nth(1) == Some(b"watchdog")
    };
    Pid::from_raw(children.find(is_one)?)
}

pub fn clean_cluster(ground: &Ground) -> Result<(), Failed> {
    let before = ground.snapshot()?;
    ground.make_policies(&["vq-0a1b2c-left", "vq-notes", "team-vq-0a1b2c-x"])?;
    let cleaned = runtime().block_on(vaultquake::cleaning::clean_cluster(&ground.file))?;
    check(cleaned.did == ["removed vq-0a1b2c-left"] && cleaned.trouble.is_empty(), || {
        format!("{cleaned:?}")
    })?;
    let after = ground.snapshot()?;
    let kept: Vec<_> =
        after.difference(&before).map(|name| name.rsplit(' ').next().unwrap_or_default()).collect();
    check(kept == ["team-vq-0a1b2c-x", "vq-notes"], || format!("{kept:?}"))
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
