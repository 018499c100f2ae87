//! The cluster that the tests attach to, kept by `up` on a thread of this process, and what stands on it.

use jiff::Timestamp;
use libtest_mimic::Failed;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use vaultquake::cluster::attach::nodes_of;
use vaultquake::model::*;
use vaultquake::record::RunFolder;
use vaultquake::runner::{self, BackendChoice, RunEnd, RunError, RunRequest, Siblings, Stop, StopReason};
use vaultquake::up::{UpFolder, UpRequest};
use vaultquake::vault::Client;
use vaultquake::watchdog::active_node;

pub struct Ground {
    pub file: AttachFile,
    folder: tempfile::TempDir,
    stop: Stop,
    owner: Option<JoinHandle<Result<(), String>>>,
}

pub struct Quiet;

impl vaultquake::bootstrap::Progress for Quiet {
    fn step(&self, _: &str, _: Duration) {}
}

impl runner::Progress for Quiet {
    fn phase(&self, _: Phase, _: Option<Duration>) {}
    fn note(&self, _: &str) {}
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap()
}

pub fn blueprint() -> Blueprint {
    let rules = r#"path "secret/data/tenants/{tenant_id}/*" { capabilities = ["create", "read", "update"] }
path "secret/metadata/tenants/{tenant_id}/*" { capabilities = ["read", "list"] }"#;
    Blueprint {
        name: "small".into(),
        summary: String::new(),
        source: "tests/attach".into(),
        nodes: 3,
        seal: Seal { kind: SealKind::Shamir, shares: 3, threshold: 2 },
        tls: Tls { enabled: true, min_version: "tls13".into() },
        audit: vec![AuditDevice { kind: "file".into(), name: "file".into() }],
        tenants: 2,
        mounts: vec![Mount {
            path: "secret".into(),
            empty: false,
            engine: Engine::Kv(Kv { version: 2, folders: Kv::folders_by_default(), writer: Writer::Tenant }),
        }],
        policies: vec![Policy { name: "tenant-{tenant_id}".into(), rules: rules.into() }],
        approle: AppRole {
            mount: "approle".into(),
            role: "tenant-{tenant_id}".into(),
            policies: vec!["tenant-{tenant_id}".into()],
            token_ttl: Span::from_secs(3600),
            token_max_ttl: None,
        },
        objectives: vec![],
        alerts: vec![],
        assumed_failures_per_month: 1.0,
        deviations: vec![],
    }
}

pub fn up_request(binary: &Path) -> UpRequest {
    let tuning = ServerTuning { performance_multiplier: Some(1), ..ServerTuning::default() };
    UpRequest { blueprint: blueprint(), tuning, binary: binary.to_owned() }
}

/// A little load, and one fault on the leader.
pub fn scenario(fault: FaultKind, heal_after: u64) -> Scenario {
    let load = |workload, rate| Load {
        workload,
        route: Route::from("leader"),
        rate: RatePlan::Constant(Rate(rate)),
        arrivals: Arrivals::Constant,
        program: None,
    };
    Scenario {
        name: "attached".into(),
        summary: String::new(),
        blueprint: blueprint(),
        server: ServerTuning::default(),
        load: vec![
            load(Workload::Kv2Write, 10.0),
            load(Workload::Kv2Read, 10.0),
            load(Workload::ApproleLogin, 2.0),
        ],
        keys: None,
        lease_ttl: None,
        blueprint_file: None,
        seed: None,
        random: None,
        warm_up: Span::from_ms(200),
        steady: Span::from_ms(500),
        timeline: vec![Step {
            at: Span::default(),
            jitter: Span::default(),
            fault,
            target: Target::Leader,
            heal_after: Some(Span::from_secs(heal_after)),
            times: 1,
            every: Span::default(),
            ttl: None,
            link: None,
            strain: None,
            rest: None,
            hand_over: None,
            when: Default::default(),
            count: None,
        }],
        recovery: Recovery {
            within: Span::from_secs(30),
            hold: Span::from_secs(1),
            restore_into: Default::default(),
        },
        alerts: None,
        abort_when: None,
        expect: vec!["no-lost-writes".into()],
        tags: vec![],
    }
}

/// Runs a scenario on an attached cluster; the folder stays as the run left it.
pub fn run(file: &AttachFile, scenario: Scenario, folder: RunFolder) -> Result<RunEnd, RunError> {
    let request = RunRequest {
        scenario,
        overrides: vec![],
        seed: 1,
        backend: BackendChoice::Attach {
            file: Box::new(file.clone()),
            exe: std::env::current_exe().unwrap(),
            upgrade_to: None,
        },
        server: Server { product: "openbao".into(), version: "unknown".into() },
        upgraded_to: None,
        out: folder.root().to_owned(),
        command: "cargo test --test attach".into(),
        known_findings: vec![],
        saved_states: None,
        siblings: Siblings::none(),
        prometheus: None,
        postgres: None,
    };
    let (now, zero) = (Timestamp::now(), Instant::now());
    runtime().block_on(runner::run(request, folder, now, zero, Arc::new(Quiet), Stop::default()))
}

