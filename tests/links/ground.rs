//! A real cluster of three processes with links everywhere, for one test.

use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use vaultquake::bootstrap::{self, Progress};
use vaultquake::cluster::process::{ProcessCluster, ProcessOptions};
use vaultquake::cluster::{Access, Cluster, LinkNeeds, Links};
use vaultquake::machine::lock::{self, MachineLock};
use vaultquake::machine::ports::{self, ReservedPort};
use vaultquake::model::{LinkMap, NodeId, Party, ServerTuning};
use vaultquake::scenario::find_blueprint;
use vaultquake::vault::{Client, wait_until};

pub struct Ground {
    pub runtime: Runtime,
    pub cluster: ProcessCluster,
    pub access: Access,
    _folder: TempDir,
    _ports: Vec<ReservedPort>,
    _machine: MachineLock,
}

struct Quiet;

impl Progress for Quiet {
    fn step(&self, _: &str, _: Duration) {}
}

const EVERY: Duration = Duration::from_millis(20);
const ANSWERS_WITHIN: Duration = Duration::from_millis(500);
const WRITE_EVERY: Duration = Duration::from_millis(50);
const WRITE_WITHIN: Duration = Duration::from_secs(2);

impl Ground {
    /// Three healthy voters at multiplier 1, unless `VAULTQUAKE_TEST_MULTIPLIER` says another.
    pub fn up(binary: &Path) -> Self {
        let machine = lock::exclusive(&mut |who| eprintln!("waiting for the machine: {who}")).unwrap();
        let runtime = Runtime::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let blueprint = find_blueprint("alphapulse").unwrap();
        let ports = ports::reserve(usize::from(blueprint.nodes) * 2).unwrap();
        let pairs: Vec<_> = ports.chunks(2).map(|pair| (pair[0].port(), pair[1].port())).collect();
        let cluster = ProcessCluster::prepare(ProcessOptions {
            binary: binary.to_owned(),
            upgrade_to: None,
            blueprint: &blueprint,
            tuning: &ServerTuning { performance_multiplier: Some(multiplier()), ..ServerTuning::default() },
            folder: folder.path(),
            logs: folder.path(),
            ports: &pairs,
            links: LinkNeeds { peers: true, clients: true },
            disks: &[],
            seal: None,
        })
        .unwrap();
        let access = runtime.block_on(async {
            let formed =
                bootstrap::form(&cluster, &blueprint.seal, cluster.ca_file(), None, &Quiet).await.unwrap();
            let mut access = formed.access;
            let operator = Client::new(&cluster.nodes()[0].endpoint).unwrap().with_token(&access.root_token);
            bootstrap::apply(&operator, &blueprint, "", None, &mut access, &Quiet).await.unwrap();
            access
        });
        Self { runtime, cluster, access, _folder: folder, _ports: ports, _machine: machine }
    }

    pub fn links(&self) -> &dyn Links {
        self.cluster.links().expect("it was prepared with links")
    }

    pub fn client(&self, id: &NodeId) -> Client {
        let node = self.cluster.node(id).unwrap();
        Client::new(&node.endpoint).unwrap().with_token(&self.access.root_token)
    }

    pub fn others(&self, id: &NodeId) -> Vec<NodeId> {
        self.cluster.nodes().iter().map(|node| node.id.clone()).filter(|other| other != id).collect()
    }

    /// Whether it says that it is the active node.
    pub async fn leads(&self, id: &NodeId) -> Result<bool, String> {
        let asked = tokio::time::timeout(ANSWERS_WITHIN, async { self.client(id).get("sys/leader").await });
        match asked.await {
            Ok(Ok(answer)) => Ok(answer.body["is_self"] == true),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("{id} does not answer")),
        }
    }

    /// Waits until one of the nodes leads; it and how long that took.
    pub async fn leader_among(&self, nodes: &[NodeId], within: Duration) -> (NodeId, Duration) {
        let began = Instant::now();
        let leader = wait_until("one of them leads", within, EVERY, || async {
            for id in nodes {
                if self.leads(id).await == Ok(true) {
                    return Ok(id.clone());
                }
            }
            Err("none does".to_owned())
        });
        (leader.await.unwrap(), began.elapsed())
    }

    pub async fn steps_down(&self, id: &NodeId, within: Duration) -> Duration {
        let began = Instant::now();
        let left = wait_until("it leads no more", within, EVERY, || async {
            match self.leads(id).await? {
                true => Err("it does".to_owned()),
                false => Ok(()),
            }
        });
        left.await.unwrap();
        began.elapsed()
    }

    /// Waits until a write through one of the nodes is acknowledged; how long that took. A write that hangs must not
    /// hide one that would not: a new one goes to every node all the time.
    pub async fn writable(&self, nodes: &[NodeId], within: Duration) -> Duration {
        let began = Instant::now();
        let clients: Vec<_> = nodes.iter().map(|id| self.client(id)).collect();
        let (acknowledged, mut first) = tokio::sync::mpsc::channel(1);
        let mut ticks = tokio::time::interval(WRITE_EVERY);
        while began.elapsed() < within {
            tokio::select! {
                _ = first.recv() => return began.elapsed(),
                _ = ticks.tick() => {}
            }
            for client in clients.clone() {
                let acknowledged = acknowledged.clone();
                let body = serde_json::json!({ "data": { "at": began.elapsed().as_micros() as u64 } });
                tokio::spawn(async move {
                    let write = client.post("secret/data/links-test", body);
                    if let Ok(Ok(_)) = tokio::time::timeout(WRITE_WITHIN, write).await {
                        let _ = acknowledged.try_send(());
                    }
                });
            }
        }
        panic!("no write was acknowledged within {within:?}");
    }

    /// Everything passes again, and everybody is back.
    pub async fn heal(&self) {
        let began = Instant::now();
        self.links().set(&LinkMap::default()).await.unwrap();
        let ids: Vec<_> = self.cluster.nodes().iter().map(|node| node.id.clone()).collect();
        let (leader, _) = self.leader_among(&ids, Duration::from_secs(60)).await;
        let operator = self.client(&leader);
        bootstrap::wait_for_redundancy(&operator, ids.len(), Duration::from_secs(60)).await.unwrap();
        eprintln!("{} healthy voters {:.2} s after the heal", ids.len(), began.elapsed().as_secs_f64());
        let mut leaders = 0;
        for id in &ids {
            leaders += usize::from(self.leads(id).await.unwrap());
        }
        assert_eq!(leaders, 1);
    }

    /// How many of the probe's records arrived, and how many were sent.
    pub async fn arrived(&self, from: &NodeId, to: &NodeId) -> (u32, u32) {
        let sighting = self.links().probe(from, to).await.unwrap();
        (sighting.arrived, sighting.sent)
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        self.runtime.block_on(self.cluster.shut_down());
    }
}

pub fn multiplier() -> u8 {
    std::env::var("VAULTQUAKE_TEST_MULTIPLIER").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

pub fn node(id: &NodeId) -> Party {
    Party::Node(id.clone())
}
