//! A terse vocabulary for synthetic runs, for the tests of everything that judges. Never live, never random.

use crate::model::*;
use crate::record::SavedRun;
use std::collections::BTreeMap;

/// What a client got for one operation.
#[derive(Clone, Copy)]
pub struct Answer {
    latency_ms: f64,
    outcome: Outcome,
    error: Option<ErrorKind>,
    lag_ms: f64,
}

impl Answer {
    pub fn ok(latency_ms: f64) -> Self {
        Self { latency_ms, outcome: Outcome::Ok, error: None, lag_ms: 0.1 }
    }

    pub fn refused(latency_ms: f64) -> Self {
        Self { outcome: Outcome::Failed, error: Some(ErrorKind::ConnectRefused), ..Self::ok(latency_ms) }
    }

    pub fn conflict(latency_ms: f64) -> Self {
        Self { outcome: Outcome::Failed, error: Some(ErrorKind::CasConflict), ..Self::ok(latency_ms) }
    }

    pub fn timeout() -> Self {
        Self { outcome: Outcome::Unknown, error: Some(ErrorKind::Timeout), ..Self::ok(10_000.0) }
    }

    pub fn sent_late(self, lag_ms: f64) -> Self {
        Self { lag_ms, ..self }
    }
}

pub struct RunBuilder {
    run: SavedRun,
    leader: NodeId,
    rates: Vec<f64>,
    /// Acknowledged versions by key: (number, digest).
    stored: BTreeMap<u32, Vec<(u64, String)>>,
    index: u64,
    /// A node that answers reads with what it had at the first of two moments, until the second.
    frozen: Option<(NodeId, f64, f64)>,
}

pub const KEYS: u64 = 7;

fn us(t_ms: f64) -> u64 {
    (t_ms * 1e3).round() as u64
}

pub fn node(name: &str) -> NodeId {
    NodeId::new(name)
}

impl RunBuilder {
    pub fn new() -> Self {
        let run = SavedRun { info: info(), journal: vec![], history: vec![], damage: vec![], logs: vec![] };
        Self { run, leader: node("n1"), rates: vec![], stored: BTreeMap::new(), index: 100, frozen: None }
            .event(0.0, Event::Phase { phase: Phase::Setup })
            .role("n1", 0.0, Role::Active, 0.0)
            .role("n2", 0.0, Role::Standby, 0.0)
            .role("n3", 0.0, Role::Standby, 0.0)
            .redundancy(0.0, 3, 3, 1)
    }

    pub fn load(mut self, workload: &str, route: &str, rate: f64) -> Self {
        let workload = *Workload::ALL.iter().find(|w| w.name() == workload).unwrap();
        let rate_plan = RatePlan::Constant(Rate(rate));
        let route = Route::from(route);
        self.run.info.scenario.load.push(Load {
            workload,
            route,
            rate: rate_plan,
            arrivals: Arrivals::Constant,
            program: None,
        });
        self.rates.push(rate);
        self
    }

    pub fn expect(mut self, ids: &[&str]) -> Self {
        self.run.info.scenario.expect = ids.iter().map(|id| id.to_string()).collect();
        self
    }

    pub fn promise(mut self, id: &str, target: &str) -> Self {
        let objectives = &mut self.run.info.scenario.blueprint.objectives;
        objectives.retain(|objective| objective.id != id);
        objectives.push(objective(id, target));
        self
    }

    pub fn event(mut self, t_ms: f64, event: Event) -> Self {
        self.run.journal.push(Entry { t_ms, event });
        self
    }

    /// Warm-up begins at 0; collecting ends the load.
    pub fn phases(self, steady_ms: f64, fault_ms: f64, recovery_ms: f64, collect_ms: f64) -> Self {
        self.event(0.0, Event::Phase { phase: Phase::WarmUp })
            .event(steady_ms, Event::Phase { phase: Phase::Steady })
            .event(fault_ms, Event::Phase { phase: Phase::Fault })
            .event(recovery_ms, Event::Phase { phase: Phase::Recovery })
            .event(collect_ms, Event::Phase { phase: Phase::Collect })
            .event(collect_ms + 1_000.0, Event::Ended)
    }

    pub fn role(self, name: &str, t_ms: f64, role: Role, previous_ms: f64) -> Self {
        self.event(t_ms, Event::Role { node: node(name), role, previous_ms })
    }

