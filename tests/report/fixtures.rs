//! Runs as the harness would describe them, made without a cluster: a pass, a failure, an inconclusive run, a
//! ramp, an aborted run without data, a rolling restart with many faults, and a leader that was cut off.

use crate::build::*;
use vaultquake::model::*;

pub fn all() -> Vec<(&'static str, RunResult, Picture)> {
    [
        ("leader-kill", leader_kill()),
        ("lost-writes", lost_writes()),
        ("stale-read", stale_read()),
        ("no-effect", no_effect()),
        ("ramp", ramp()),
        ("aborted", aborted()),
        ("rolling-restart", rolling_restart()),
        ("leader-isolated", leader_isolated()),
    ]
    .map(|(name, (result, picture))| (name, result, picture))
    .into()
}

/// The leader is killed, another takes over after 11.3 s, nothing is lost.
pub fn leader_kill() -> (RunResult, Picture) {
    let mut result = base("leader-kill", "The active node is killed under load; another takes over.");
    result.phases = phases(
        &[
            ("setup", 0.0),
            ("warm-up", 14.2e3),
            ("steady", 17.2e3),
            ("fault", 27.2e3),
            ("recovery", 42.3e3),
            ("collect", 62.0e3),
        ],
        65.1e3,
    );
    result.faults = vec![FaultRow {
        id: "f1".into(),
        kind: FaultKind::Kill,
        target: Target::Leader,
        nodes: vec![NodeId::new("n2")],
        requested_ms: 27_200.0,
        applied_ms: Some(27_204.0),
        evidence: "process 4711 ended by SIGKILL; the API port refused connections 1 ms later".into(),
        healed_ms: Some(42_310.0),
        heal_evidence: "started again, unsealed, standby after 1.4 s".into(),
        strain: None,
        network: None,
        links: vec![],
    }];
    result.failovers = vec![Failover {
        fault: "f1".into(),
        resolution_ms: 10.0,
        phases_ms: FailoverPhases {
            first_error: Some(14.0),
            elected: Some(9_870.0),
            active: Some(11_190.0),
            first_read: Some(22.0),
            first_write: Some(11_310.0),
            redundant: Some(22_480.0),
        },
        log_ready_ms: Some(11_282.0),
        new_leader: Some(NodeId::new("n3")),
    }];
    result.outages = vec![Outage {
        operation: "kv2.write".into(),
        route: "leader".into(),
        start_ms: 27_190.0,
        end_ms: 38_514.0,
        fault: Some("f1".into()),
    }];
    result.objectives = vec![
        objective("read.p99", false, "< 5 ms", Some(3.41), "ms", Some([3.2, 3.7]), 1500, Verdict::Pass, ""),
        objective("write.p99", false, "< 50 ms", Some(11.9), "ms", Some([9.8, 14.1]), 200, Verdict::Pass, ""),
        objective(
            "failover.mttr",
            true,
            "< 60 s",
            Some(11.31),
            "s",
            Some([11.3, 11.32]),
            1,
            Verdict::Pass,
            "",
        ),
        objective(
            "failover.rto",
            false,
            "0 s",
            Some(11.32),
            "s",
            Some([11.27, 11.37]),
            1,
            Verdict::Fail,
            "the document promises no interruption at all; the server's default timing cannot give that",
        ),
        objective("failover.rpo", true, "= 0", Some(0.0), "", None, 742, Verdict::Pass, ""),
        ObjectiveRow {
            breakdown: vec![
                part("kv2.read via any", Some(99.62), Some([99.5, 99.71]), 6750, Verdict::Fail),
                part("kv2.write via leader", Some(74.8), Some([71.9, 77.5]), 900, Verdict::Fail),
            ],
            ..objective(
                "availability",
                false,
                "≥ 99.99 %",
                Some(96.712),
                "%",
                Some([96.3, 97.1]),
                7650,
                Verdict::Fail,
                "one minute with a kill in it cannot hold a monthly figure; see the error budget",
            )
        },
        objective(
            "health.latency",
            false,
            "< 100 ms",
            None,
            "ms",
            None,
            0,
            Verdict::Inconclusive,
            "no health poll was recorded",
        ),
    ];
    result.invariants = vec![
        invariant("single-leader", true, Verdict::Pass, 5_310, vec![]),
        invariant("no-lost-writes", true, Verdict::Pass, 742, vec![]),
    ];
    result.load = vec![
        load_row("kv2.read via any", "all", 6750, 25, 0),
        load_row("kv2.read via any", "steady", 1500, 0, 0),
        load_row("kv2.read via any", "fault", 2265, 25, 0),
        load_row("kv2.write via leader", "all", 900, 214, 13),
        load_row("kv2.write via leader", "steady", 200, 0, 0),
        load_row("kv2.write via leader", "fault", 302, 214, 13),
    ];
    result.budget = Some(Budget {
        target_percent: 99.99,
        month_budget_ms: 259_200.0,
        burned_ms: 11_324.0,
        burned_share_percent: 4.369,
        assumed_failures_per_month: 1.0,
        projected_month_percent: 99.999_563,
    });
    let mut picture = picture(65.1e3);
    picture.lanes = vec![
        lane("n1", &[(0.0, Role::Unreachable), (600.0, Role::Sealed), (9e3, Role::Standby)]),
        lane(
            "n2",
            &[
                (0.0, Role::Unreachable),
                (400.0, Role::Sealed),
                (4e3, Role::Active),
                (27.206e3, Role::Unreachable),
                (42.9e3, Role::Sealed),
                (43.71e3, Role::Standby),
            ],
        ),
        lane(
            "n3",
            &[
                (0.0, Role::Unreachable),
                (700.0, Role::Sealed),
                (10e3, Role::Standby),
                (38.39e3, Role::Active),
            ],
        ),
    ];
    picture.terms = vec![(5e3, 2), (15e3, 2), (37.2e3, 3), (50e3, 3)];
    let down = |t: f64| (27.2e3..38.5e3).contains(&t);
    picture.series = vec![
        series("kv2.read via any", 14_000, 62_000, 150, 1_100, |t| if down(t) { (2, 0) } else { (0, 0) }),
        series("kv2.write via leader", 14_000, 62_000, 20, 5_200, |t| match t {
            t if down(t) && t < 28e3 => (8, 12),
            t if down(t) => (19, 1),
            _ => (0, 0),
        }),
    ];
    picture.percentile_curves = ["kv2.read via any", "kv2.write via leader"]
        .iter()
        .enumerate()
        .flat_map(|(i, name)| {
            [("steady", 1.0, 1.0), ("fault", 1.1, if i == 0 { 4.0 } else { 900.0 }), ("recovery", 1.05, 1.6)]
                .map(|(phase, scale, tail)| {
                    curve(name, phase, if i == 0 { 1_000.0 } else { 5_000.0 } * scale, tail)
                })
        })
        .collect();
    picture.errors = vec![
        error("kv2.write via leader", "n2", "connection refused", Outcome::Failed, 201, 27_214.0, 38_470.0),
        error("kv2.write via leader", "n2", "connection reset", Outcome::Unknown, 3, 27_205.0, 27_206.0),
        error("kv2.write via leader", "n3", "status 500", Outcome::Unknown, 10, 38_391.0, 38_502.0),
        error("kv2.read via any", "n2", "connection refused", Outcome::Failed, 25, 27_216.0, 42_800.0),
    ];
    picture.contaminated_ms = vec![(20_000.0, 21_000.0), (50_000.0, 52_000.0)];
    result.control.contaminated_windows = 3;
    (result, picture)
}

