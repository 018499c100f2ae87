//! The service under test: one that listens somewhere, or a command that is started beside a cluster and a Redis of ours.

use super::leader_loss::LeaderLoss;
use super::outage::Outage;
use crate::cluster::{Access, Cluster};
use crate::conformance::{Checked, Stop};
use crate::helper::{Redis, RedisAddress};
use crate::machine::ports::{self, ReservedPort};
use crate::machine::{ChildProcess, describe};
use crate::model::Server;
use crate::vault::Client;
use reqwest::Method;
use rustix::process::Signal;
use serde_json::{Value, json};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, OnceCell};

const ANSWER_WITHIN: Duration = Duration::from_secs(45);
const CONNECT_WITHIN: Duration = Duration::from_secs(2);
const LISTENS_WITHIN: Duration = Duration::from_secs(60);
const EVERY: Duration = Duration::from_millis(50);
/// As the document calls it.
const MOUNT: &str = "secret";
/// What a service may call itself in its status, beside what is documented.
const UNNAMED: &str = "config-service";

/// Where the service is, or how it is started.
pub enum ServiceChoice {
    Url {
        url: String,
        redis: Option<RedisAddress>,
        /// The mount behind it, where the cluster can be looked at.
        kv_mount: Option<String>,
        /// Whether its events come over that Redis.
        events_in_redis: bool,
    },
    /// A program that takes its settings from the environment, VQ_LISTEN among them; `redis` is a program too.
    Command { command: String, redis: PathBuf },
}

/// The cluster behind the service, where it may be taken away.
pub struct Behind {
    pub cluster: Arc<dyn Cluster>,
    pub access: Access,
}

pub struct ServiceUnderTest {
    /// Whom the results are about.
    pub server: Server,
    url: String,
    http: reqwest::Client,
    redis: Option<RedisAddress>,
    pub(super) kv_mount: Option<String>,
    pub(super) events_in_redis: bool,
    behind: Option<Behind>,
    /// Only one of the two happens at a time.
    pub(super) disturbing: Mutex<()>,
    /// Each is made once, when the first case asks, and looked at by all of them.
    pub(super) outage: OnceCell<Result<Outage, String>>,
    pub(super) leader_loss: OnceCell<Result<LeaderLoss, String>>,
    // Before what they stand on: fields are dropped in this order.
    process: Option<ChildProcess>,
    _redis: Option<Redis>,
    _port: Option<ReservedPort>,
}

impl ServiceUnderTest {
    /// Looks at the one that exists, or starts it in front of `behind`; `private` is for its settings and its log.
    pub async fn prepare(
        choice: ServiceChoice,
        behind: Option<(Behind, Option<&Path>)>,
        private: &Path,
    ) -> Result<Self, String> {
        let mut service = match (choice, behind) {
            (ServiceChoice::Url { url, redis, kv_mount, events_in_redis }, _) => {
                Self::at(&url, redis, kv_mount, events_in_redis)?
            }
            (ServiceChoice::Command { command, redis }, Some((behind, ca_file))) => {
                Self::start(&command, &redis, behind, ca_file, private).await?
            }
            (ServiceChoice::Command { .. }, None) => {
                return Err("a service that is started needs a cluster of ours behind it".to_owned());
            }
        };
        let status = service.wait_until_it_answers().await?;
        let text = |name: &str, or: &str| status[name].as_str().unwrap_or(or).to_owned();
        service.server = Server { product: text("service", UNNAMED), version: text("version", "unknown") };
        Ok(service)
    }