    pub fn redundancy(self, t_ms: f64, voters: u8, healthy: u8, failure_tolerance: u8) -> Self {
        self.event(t_ms, Event::Redundancy { voters, healthy, failure_tolerance })
    }

    pub fn requested(self, t_ms: f64, fault: &str, kind: FaultKind, target: &str, on: &[&str]) -> Self {
        self.request(t_ms, fault, (kind, target, on), None, None)
    }

    /// The same for a fault of the network.
    pub fn requested_of_links(
        self,
        t_ms: f64,
        fault: &str,
        whom: (FaultKind, &str, &[&str]),
        asked: LinkFault,
    ) -> Self {
        self.request(t_ms, fault, whom, Some(asked), None)
    }

    /// The same for a fault that gives a node less than it had.
    pub fn requested_strain(
        self,
        t_ms: f64,
        fault: &str,
        whom: (FaultKind, &str, &[&str]),
        asked: Strain,
    ) -> Self {
        self.request(t_ms, fault, whom, None, Some(asked))
    }

    fn request(
        mut self,
        t_ms: f64,
        fault: &str,
        (kind, target, on): (FaultKind, &str, &[&str]),
        link: Option<LinkFault>,
        strain: Option<Strain>,
    ) -> Self {
        let target = Target::from(target);
        let step = Step {
            at: Span::default(),
            jitter: Span::default(),
            fault: kind,
            target: target.clone(),
            heal_after: (!kind.is_one_shot()).then(|| Span::from_secs(15)),
            times: 1,
            every: Span::default(),
            ttl: None,
            link: link.clone(),
            strain,
            rest: None,
            hand_over: None,
            when: Default::default(),
            count: None,
        };
        self.run.info.scenario.timeline.push(step);
        let nodes = on.iter().map(|name| node(name)).collect();
        self.event(t_ms, Event::FaultRequested { fault: fault.into(), kind, target, nodes, link, strain })
    }

    pub fn links_set(self, t_ms: f64, fault: &str, disturbed: bool) -> Self {
        let (way, evidence) = ("a test".into(), "as asked".into());
        let (fault, requested_ms) = (fault.into(), t_ms - 10.0);
        self.event(t_ms, Event::LinksSet { fault, disturbed, requested_ms, way, evidence })
    }

    /// Reads carry versions; this node's are those of `from_ms` until `until_ms`.
    pub fn frozen(mut self, name: &str, from_ms: f64, until_ms: f64) -> Self {
        self.frozen = Some((node(name), from_ms, until_ms));
        self
    }

    pub fn applied(self, t_ms: f64, fault: &str) -> Self {
        self.event(t_ms, Event::FaultApplied { fault: fault.into(), evidence: "the process is gone".into() })
    }

    pub fn healed(self, t_ms: f64, fault: &str) -> Self {
        self.event(t_ms, Event::Healed { fault: fault.into(), evidence: "unsealed, standby".into() })
    }

    pub fn leader(mut self, name: &str) -> Self {
        self.leader = node(name);
        self
    }

    /// Operations of one load at its rate, due in `[from_ms, to_ms)`.
    pub fn traffic(self, load: u16, from_ms: f64, to_ms: f64, answer: impl Fn(f64) -> Answer) -> Self {
        self.traffic_by(load, from_ms, to_ms, |t_ms, _| answer(t_ms))
    }

    pub fn traffic_by(
        self,
        load: u16,
        from_ms: f64,
        to_ms: f64,
        answer: impl Fn(f64, &str) -> Answer,
    ) -> Self {
        let rate = self.rates[usize::from(load)];
        self.traffic_at(load, rate, from_ms, to_ms, answer)
    }

    /// The same at a rate of its own, as in a ramp.
    pub fn traffic_at(
        mut self,
        load: u16,
        rate: f64,
        from_ms: f64,
        to_ms: f64,
        answer: impl Fn(f64, &str) -> Answer,
    ) -> Self {
        let count = ((to_ms - from_ms) * rate / 1e3).round() as u64;
        for i in 0..count {
            let due_ms = from_ms + i as f64 * 1e3 / rate;
            let Load { workload, route, .. } = self.run.info.scenario.load[usize::from(load)].clone();
            let to = match &route {
                Route::Any | Route::Healthy => node(["n1", "n2", "n3"][(i % 3) as usize]),
                Route::Standby => node(["n2", "n3"][(i % 2) as usize]),
                Route::Leader => self.leader.clone(),
                Route::Node(id) => id.clone(),
            };
            let got = answer(due_ms, to.as_str());
            self.push(Some(load), workload, route, to, due_ms, got);
        }
        self
    }

