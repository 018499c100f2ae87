//! A snapshot that is taken under load, restored into a cluster of its own, and read there.

use super::{BackendChoice, Ground, RunError, Stop};
use crate::bootstrap::{self, unseal};
use crate::cluster::{Access, ClusterView, Node};
use crate::load::Keyspace;
use crate::machine::FileLock;
use crate::model::{Event, Scenario};
use crate::observe;
use crate::record::{Journal, RunFolder};
use crate::vault::{Client, ClientError, Wire, wait_until};
use rand::RngExt;
use std::time::{Duration, Instant};

/// A server that took a snapshot closes, opens with the keys of the snapshot and elects itself.
const SERVES_WITHIN: Duration = Duration::from_secs(60);
const ASK_EVERY: Duration = Duration::from_millis(100);

/// Takes one through the active node. `None` where that failed, which is journalled.
pub(super) async fn take_snapshot(
    nodes: &[Node],
    view: &ClusterView,
    operator_token: &str,
    folder: &RunFolder,
    journal: &Journal,
) -> Option<Vec<u8>> {
    let taken = async {
        let node = &nodes[view.leader().ok_or("no node is active")?];
        let client = Client::new(&node.endpoint).map_err(|error| error.to_string())?;
        let asked_ms = journal.now_ms();
        let snapshot = client.with_token(operator_token).get_bytes("sys/storage/raft/snapshot").await;
        let snapshot = snapshot.map_err(|error| error.to_string())?;
        let (node, bytes) = (node.id.clone(), snapshot.len() as u64);
        journal.write(Event::SnapshotTaken { node, asked_ms, bytes });
        // Sealed by the cluster's own keys, and evidence all the same.
        folder.write_secret("snapshot.bin", &snapshot).map_err(|error| error.to_string())?;
        Ok::<_, String>(snapshot)
    };
    taken.await.map_err(|reason| journal.write(Event::SnapshotFailed { reason })).ok()
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
    /// Brings one node up, restores into it, reads every key and takes it down again. What failed is journalled.
    pub async fn run(&self, snapshot: Vec<u8>) -> Result<(), RunError> {
        if let BackendChoice::Attach { .. } = self.backend {
            let reason = "on an attached cluster there is no server to restore into, and nothing of its own is \
                          overwritten";
            self.journal.write(Event::SnapshotFailed { reason: reason.into() });
            return Ok(());
        }
        let place = RunFolder::at(self.folder.private().join("restored"));
        let made =
            std::fs::create_dir_all(place.logs()).and_then(|()| std::fs::create_dir_all(place.private()));
        made.map_err(|error| RunError::SetUp(format!("{}: {error}", place.root().display())))?;
        let _lock =
            FileLock::try_acquire(&place.lock()).map_err(|error| RunError::SetUp(error.to_string()))?;
        let run_id = format!("{:06x}", rand::rng().random_range(0..1u32 << 24));
        let ground = Ground::prepare(self.backend, &self.of_one_node(), &place, &run_id).await?;
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

    /// The same deployment on one node that need not wait long for its election: nothing is measured there.
    fn of_one_node(&self) -> Scenario {
        let mut scenario = self.scenario.clone();
        scenario.blueprint.nodes = 1;
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
        let took_ms = began.elapsed().as_secs_f64() * 1e3;
        let wire = Wire::new(&node.endpoint).map_err(|error| text(&error))?;
        let token = &self.access.root_token;
        observe::read_restored(self.keys, self.written, &wire, token, self.journal).await?;
        self.journal.write(Event::RestoredAll { keys: self.written.len() as u32, took_ms });
        Ok(())
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
