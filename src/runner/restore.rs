//! A snapshot that is taken under load, restored into a cluster of its own, and read there: on one node, or on as many as
//! the first cluster had, as after its total loss.

use super::collect::NODE_AGREEMENT;
use super::{BackendChoice, Ground, RunError, Stop};
use crate::bootstrap::{self, unseal, wait_for_redundancy};
use crate::cluster::{Access, ClusterView, Node};
use crate::load::Keyspace;
use crate::machine::{FileLock, drawn_mark};
use crate::model::{Event, NodeId, RestoreInto, Scenario};
use crate::observe;
use crate::record::{Journal, RunFolder};
use crate::vault::{Client, ClientError, Wire, wait_until};
use std::time::{Duration, Instant};

/// A server that took a snapshot closes, opens with the keys of the snapshot and elects itself.
const SERVES_WITHIN: Duration = Duration::from_secs(60);
const ASK_EVERY: Duration = Duration::from_millis(100);
const LEADER_WITHIN: Duration = Duration::from_secs(15);

pub(super) struct Downloaded {
    pub node: NodeId,
    pub asked_ms: f64,
    pub bytes: Vec<u8>,
}

/// Takes one through the active node.
pub(super) async fn download(
    nodes: &[Node],
    view: &ClusterView,
    operator_token: &str,
    journal: &Journal,
) -> Result<Downloaded, String> {
    // A leader that a busy machine kept from answering a poll is waited for.
    let leader = wait_until("a node is active", LEADER_WITHIN, ASK_EVERY, || {
        std::future::ready(view.leader().ok_or_else(|| "no node is active".to_owned()))
    });
    let node = &nodes[leader.await.map_err(|error| error.to_string())?];
    let client = Client::new(&node.endpoint).map_err(|error| error.to_string())?;
    let asked_ms = journal.now_ms();
    let bytes = client.with_token(operator_token).get_bytes("sys/storage/raft/snapshot").await;
    Ok(Downloaded { node: node.id.clone(), asked_ms, bytes: bytes.map_err(|error| error.to_string())? })
}

/// The snapshot of `snapshot-equal`. `None` where that failed, which is journalled.
pub(super) async fn take_snapshot(
    nodes: &[Node],
    view: &ClusterView,
    operator_token: &str,
    folder: &RunFolder,
    journal: &Journal,
) -> Option<Vec<u8>> {
    let taken = download(nodes, view, operator_token, journal).await.and_then(|taken| {
        let Downloaded { node, asked_ms, bytes: snapshot } = taken;
        journal.write(Event::SnapshotTaken { node, asked_ms, bytes: snapshot.len() as u64 });
        // Sealed by the cluster's own keys, and evidence all the same.
        folder.write_secret("snapshot.bin", &snapshot).map_err(|error| error.to_string())?;
        Ok(snapshot)
    });
    taken.map_err(|reason| journal.write(Event::SnapshotFailed { reason })).ok()
}

pub(super) struct Restoring<'a> {
    pub backend: &'a BackendChoice,
    pub scenario: &'a Scenario,
    pub folder: &'a RunFolder,
    /// Those of the cluster that the snapshot is of: after the restore they open the new one.
    pub access: &'a Access,
    pub keys: &'a Keyspace,
    pub written: &'a [u32],
    pub journal: &'a Journal,
    pub stop: &'a Stop,
}

