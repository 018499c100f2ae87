//! Faults come and go, and the harness is killed in the middle of it: the machine is as before.
//!
//! Everything of the machine is compared, so nobody else may use the engine meanwhile. `VQ_CYCLES` says how often (the nightly suite does fifty), `VQ_SEED` repeats a sequence.

use super::ground::{block_on, everything};
use super::harness::{FAST_STEADY, Running, place, processes_with, signal, vaultquake};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use vaultquake::model::Event;
use vaultquake::server::ServerBinary;

const CYCLES_DEFAULT: u32 = 2;
/// Each with what may be done on which backend.
const FAULTS: [(&str, bool); 10] = [
    ("isolate: leader", true),
    ("cannot-hear: follower", true),
    ("degrade: leader, delay: 20ms", true),
    ("kill: leader", true),
    ("pause: follower", true),
    ("fill-audit: leader", true),
    ("fill-data: follower", true),
    ("disconnect: follower", false),
    ("limit-cpu: leader, cpus: 0.1", false),
    ("slow-disk: follower, writes: 50/s", false),
];
/// The fault is asked for, takes hold, is healed and is gone within this time: the kill comes anywhere in it.
const KILLED_WITHIN: Duration = Duration::from_secs(6);
const HEAL_AFTER: &str = "2s";
const GONE_WITHIN: Duration = Duration::from_secs(10);

pub fn leave_the_machine_as_it_was(_: &ServerBinary) {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u32>().expect(name));
    let seed = number("VQ_SEED").unwrap_or_else(|| rand::rng().random());
    eprintln!("VQ_SEED={seed}");
    let mut rng = StdRng::seed_from_u64(seed.into());
    let before = machine();
    for cycle in 1..=number("VQ_CYCLES").unwrap_or(CYCLES_DEFAULT) {
        let (fault, on_processes) = FAULTS[rng.random_range(0..FAULTS.len())];
        let backend = if on_processes && rng.random() { "process" } else { "docker" };
        let after = KILLED_WITHIN.mul_f64(rng.random());
        let told =
            format!("cycle {cycle}: {fault} on {backend}, killed {} ms after the request", after.as_millis());
        eprintln!("{told}");
        let place = place(&format!("cycle-{cycle}"));
        inject_and_kill(&place, fault, backend, after);
        let clean = Running::start(&place, vaultquake().arg("clean").arg(place.join("out")));
        clean.end(Duration::from_secs(60)).expect_code(0);
        let mut now = machine();
        let began = std::time::Instant::now();
        while now != before && began.elapsed() < GONE_WITHIN {
            now = machine();
        }
        let (more, less) = (now.difference(&before), before.difference(&now));
        let (more, less): (Vec<_>, Vec<_>) = (more.collect(), less.collect());
        assert!(now == before, "{told}: more {more:#?}, less {less:#?}");
    }
}

fn inject_and_kill(place: &Path, fault: &str, backend: &str, after: Duration) {
    // Long enough not to end by itself.
    let steady = FAST_STEADY.replace("hold: 2s", "hold: 60s");
    let text = format!("{steady}timeline: [{{ at: 0s, {fault}, heal_after: {HEAL_AFTER} }}]\n");
    let file = place.join("scenario.yaml");
    fs::write(&file, text).unwrap();
    let mut command = vaultquake();
    command.arg("run").arg(file).args(["--backend", backend, "--out"]).arg(place.join("out"));
    let mut run = Running::start(place, &mut command);
    let folder = run.folder();
    run.wait_for_event(&folder, "the request of a fault", |event| {
        matches!(event, Event::FaultRequested { .. })
    });
    std::thread::sleep(after);
    signal(run.pid(), "KILL");
    assert_eq!(run.end(Duration::from_secs(5)).signal, Some(9));
}

/// Rules, interfaces, mounts, processes, and what is on the engine, a line each.
fn machine() -> BTreeSet<String> {
    let mut all = block_on(everything(""));
    let rules = Command::new("nft").args(["-s", "list", "ruleset"]).output().unwrap();
    assert!(rules.status.success(), "{}", String::from_utf8_lossy(&rules.stderr));
    let rules = String::from_utf8(rules.stdout).unwrap();
    all.extend(rules.lines().map(|line| format!("rule {}", line.trim())));
    let interfaces = fs::read_dir("/sys/class/net").unwrap().flatten();
    all.extend(interfaces.map(|entry| format!("interface {}", entry.file_name().to_string_lossy())));
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let of_ours = mounts.lines().filter(|line| line.contains("vaultquake"));
    all.extend(of_ours.map(|line| format!("mount {}", line.split(' ').nth(4).unwrap_or_default())));
    let ground = super::harness::ground().display().to_string();
    for text in [" link-agent", &ground] {
        all.extend(processes_with(text).into_iter().map(|(pid, line)| format!("process {pid} {line}")));
    }
    all
}