    /// One write of the failover probe.
    pub fn probe(mut self, t_ms: f64, to: &str, got: Answer) -> Self {
        self.push(None, Workload::Kv2Write, Route::Node(node(to)), node(to), t_ms, got);
        self
    }

    fn push(&mut self, load: Option<u16>, op: Workload, route: Route, to: NodeId, due_ms: f64, got: Answer) {
        let id = self.run.history.len() as u64;
        let ok = got.outcome == Outcome::Ok;
        let writes = op.stores_a_version();
        let key = op.has_key().then_some((id % KEYS) as u32);
        let digest = format!("{id:016x}");
        let mut version = None;
        if let (true, true, Some(key)) = (ok, writes, key) {
            let versions = self.stored.entry(key).or_default();
            let number = versions.last().map_or(0, |(number, _)| *number) + 1;
            versions.push((number, digest.clone()));
            version = Some(number);
            self.index += 1;
        }
        self.run.history.push(Operation {
            id,
            load,
            client: load.map(|_| (id % 8) as u16),
            op,
            route,
            node: Some(to),
            due_us: us(due_ms),
            sent_us: us(due_ms + got.lag_ms),
            done_us: us(due_ms + got.latency_ms),
            outcome: got.outcome,
            error: got.error,
            status: ok.then_some(200),
            key,
            version,
            digest: writes.then_some(digest),
            expected: None,
            index: version.map(|_| self.index),
            subject: None,
            request: None,
            ttl_s: None,
        });
    }

