//! The ground a run stands on: a cluster that is up, set up and healthy, whatever backend it runs on.

use super::attached::Attached;
use super::key_keeper::KeyKeeper;
use super::{Progress, RunError};
use crate::bootstrap::{self, BootstrapError, Formed, SavedState};
use crate::cluster::docker::{DockerCluster, DockerOptions, LinkOptions};
use crate::cluster::process::{ProcessCluster, ProcessOptions};
use crate::cluster::{Access, Cluster};
use crate::docker::Owner;
use crate::fault::{disk_needs, link_needs};
use crate::helper::{Database, Installation, PostgresError, TransitKms};
use crate::load::Mounts;
use crate::machine::ports::{self, ReservedPort};
use crate::model::{AttachFile, Blueprint, Event, Scenario, Seal, Server};
use crate::record::{Journal, RunFolder};
use crate::vault::Client;
use crate::watchdog::active_node;
use futures_util::future::BoxFuture;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Before anything disturbs the cluster it has one.
const LEADER_WITHIN: Duration = Duration::from_secs(10);

#[derive(Clone)]
pub enum BackendChoice {
    /// Child processes of this server binary, and of another one where nodes are upgraded.
    Process { binary: PathBuf, upgrade_to: Option<PathBuf> },
    /// Containers of this image (name or id), in which `program` is the server; and of another one where nodes are upgraded.
    /// `here` is the same server's binary on this machine, where it has one: for helpers.
    Docker { image: String, program: String, upgrade_to: Option<String>, here: Option<PathBuf> },
    /// Somebody else's cluster. `exe` is this program, which is started again as the watchdog; `upgrade_to` is told to the
    /// hooks that upgrade a node.
    Attach { file: Box<AttachFile>, exe: PathBuf, upgrade_to: Option<String> },
    /// Another, with something of the caller's between us and its nodes.
    Behind { backend: Box<BackendChoice>, front: Front },
}

impl BackendChoice {
    /// With the version that nodes end with: what they wrote at last, an earlier one need not understand.
    pub fn after_upgrades(&self) -> Self {
        match self {
            Self::Process { upgrade_to: Some(binary), .. } => {
                Self::Process { binary: binary.clone(), upgrade_to: None }
            }
            Self::Docker { upgrade_to: Some(image), program, here, .. } => Self::Docker {
                image: image.clone(),
                program: program.clone(),
                upgrade_to: None,
                here: here.clone(),
            },
            Self::Behind { backend, front } => {
                Self::Behind { backend: Box::new(backend.after_upgrades()), front: front.clone() }
            }
            Self::Process { .. } | Self::Docker { .. } | Self::Attach { .. } => self.clone(),
        }
    }
}

/// Puts something before the nodes of a cluster: what it returns is what a run sees of it. Asked once for each cluster that
/// the run brings up.
pub type Front =
    Arc<dyn Fn(Arc<dyn Cluster>) -> BoxFuture<'static, Result<Arc<dyn Cluster>, String>> + Send + Sync>;

/// Keeps the ports reserved as long as the cluster may need them.
pub struct Ground {
    pub cluster: Arc<dyn Cluster>,
    ca_file: Option<PathBuf>,
    /// Stands before every name we make; empty on a cluster that is all ours.
    pub prefix: String,
    /// What keeps the key of the seal, where that is another server.
    pub kms: Option<Arc<TransitKms>>,
    attached: Option<Attached>,
    docker: Option<Arc<DockerCluster>>,
    saved: Option<SavedState>,
    /// Where a database of ours would have its folder and its log.
    private: PathBuf,
    _ports: Vec<ReservedPort>,
}

