//! Servers of a case's own: one node, plain http on loopback, gone when the case ends. What would disturb a cluster that
//! others use (sealing, restoring, initialising) is done to them.

use super::{Checked, Lab, Stop};
use crate::cluster::Node;
use crate::cluster::process::{spawn_server, spawn_server_with_run};
use crate::machine::ports::{self, ReservedPort};
use crate::machine::{ChildProcess, describe};
use crate::model::NodeId;
use crate::vault::{Client, Endpoint, wait_until};
use rustix::process::Signal;
use std::collections::HashMap;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;
use tokio::sync::OnceCell;

const LISTENS_WITHIN: Duration = Duration::from_secs(20);
const ASK_EVERY: Duration = Duration::from_millis(20);

pub(super) struct SpareServers {
    /// Absent where only an image is known, or an address.
    binary: Option<PathBuf>,
    folder: PathBuf,
    logs: PathBuf,
    count: AtomicUsize,
    running: Mutex<Vec<Weak<Mutex<Option<ChildProcess>>>>>,
    /// Those that several cases use, by their names.
    common: Mutex<HashMap<&'static str, Common>>,
}

/// Servers that several cases use, and their root token; started by the first one that asks.
type Common = Arc<OnceCell<Checked<(Vec<Spare>, String)>>>;

/// How a server says that it has no such storage or seal.
const UNKNOWN: [&str; 3] = ["unknown storage type", "Unknown storage type", "unknown wrapper"];

/// How a spare server stores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Storage {
    Memory,
    Raft,
    /// A stanza of the case's own.
    Stanza(String),
}

/// What a spare server's configuration says beside its address.
#[derive(Clone, Debug)]
pub struct SpareConfig {
    pub storage: Storage,
    /// More lines in the server's own configuration language: a seal, an audit device, telemetry.
    pub more: String,
}

impl SpareConfig {
    pub fn new(storage: Storage) -> Self {
        Self { storage, more: String::new() }
    }

    pub fn with(mut self, lines: &str) -> Self {
        self.more.push_str(lines);
        self.more.push('\n');
        self
    }
}

/// A server of a case's own; it ends with the last copy.
#[derive(Clone)]
pub struct Spare {
    pub endpoint: Endpoint,
    /// Its folder: data, configuration, audit files.
    pub folder: PathBuf,
    pub log: PathBuf,
    process: Arc<Mutex<Option<ChildProcess>>>,
    binary: PathBuf,
    client: Client,
    name: String,
    _ports: Arc<Vec<ReservedPort>>,
}

impl SpareServers {
    pub fn new(binary: Option<PathBuf>, folder: PathBuf, logs: PathBuf) -> Self {
        Self {
            binary,
            folder,
            logs,
            count: AtomicUsize::new(0),
            running: Mutex::default(),
            common: Mutex::default(),
        }
    }

    /// The server's own program, which is also its command line client.
    pub fn binary(&self) -> Checked<&Path> {
        self.binary.as_deref().ok_or_else(|| Stop::NotJudged("the server's binary on this machine".into()))
    }

    fn prepare(&self, config: &SpareConfig) -> Checked<Spare> {
        let binary = self.binary()?.to_owned();
        let name = format!("spare-{}", self.count.fetch_add(1, Ordering::Relaxed));
        let folder = self.folder.join(&name);
        std::fs::create_dir_all(folder.join("data")).map_err(Stop::broken)?;
        let ports = ports::reserve(2).map_err(Stop::broken)?;
        let (api, cluster) = (ports[0].port(), ports[1].port());
        let data = folder.join("data");
        let storage = match &config.storage {
            Storage::Memory => "storage \"inmem\" {}".to_owned(),
            Storage::Raft => format!(
                "storage \"raft\" {{\n  path = {:?}\n  node_id = {name:?}\n  performance_multiplier = 1\n}}",
                data.display().to_string()
            ),
            Storage::Stanza(stanza) => stanza.clone(),
        };
        let text = format!(
            "api_addr = \"http://127.0.0.1:{api}\"\ncluster_addr = \"https://127.0.0.1:{cluster}\"\n{storage}\n\
             listener \"tcp\" {{\n  address = \"127.0.0.1:{api}\"\n  cluster_address = \"127.0.0.1:{cluster}\"\n  \
             tls_disable = true\n}}\n{}",
            config.more
        );
        // A seal's token or a database's password may stand in it.
        write_private(&folder.join("server.hcl"), text.as_bytes()).map_err(Stop::broken)?;
        let endpoint = Endpoint::new(&format!("http://127.0.0.1:{api}"), None).map_err(Stop::broken)?;
        let client = Client::new(&endpoint)?;
        let process = Arc::new(Mutex::new(None));
        self.running.lock().unwrap().push(Arc::downgrade(&process));
        let log = self.logs.join(format!("{name}.log"));
        Ok(Spare { endpoint, folder, log, process, binary, client, name, _ports: Arc::new(ports) })
    }

    pub fn end_all(&self) {
        self.common.lock().unwrap().clear();
        for running in self.running.lock().unwrap().drain(..) {
            if let Some(process) = running.upgrade() {
                process.lock().unwrap().take();
            }
        }
    }
}

/// Where this stands in a spare server's folder, it is what the server finds as /run.
const RUN: &str = "run";

impl Spare {
    /// A syslog of the server's own, from its next start on; what it sends there is received here.
    pub fn syslog(&self) -> Checked<UnixDatagram> {
        if !rustix::process::geteuid().is_root() {
            return Err(Stop::NotJudged("root, to give a server a syslog of its own".into()));
        }
        let run = self.folder.join(RUN);
        std::fs::create_dir_all(&run).map_err(Stop::broken)?;
        let socket = UnixDatagram::bind(run.join("syslog")).map_err(Stop::broken)?;
        socket.set_nonblocking(true).map_err(Stop::broken)?;
        Ok(socket)
    }