impl Ground {
    pub fn up(binary: &Path) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let stop = Stop::default();
        let (sender, receiver) = mpsc::channel();
        let owner = std::thread::spawn({
            let (stop, request) = (stop.clone(), up_request(binary));
            let up = UpFolder::at(folder.path(), "ground").map_err(|error| error.to_string())?;
            move || {
                let sender = Mutex::new(sender);
                let ready = |_: &_| {
                    let _ = sender.lock().unwrap().send(());
                };
                runtime()
                    .block_on(vaultquake::up::run(&request, &up, &Quiet, &ready, &stop))
                    .map_err(|error| error.to_string())
            }
        });
        if receiver.recv().is_err() {
            return Err(owner.join().unwrap().err().unwrap_or_default());
        }
        let text = std::fs::read_to_string(folder.path().join("ground/attach.yaml")).unwrap();
        let file: AttachFile = serde_saphyr::from_str(&text).map_err(|error| error.to_string())?;
        Ok(Self { file, folder, stop, owner: Some(owner) })
    }

    pub fn down(&mut self) {
        self.stop.ask(StopReason::Interrupted("the tests are over".into()));
        if let Some(owner) = self.owner.take() {
            owner.join().unwrap().unwrap();
        }
        assert!(!self.folder.path().join("ground").exists(), "what was up is gone without a trace");
    }

    pub fn run_folder(&self) -> RunFolder {
        RunFolder::create(&self.folder.path().join("runs"), Timestamp::now(), "attached", 1).unwrap()
    }

    pub fn private_file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Every mount, auth mount, policy and identity entity, and the configuration of autopilot.
    pub fn snapshot(&self) -> Result<BTreeSet<String>, Failed> {
        let nodes = nodes_of(&self.file).map_err(|error| error.to_string())?;
        let token = std::fs::read_to_string(&self.file.token_file)?;
        runtime().block_on(async {
            let leader = active_node(&nodes, Duration::from_secs(30)).await?;
            let operator = Client::new(&leader.endpoint)?.with_token(token.trim());
            let mut found = BTreeSet::new();
            for path in ["sys/mounts", "sys/auth"] {
                let answer = operator.get(path).await?;
                let mounts = answer.body["data"].as_object().ok_or("no mounts")?;
                found.extend(mounts.keys().map(|mount| format!("{path} {mount}")));
            }
            for path in ["sys/policies/acl", "identity/entity/id"] {
                let answer = operator.call(reqwest::Method::GET, &format!("{path}?list=true"), None).await?;
                let keys = answer.body["data"]["keys"].as_array().cloned().unwrap_or_default();
                found.extend(keys.iter().filter_map(Value::as_str).map(|key| format!("{path} {key}")));
            }
            let autopilot = operator.get("sys/storage/raft/autopilot/configuration").await?;
            found.insert(autopilot.body["data"].to_string());
            Ok(found)
        })
    }

    /// The address of a node that is not active.
    pub fn standby(&self) -> Result<String, Failed> {
        let nodes = nodes_of(&self.file).map_err(|error| error.to_string())?;
        runtime().block_on(async {
            for node in &nodes {
                let answer =
                    Client::new(&node.endpoint)?.call(reqwest::Method::GET, "sys/health", None).await?;
                if answer.body["standby"] == true {
                    return Ok(node.endpoint.url.clone());
                }
            }
            Err(Failed::from("no node is a standby"))
        })
    }

    pub fn make_policies(&self, names: &[&str]) -> Result<(), Failed> {
        let nodes = nodes_of(&self.file).map_err(|error| error.to_string())?;
        let token = std::fs::read_to_string(&self.file.token_file)?;
        runtime().block_on(async {
            let operator = Client::new(&nodes[0].endpoint)?.with_token(token.trim());
            for name in names {
                let body = serde_json::json!({ "policy": "path \"x\" { capabilities = [\"read\"] }" });
                operator.post(&format!("sys/policies/acl/{name}"), body).await?;
            }
            Ok(())
        })
    }

    /// Waits until every node is unsealed and answers.
    pub fn is_whole(&self) -> Result<(), Failed> {
        let nodes = nodes_of(&self.file).map_err(|error| error.to_string())?;
        let until = Instant::now() + Duration::from_secs(60);
        runtime().block_on(async {
            for node in &nodes {
                loop {
                    let client = Client::new(&node.endpoint)?;
                    let asked =
                        tokio::time::timeout(Duration::from_secs(2), client.get("sys/seal-status")).await;
                    if matches!(asked, Ok(Ok(answer)) if answer.body["sealed"] == false) {
                        break;
                    }
                    if Instant::now() > until {
                        return Err(Failed::from(format!("{} did not come back", node.id)));
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
            Ok(())
        })
    }
}

/// The journal of a run so far.
pub fn events(folder: &RunFolder) -> Vec<Event> {
    let text = std::fs::read_to_string(folder.journal()).unwrap_or_default();
    text.lines()
        .filter_map(|line| serde_json::from_str::<Entry>(line).ok())
        .map(|entry| entry.event)
        .collect()
}

pub fn check(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), Failed> {
    if holds { Ok(()) } else { Err(Failed::from(otherwise())) }
}