impl Ground {
    /// Makes folders and configurations; starts nothing. On somebody else's cluster it only looks.
    pub async fn prepare(
        choice: &BackendChoice,
        scenario: &Scenario,
        folder: &RunFolder,
        run_id: &str,
    ) -> Result<Self, RunError> {
        // The servers run in folders of their own: a relative path would mean another place to them.
        let absolute = |path: PathBuf| {
            std::path::absolute(path)
                .map_err(|error| RunError::SetUp(format!("cannot find the run folder: {error}")))
        };
        match choice {
            BackendChoice::Behind { backend, front } => {
                let mut ground = Box::pin(Self::prepare(backend, scenario, folder, run_id)).await?;
                ground.cluster = front(ground.cluster).await.map_err(RunError::SetUp)?;
                Ok(ground)
            }
            BackendChoice::Attach { .. } if scenario.blueprint.seal.kind.opens_itself() => {
                let what = "an attached cluster's seal is not ours to choose".to_owned();
                Err(RunError::Unsupported { backend: "attach", what })
            }
            BackendChoice::Attach { file, exe, upgrade_to } => {
                let attached = Attached::prepare(file, exe, upgrade_to.clone(), scenario, folder).await?;
                Ok(Self {
                    kms: None,
                    cluster: attached.cluster.clone(),
                    ca_file: None,
                    prefix: bootstrap::prefix_of(run_id),
                    attached: Some(attached),
                    docker: None,
                    saved: None,
                    private: absolute(folder.private())?,
                    _ports: Vec::new(),
                })
            }
            BackendChoice::Docker { image, program, upgrade_to, here } => {
                let seal = KeyKeeper::start(scenario, here.as_deref(), folder).await?;
                let cluster = DockerCluster::prepare(DockerOptions {
                    owner: Owner { run_id: run_id.to_owned(), lock: absolute(folder.lock())? },
                    image,
                    upgrade_to: upgrade_to.as_deref(),
                    program,
                    blueprint: &scenario.blueprint,
                    tuning: &scenario.server,
                    private: &absolute(folder.private())?,
                    logs: &absolute(folder.logs())?,
                    disks: &disk_needs(&scenario.timeline),
                    seal: seal.stanza.as_ref(),
                })
                .await
                .map_err(|error| RunError::SetUp(error.to_string()))?;
                let kms = match seal.open_at(cluster.gateway()) {
                    Ok(kms) => kms,
                    Err(error) => {
                        let _ = cluster.tear_down().await;
                        return Err(error);
                    }
                };
                let exe = std::env::current_exe()
                    .map_err(|error| RunError::SetUp(format!("cannot find this program: {error}")))?;
                let needs = link_needs(&scenario.timeline);
                let cluster = Arc::new(cluster.with_links(LinkOptions { needs, exe, always_beside: false }));
                Ok(Self {
                    kms,
                    ca_file: cluster.ca_file().map(PathBuf::from),
                    cluster: cluster.clone(),
                    prefix: String::new(),
                    attached: None,
                    docker: Some(cluster),
                    saved: None,
                    private: absolute(folder.private())?,
                    _ports: Vec::new(),
                })
            }
            BackendChoice::Process { binary, upgrade_to } => {
                let seal = KeyKeeper::start(scenario, Some(binary), folder).await?;
                let ports = ports::reserve(usize::from(scenario.blueprint.nodes) * 2)
                    .map_err(|error| RunError::SetUp(error.to_string()))?;
                let pairs: Vec<_> = ports.chunks(2).map(|pair| (pair[0].port(), pair[1].port())).collect();
                let cluster = ProcessCluster::prepare(ProcessOptions {
                    binary: binary.clone(),
                    upgrade_to: upgrade_to.clone(),
                    blueprint: &scenario.blueprint,
                    tuning: &scenario.server,
                    folder: &absolute(folder.private().join("nodes"))?,
                    logs: &absolute(folder.logs())?,
                    ports: &pairs,
                    links: link_needs(&scenario.timeline),
                    disks: &disk_needs(&scenario.timeline),
                    seal: seal.stanza.as_ref(),
                })
                .map_err(|error| RunError::SetUp(format!("cannot prepare the nodes: {error}")))?;
                let kms = seal.open_at(Ipv4Addr::LOCALHOST)?;
                let ca_file = cluster.ca_file().map(PathBuf::from);
                Ok(Self {
                    kms,
                    cluster: Arc::new(cluster),
                    ca_file,
                    prefix: String::new(),
                    attached: None,
                    docker: None,
                    saved: None,
                    private: absolute(folder.private())?,
                    _ports: ports,
                })
            }
        }
    }

    /// Lets the first node come back with the store that an earlier run kept below `root`, or keep one there.
    pub fn with_saved_states(
        mut self,
        root: &Path,
        choice: &BackendChoice,
        server: &Server,
        blueprint: &Blueprint,
    ) -> Self {
        // A binary that was replaced is another server, whatever it says of itself.
        let program = match choice {
            BackendChoice::Process { binary, .. } => {
                let about = std::fs::metadata(binary).ok();
                let about = about.and_then(|about| Some((about.len(), about.modified().ok()?)));
                format!("{} {about:?}", binary.display())
            }
            BackendChoice::Docker { image, .. } => image.clone(),
            BackendChoice::Behind { backend, .. } => {
                return self.with_saved_states(root, backend, server, blueprint);
            }
            BackendChoice::Attach { .. } => return self,
        };
        let server = format!("{} {} {program}", server.product, server.version);
        self.saved = Some(SavedState::of(root, &server, blueprint));
        self
    }

