//! A KMS of our own: another server, one node, whose transit engine keeps the key of a cluster's seal. A link of ours lies
//! before it, so that it can be refused, slow, silent or full of errors while it keeps its address.

use crate::cluster::SealStanza;
use crate::cluster::process::spawn_server;
use crate::machine::ports::{self, ReservedPort};
use crate::machine::{ChildProcess, describe, poll_until};
use crate::model::{Impairment, LinkMap, NodeId, Party, Span};
use crate::proxy::{Dialers, Front, Proxy};
use crate::vault::{Answer, Client, Endpoint, wait_until};
use reqwest::Method;
use rustix::process::Signal;
use serde_json::{Value, json};
use std::fs::DirBuilder;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

#[derive(Debug, thiserror::Error)]
#[error("the KMS: {0}")]
pub struct TransitKmsError(String);

fn failed(why: impl std::fmt::Display) -> TransitKmsError {
    TransitKmsError(why.to_string())
}

type Done<T> = Result<T, TransitKmsError>;

/// It ends when this is dropped.
pub struct TransitKms {
    binary: PathBuf,
    config: PathBuf,
    log: PathBuf,
    process: Mutex<Option<ChildProcess>>,
    /// Past the link.
    client: Client,
    unseal_key: String,
    root_token: String,
    /// May use the key, and nothing else.
    token: String,
    proxy: Proxy,
    front: OnceLock<Front>,
    /// Since when it could be used; nothing while it cannot.
    there_since: Mutex<Option<Instant>>,
    ports: Vec<ReservedPort>,
}

const MOUNT: &str = "transit";
const KEY: &str = "autounseal";
const LISTENS_WITHIN: Duration = Duration::from_secs(30);
const ACTIVE_WITHIN: Duration = Duration::from_secs(60);
const REACTS_WITHIN: Duration = Duration::from_secs(5);
const EVERY: Duration = Duration::from_millis(20);
/// Who does not answer so long is silent.
const SILENT_AFTER: Duration = Duration::from_millis(1_000);
/// The longest delay there and back, twice for a connection's beginning, and some more.
const SLOW_ANSWER_WITHIN: Duration = Duration::from_secs(60);

impl TransitKms {
    /// Starts it below `folder` with one key in it. Nobody but us reaches it before [`TransitKms::open_at`].
    ///
    /// # Errors
    /// It does not come up, or cannot be set up.
    pub async fn start(binary: &Path, folder: &Path, log: &Path) -> Done<Self> {
        let ports = ports::reserve(3).map_err(failed)?;
        let (api, cluster) = (ports[0].addr(), ports[1].addr());
        let data = folder.join("data");
        DirBuilder::new().recursive(true).mode(0o700).create(&data).map_err(failed)?;
        let config = folder.join("server.hcl");
        let text = format!(
            "api_addr = \"http://{api}\"\ncluster_addr = \"https://{cluster}\"\nstorage \"raft\" {{\n  path = {:?}\n  \
             node_id = \"kms\"\n  performance_multiplier = 1\n}}\nlistener \"tcp\" {{\n  address = \"{api}\"\n  \
             cluster_address = \"{cluster}\"\n  tls_disable = true\n}}\n",
            data.display().to_string()
        );
        std::fs::write(&config, text).map_err(failed)?;
        let endpoint = Endpoint::new(&format!("http://{api}"), None).map_err(failed)?;
        let mut kms = Self {
            binary: binary.to_owned(),
            config,
            log: log.to_owned(),
            process: Mutex::default(),
            client: Client::new(&endpoint).map_err(failed)?,
            unseal_key: String::new(),
            root_token: String::new(),
            token: String::new(),
            proxy: Proxy::start().map_err(failed)?,
            front: OnceLock::new(),
            there_since: Mutex::default(),
            ports,
        };
        kms.listen().await?;
        kms.initialise(folder).await?;
        kms.open().await?;
        kms.make_key().await?;
        Ok(kms)
    }

