//! Whom the cases ask: a cluster of ours, brought up for them, or a server that exists.

use super::config_service::{Behind, ServiceChoice, ServiceUnderTest};
use super::spare::SpareServers;
use super::{Checked, Stop};
use crate::bootstrap::{self, BootstrapError, Made, MadeLog, Progress, made_file, prefix_of};
use crate::cluster::docker::{DockerCluster, DockerOptions};
use crate::cluster::process::{ProcessCluster, ProcessOptions};
use crate::cluster::{Access, Cluster, LinkNeeds, Node};
use crate::docker::Owner;
use crate::helper::{Database, Installation, Kms, Kubernetes};
use crate::machine::drawn_mark;
use crate::machine::ports::{self, ReservedPort};
use crate::model::{Blueprint, NodeId, Seal, Server, ServerTuning};
use crate::record::RunFolder;
use crate::vault::{Client, Endpoint, wait_until};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::OnceCell;

/// What to bring up, or where to ask.
pub enum SubjectChoice {
    /// Child processes of this server binary.
    Process { binary: PathBuf },
    /// Containers of this image, in which `program` is the server. The binary, where there is one, is for servers
    /// beside the cluster.
    Docker { image: String, program: String, binary: Option<PathBuf> },
    /// A server that exists, and a token of it that may make mounts and policies.
    Address { endpoint: Endpoint, token: String, destructive: bool },
}

/// A server under test with all that cases need beside it. Keeps what it started until `tear_down`.
pub struct Subject {
    pub server: Server,
    /// `process`, `docker`, or the address.
    pub backend: String,
    /// The first one is active.
    pub nodes: Vec<Node>,
    /// Whether the cluster is ours, or somebody allowed us to disturb it.
    pub may_disturb: bool,
    pub(super) operator_token: String,
    /// One a node, without a token.
    pub(super) clients: Vec<Client>,
    /// Absent where the cluster is not ours.
    pub(super) cluster: Option<Arc<dyn Cluster>>,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) spares: SpareServers,
    /// Where PostgreSQL comes from; the error says why there is none.
    pub(super) postgres: Result<Installation, String>,
    /// Where containers reach this machine; loopback for everybody else.
    pub(super) gateway: Option<Ipv4Addr>,
    /// A service in front of the cluster, where that is what is asked.
    pub(super) service: Option<Arc<ServiceUnderTest>>,
    /// Of a cluster of ours.
    access: Option<Access>,
    database: OnceCell<Result<Arc<Database>, String>>,
    kubernetes: OnceCell<Result<Arc<Kubernetes>, String>>,
    kms: OnceCell<Result<Arc<Kms>, String>>,
    prefix: String,
    made: MadeLog,
    private: PathBuf,
    labs: AtomicUsize,
    docker: Option<Arc<DockerCluster>>,
    /// Kept from others until the servers are gone.
    #[expect(dead_code, reason = "held, never read")]
    ports: Vec<ReservedPort>,
}