    /// Starts it, or starts it again, and waits until it answers. What it said where it ended instead is the error.
    pub async fn start(&self) -> Result<(), String> {
        let config = self.folder.join("server.hcl");
        let run = self.folder.join(RUN);
        let spawned = match run.is_dir() {
            true => spawn_server_with_run(&self.binary, &config, &self.log, &run),
            false => spawn_server(&self.binary, &config, &self.log),
        };
        *self.process.lock().unwrap() = Some(spawned.map_err(|error| error.to_string())?);
        let listening = wait_until("it answers", LISTENS_WITHIN, ASK_EVERY, || async {
            let ended = self.process.lock().unwrap().as_mut().and_then(ChildProcess::ended);
            if let Some(status) = ended {
                return Ok(Err(format!("it ended with {}: {}", describe(status), self.last_words())));
            }
            match self.client.get("sys/seal-status").await {
                Ok(_) => Ok(Ok(())),
                Err(error) => Err(error.to_string()),
            }
        });
        listening.await.map_err(|error| error.to_string())?
    }

    /// Ends it at once.
    pub fn kill(&self) {
        self.process.lock().unwrap().take();
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) -> Checked {
        match self.process.lock().unwrap().as_ref() {
            Some(process) => process.signal(signal).map_err(Stop::broken),
            None => Err(Stop::broken("a spare server that does not run got a signal")),
        }
    }

    /// The process id while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.process.lock().unwrap().as_ref().map(ChildProcess::pid)
    }

    /// The last lines of what it printed.
    pub fn last_words(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = text.lines().rev().filter(|line| !line.trim().is_empty()).take(3).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join(" | ")
    }

    /// The last line of what it printed.
    pub fn last_line(&self) -> String {
        let said = self.said();
        said.lines()
            .rev()
            .map(str::trim)
            .find(|line| !line.is_empty())
            .unwrap_or("it said nothing")
            .to_owned()
    }

    /// Everything that it printed so far.
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// A view of it for requests; `token` may be empty.
    pub(super) fn lab(&self, lab: &Lab, token: &str) -> Lab {
        let node = Node { id: NodeId::new(self.name.as_str()), endpoint: self.endpoint.clone() };
        lab.at(node, self.client.clone(), token, "spare ")
    }
}

impl Lab {
    /// A server of this case's own that listens; not initialised.
    pub async fn spare(&self, config: SpareConfig) -> Checked<Spare> {
        let spare = self.subject.spares.prepare(&config)?;
        spare.start().await.map_err(Stop::Broken)?;
        Ok(spare)
    }

    /// The same for configurations that only some servers know: where this one does not, its own words say so.
    pub async fn spare_if_known(&self, config: SpareConfig) -> Checked<Spare> {
        let spare = self.subject.spares.prepare(&config)?;
        match spare.start().await {
            Ok(()) => Ok(spare),
            Err(_) if UNKNOWN.iter().any(|words| spare.said().contains(words)) => {
                Err(Stop::NotApplicable(spare.last_line()))
            }
            Err(why) => Err(Stop::Broken(why)),
        }
    }

    /// Whether a server has such a seal at all, and what it said when it was started with it; not applicable where its own
    /// words say that it has none.
    pub async fn knows(&self, seal: &str) -> Checked<String> {
        let spare = self.subject.spares.prepare(&SpareConfig::new(Storage::Memory).with(seal))?;
        // It may end for want of whoever keeps the key: that is no matter here.
        let _ = spare.start().await;
        match UNKNOWN.iter().any(|words| spare.said().contains(words)) {
            true => Err(Stop::NotApplicable(spare.last_line())),
            false => Ok(spare.said()),
        }
    }

    /// The same, not started: for configurations that may be refused.
    pub fn prepare_spare(&self, config: SpareConfig) -> Checked<Spare> {
        self.subject.spares.prepare(&config)
    }

    /// Asks a spare server without a token.
    pub fn of(&self, spare: &Spare) -> Lab {
        spare.lab(self, "")
    }

    /// Initialises a spare server with one key, unseals it, waits until it is active, and asks it with its root token.
    pub async fn opened(&self, spare: &Spare) -> Checked<Lab> {
        let keyed = self.keyed(spare, 1, 1).await?;
        keyed.open().await
    }

    /// Asks a server that several cases share, because nothing in them disturbs it; opened by the first one that asks.
    pub async fn common(&self, name: &'static str, config: SpareConfig) -> Checked<(Spare, Lab)> {
        let start = async {
            let spare = self.spare(config).await?;
            let keyed = self.keyed(&spare, 1, 1).await?;
            keyed.open().await?;
            Ok((vec![spare], keyed.root_token))
        };
        let (spares, token) = self.common_of(name, start).await?;
        let lab = spares[0].lab(self, &token);
        Ok((spares[0].clone(), lab))
    }

    /// The same for servers that are started, quietly, in a way of their own.
    pub async fn common_of(
        &self,
        name: &'static str,
        start: impl Future<Output = Checked<(Vec<Spare>, String)>>,
    ) -> Checked<(Vec<Spare>, String)> {
        let cell = self.subject.spares.common.lock().unwrap().entry(name).or_default().clone();
        cell.get_or_init(|| start).await.clone()
    }
}

/// Writes a file that nobody else may read.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = std::fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)
}