    /// Brings the cluster up and sets the blueprint up on it, with a database beside it where the scenario uses one.
    pub async fn bring_up(
        &self,
        scenario: &Scenario,
        postgres: Option<&Installation>,
        journal: &Journal,
        progress: &dyn Progress,
    ) -> Result<(Access, Option<Arc<Database>>), RunError> {
        let steps = JournalledSteps { journal, progress };
        let access = self.bring_cluster_up(scenario, journal, &steps).await?;
        if !scenario.uses_a_database() {
            return Ok((access, None));
        }
        let began = Instant::now();
        let failed = |error: PostgresError| RunError::SetUp(error.to_string());
        let (database, step) = match (&self.attached, postgres) {
            (Some(attached), _) => (attached.database().await?, "PostgreSQL of the attach file".to_owned()),
            (None, Some(installation)) => {
                let gateway = self.docker.as_ref().map(|docker| docker.gateway());
                let started = Database::start(installation, &self.private, gateway).await.map_err(failed)?;
                (started, format!("PostgreSQL from {installation}"))
            }
            (None, None) => return Err(RunError::SetUp("no PostgreSQL was looked for".to_owned())),
        };
        bootstrap::Progress::step(&steps, &step, began.elapsed());
        let database = Arc::new(database);
        let leader = active_node(self.cluster.nodes(), LEADER_WITHIN).await?;
        let operator = Client::new(&leader.endpoint)?.with_token(&access.root_token);
        let (blueprint, ttl) = (&scenario.blueprint, scenario.lease_ttl);
        bootstrap::set_up_database(&operator, blueprint, &self.prefix, &database, ttl, &steps).await?;
        Ok((access, Some(database)))
    }

    async fn bring_cluster_up(
        &self,
        scenario: &Scenario,
        journal: &Journal,
        steps: &dyn bootstrap::Progress,
    ) -> Result<Access, RunError> {
        let began = Instant::now();
        if let Some(attached) = &self.attached {
            return attached.bring_up(scenario, &self.prefix, steps).await;
        }
        let blueprint = &scenario.blueprint;
        let formed = self.form(&blueprint.seal, steps).await?;
        for (node, asked, voter) in formed.joins {
            let (requested_ms, voter_ms) = (journal.ms_of(asked), journal.ms_of(voter));
            journal.write(Event::NodeJoined { node, requested_ms, voter_ms });
        }
        let took_ms = (formed.ready_at - began).as_secs_f64() * 1e3;
        journal.write(Event::ClusterReady { took_ms, reused_state: formed.reused_state });
        let mut access = formed.access;
        // The node that was initialised led when the gate opened, and nothing has disturbed it since.
        let client = Client::new(&self.cluster.nodes()[0].endpoint).map_err(BootstrapError::from)?;
        let operator = client.with_token(&access.root_token);
        bootstrap::apply(&operator, blueprint, &self.prefix, None, &mut access, steps).await?;
        if scenario.revokes_root() {
            let token = bootstrap::make_operator(&operator).await?;
            access.initial_root = std::mem::replace(&mut access.root_token, token);
        }
        Ok(access)
    }

    /// Starts the nodes and makes them one cluster with nothing in it.
    pub async fn form(&self, seal: &Seal, steps: &dyn bootstrap::Progress) -> Result<Formed, BootstrapError> {
        let (ca_file, saved) = (self.ca_file.as_deref(), self.saved.as_ref());
        bootstrap::form(self.cluster.as_ref(), seal, ca_file, saved, steps).await
    }

    /// What somebody else's cluster says of itself; of our own we know it.
    pub fn server_version(&self) -> Option<&str> {
        self.attached.as_ref().map(|attached| attached.cluster.version())
    }

    /// The files by which clients trust the nodes, and by which nodes know a client.
    pub fn trust(&self) -> (Option<PathBuf>, Option<(PathBuf, PathBuf)>) {
        match &self.attached {
            None => (self.ca_file.clone(), None),
            Some(attached) => attached.trust(),
        }
    }

    /// Where the load's secrets are.
    pub fn kv_mount(&self, blueprint: &Blueprint) -> String {
        Mounts::of(blueprint, &self.prefix).kv.path
    }

    /// Whether what we make outlives us.
    pub fn is_attached(&self) -> bool {
        self.attached.is_some()
    }

    /// Takes down what we started, and leaves somebody else's cluster as it was.
    pub async fn tear_down(&self) -> Result<(), RunError> {
        let torn_down = self.take_cluster_down().await;
        if let Some(kms) = &self.kms {
            kms.shut_down();
        }
        torn_down
    }

    async fn take_cluster_down(&self) -> Result<(), RunError> {
        if let Some(docker) = &self.docker {
            return docker.tear_down().await.map_err(RunError::SetUp);
        }
        self.cluster.shut_down().await;
        match &self.attached {
            Some(attached) => attached.tear_down().await,
            None => Ok(()),
        }
    }
}

struct JournalledSteps<'a> {
    journal: &'a Journal,
    progress: &'a dyn Progress,
}

impl bootstrap::Progress for JournalledSteps<'_> {
    fn step(&self, step: &str, took: std::time::Duration) {
        self.journal.write(Event::SetUp { step: step.to_owned(), took_ms: took.as_secs_f64() * 1e3 });
        self.progress.step(step, took);
    }
}