#[derive(Debug, thiserror::Error)]
pub enum SubjectError {
    #[error("cannot bring the cluster up: {0}")]
    Bootstrap(#[from] BootstrapError),
    /// Told to end before it was up; nothing of it remains.
    #[error("interrupted before the cluster was up")]
    Interrupted,
    #[error("{0}")]
    Failed(String),
}

/// Before the first case asks there is a leader.
const LEADER_WITHIN: Duration = Duration::from_secs(20);
const ASK_EVERY: Duration = Duration::from_millis(50);

fn failed(error: impl std::fmt::Display) -> SubjectError {
    SubjectError::Failed(error.to_string())
}

impl Subject {
    /// Brings the cluster up, with nothing in it, or looks at the one that exists. When `interrupted` comes first, what
    /// was started is taken down again.
    pub async fn prepare(
        choice: SubjectChoice,
        server: Server,
        blueprint: &Blueprint,
        postgres: Result<Installation, String>,
        folder: &RunFolder,
        progress: &dyn Progress,
        interrupted: impl Future<Output = ()>,
    ) -> Result<Self, SubjectError> {
        let private = std::path::absolute(folder.private()).map_err(failed)?;
        let logs = std::path::absolute(folder.logs()).map_err(failed)?;
        let run_id = drawn_mark();
        let made = MadeLog::open(&made_file(&private)).map_err(failed)?;
        // Nothing here measures a failover: the elections may be quick.
        let tuning = ServerTuning { performance_multiplier: Some(1), ..ServerTuning::default() };
        let mut ports = Vec::new();
        let (mut docker, mut ca_file, mut gateway) = (None, None, None);
        let cluster: Option<Arc<dyn Cluster>>;
        let (backend, binary);
        match &choice {
            SubjectChoice::Process { binary: program } => {
                ports = ports::reserve(usize::from(blueprint.nodes) * 2).map_err(failed)?;
                let pairs: Vec<_> = ports.chunks(2).map(|pair| (pair[0].port(), pair[1].port())).collect();
                let processes = ProcessCluster::prepare(ProcessOptions {
                    binary: program.clone(),
                    upgrade_to: None,
                    blueprint,
                    tuning: &tuning,
                    folder: &private.join("nodes"),
                    logs: &logs,
                    ports: &pairs,
                    links: LinkNeeds::default(),
                    disks: &[],
                    seal: None,
                })
                .map_err(failed)?;
                ca_file = processes.ca_file().map(Path::to_owned);
                cluster = Some(Arc::new(processes));
                (backend, binary) = ("process".to_owned(), Some(program.clone()));
            }
            SubjectChoice::Docker { image, program, binary: program_here } => {
                let lock = std::path::absolute(folder.lock()).map_err(failed)?;
                let containers = DockerCluster::prepare(DockerOptions {
                    owner: Owner { run_id: run_id.clone(), lock },
                    image,
                    upgrade_to: None,
                    program,
                    blueprint,
                    tuning: &tuning,
                    private: &private,
                    logs: &logs,
                    disks: &[],
                    seal: None,
                })
                .await
                .map_err(failed)?;
                let containers = Arc::new(containers);
                ca_file = containers.ca_file().map(Path::to_owned);
                gateway = Some(containers.gateway());
                docker = Some(containers.clone());
                cluster = Some(containers);
                (backend, binary) = ("docker".to_owned(), program_here.clone());
            }
            SubjectChoice::Address { endpoint, .. } => {
                cluster = None;
                (backend, binary) = (endpoint.url.clone(), None);
            }
        }
        let cluster_is_ours = cluster.is_some();
        let mut subject = Self {
            server,
            backend,
            nodes: cluster.as_ref().map(|cluster| cluster.nodes().to_vec()).unwrap_or_default(),
            may_disturb: cluster_is_ours,
            cluster,
            ca_file,
            spares: SpareServers::new(binary, private.join("spares"), logs),
            postgres,
            gateway,
            docker,
            ports,
            ..Self::of_nobody(private, made, &run_id)
        };
        if let SubjectChoice::Address { endpoint, token, destructive } = choice {
            subject.nodes = vec![Node { id: NodeId::new("n1"), endpoint }];
            subject.operator_token = token;
            subject.may_disturb = destructive;
        }
        let up = tokio::select! {
            up = subject.come_up(&blueprint.seal, progress) => up,
            () = interrupted => Err(SubjectError::Interrupted),
        };
        match up {
            Ok(()) => Ok(subject),
            Err(error) => Err(subject.not_up(error).await),
        }
    }

    /// Forms the cluster where it is ours, and waits until somebody answers.
    async fn come_up(&mut self, seal: &Seal, progress: &dyn Progress) -> Result<(), SubjectError> {
        if let Some(cluster) = &self.cluster {
            let formed =
                bootstrap::form(cluster.as_ref(), seal, self.ca_file.as_deref(), None, progress).await?;
            self.operator_token = formed.access.root_token.clone();
            self.access = Some(formed.access);
        }
        let clients = self.nodes.iter().map(|node| Client::new(&node.endpoint));
        self.clients = clients.collect::<Result<_, _>>().map_err(failed)?;
        self.look().await
    }

    /// Takes down what came up; why it did not come up whole stands before what went wrong then.
    async fn not_up(&self, error: SubjectError) -> SubjectError {
        // Nothing was made on a server that exists.
        if self.cluster.is_none() {
            return error;
        }
        match self.tear_down().await {
            Ok(()) => error,
            Err(more) => failed(format!("{error}; and taking it down: {more}")),
        }
    }

    /// Nobody to ask yet, and nothing started.
    fn of_nobody(private: PathBuf, made: MadeLog, run_id: &str) -> Self {
        Self {
            server: Server { product: String::new(), version: String::new() },
            backend: String::new(),
            nodes: Vec::new(),
            may_disturb: true,
            operator_token: String::new(),
            clients: Vec::new(),
            cluster: None,
            ca_file: None,
            spares: SpareServers::new(None, private.join("spares"), private.join("logs")),
            postgres: Err("a cluster".to_owned()),
            gateway: None,
            service: None,
            access: None,
            database: OnceCell::new(),
            kubernetes: OnceCell::new(),
            kms: OnceCell::new(),
            prefix: prefix_of(run_id),
            made,
            private,
            labs: AtomicUsize::new(0),
            docker: None,
            ports: Vec::new(),
        }
    }

    /// Puts a service in front of it, which the results are then about.
    ///
    /// # Errors
    /// When the service does not answer; the cluster is left as it is.
    pub async fn with_service(mut self, choice: ServiceChoice) -> Result<Self, (Self, String)> {
        let behind = self.cluster.clone().zip(self.access.clone());
        let behind = behind.map(|(cluster, access)| (Behind { cluster, access }, self.ca_file.as_deref()));
        match ServiceUnderTest::prepare(choice, behind, &self.private).await {
            Ok(service) => {
                self.server = service.server.clone();
                self.backend = format!("{}, in front of {}", service.url(), self.backend);
                // Whether the cluster may be taken away is asked of the service's own ground.
                self.may_disturb = true;
                self.service = Some(Arc::new(service));
                Ok(self)
            }
            Err(why) => Err((self, why)),
        }
    }