    /// Puts the link before it, where nodes find it: at `host`, the port that [`TransitKms::stanza`] names.
    ///
    /// # Errors
    /// The port is taken there.
    pub fn open_at(&self, host: Ipv4Addr) -> Done<()> {
        let front = Front {
            listen: SocketAddr::from((host, self.ports[2].port())),
            party: party(),
            behind: self.ports[0].addr(),
            dialers: Dialers::Clients,
        };
        self.proxy.open(&front).map_err(failed)?;
        self.front.set(front).map_err(|_| failed("it has a link already"))?;
        self.is_there();
        Ok(())
    }

    /// What a node needs to be sealed by it.
    pub fn stanza(&self) -> SealStanza {
        SealStanza::Transit {
            port: self.ports[2].port(),
            token: self.token.clone(),
            mount: MOUNT.to_owned(),
            key: KEY.to_owned(),
        }
    }

    /// How long its key could be used by now; nothing while it cannot.
    pub fn there_for(&self) -> Option<Duration> {
        self.there_since.lock().unwrap().map(|since| since.elapsed())
    }

    /// SIGKILL: who dials it is refused. When, and how we know.
    pub async fn kill(&self) -> Done<(Instant, String)> {
        let at = Instant::now();
        self.is_away();
        let (pid, ended) = self.end()?;
        let front = self.front()?;
        self.proxy.close(front.listen).await;
        let refused = match TcpStream::connect(front.listen).await {
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => "refuses connections",
            _ => return Err(failed(format!("{} still takes connections", front.listen))),
        };
        Ok((at, format!("process {pid} ended with {ended}; {} {refused}", front.listen)))
    }

    /// Starts and opens it again.
    pub async fn bring_back(&self) -> Done<String> {
        self.listen().await?;
        self.open().await?;
        self.proxy.open(self.front()?).map_err(failed)?;
        self.back("started and opened").await
    }

    /// SIGSTOP: connections are taken, and nothing is answered.
    pub async fn pause(&self) -> Done<(Instant, String)> {
        let at = Instant::now();
        self.is_away();
        let pid = self.signal(Signal::STOP)?;
        let state = || self.process.lock().unwrap().as_ref().and_then(ChildProcess::state);
        if !poll_until(REACTS_WITHIN, || state() == Some('T')).await {
            return Err(failed(format!("process {pid} did not stop")));
        }
        match self.use_key(SILENT_AFTER).await {
            Err(Used::Silent) => {}
            other => return Err(failed(format!("stopped, and still: {}", other.words()))),
        }
        let silent_ms = SILENT_AFTER.as_millis();
        Ok((
            at,
            format!("process {pid} is stopped (kernel state T); nothing was answered within {silent_ms} ms"),
        ))
    }

    /// SIGCONT.
    pub async fn resume(&self) -> Done<String> {
        let pid = self.signal(Signal::CONT)?;
        self.back(&format!("process {pid} runs again")).await
    }

    /// Seals it: every request is answered with an error.
    pub async fn seal(&self) -> Done<(Instant, String)> {
        let at = Instant::now();
        self.is_away();
        self.ask(Method::PUT, "sys/seal", Value::Null).await?;
        let refused = wait_until("it refuses", REACTS_WITHIN, EVERY, || async {
            match self.use_key(SILENT_AFTER).await {
                Err(Used::Refused(status)) => Ok(status),
                other => Err(other.words()),
            }
        });
        let status = refused.await.map_err(failed)?;
        Ok((at, format!("it is sealed, and answers {status} to who wants to use the key")))
    }

    /// Opens it again.
    pub async fn unseal(&self) -> Done<String> {
        self.open().await?;
        self.back("it is opened again").await
    }