    pub fn log(mut self, name: &str, t_ms: f64, text: &str) -> Self {
        let time = self.run.info.started_at + jiff::SignedDuration::from_micros((t_ms * 1e3) as i64);
        let line = format!("{} [INFO]  {text}\n", time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ"));
        match self.run.logs.iter_mut().find(|(id, _)| id.as_str() == name) {
            Some((_, log)) => log.push_str(&line),
            None => self.run.logs.push((node(name), line)),
        }
        self
    }

    /// Adds what a sound run always has: the control probe each second, polls, and the read-back.
    pub fn build(mut self) -> SavedRun {
        let collect = |entry: &&Entry| entry.event == Event::Phase { phase: Phase::Collect };
        let collect_ms = self.run.journal.iter().find(collect).map_or(0.0, |entry| entry.t_ms);
        for second in 1..=(collect_ms / 1e3) as u64 {
            let t_ms = second as f64 * 1e3;
            self.run.journal.push(control_second(t_ms, 0.5));
            let cpu = Event::Cpu {
                window_ms: 1e3,
                servers: 0.2,
                harness: 0.1,
                siblings: 0.0,
                other: 0.05,
                steal: 0.0,
            };
            self.run.journal.push(Entry { t_ms, event: cpu });
        }
        let seconds = (0..=(collect_ms / 1e3) as u64).map(|second| second as f64 * 1e3);
        for t_ms in seconds.chain([collect_ms]) {
            for name in ["n1", "n2", "n3"] {
                let samples = vec![(t_ms, self.index, self.index)];
                self.run.journal.push(Entry { t_ms, event: Event::Indices { node: node(name), samples } });
            }
        }
        let keys = self.stored.len() as u32;
        for (key, versions) in std::mem::take(&mut self.stored) {
            let current = versions.last().map(|(number, _)| *number);
            let trimmed = versions.len().saturating_sub(10);
            let event =
                Event::ReadBack { key, node: node("n2"), current, versions: versions[trimmed..].to_vec() };
            self.run.journal.push(Entry { t_ms: collect_ms + 500.0, event });
        }
        self.run.journal.push(Entry { t_ms: collect_ms + 600.0, event: Event::ReadBackDone { keys } });
        self.run.journal.sort_by(|a, b| a.t_ms.total_cmp(&b.t_ms));
        self.run.history.sort_by_key(|op| (op.done_us, op.id));
        if let Some(frozen) = self.frozen {
            give_reads_their_versions(&mut self.run.history, &frozen);
        }
        self.run
    }
}

fn give_reads_their_versions(history: &mut [Operation], (frozen, from_ms, until_ms): &(NodeId, f64, f64)) {
    let writes: Vec<_> = history.iter().filter_map(|op| Some((op.key?, op.done_us, op.version?))).collect();
    for op in history.iter_mut().filter(|op| op.op == Workload::Kv2Read && op.is_ok()) {
        let sent_ms = op.sent_us as f64 / 1e3;
        let is_frozen = op.node.as_ref() == Some(frozen) && (*from_ms..*until_ms).contains(&sent_ms);
        let as_of_us = if is_frozen { us(*from_ms) } else { op.sent_us };
        let known = writes.iter().filter(|(key, done_us, _)| Some(*key) == op.key && *done_us < as_of_us);
        op.version = known.map(|(_, _, version)| *version).max();
    }
}

pub fn control_second(t_ms: f64, p99_ms: f64) -> Entry {
    let event = Event::Control {
        window_ms: 1e3,
        stall_p99_ms: p99_ms,
        stall_max_ms: p99_ms,
        echo_p99_ms: 0.2,
        echo_max_ms: 0.3,
    };
    Entry { t_ms, event }
}

/// 30 s of undisturbed reads (100/s, any) and writes (20/s, leader) after a warm-up of 2 s.
pub fn steady_run() -> RunBuilder {
    RunBuilder::new()
        .load("kv2.read", "any", 100.0)
        .load("kv2.write", "leader", 20.0)
        .phases(2e3, 32e3, 32e3, 32e3)
        .traffic(0, 0.0, 32e3, |_| Answer::ok(1.5))
        .traffic(1, 0.0, 32e3, |_| Answer::ok(8.0))
        .expect(&["read.p99"])
}

/// The leader n1 is killed at 12 s; n2 acknowledges from 23 s on; n1 is back at 27 s, redundant at 30 s.
pub fn kill_run() -> RunBuilder {
    let dead = |t_ms: f64, to: &str| to == "n1" && (12e3..27e3).contains(&t_ms);
    let read = move |t_ms, to: &str| if dead(t_ms, to) { Answer::refused(1.0) } else { Answer::ok(1.5) };
    RunBuilder::new()
        .load("kv2.read", "any", 100.0)
        .load("kv2.write", "leader", 20.0)
        .phases(2e3, 12e3, 27e3, 40e3)
        .expect(&["failover.mttr", "failover.rpo", "no-lost-writes", "single-leader"])
        .requested(12_000.0, "f1", FaultKind::Kill, "leader", &["n1"])
        .applied(12_001.0, "f1")
        .role("n1", 12_020.0, Role::Unreachable, 12_000.0)
        .role("n2", 22_800.0, Role::Active, 22_780.0)
        .role("n1", 26_500.0, Role::Standby, 26_480.0)
        .redundancy(23_500.0, 3, 2, 0)
        .healed(27_000.0, "f1")
        .redundancy(30_000.0, 3, 3, 1)
        .log("n2", 22_301.0, "storage.raft: entering leader state: leader=\"Node at 127.0.0.1:2 [Leader]\"")
        .log("n2", 22_401.0, "core: acquired lock, enabling active operation")
        .log("n2", 22_901.0, "core: post-unseal setup complete")
        .traffic_by(0, 0.0, 40e3, read)
        .traffic(1, 0.0, 12e3, |_| Answer::ok(8.0))
        .traffic(1, 12e3, 23e3, |_| Answer::refused(1.0))
        .leader("n2")
        .traffic(1, 23e3, 40e3, |_| Answer::ok(2.0))
}

/// The leader n1 is cut off from the others at 12 s and no longer claims to lead from 14.7 s on, but goes on answering
/// reads; n2 acknowledges from 23 s on; the network is whole again at 40 s.
pub fn isolated_run() -> RunBuilder {
    let impairment = Impairment { cut: Some(Cut::BlackHole), ..Impairment::default() };
    let asked = LinkFault { shape: Shape::Group, between: Between::Peers, impairment, flap: None };
    RunBuilder::new()
        .load("kv2.read", "any", 100.0)
        .load("kv2.write", "leader", 20.0)
        .phases(2e3, 12e3, 41e3, 55e3)
        .expect(&["failover.mttr", "no-lost-writes", "single-leader", "minority-silent"])
        .requested_of_links(11_500.0, "f1", (FaultKind::Isolate, "leader", &["n1"]), asked)
        .links_set(12_000.0, "f1", true)
        .applied(12_000.0, "f1")
        .role("n1", 14_700.0, Role::Standby, 14_680.0)
        .role("n2", 22_800.0, Role::Active, 22_780.0)
        .redundancy(23_500.0, 3, 2, 0)
        .event(39_980.0, Event::HealRequested { fault: "f1".into() })
        .links_set(40_000.0, "f1", false)
        .healed(41_000.0, "f1")
        .redundancy(43_000.0, 3, 3, 1)
        .traffic(0, 0.0, 55e3, |_| Answer::ok(1.5))
        .traffic(1, 0.0, 12e3, |_| Answer::ok(8.0))
        .traffic(1, 12e3, 23e3, |_| Answer::timeout())
        .leader("n2")
        .traffic(1, 23e3, 55e3, |_| Answer::ok(2.0))
        .frozen("n1", 12e3, 39.99e3)
}

fn objective(id: &str, target: &str) -> Objective {
    let (id, target) = (id.into(), target.parse().unwrap());
    Objective { id, target, source: "a-document.txt".into(), words: None }
}

fn info() -> RunInfo {
    let blueprint = Blueprint {
        name: "tested".into(),
        summary: String::new(),
        source: "a-document.txt".into(),
        nodes: 3,
        seal: Seal { kind: SealKind::Shamir, shares: 5, threshold: 3 },
        tls: Tls { enabled: true, min_version: "tls13".into() },
        audit: vec![],
        tenants: 2,
        mounts: vec![],
        policies: vec![],
        approle: AppRole {
            mount: "approle".into(),
            role: "app".into(),
            policies: vec![],
            token_ttl: Span::from_secs(3600),
            token_max_ttl: None,
        },
        objectives: [
            ("read.p50", "< 2 ms"),
            ("read.p99", "< 5 ms"),
            ("write.p99", "< 50 ms"),
            ("throughput.node", ">= 1000 /s"),
            ("availability", ">= 99.99 %"),
            ("auth.success", "> 99.5 %"),
            ("failover.rto", "= 0 s"),
            ("failover.mttr", "< 60 s"),
            ("failover.rpo", "= 0"),
            ("cluster.init", "< 5 min"),
            ("node.join", "< 30 s"),
            ("health.latency", "< 100 ms"),
            ("token.ttl", "= 1 h"),
            ("tls.min", ">= 1.3"),
        ]
        .map(|(id, target)| objective(id, target))
        .to_vec(),
        alerts: vec![],
        assumed_failures_per_month: 1.0,
        deviations: vec![],
    };
    let scenario = Scenario {
        name: "tested".into(),
        summary: String::new(),
        blueprint,
        server: ServerTuning::default(),
        load: vec![],
        keys: None,
        lease_ttl: None,
        blueprint_file: None,
        seed: None,
        random: None,
        warm_up: Span::from_secs(2),
        steady: Span::from_secs(10),
        timeline: vec![],
        recovery: Recovery {
            within: Span::from_secs(60),
            hold: Span::from_secs(5),
            restore_into: RestoreInto::One,
        },
        alerts: None,
        abort_when: None,
        expect: vec![],
        tags: vec![],
    };
    let address = |name: &str| NodeInfo { id: node(name), api_addr: format!("https://{name}") };
    RunInfo {
        version: 1,
        run_id: "t1".into(),
        scenario,
        seed: 42,
        backend: "process".into(),
        server: Server { product: "openbao".into(), version: "2.7.2".into() },
        upgraded_to: None,
        nodes: ["n1", "n2", "n3"].map(address).to_vec(),
        started_at: "2026-11-22T03:00:00Z".parse().unwrap(),
        machine: Machine {
            os: "linux".into(),
            kernel: "5".into(),
            cpu: "a cpu".into(),
            cores: 2,
            memory_mib: 8_192,
        },
        command: "vaultquake run tested.yaml".into(),
        vaultquake: "0.1.0".into(),
        known_findings: vec![],
        overrides: vec![],
        side_by_side: 1,
    }
}
