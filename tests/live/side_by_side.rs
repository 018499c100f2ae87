//! Runs of one command beside one another: no port, folder or figure in common, and those that judge latency alone.

use super::harness::{
    Ended, RUN_WITHIN, Running, events, find_runs, place, processes_with, result, servers_of, signal,
    vaultquake, wait_for,
};
use super::runs;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;
use vaultquake::model::{Event, Phase, RunInfo, Verdict};
use vaultquake::record::{RunFolder, read_run};

const GONE_WITHIN: Duration = Duration::from_secs(5);
const HEALED_WITHIN: Duration = Duration::from_secs(90);
/// Another run may have the machine.
const MACHINE_WITHIN: Duration = Duration::from_secs(30 * 60);

fn start(place: &Path, scenarios: &[(&str, String)]) -> Running {
    let mut command = vaultquake();
    command.arg("run");
    for (name, text) in scenarios {
        let file = place.join(format!("{name}.yaml"));
        fs::write(&file, text.replace("name: live\n", &format!("name: {name}\n"))).unwrap();
        command.arg(file);
    }
    Running::start(place, command.args(["--jobs", "2"]).arg("--out").arg(place.join("out")))
}

fn info(folder: &RunFolder) -> RunInfo {
    read_run(folder).unwrap().info
}

fn of<'f>(runs: &'f [RunFolder], name: &str) -> &'f RunFolder {
    runs.iter().find(|folder| info(folder).scenario.name == name).expect(name)
}

/// From the first to the last line of the journal, in milliseconds of the wall clock.
fn span_ms(folder: &RunFolder) -> [f64; 2] {
    let run = read_run(folder).unwrap();
    assert!(run.ended(), "{} did not end", folder.root().display());
    let start_ms = run.info.started_at.as_millisecond() as f64;
    let end_ms = run.journal.iter().map(|entry| entry.t_ms).fold(0.0, f64::max);
    [start_ms, start_ms + end_ms]
}

fn overlap(a: &RunFolder, b: &RunFolder) -> bool {
    let ([a_start, a_end], [b_start, b_end]) = (span_ms(a), span_ms(b));
    a_start < b_end && b_start < a_end
}

/// Two beside one another, and a third that judges latency after them, though it stands between them.
pub fn share_the_machine_but_for_latency() {
    let place = place("side-by-side");
    let kill = runs::fast("{ at: 0s, kill: leader, heal_after: 4s }");
    let latency = runs::FAST_STEADY.replace("[no-lost-writes]", "[read.p99]");
    let three = [("latency", latency), ("plain", runs::FAST_STEADY.to_owned()), ("kill", kill)];
    let ended = start(&place, &three).end(MACHINE_WITHIN);
    let runs = find_runs(&place);
    assert_eq!(runs.len(), 3, "{}", ended.all());
    let [latency, plain, kill] = ["latency", "plain", "kill"].map(|name| of(&runs, name));

    for (folder, at_once) in [(latency, 1), (plain, 2), (kill, 2)] {
        assert_eq!(info(folder).side_by_side, at_once);
        assert_eq!(result(folder).control.side_by_side, at_once);
    }
    for folder in [plain, kill] {
        let result = result(folder);
        assert_eq!(result.verdict, Verdict::Pass, "{:?}\n{}", result.reasons, ended.all());
        let p99 = result.objectives.iter().find(|row| row.id == "read.p99").unwrap();
        assert_eq!((p99.verdict, p99.gating), (Verdict::Inconclusive, false));
        assert!(p99.measured.is_some() && p99.note.contains("2 runs shared the machine"), "{p99:?}");
        let html = fs::read_to_string(folder.root().join("report.html")).unwrap();
        assert!(html.contains("up to 2 runs went on at once"));
    }
    assert!(overlap(plain, kill), "nothing went on side by side");
    assert!(!overlap(latency, plain) && !overlap(latency, kill), "latency was judged beside another run");
    // Not the program's own time: it may have waited for the machine.
    let spans = [plain, kill, latency].map(span_ms);
    let sum_ms: f64 = spans.iter().map(|[start, end]| end - start).sum();
    let start_ms = spans.iter().map(|[start, _]| *start).fold(f64::INFINITY, f64::min);
    let took_ms = spans.iter().map(|[_, end]| *end).fold(0.0, f64::max) - start_ms;
    assert!(took_ms < sum_ms, "{took_ms:.0} ms for runs of {sum_ms:.0} ms together");
    let siblings = |event: &Event| matches!(event, Event::Cpu { siblings, .. } if *siblings > 0.0);
    assert!(events(plain).iter().any(siblings), "the sibling's servers were strangers");

    let addresses: Vec<_> = [plain, kill].iter().flat_map(|folder| info(folder).nodes).collect();
    let ports: BTreeSet<_> = addresses.iter().map(|node| node.api_addr.clone()).collect();
    assert_eq!(ports.len(), 6, "{addresses:?}");
    readable(&ended);
}

/// Each line of a run says whose it is, and the table at the end has the order of the files, not of their ends.
fn readable(ended: &Ended) {
    for name in ["plain", "kill"] {
        ended.expect_stderr(&[&format!("{name}: phase steady")]);
    }
    let lines = ended.stdout.lines().rev().filter(|line| !line.is_empty());
    let table: Vec<_> = lines.skip(1).take(3).collect();
    for (line, name) in table.iter().zip(["plain", "latency", "kill"]) {
        assert!(line.contains(&format!("  {name} ")), "{table:#?}");
    }
    let blocks = ended.stdout.matches("report: ").count();
    assert_eq!(blocks, 3, "{}", ended.stdout);
}

/// One signal heals, reports and ends them all, and what had not begun does not begin.
pub fn sigint_ends_all_of_them() {
    let place = place("side-by-side-sigint");
    let long = runs::long_kill();
    let three = [("one", long.clone()), ("two", long), ("waiting", runs::FAST_STEADY.to_owned())];
    let mut run = start(&place, &three);
    run.folder();
    let both = wait_for("two faults", RUN_WITHIN, || {
        let runs = find_runs(&place);
        let hit = |folder: &RunFolder| {
            events(folder).iter().any(|event| matches!(event, Event::FaultApplied { .. }))
        };
        (runs.len() == 2 && runs.iter().all(hit)).then_some(runs)
    });
    assert!(both.iter().all(|folder| servers_of(folder).len() == 2), "one of three is down in each");
    signal(run.pid(), "INT");
    let ended = run.end(HEALED_WITHIN);
    ended.expect_code(130);
    assert_eq!(find_runs(&place).len(), 2, "a run began after the signal");
    let left = || processes_with(&place.display().to_string());
    wait_for("the end of every process", GONE_WITHIN, || left().is_empty().then_some(()));
    for folder in &both {
        let events = events(folder);
        assert!(events.iter().any(|event| matches!(event, Event::Healed { .. })));
        let interrupted = Event::Interrupted { signal: "SIGINT".into() };
        assert!(events.contains(&interrupted) && events.last() == Some(&Event::Ended));
        assert!(events.contains(&Event::Phase { phase: Phase::Recovery }));
        assert_eq!(result(folder).verdict, Verdict::Inconclusive);
        assert!(folder.root().join("report.html").is_file());
    }
}