/// Two acknowledged writes are gone, with hostile text in the evidence.
pub fn lost_writes() -> (RunResult, Picture) {
    let (mut result, picture) = leader_kill();
    result.scenario = "leader-pause".into();
    result.summary = "The active node is frozen and comes back.".into();
    result.verdict = Verdict::Fail;
    result.reasons = vec![
        "no-lost-writes: 2 of 742 acknowledged writes are gone after recovery".into(),
        "failover.rpo: promised = 0, measured 2".into(),
    ];
    result.faults[0].kind = FaultKind::Pause;
    for row in result.objectives.iter_mut().filter(|row| row.id == "failover.rpo") {
        (row.measured, row.verdict) = (Some(2.0), Verdict::Fail);
        row.note = "key 17 version 4 and key 23 version 9 were acknowledged and are gone".into();
    }
    let violation = |key: u32, version: u64, known: Option<&str>| Violation {
        summary: format!(
            "key {key}: version {version} was acknowledged at 27.19 s and is not there after recovery"
        ),
        known: known.map(str::to_owned),
        evidence: vec![
            format!(
                "history 5127: kv2.write key {key} version {version} ok, sent 27.188 s, done 27.194 s by n2"
            ),
            format!(
                "journal: read_back key {key} at n3: current {}, <script>alert('owned')</script> | `x` @all",
                version - 1
            ),
            "server said: \u{1b}[2J\u{1b}[31mall is well\u{7}".into(),
        ],
    };
    result.invariants = vec![
        invariant("single-leader", true, Verdict::Pass, 5_310, vec![]),
        invariant(
            "no-lost-writes",
            true,
            Verdict::Fail,
            742,
            vec![violation(17, 4, None), violation(23, 9, Some("openbao-1234"))],
        ),
    ];
    (result, picture)
}