    pub fn is_about_a_service(&self) -> bool {
        self.service.is_some()
    }

    /// Nothing but a service is known: what is behind it is not judged.
    ///
    /// # Errors
    /// When the service does not answer.
    pub async fn of_service(choice: ServiceChoice, folder: &RunFolder) -> Result<Self, SubjectError> {
        let private = std::path::absolute(folder.private()).map_err(failed)?;
        let made = MadeLog::open(&made_file(&private)).map_err(failed)?;
        let service = ServiceUnderTest::prepare(choice, None, &private).await.map_err(failed)?;
        // Cases ask it through the service alone; a node has to have an address.
        let endpoint = Endpoint::new(service.url(), None).map_err(failed)?;
        let client = Client::new(&endpoint).map_err(failed)?;
        Ok(Self {
            server: service.server.clone(),
            backend: service.url().to_owned(),
            nodes: vec![Node { id: NodeId::new("service"), endpoint }],
            clients: vec![client],
            service: Some(Arc::new(service)),
            ..Self::of_nobody(private, made, &drawn_mark())
        })
    }

    /// Nobody is asked who does not serve.
    async fn look(&self) -> Result<(), SubjectError> {
        let operator = self.operator();
        wait_until("an active node answers", LEADER_WITHIN, ASK_EVERY, || async {
            operator.get("auth/token/lookup-self").await.map(drop).map_err(|error| error.to_string())
        })
        .await
        .map_err(failed)
    }

    pub(super) fn operator(&self) -> Client {
        self.clients[0].with_token(&self.operator_token)
    }

    /// A prefix for the names of one run of one case.
    pub(super) fn next_name(&self) -> String {
        format!("{}{}-", self.prefix, self.labs.fetch_add(1, Ordering::Relaxed))
    }

    /// Lists it on disk; what is listed is removed whatever happens.
    pub(super) fn about_to_make(&self, made: &Made) -> Result<(), String> {
        self.made.append(made).map_err(|error| error.to_string())
    }

    /// A folder of this run that nobody else reads.
    pub(super) fn private(&self) -> &Path {
        &self.private
    }

    /// One PostgreSQL for all cases, started when the first one asks.
    pub(super) async fn database(&self) -> Result<Arc<Database>, String> {
        let started = self.database.get_or_init(|| async {
            let installation = self.postgres.as_ref().map_err(Clone::clone)?;
            if self.cluster.is_none() {
                return Err("PostgreSQL that a server elsewhere can reach".to_owned());
            }
            let database = Database::start(installation, &self.private, self.gateway).await;
            database.map(Arc::new).map_err(|error| error.to_string())
        });
        started.await.clone()
    }

    /// The part of Kubernetes that logins with service accounts need, for all cases.
    pub(super) async fn kubernetes(&self) -> Checked<Arc<Kubernetes>> {
        if self.cluster.is_none() {
            return Err(Stop::NotJudged("a Kubernetes API that a server elsewhere can reach".to_owned()));
        }
        let started =
            self.kubernetes.get_or_init(|| async { Kubernetes::start(self.gateway).await.map(Arc::new) });
        started.await.clone().map_err(Stop::Broken)
    }

    /// A PostgreSQL for one case; it ends when it is dropped.
    pub(super) async fn own_database(&self, folder: &Path) -> Checked<Database> {
        let installation = self.postgres.as_ref().map_err(|why| Stop::NotJudged(why.clone()))?;
        if self.cluster.is_none() {
            return Err(Stop::NotJudged("PostgreSQL that a server elsewhere can reach".to_owned()));
        }
        Database::start(installation, folder, self.gateway).await.map_err(Stop::broken)
    }

    /// One KMS for all cases, with the documents' key, started when the first one asks.
    pub(super) async fn kms(&self) -> Result<Arc<Kms>, String> {
        let started = self.kms.get_or_init(|| async {
            let kms = Kms::start(&self.private, "alias/vault-unseal-key").await;
            kms.map(Arc::new).map_err(|error| error.to_string())
        });
        started.await.clone()
    }

    /// Takes down what was started, and removes from a server that exists whatever has a name of this run.
    pub async fn tear_down(&self) -> Result<(), SubjectError> {
        self.spares.end_all();
        if let Some(docker) = &self.docker {
            return docker.tear_down().await.map_err(SubjectError::Failed);
        }
        if let Some(cluster) = &self.cluster {
            cluster.shut_down().await;
            return Ok(());
        }
        if self.operator_token.is_empty() {
            return Ok(());
        }
        let operator = self.operator();
        let found = bootstrap::find_ours(&operator).await?;
        let ours: Vec<_> = found.into_iter().filter(|made| made.name().starts_with(&self.prefix)).collect();
        let (_, trouble) = bootstrap::remove(&operator, &ours).await;
        if trouble.is_empty() { Ok(()) } else { Err(SubjectError::Failed(trouble.join("; "))) }
    }
}