    /// Lets everything arrive later, each way.
    pub async fn slow(&self, delay: Span) -> Done<(Instant, String)> {
        let before = self.use_key(SLOW_ANSWER_WITHIN).await.map_err(|used| failed(used.words()))?;
        let impairment = Impairment { delay, ..Impairment::default() };
        let ways = [(Party::Clients, party()), (party(), Party::Clients)];
        let map = LinkMap(ways.into_iter().map(|way| (way, impairment.clone())).collect());
        let applied = self.proxy.set(map).await.map_err(failed)?;
        let slow = self.use_key(SLOW_ANSWER_WITHIN).await.map_err(|used| failed(used.words()))?;
        if slow < delay.0 * 2 {
            let ms = slow.as_millis();
            return Err(failed(format!("an answer that should take twice {delay} took {ms} ms")));
        }
        let (before_ms, slow_ms) = (before.as_secs_f64() * 1e3, slow.as_secs_f64() * 1e3);
        Ok((applied.at, format!("the key's use took {before_ms:.1} ms before and takes {slow_ms:.0} ms now")))
    }

    /// Lets everything arrive as it comes.
    pub async fn at_once(&self) -> Done<String> {
        self.proxy.set(LinkMap::default()).await.map_err(failed)?;
        self.back("its link passes everything untouched").await
    }

    /// Ends it.
    pub fn shut_down(&self) {
        self.is_away();
        self.process.lock().unwrap().take();
    }

    fn is_away(&self) {
        *self.there_since.lock().unwrap() = None;
    }

    fn is_there(&self) {
        self.there_since.lock().unwrap().get_or_insert_with(Instant::now);
    }

    /// Shows that the key can be used through the link.
    async fn back(&self, how: &str) -> Done<String> {
        let used = wait_until("the key can be used", ACTIVE_WITHIN, EVERY, || async {
            self.use_key(SILENT_AFTER).await.map_err(|used| used.words())
        });
        let took = used.await.map_err(failed)?;
        self.is_there();
        Ok(format!("{how}; the key's use took {:.1} ms through its link", took.as_secs_f64() * 1e3))
    }

    fn front(&self) -> Done<&Front> {
        self.front.get().ok_or_else(|| failed("it has no link yet"))
    }

    fn signal(&self, signal: Signal) -> Done<u32> {
        let guard = self.process.lock().unwrap();
        let process = guard.as_ref().ok_or_else(|| failed("it does not run"))?;
        process.signal(signal).map_err(failed)?;
        Ok(process.pid())
    }

    fn end(&self) -> Done<(u32, String)> {
        let mut process = self.process.lock().unwrap().take().ok_or_else(|| failed("it does not run"))?;
        let pid = process.pid();
        process.destroy();
        let ended = process.ended().map_or("an unknown status".to_owned(), describe);
        Ok((pid, ended))
    }

    /// Starts its process and waits until it answers.
    async fn listen(&self) -> Done<()> {
        let spawned = spawn_server(&self.binary, &self.config, &self.log).map_err(failed)?;
        *self.process.lock().unwrap() = Some(spawned);
        let listening = wait_until("it answers", LISTENS_WITHIN, EVERY, || async {
            let ended = self.process.lock().unwrap().as_mut().and_then(ChildProcess::ended);
            if let Some(status) = ended {
                return Ok(Err(failed(format!("it ended with {}", describe(status)))));
            }
            self.client.get("sys/seal-status").await.map(|_| Ok(())).map_err(|error| error.to_string())
        });
        listening.await.map_err(failed)?
    }

    async fn initialise(&mut self, folder: &Path) -> Done<()> {
        let shares = json!({ "secret_shares": 1, "secret_threshold": 1 });
        let answer = self.client.call(Method::PUT, "sys/init", Some(&shares)).await.map_err(failed)?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let key = text(&answer.body["keys_base64"][0]).zip(text(&answer.body["root_token"]));
        (self.unseal_key, self.root_token) =
            key.ok_or_else(|| failed(format!("sys/init answered {}: {}", answer.status, answer.errors())))?;
        let mut file = std::fs::File::options();
        let file = file.write(true).create(true).truncate(true).mode(0o600).open(folder.join("access.json"));
        let access = json!({ "unseal_key": self.unseal_key, "root_token": self.root_token });
        serde_json::to_writer(file.map_err(failed)?, &access).map_err(failed)
    }