/// A leader answered with what it should have forgotten.
pub fn stale_read() -> (RunResult, Picture) {
    let (mut result, picture) = leader_kill();
    result.scenario = "consistency-leader-kill".into();
    result.verdict = Verdict::Fail;
    let operation = |op: Workload, sent_us: u64, took_us: u64, version: u64| Operation {
        id: sent_us,
        load: Some(0),
        client: Some(1),
        op,
        route: Route::Leader,
        node: Some(NodeId::new("n1")),
        due_us: sent_us,
        sent_us,
        done_us: sent_us + took_us,
        outcome: Outcome::Ok,
        error: None,
        status: None,
        key: Some(3),
        version: Some(version),
        digest: Some(format!("{version:016x}")),
        expected: None,
        index: None,
        subject: None,
        request: None,
        ttl_s: None,
    };
    let refused = Operation {
        outcome: Outcome::Failed,
        error: Some(ErrorKind::CasConflict),
        version: None,
        expected: Some(4),
        ..operation(Workload::Kv2Cas, 27_191_300, 5_100, 4)
    };
    let lost = Operation {
        outcome: Outcome::Unknown,
        error: Some(ErrorKind::Timeout),
        version: None,
        ..operation(Workload::Kv2Write, 27_189_900, 10_000_000, 6)
    };
    let operations = [
        operation(Workload::Kv2Write, 27_188_000, 6_200, 5),
        lost,
        refused,
        operation(Workload::Kv2Read, 27_203_700, 1_400, 4),
    ];
    let violation = Violation {
        summary: "stale read of key 3: version 4 was found by a read sent 9.500 ms after version 5 had been \
                  acknowledged"
            .into(),
        known: None,
        evidence: operations.iter().map(|op| serde_json::to_string(op).unwrap()).collect(),
    };
    result.reasons = vec![format!("linearizable fail: {}", violation.summary)];
    result.invariants = vec![invariant("linearizable", true, Verdict::Fail, 5_310, vec![violation])];
    (result, picture)
}

/// The fault had no effect, so nothing follows from the run.
pub fn no_effect() -> (RunResult, Picture) {
    let (mut result, mut picture) = leader_kill();
    result.scenario = "follower-kill".into();
    result.summary = "A follower is killed under load; nobody should notice.".into();
    result.verdict = Verdict::Inconclusive;
    result.reasons =
        vec!["the fault f1 (kill follower n1) had no effect: the process had already ended".into()];
    result.faults[0].target = Target::Follower;
    result.faults[0].nodes = vec![NodeId::new("n1")];
    result.faults[0].applied_ms = None;
    result.faults[0].evidence = "the process had already ended before the fault".into();
    result.faults[0].healed_ms = None;
    result.faults[0].heal_evidence = "nothing to heal".into();
    (result.failovers, result.outages, result.budget) = (vec![], vec![], None);
    for row in &mut result.load {
        (row.ok, row.failed, row.unknown) = (row.sent, 0, 0);
    }
    result.objectives.retain(|row| !row.id.starts_with("failover"));
    result.objectives.push(objective(
        "failover.mttr",
        true,
        "< 60 s",
        None,
        "s",
        None,
        0,
        Verdict::Inconclusive,
        "no fault took hold",
    ));
    picture.lanes[0].segments =
        vec![(0.0, Role::Standby), (24e3, Role::Unreachable), (50e3, Role::Confused), (52e3, Role::Standby)];
    picture.lanes[1].segments = vec![(0.0, Role::Active)];
    picture.lanes[2].segments = vec![(0.0, Role::Standby)];
    picture.terms = vec![(5e3, 2)];
    for series in &mut picture.series {
        for second in &mut series.seconds {
            (second.failed, second.unknown, second.max_us) = (0, 0, second.max_us.min(9_000));
            second.p99_us = second.p99_us.min(4_000);
        }
    }
    picture.errors.clear();
    (result, picture)
}

