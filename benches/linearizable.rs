//! How long judging a history for linearizability takes, and how much memory beyond the history itself, up to ten
//! million operations of 100 clients; beside it how long all checkers' common ordering of the folder takes. Prints
//! figures; asserts nothing but the verdict.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::time::Instant;
use vaultquake::check::{CHECKERS, Checker};
use vaultquake::facts::Facts;
use vaultquake::model::*;
use vaultquake::record::SavedRun;

const CLIENTS: u64 = 100;
/// Operations to one secret on average.
const PER_KEY: usize = 1_000;

fn main() {
    // `cargo bench linearizable -- 1000000` measures one size alone.
    let asked: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let sizes = if asked.is_empty() { vec![100_000, 1_000_000, 10_000_000] } else { asked };
    let checker = CHECKERS.iter().find(|checker| checker.id == "linearizable").expect("it is registered");
    println!(
        "{:>12} {:>9} {:>11} {:>10} {:>9} {:>12} {:>11}",
        "operations", "keys", "ordering s", "judging s", "ns each", "history MB", "beyond MB"
    );
    for size in sizes {
        measure(checker, size);
    }
}

fn measure(checker: &Checker, size: usize) {
    let run = run_of(size);
    let history_mb = resident_mb();
    reset_peak();
    let began = Instant::now();
    let facts = Facts::of(&run);
    let ordered_s = began.elapsed().as_secs_f64();
    let began = Instant::now();
    let found = (checker.check)(&facts);
    let seconds = began.elapsed().as_secs_f64();
    assert!(found.violations.is_empty(), "{:?}", found.violations.first());
    assert_eq!(found.coverage, Verdict::Pass, "{}", found.note);
    println!(
        "{size:>12} {:>9} {ordered_s:>11.2} {seconds:>10.2} {:>9.0} {history_mb:>12} {:>11}",
        keys(size),
        seconds * 1e9 / size as f64,
        peak_mb().saturating_sub(history_mb)
    );
}

fn keys(size: usize) -> u32 {
    (size / PER_KEY).max(1) as u32
}

/// A right history: each operation takes effect at a moment of its own, which its time surrounds.
fn run_of(size: usize) -> SavedRun {
    let mut rng = StdRng::seed_from_u64(1);
    let keys = keys(size);
    // By key: the newest version, and its value.
    let mut stored: Vec<(u64, u64)> = vec![(0, 0); keys as usize];
    let gap_us = 20;
    let history = (0..size as u64).map(|n| {
        let moment_us = 1_000_000 + n * gap_us;
        // About as many in flight as there are clients.
        let spread_us = rng.random_range(1..CLIENTS * gap_us);
        let sent_us = moment_us - rng.random_range(0..spread_us);
        let key = rng.random_range(0..keys);
        let (newest, value) = stored[key as usize];
        let kind = rng.random_range(0..10);
        let unanswered = kind < 4 && rng.random_range(0..1_000) == 0;
        let expected = (kind < 2).then(|| newest.saturating_sub(u64::from(rng.random_range(0..4) == 0)));
        let writes = kind < 4 && expected.is_none_or(|expected| expected == newest);
        let fresh = n + 1;
        if writes {
            stored[key as usize] = (newest + 1, fresh);
        }
        let (op, outcome, error, version, value) = match (kind, writes, unanswered) {
            (0..4, _, true) => {
                (Workload::Kv2Write, Outcome::Unknown, Some(ErrorKind::Timeout), None, Some(fresh))
            }
            (0..4, true, _) => (Workload::Kv2Write, Outcome::Ok, None, Some(newest + 1), Some(fresh)),
            (0..4, false, _) => {
                (Workload::Kv2Cas, Outcome::Failed, Some(ErrorKind::CasConflict), None, Some(fresh))
            }
            _ if newest == 0 => (Workload::Kv2Read, Outcome::Failed, Some(ErrorKind::NotFound), None, None),
            _ => (Workload::Kv2Read, Outcome::Ok, None, Some(newest), Some(value)),
        };
        Operation {
            id: n,
            load: Some(0),
            client: Some((n % CLIENTS) as u16),
            op: if expected.is_some() { Workload::Kv2Cas } else { op },
            route: Route::Leader,
            node: Some(NodeId::new("n1")),
            due_us: sent_us,
            sent_us,
            done_us: moment_us + rng.random_range(0..spread_us),
            outcome,
            error,
            status: None,
            key: Some(key),
            version,
            digest: value.map(|value| format!("{value:016x}")),
            expected,
            index: None,
            subject: None,
            request: None,
            ttl_s: None,
        }
    });
    let history: Vec<Operation> = history.collect();
    let end_ms = history.iter().map(|op| op.done_us).max().unwrap_or(0) as f64 / 1e3 + 1.0;
    let leads = Event::Role { node: NodeId::new("n1"), role: Role::Active, previous_ms: 0.0 };
    let seen = Event::Indices { node: NodeId::new("n1"), samples: vec![(end_ms, 1, 1)] };
    let journal = [(0.0, leads), (end_ms, seen), (end_ms, Event::Ended)];
    let journal = journal.map(|(t_ms, event)| Entry { t_ms, event }).to_vec();
    SavedRun { info: info(), journal, history, damage: vec![], logs: vec![] }
}

fn info() -> RunInfo {
    let path = "scenarios/consistency/leader-kill-contended.yaml";
    let scenario = vaultquake::scenario::load_scenario(path.as_ref()).expect("a scenario that ships");
    let nodes = vec![NodeInfo { id: NodeId::new("n1"), api_addr: "https://n1".into() }];
    RunInfo {
        version: 1,
        run_id: "bench".into(),
        scenario,
        seed: 1,
        backend: "process".into(),
        server: Server { product: "openbao".into(), version: "2.7.2".into() },
        upgraded_to: None,
        nodes,
        started_at: "2026-11-22T03:00:00Z".parse().expect("a time"),
        machine: Machine {
            os: String::new(),
            kernel: String::new(),
            cpu: String::new(),
            cores: 2,
            memory_mib: 0,
        },
        command: String::new(),
        vaultquake: String::new(),
        known_findings: vec![],
        overrides: vec![],
        side_by_side: 1,
    }
}

fn status_mb(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with(name)).expect("the kernel tells it");
    let kb: u64 = line.split_whitespace().nth(1).and_then(|kb| kb.parse().ok()).expect("a number");
    kb / 1_024
}

fn resident_mb() -> u64 {
    status_mb("VmRSS:")
}

fn peak_mb() -> u64 {
    status_mb("VmHWM:")
}

/// The peak counts from here on.
fn reset_peak() {
    std::fs::write("/proc/self/clear_refs", "5").expect("the kernel allows it");
}