    /// Unseals it and waits until it is active.
    async fn open(&self) -> Done<()> {
        let key = json!({ "key": self.unseal_key });
        let answer = self.client.call(Method::PUT, "sys/unseal", Some(&key)).await.map_err(failed)?;
        if !answer.is_success() {
            return Err(failed(format!("sys/unseal answered {}: {}", answer.status, answer.errors())));
        }
        let active = wait_until("it is active", ACTIVE_WITHIN, EVERY, || async {
            self.client.get("sys/health").await.map(drop).map_err(|error| error.to_string())
        });
        active.await.map_err(failed)
    }

    async fn make_key(&mut self) -> Done<()> {
        self.ask(Method::POST, &format!("sys/mounts/{MOUNT}"), json!({ "type": "transit" })).await?;
        self.ask(Method::POST, &format!("{MOUNT}/keys/{KEY}"), json!({})).await?;
        let rules = ["encrypt", "decrypt"]
            .map(|what| format!("path \"{MOUNT}/{what}/{KEY}\" {{ capabilities = [\"update\"] }}\n"));
        let policy = json!({ "policy": rules.concat() });
        self.ask(Method::PUT, "sys/policies/acl/seal", policy).await?;
        let token = json!({ "policies": ["seal"], "no_default_policy": true, "no_parent": true });
        let made = self.ask(Method::POST, "auth/token/create", token).await?;
        let token = made.body["auth"]["client_token"].as_str();
        self.token = token.ok_or_else(|| failed("a token was made and not named"))?.to_owned();
        Ok(())
    }

    /// As its operator.
    async fn ask(&self, method: Method, path: &str, body: Value) -> Done<Answer> {
        let operator = self.client.with_token(&self.root_token);
        let answer = operator.call(method, path, Some(&body)).await.map_err(failed)?;
        match answer.is_success() {
            true => Ok(answer),
            false => Err(failed(format!("{path} answered {}: {}", answer.status, answer.errors()))),
        }
    }

    /// Uses the key as a node does, through the link and over a connection of its own; how long it took.
    async fn use_key(&self, within: Duration) -> Result<Duration, Used> {
        let trouble = |error: &dyn std::fmt::Display| Used::Failed(error.to_string());
        let listen = self.front().map_err(|error| trouble(&error))?.listen;
        let endpoint = Endpoint::new(&format!("http://{listen}"), None).map_err(|error| trouble(&error))?;
        let client = Client::new(&endpoint).map_err(|error| trouble(&error))?.with_token(&self.token);
        let body = json!({ "plaintext": "dmF1bHRxdWFrZQ==" });
        let path = format!("{MOUNT}/encrypt/{KEY}");
        let began = Instant::now();
        match tokio::time::timeout(within, client.call(Method::PUT, &path, Some(&body))).await {
            Err(_) => Err(Used::Silent),
            Ok(Err(error)) => Err(trouble(&error)),
            Ok(Ok(answer)) if answer.is_success() => Ok(began.elapsed()),
            Ok(Ok(answer)) => Err(Used::Refused(answer.status)),
        }
    }
}

/// Why the key could not be used.
#[derive(Debug)]
enum Used {
    Silent,
    Refused(u16),
    Failed(String),
}

impl Used {
    fn words(&self) -> String {
        match self {
            Used::Silent => "it does not answer".to_owned(),
            Used::Refused(status) => format!("it answers {status}"),
            Used::Failed(why) => why.clone(),
        }
    }
}

/// What came of an attempt that should have come to nothing.
trait Words {
    fn words(&self) -> String;
}

impl Words for Result<Duration, Used> {
    fn words(&self) -> String {
        match self {
            Ok(took) => format!("its key was used in {} ms", took.as_millis()),
            Err(used) => used.words(),
        }
    }
}

/// What it is called in the link's map.
fn party() -> Party {
    Party::Node(NodeId::new("kms"))
}