/// A ramp of reads on one node up to its knee.
pub fn ramp() -> (RunResult, Picture) {
    let mut result = base("ramp", "The read rate grows until the promise breaks.");
    result.phases = phases(&[("setup", 0.0), ("warm-up", 13e3), ("steady", 16e3), ("recovery", 86e3)], 90e3);
    result.objectives = vec![
        objective("throughput.knee", true, "= 1", Some(1.0), "", None, 7, Verdict::Pass, ""),
        objective(
            "throughput.node",
            false,
            "≥ 1000 /s",
            Some(1400.0),
            "/s",
            Some([1400.0, 1600.0]),
            7,
            Verdict::Pass,
            "",
        ),
    ];
    result.load = vec![load_row("kv2.read via n1", "all", 71_000, 112, 3)];
    let mut picture = picture(90e3);
    picture.lanes = vec![
        lane("n1", &[(0.0, Role::Active)]),
        lane("n2", &[(0.0, Role::Standby)]),
        lane("n3", &[(0.0, Role::Standby)]),
    ];
    picture.series = vec![series("kv2.read via n1", 13_000, 86_000, 900, 1_300, |_| (0, 0))];
    picture.ramp = [
        (200.0, 1_240),
        (400.0, 1_310),
        (600.0, 1_420),
        (800.0, 1_600),
        (1000.0, 2_050),
        (1200.0, 2_900),
        (1400.0, 4_600),
        (1600.0, 18_400),
        (1800.0, 312_000),
    ]
    .map(|(rate, p99_us)| RampStage {
        load: "kv2.read via n1".into(),
        rate,
        achieved: if rate > 1500.0 { 1_520.0 } else { rate },
        p99_us,
        error_percent: if rate > 1700.0 { 0.16 } else { 0.0 },
        holds: p99_us < 5_000,
    })
    .into();
    picture.percentile_curves = vec![curve("kv2.read via n1", "steady", 1_100.0, 30.0)];
    (result, picture)
}

/// Stopped before anything was measured.
pub fn aborted() -> (RunResult, Picture) {
    let mut result = base("total-restart", "Every node is restarted at once.");
    result.verdict = Verdict::Inconclusive;
    result.reasons = vec!["interrupted by SIGINT before the load began".into()];
    result.duration_ms = 1_900.0;
    result.overrides.clear();
    result.control = Control::default();
    (result, Picture::default())
}

