//! The pieces that sample runs are put together from.

use vaultquake::model::*;

const SOURCE: &str = "003_4302cd6b1a3b9c83.txt";

pub fn base(scenario: &str, summary: &str) -> RunResult {
    RunResult {
        version: 1,
        scenario: scenario.into(),
        summary: summary.into(),
        backend: "process".into(),
        server: Servers::One(Server { product: "openbao".into(), version: "2.7.2".into() }),
        seed: 42,
        started_at: "2026-11-22T10:03:21Z".parse().unwrap(),
        duration_ms: 65_100.0,
        verdict: Verdict::Pass,
        reasons: vec![],
        objectives: vec![],
        invariants: vec![],
        faults: vec![],
        failovers: vec![],
        outages: vec![],
        stale_reads: vec![],
        rehearsal: None,
        alerts: vec![],
        load: vec![],
        budget: None,
        control: Control {
            stall_max_ms: 3.2,
            echo_p99_ms: 0.41,
            contaminated_windows: 0,
            windows: 48,
            side_by_side: 1,
            cpu_s: CpuSeconds { servers: 31.2, harness: 4.4, siblings: 0.0, other: 1.9, steal: 0.2 },
        },
        phases: vec![],
        overrides: vec!["autopilot_reconcile_interval 200 ms, to join faster (default 10 s)".into()],
        command: format!("vaultquake run scenarios/{scenario}.yaml --server openbao@2.7.2 --seed 42"),
    }
}

pub fn picture(end_ms: f64) -> Picture {
    Picture {
        end_ms,
        machine: Some(Machine {
            os: "Debian GNU/Linux 12".into(),
            kernel: "6.1.0-28-amd64".into(),
            cpu: "AMD EPYC 7B13".into(),
            cores: 2,
            memory_mib: 7_954,
        }),
        deviations: vec![Deviation {
            documented: "auto-unseal with a cloud KMS".into(),
            tested: "Shamir, 5 shares, 3 needed".into(),
            why: "no cloud KMS is reachable from a test machine; restarts are unsealed by the harness".into(),
        }],
        ..Picture::default()
    }
}

#[allow(clippy::too_many_arguments)]
pub fn objective(
    id: &str,
    gating: bool,
    target: &str,
    measured: Option<f64>,
    unit: &str,
    interval: Option<[f64; 2]>,
    samples: u64,
    verdict: Verdict,
    note: &str,
) -> ObjectiveRow {
    ObjectiveRow {
        id: id.into(),
        gating,
        source: SOURCE.into(),
        target: target.into(),
        measured,
        unit: unit.into(),
        interval,
        samples,
        verdict,
        note: note.into(),
        breakdown: vec![],
        exercised: true,
    }
}

pub fn part(
    name: &str,
    measured: Option<f64>,
    interval: Option<[f64; 2]>,
    samples: u64,
    verdict: Verdict,
) -> Breakdown {
    Breakdown { part: name.into(), measured, interval, samples, verdict }
}

pub fn invariant(
    id: &str,
    gating: bool,
    verdict: Verdict,
    checked: u64,
    violations: Vec<Violation>,
) -> InvariantRow {
    InvariantRow { id: id.into(), gating, verdict, checked, note: String::new(), violations }
}

pub fn phases(starts: &[(&str, f64)], end_ms: f64) -> Vec<PhaseRow> {
    let ends = starts.iter().skip(1).map(|(_, start)| *start).chain([end_ms]);
    starts
        .iter()
        .zip(ends)
        .map(|((phase, start), end)| PhaseRow { phase: (*phase).into(), start_ms: *start, end_ms: end })
        .collect()
}

pub fn lane(node: &str, segments: &[(f64, Role)]) -> Lane {
    Lane { node: NodeId::new(node), segments: segments.to_vec() }
}

pub fn load_row(name: &str, phase: &str, sent: u64, failed: u64, unknown: u64) -> LoadRow {
    let (operation, route) = name.split_once(" via ").unwrap();
    LoadRow {
        name: name.into(),
        operation: operation.into(),
        route: route.into(),
        phase: phase.into(),
        planned: sent,
        sent,
        ok: sent - failed - unknown,
        failed,
        conflicts: 0,
        unknown,
        send_lag_p99_us: 212,
        latency_us: LatencySummary {
            p50: 1_104,
            p90: 1_930,
            p99: 3_412,
            p999: 8_211,
            max: if failed > 100 { 10_000_000 } else { 14_080 },
        },
    }
}

/// `trouble` gives failed and unknown operations of the second that starts at a time in ms.
pub fn series(
    name: &str,
    from_ms: u64,
    to_ms: u64,
    rate: u64,
    p50_us: u64,
    trouble: impl Fn(f64) -> (u64, u64),
) -> Series {
    let seconds = (from_ms..to_ms).step_by(1000).map(|t| {
        // A fixed ripple, so that pictures and snapshots are the same every time.
        let ripple = (t / 1000 * 7919) % 100;
        let (failed, unknown) = trouble(t as f64);
        let p50_us = p50_us + ripple * 4;
        let slow = failed > 5;
        Second {
            start_ms: t as f64,
            ok: rate.saturating_sub(failed + unknown + ripple % 3),
            failed,
            unknown,
            p50_us,
            p99_us: if slow { 9_000_000 } else { p50_us * 2 + ripple * 20 },
            max_us: if slow { 10_000_000 } else { p50_us * 3 + ripple * 60 },
        }
    });
    Series { name: name.into(), seconds: seconds.collect() }
}

pub fn curve(name: &str, phase: &str, median_us: f64, tail: f64) -> PercentileCurve {
    let points = [0.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.5, 99.9, 99.99, 100.0].map(|p: f64| {
        let nines = if p < 100.0 { -(1.0 - p / 100.0).log10() } else { 4.0 };
        (p, (median_us * (0.7 + nines) * tail.powf(nines / 4.0)) as u64)
    });
    PercentileCurve { name: name.into(), phase: phase.into(), points: points.into() }
}

pub fn error(
    load: &str,
    node: &str,
    error: &str,
    outcome: Outcome,
    count: u64,
    first_ms: f64,
    last_ms: f64,
) -> ErrorCount {
    ErrorCount {
        load: load.into(),
        node: node.into(),
        error: error.into(),
        outcome,
        count,
        first_ms,
        last_ms,
    }
}
