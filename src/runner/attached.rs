//! The ground on somebody else's cluster: found, checked, used under names of our own, and left as it was.

use super::RunError;
use crate::bootstrap::{self, BootstrapError, MadeLog, find_ours, made_file, wait_for_redundancy};
use crate::cluster::attach::{AttachCluster, Standing};
use crate::cluster::{Access, Cluster};
use crate::helper::Database;
use crate::model::{AttachFile, Scenario};
use crate::record::RunFolder;
use crate::vault::Client;
use crate::watchdog::{self, AttachRecord, Undone, Watchdog, active_node, undo};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const LEADER_WITHIN: Duration = Duration::from_secs(10);
const REDUNDANCY_WITHIN: Duration = Duration::from_secs(20);

pub struct Attached {
    pub cluster: Arc<AttachCluster>,
    file: AttachFile,
    folder: RunFolder,
    made: MadeLog,
    watchdog: Arc<Mutex<Option<Watchdog>>>,
}

impl Attached {
    /// Looks at the cluster, records how to undo things on it, and starts the watchdog. Changes nothing
    /// there.
    pub async fn prepare(
        file: &AttachFile,
        exe: &Path,
        upgrade_to: Option<String>,
        scenario: &Scenario,
        folder: &RunFolder,
    ) -> Result<Self, RunError> {
        if let Some(multiplier) = scenario.server.performance_multiplier {
            let what = format!(
                "the scenario sets performance_multiplier {multiplier}, and the tuning of an attached cluster \
                 is not ours to change"
            );
            return Err(RunError::Unsupported { backend: "attach", what });
        }
        // Whoever undoes things later may be in another folder.
        let here = std::env::current_dir()
            .map_err(|error| RunError::SetUp(format!("cannot find the working directory: {error}")))?;
        let file = file.clone().absolute_from(&here);
        let cluster = AttachCluster::attach(&file, &folder.private(), &here, None)
            .await
            .map_err(BootstrapError::from)?;
        if let Standing::Mismatch(why) = cluster.standing() {
            return Err(RunError::SetUp(why.clone()));
        }
        let cluster_id = cluster.cluster_id().map(str::to_owned);
        AttachRecord { file: file.clone(), hooks_in: here, cluster_id }.write(folder)?;
        let made = MadeLog::open(&made_file(&folder.private()))?;
        let watchdog = watchdog::spawn(exe, folder).map_err(|error| RunError::SetUp(error.to_string()))?;
        let watchdog = Arc::new(Mutex::new(Some(watchdog)));
        let cluster = cluster.upgrading_to(upgrade_to).watched_by({
            let watchdog = watchdog.clone();
            Box::new(move || match watchdog.lock().unwrap().as_mut() {
                Some(watchdog) => watchdog.check(),
                None => Err("it was released".to_owned()),
            })
        });
        Ok(Self { cluster: Arc::new(cluster), file, folder: folder.clone(), made, watchdog })
    }

    /// Whom clients trust there, and who they say they are.
    pub fn trust(&self) -> (Option<PathBuf>, Option<(PathBuf, PathBuf)>) {
        let AttachFile { ca_cert, client_cert, client_key, .. } = &self.file;
        (ca_cert.clone(), client_cert.clone().zip(client_key.clone()))
    }

    /// Checks that the cluster is healthy, then sets the blueprint up under names of ours.
    pub async fn bring_up(
        &self,
        scenario: &Scenario,
        prefix: &str,
        steps: &dyn bootstrap::Progress,
    ) -> Result<Access, RunError> {
        let began = Instant::now();
        let mut access = self.cluster.access().map_err(BootstrapError::from)?;
        let token_file = &self.file.token_file;
        let open = std::fs::metadata(token_file).map_or(0, |about| about.permissions().mode() & 0o077);
        if open != 0 {
            let path = token_file.display();
            steps.step(&format!("others can read the token file; `chmod 600 {path}`"), Duration::ZERO);
        }
        let mut leaders = Vec::new();
        for node in self.cluster.nodes() {
            let client = Client::new(&node.endpoint)?;
            let status = client.get("sys/seal-status").await.map_err(|error| {
                RunError::SetUp(format!("{} at {} must be up: {error}", node.id, node.endpoint.url))
            })?;
            if status.body["initialized"] != true || status.body["sealed"] != false {
                let why = format!("{} must be initialised and unsealed before a run", node.id);
                return Err(RunError::SetUp(why));
            }
            if client.get("sys/leader").await?.body["is_self"] == true {
                leaders.push(node.id.as_str());
            }
        }
        if leaders.len() > 1 {
            return Err(RunError::SetUp(format!("{} all say that they lead", leaders.join(" and "))));
        }
        let nodes = self.cluster.nodes();
        let leader = active_node(nodes, LEADER_WITHIN).await?;
        let operator = Client::new(&leader.endpoint)?.with_token(&access.root_token);
        operator.get("auth/token/lookup-self").await.map_err(|error| {
            RunError::SetUp(format!("the token in the attach file's token_file is not accepted: {error}"))
        })?;
        steps.step(&format!("attach to {} nodes, {} leads", nodes.len(), leader.id), began.elapsed());

        let began = Instant::now();
        let path = "sys/storage/raft/autopilot/state";
        let autopilot = operator.call(reqwest::Method::GET, path, None).await?;
        if autopilot.is_success() && autopilot.body["data"]["voters"].is_array() {
            wait_for_redundancy(&operator, nodes.len(), REDUNDANCY_WITHIN).await?;
            steps.step(&format!("{} healthy voters", nodes.len()), began.elapsed());
        } else {
            let why = format!("redundancy is not known: autopilot answered {}", autopilot.status);
            steps.step(&why, began.elapsed());
        }
        if let Some(there) = find_ours(&operator).await?.iter().find(|made| made.name().starts_with(prefix)) {
            let why = format!("{} is there already, by a run with the same id; run again", there.name());
            return Err(RunError::SetUp(why));
        }
        bootstrap::apply(&operator, &scenario.blueprint, prefix, Some(&self.made), &mut access, steps)
            .await?;
        Ok(access)
    }

    /// The database that the attach file names.
    pub async fn database(&self) -> Result<Database, RunError> {
        let none =
            || RunError::SetUp("the attach file names no `postgres`, which this scenario needs".to_owned());
        let postgres = self.file.postgres.as_ref().ok_or_else(none)?;
        Database::attach(postgres).await.map_err(|error| RunError::SetUp(error.to_string()))
    }

    /// Heals what is left, removes what we made, and releases the watchdog. When something could not be
    /// undone the error says what, and how to try again.
    pub async fn tear_down(&self) -> Result<(), RunError> {
        let Undone { trouble, .. } = undo(&self.folder, &mut |_| {}).await;
        if let Some(watchdog) = self.watchdog.lock().unwrap().take() {
            watchdog.release();
        }
        if trouble.is_empty() {
            return Ok(());
        }
        Err(RunError::SetUp(format!(
            "the attached cluster is not as it was: {}; `vaultquake clean {}` tries again",
            trouble.join("; "),
            self.folder.root().display()
        )))
    }
}