/// Ten nodes' worth of faults: labels and tables must not run into each other.
pub fn rolling_restart() -> (RunResult, Picture) {
    let (mut result, mut picture) = leader_kill();
    result.scenario = "rolling-restart".into();
    result.summary = "Every node is restarted in turn, followers first.".into();
    result.outages.clear();
    let fault = result.faults[0].clone();
    let failover = result.failovers[0].clone();
    result.faults = ["n1", "n3", "n2"]
        .iter()
        .enumerate()
        .map(|(i, node)| {
            let start_ms = 27_200.0 + i as f64 * 9_000.0;
            FaultRow {
                id: format!("f{}", i + 1),
                kind: FaultKind::Restart,
                target: Target::Each,
                nodes: vec![NodeId::new(*node)],
                requested_ms: start_ms,
                applied_ms: Some(start_ms + 3.0),
                healed_ms: Some(start_ms + 3_200.0),
                ..fault.clone()
            }
        })
        .chain([FaultRow {
            id: "f4".into(),
            kind: FaultKind::StepDown,
            requested_ms: 60_100.0,
            applied_ms: Some(60_105.0),
            healed_ms: None,
            heal_evidence: "not applicable".into(),
            ..fault.clone()
        }])
        .collect();
    result.failovers = vec![
        Failover {
            fault: "f3".into(),
            phases_ms: FailoverPhases {
                first_error: Some(11.0),
                elected: Some(96.0),
                active: Some(141.0),
                first_read: Some(19.0),
                first_write: Some(151.0),
                redundant: Some(6_400.0),
            },
            log_ready_ms: Some(139.0),
            ..failover.clone()
        },
        Failover {
            fault: "f4".into(),
            phases_ms: FailoverPhases {
                first_error: Some(9.0),
                elected: None,
                active: Some(640.0),
                ..FailoverPhases::default()
            },
            log_ready_ms: None,
            new_leader: None,
            ..failover
        },
    ];
    result.budget = Some(Budget {
        burned_ms: 1_130_000.0,
        burned_share_percent: 435.9,
        projected_month_percent: 99.956_4,
        assumed_failures_per_month: 4.0,
        ..result.budget.unwrap()
    });
    picture.lanes.push(lane("a-node-with-a-long-name", &[(0.0, Role::Standby)]));
    (result, picture)
}

/// The leader is cut off from the others and goes on answering reads.
pub fn leader_isolated() -> (RunResult, Picture) {
    let (mut result, picture) = leader_kill();
    result.scenario = "leader-isolated".into();
    result.summary = "The active node is cut off from the others while clients still reach it.".into();
    let way = |from: &str, to: &str| {
        let cut = from == "n2" || to == "n2";
        let delay_ms = Some(DelayMs { min: 0.06, median: 0.11, max: 0.42 });
        let open = Some(ProbeRow { sent: 20, arrived: 20, delay_ms });
        let during = if cut { Some(ProbeRow { sent: 20, arrived: 0, delay_ms: None }) } else { open.clone() };
        let asked = Impairment { cut: cut.then_some(Cut::BlackHole), ..Impairment::default() };
        let (from, to) = (NodeId::new(from), NodeId::new(to));
        LinkRow { from, to, asked, before: open.clone(), during, after: open }
    };
    result.faults[0] = FaultRow {
        kind: FaultKind::Isolate,
        evidence:
            "cut (black hole), between nodes; by TCP proxies; 0 of 80 packets arrived on 4 ways that are \
                   cut, all 40 arrived on 2 ways that are open"
                .into(),
        heal_evidence: "the network is whole; all 120 arrived on 6 ways that are open".into(),
        strain: None,
        network: Some(NetworkRow {
            asked: "cut (black hole), between nodes".into(),
            way: "TCP proxies".into(),
            effect_ms: 0.41,
            heal_ms: Some(0.38),
            times: 1,
        }),
        links: vec![
            way("n1", "n2"),
            way("n1", "n3"),
            way("n2", "n1"),
            way("n2", "n3"),
            way("n3", "n1"),
            way("n3", "n2"),
        ],
        ..result.faults[0].clone()
    };
    result.stale_reads = vec![
        StaleReads {
            fault: Some("f1".into()),
            node: Some(NodeId::new("n2")),
            cut_off_ms: Some(15_106.0),
            answered: 755,
            unanswered: 0,
            last_answer_ms: Some(15_098.0),
            stale: 121,
            versions_behind_max: 3,
            behind_max_ms: 3_790.0,
            oldest: Some(4_711),
            stale_after_heal_ms: Some(412.0),
        },
        StaleReads {
            fault: None,
            node: None,
            cut_off_ms: None,
            answered: 5_040,
            unanswered: 0,
            last_answer_ms: None,
            stale: 31,
            versions_behind_max: 1,
            behind_max_ms: 7.4,
            oldest: Some(815),
            stale_after_heal_ms: None,
        },
    ];
    (result, picture)
}