impl Restoring<'_> {
    /// Brings a cluster up, restores into it, reads every key and takes it down again. What failed is journalled.
    pub async fn run(&self, snapshot: Vec<u8>) -> Result<(), RunError> {
        if let BackendChoice::Attach { .. } = self.backend {
            let reason = "on an attached cluster there is no server to restore into, and nothing of its own is \
                          overwritten";
            self.journal.write(Event::SnapshotFailed { reason: reason.into() });
            return Ok(());
        }
        let place = RunFolder::make(self.folder.private().join("restored"))
            .map_err(|error| RunError::SetUp(error.to_string()))?;
        let _lock =
            FileLock::try_acquire(&place.lock()).map_err(|error| RunError::SetUp(error.to_string()))?;
        let run_id = drawn_mark();
        let backend = self.backend.after_upgrades();
        let ground = Ground::prepare(&backend, &self.of_another(), &place, &run_id).await?;
        let restored = tokio::select! {
            restored = self.restore(&ground, snapshot) => restored,
            () = self.stop.asked() => Err("the run was stopped".to_owned()),
        };
        ground.tear_down().await?;
        match restored {
            // Kept where something went wrong, as of the nodes themselves.
            Ok(()) => std::fs::remove_dir_all(place.root())
                .map_err(|error| RunError::SetUp(format!("{}: {error}", place.root().display())))?,
            Err(reason) => self.journal.write(Event::SnapshotFailed { reason }),
        }
        Ok(())
    }

    /// The same deployment that need not wait long for its elections: nothing of them is measured there.
    fn of_another(&self) -> Scenario {
        let mut scenario = self.scenario.clone();
        if scenario.recovery.restore_into == RestoreInto::One {
            scenario.blueprint.nodes = 1;
        }
        scenario.server.performance_multiplier = Some(1);
        scenario.timeline.clear();
        scenario
    }

    async fn restore(&self, ground: &Ground, snapshot: Vec<u8>) -> Result<(), String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let formed =
            ground.form(&self.scenario.blueprint.seal, &Unseen).await.map_err(|error| text(&error))?;
        let node = &ground.cluster.nodes()[0];
        let client = Client::new(&node.endpoint).map_err(|error| text(&error))?;
        let began = Instant::now();
        let operator = client.with_token(&formed.access.root_token);
        operator
            .post_bytes("sys/storage/raft/snapshot-force", snapshot)
            .await
            .map_err(|error| text(&error))?;
        self.opens(&client).await.map_err(|error| text(&error))?;
        self.others_follow(ground).await.map_err(|error| text(&error))?;
        let took_ms = began.elapsed().as_secs_f64() * 1e3;
        let wire = Wire::new(&node.endpoint).map_err(|error| text(&error))?;
        let token = &self.access.root_token;
        observe::read_restored(self.keys, self.written, &wire, token, self.journal).await?;
        self.journal.write(Event::RestoredAll { keys: self.written.len() as u32, took_ms });
        if self.scenario.expects(NODE_AGREEMENT) && ground.cluster.nodes().len() > 1 {
            let compared = observe::compare_nodes(ground.cluster.nodes(), token, self.journal).await;
            compared.map_err(|error| format!("the restored nodes could not be compared: {error}"))?;
        }
        Ok(())
    }

    /// What the first node has, the others get from it; each opens by the keys that came with the snapshot.
    async fn others_follow(&self, ground: &Ground) -> Result<(), ClientError> {
        let nodes = ground.cluster.nodes();
        for node in &nodes[1..] {
            self.opens(&Client::new(&node.endpoint)?).await?;
        }
        let operator = Client::new(&nodes[0].endpoint)?.with_token(&self.access.root_token);
        match nodes.len() {
            1 => Ok(()),
            many => wait_for_redundancy(&operator, many, SERVES_WITHIN).await,
        }
    }

    /// Until it serves by the keys and the token that came with the snapshot. It may close some time after its answer.
    async fn opens(&self, client: &Client) -> Result<(), ClientError> {
        let operator = client.with_token(&self.access.root_token);
        wait_until("the restored store is served", SERVES_WITHIN, ASK_EVERY, || async {
            let status = client.get("sys/seal-status").await.map_err(|error| error.to_string())?;
            if status.body["sealed"] == true {
                unseal(client, self.access, SERVES_WITHIN).await.map_err(|error| error.to_string())?;
            }
            operator.get("auth/token/lookup-self").await.map(drop).map_err(|error| error.to_string())
        })
        .await
    }
}

/// The steps of this cluster are nobody's set-up.
struct Unseen;

impl bootstrap::Progress for Unseen {
    fn step(&self, _step: &str, _took: Duration) {}
}