    fn at(
        url: &str,
        redis: Option<RedisAddress>,
        kv_mount: Option<String>,
        events_in_redis: bool,
    ) -> Result<Self, String> {
        let url = url.trim_end_matches('/').to_owned();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        // Services of this kind listen in plain http; nobody is trusted with https.
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_WITHIN)
            .timeout(ANSWER_WITHIN)
            .tls_backend_preconfigured(tls)
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self {
            server: Server { product: UNNAMED.to_owned(), version: "unknown".to_owned() },
            url,
            http,
            redis,
            kv_mount,
            events_in_redis,
            behind: None,
            disturbing: Mutex::new(()),
            outage: OnceCell::new(),
            leader_loss: OnceCell::new(),
            process: None,
            _redis: None,
            _port: None,
        })
    }

    async fn start(
        command: &str,
        redis: &Path,
        behind: Behind,
        ca_file: Option<&Path>,
        private: &Path,
    ) -> Result<Self, String> {
        let in_words = |error: &dyn std::fmt::Display| error.to_string();
        let nodes = behind.cluster.nodes();
        let first = nodes.first().ok_or("the cluster has no node")?;
        let operator = Client::new(&first.endpoint).map_err(|error| in_words(&error))?;
        let operator = operator.with_token(&behind.access.root_token);
        let engine = json!({ "type": "kv", "options": { "version": "2" } });
        operator.post(&format!("sys/mounts/{MOUNT}"), engine).await.map_err(|error| in_words(&error))?;
        let redis = Redis::start(redis, private).await.map_err(|error| in_words(&error))?;
        let port = ports::reserve(1).map_err(|error| in_words(&error))?.into_iter().next();
        let port = port.ok_or("no port is free")?;
        let token_file = private.join("config-service-token");
        write_private(&token_file, &behind.access.root_token).map_err(|error| in_words(&error))?;
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(private.join("config-service.log"))
            .map_err(|error| in_words(&error))?;
        let errors = log.try_clone().map_err(|error| in_words(&error))?;
        let addresses: Vec<_> = nodes.iter().map(|node| node.endpoint.url.as_str()).collect();
        let mut started = Command::new("sh");
        started
            .args(["-c", &format!("exec {command}")])
            .env("VAULT_ADDR", addresses.join(","))
            .env("VAULT_TOKEN_FILE", &token_file)
            .env_remove("VAULT_TOKEN")
            .env("VAULT_MOUNT_POINT", MOUNT)
            .env("VAULT_KV_VERSION", "2")
            .env("REDIS_URL", redis.url())
            .env("REDIS_PASSWORD_FILE", redis.password_file())
            .env("VQ_LISTEN", port.addr().to_string())
            .stdout(log)
            .stderr(errors);
        if let Some(ca) = ca_file {
            started.env("VAULT_CACERT", ca);
        }
        let process = ChildProcess::spawn(started, Signal::KILL).map_err(|error| in_words(&error))?;
        let url = format!("http://{}", port.addr());
        let service = Self::at(&url, Some(redis.address().clone()), Some(MOUNT.to_owned()), true)?;
        Ok(Self {
            behind: Some(behind),
            process: Some(process),
            _redis: Some(redis),
            _port: Some(port),
            ..service
        })
    }

    /// Without a slash at its end.
    pub fn url(&self) -> &str {
        &self.url
    }

    async fn wait_until_it_answers(&mut self) -> Result<Value, String> {
        let began = Instant::now();
        loop {
            let why = match self.ask(Method::GET, "/status", None).await {
                Ok((200, status)) => return Ok(status),
                Ok((status, _)) => format!("its status endpoint is answered {status}"),
                Err(why) => why,
            };
            if let Some(status) = self.process.as_mut().and_then(ChildProcess::ended) {
                return Err(format!("the service ended with {}; see config-service.log", describe(status)));
            }
            if began.elapsed() >= LISTENS_WITHIN {
                return Err(format!("the service does not answer: {why}"));
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Status and body; a body that is no JSON is a text.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(u16, Value), String> {
        let mut request = self.http.request(method, format!("{}/api/v1/config{path}", self.url));
        if let Some(body) = body {
            request = request.json(body);
        }
        let innermost = |error: reqwest::Error| {
            let mut cause: &dyn std::error::Error = &error;
            while let Some(source) = cause.source() {
                cause = source;
            }
            cause.to_string()
        };
        let answer = request.send().await.map_err(innermost)?;
        let status = answer.status().as_u16();
        let bytes = answer.bytes().await.map_err(innermost)?;
        let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| match bytes.is_empty() {
            true => Value::Null,
            false => Value::String(String::from_utf8_lossy(&bytes).into_owned()),
        });
        Ok((status, body))
    }

    pub(super) fn redis(&self) -> Checked<&RedisAddress> {
        self.redis.as_ref().ok_or_else(|| Stop::NotJudged("the service's Redis: --redis URL".into()))
    }

    pub(super) fn behind(&self) -> Checked<&Behind> {
        self.behind.as_ref().ok_or_else(|| {
            Stop::NotJudged(
                "a cluster that may be taken away: give the service as --config-service-command".into(),
            )
        })
    }
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}
