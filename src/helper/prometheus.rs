//! Prometheus: scrapes the nodes of a cluster, and says which alerts fire. Found on PATH, where Debian's package puts it.

use crate::machine::ports::{self, ReservedPort};
use crate::machine::{ChildProcess, describe};
use crate::model::{LoadedRule, Span};
use crate::server::find_in_path;
use rustix::process::Signal;
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::fmt::Display;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

const PROGRAM: &str = "prometheus";
/// The document's own word for what is scraped.
const JOB: &str = "vault";
/// Between two scrapes of a node, and between two evaluations of the rules.
pub const SCRAPE_EVERY: Span = Span::from_secs(1);
const READY_WITHIN: Duration = Duration::from_secs(30);
const ASK_EVERY: Duration = Duration::from_millis(50);
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

#[derive(Debug, thiserror::Error)]
pub enum PrometheusError {
    #[error("there is no prometheus on this machine; install it (Debian: apt install prometheus)")]
    Missing,
    #[error("Prometheus: cannot {0}")]
    Failed(String),
}

fn failed(doing: &str) -> impl Fn(&dyn Display) -> PrometheusError {
    move |why| PrometheusError::Failed(format!("{doing}: {why}"))
}

/// The program, where it is on this machine; downloads nothing.
///
/// # Errors
/// It is not here.
pub fn find_prometheus(search_path: &OsStr) -> Result<PathBuf, PrometheusError> {
    find_in_path(PROGRAM, search_path).ok_or(PrometheusError::Missing)
}

/// Whom it scrapes, and by which rules it tells of them.
pub struct Watched<'a> {
    /// Name and API address of each node.
    pub nodes: Vec<(String, String)>,
    pub ca_file: Option<&'a Path>,
    pub client: Option<(&'a Path, &'a Path)>,
    /// Sent with each scrape; without one nodes give their metrics to everybody.
    pub token: Option<&'a str>,
    pub rules: &'a [LoadedRule],
}

/// One alert that is pending or firing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ActiveAlert {
    pub alert: String,
    pub form: String,
    pub instance: String,
    pub firing: bool,
}

/// What it says of its rules at one moment.
pub struct RulesSeen {
    pub active: Vec<ActiveAlert>,
    /// Rules that could not be evaluated, with the reason.
    pub broken: Vec<String>,
}

/// Ended, and its data removed, when it is dropped.
pub struct Prometheus {
    process: ChildProcess,
    port: ReservedPort,
    folder: PathBuf,
    http: reqwest::Client,
}

impl Prometheus {
    /// Starts it with a folder below `private`, and waits until it has scraped every node.
    ///
    /// # Errors
    /// It does not start, refuses a rule, or some node cannot be scraped.
    pub async fn start(
        program: &Path,
        private: &Path,
        watched: &Watched<'_>,
    ) -> Result<Self, PrometheusError> {
        let folder = private.join("prometheus");
        let make = failed("make its folder");
        DirBuilder::new().mode(0o700).create(&folder).map_err(|error| make(&error))?;
        let reserve = failed("reserve a port");
        let port = ports::reserve(1).map_err(|error| reserve(&error))?.remove(0);
        let configuration = write_files(&folder, watched).map_err(|error| make(&error))?;
        let mut command = Command::new(program);
        command
            .arg(format!("--config.file={}", configuration.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{}", port.port()))
            .env_clear()
            .current_dir(&folder);
        let log = OpenOptions::new().create(true).append(true).mode(0o600).open(folder.join("log"));
        let log = log.map_err(|error| make(&error))?;
        command.stdout(log.try_clone().map_err(|error| make(&error))?).stderr(log);
        let start = failed("start it");
        let process = ChildProcess::spawn(command, Signal::KILL).map_err(|error| start(&error))?;
        // Without a configuration of ours reqwest looks for one of the whole program, and panics: http too.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let tls = tls.map_err(|error| start(&error))?.with_root_certificates(rustls::RootCertStore::empty());
        let builder = reqwest::Client::builder().no_proxy().timeout(ANSWER_WITHIN);
        let http = builder.tls_backend_preconfigured(tls.with_no_client_auth()).build();
        let http = http.map_err(|error| start(&error))?;
        let mut prometheus = Self { process, port, folder, http };
        prometheus.ready(watched.nodes.len()).await?;
        Ok(prometheus)
    }

    async fn ready(&mut self, nodes: usize) -> Result<(), PrometheusError> {
        let began = Instant::now();
        loop {
            let why = match self.unscraped(nodes).await {
                Ok(None) => return Ok(()),
                Ok(Some(why)) => why,
                Err(error) => error.to_string(),
            };
            if let Some(status) = self.process.ended() {
                let said = first_error(&self.folder.join("log"));
                return Err(failed("start it")(&format!("{}: {said}", describe(status))));
            }
            if began.elapsed() >= READY_WITHIN {
                return Err(failed("scrape every node")(&why));
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    /// Why not every node has been scraped.
    async fn unscraped(&self, nodes: usize) -> Result<Option<String>, PrometheusError> {
        let data = self.ask("targets?state=active").await?;
        let targets = data["activeTargets"].as_array().cloned().unwrap_or_default();
        let down = targets.iter().find(|target| target["health"] != "up").map(|target| {
            let [node, why] = [&target["labels"]["instance"], &target["lastError"]]
                .map(|word| word.as_str().unwrap_or_default().to_owned());
            format!("{node}: {why}")
        });
        Ok(down.or((targets.len() != nodes).then(|| format!("{} of {nodes} are known", targets.len()))))
    }

    /// # Errors
    /// It does not answer.
    pub async fn rules(&self) -> Result<RulesSeen, PrometheusError> {
        let data = self.ask("rules?type=alert").await?;
        let mut seen = RulesSeen { active: Vec::new(), broken: Vec::new() };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        for rule in data["groups"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|group| group["rules"].as_array().into_iter().flatten())
        {
            let name = text(&rule["name"]);
            if rule["health"] == "err" {
                seen.broken.push(format!("{name}: {}", text(&rule["lastError"])));
            }
            for alert in rule["alerts"].as_array().into_iter().flatten() {
                seen.active.push(ActiveAlert {
                    alert: name.clone(),
                    form: text(&rule["labels"]["form"]),
                    instance: text(&alert["labels"]["instance"]),
                    firing: alert["state"] == "firing",
                });
            }
        }
        Ok(seen)
    }

    /// The names of all metrics that it has seen so far.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn metrics(&self) -> Result<Vec<String>, PrometheusError> {
        let data = self.ask("label/__name__/values").await?;
        let names = data.as_array().into_iter().flatten();
        Ok(names.filter_map(|name| name.as_str().map(str::to_owned)).collect())
    }

    async fn ask(&self, what: &str) -> Result<Value, PrometheusError> {
        let doing = format!("ask it for {what}");
        let wrong = failed(&doing);
        let url = format!("http://127.0.0.1:{}/api/v1/{what}", self.port.port());
        let answer = self.http.get(url).send().await.map_err(|error| wrong(&error))?;
        let body = answer.text().await.map_err(|error| wrong(&error))?;
        let body: Value = serde_json::from_str(&body).map_err(|_| wrong(&"its answer is no JSON"))?;
        match body["status"].as_str() {
            Some("success") => Ok(body["data"].clone()),
            _ => Err(wrong(&body["error"])),
        }
    }
}

/// Configuration, rules and token; JSON is YAML.
fn write_files(folder: &Path, watched: &Watched<'_>) -> io::Result<PathBuf> {
    let write = |name: &str, text: String| {
        let path = folder.join(name);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        file.write_all(text.as_bytes()).map(|()| path)
    };
    let rules: Vec<_> = watched
        .rules
        .iter()
        .map(|rule| {
            let wait = format!("{}ms", rule.wait_ms.round());
            let labels = json!({ "form": rule.form.name() });
            json!({ "alert": rule.alert, "expr": rule.expr, "for": wait, "labels": labels })
        })
        .collect();
    let rules =
        write("rules.yml", json!({ "groups": [{ "name": "documented", "rules": rules }] }).to_string())?;
    let mut scrape = json!({
        "job_name": JOB,
        "metrics_path": "/v1/sys/metrics",
        "params": { "format": ["prometheus"] },
        "static_configs": watched.nodes.iter().map(|(name, url)| {
            let address = url.split_once("://").map_or(url.as_str(), |(_, address)| address);
            json!({ "targets": [address], "labels": { "instance": name } })
        }).collect::<Vec<_>>(),
    });
    if let Some(token) = watched.token {
        let file = write("token", token.to_owned())?;
        scrape["authorization"] = json!({ "credentials_file": file });
    }
    if let Some(ca) = watched.ca_file {
        scrape["scheme"] = json!("https");
        scrape["tls_config"] = json!({ "ca_file": ca });
        if let Some((certificate, key)) = watched.client {
            scrape["tls_config"]["cert_file"] = json!(certificate);
            scrape["tls_config"]["key_file"] = json!(key);
        }
    }
    let every = SCRAPE_EVERY.to_string();
    let global = json!({ "scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every });
    let whole = json!({ "global": global, "rule_files": [rules], "scrape_configs": [scrape] });
    write("prometheus.yml", whole.to_string())
}

/// The first line of its log that tells of an error: those after it tell of its consequences.
fn first_error(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let line = text.lines().find(|line| line.contains("err=")).or(text.lines().last());
    line.unwrap_or("it said nothing").chars().take(400).collect()
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // Before its folder.
        self.process.destroy();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::AlertForm;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    fn rule(alert: &str, expr: &str) -> LoadedRule {
        let (alert, expr, form) = (alert.to_owned(), expr.to_owned(), AlertForm::Documented);
        LoadedRule { alert, form, expr, wait_ms: 0.0, documented_wait_ms: 60_000.0 }
    }

    /// Serves one metric to everybody who knows the token.
    async fn node() -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut asked = vec![0; 4096];
                let count = stream.read(&mut asked).await.unwrap_or_default();
                let asked = String::from_utf8_lossy(&asked[..count]).to_ascii_lowercase();
                let status = if asked.contains("authorization: bearer t0k3n") { "200 OK" } else { "403 No" };
                let body = "# TYPE vault_core_unsealed gauge\nvault_core_unsealed 0\n";
                let head = "Content-Type: text/plain; version=0.0.4\r\nConnection: close";
                let answer =
                    format!("HTTP/1.1 {status}\r\n{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        format!("http://{address}")
    }

    /// Of what is at hand, which may be nothing: the tests on real servers skip by name.
    #[tokio::test]
    async fn it_scrapes_tells_of_its_alerts_and_goes() {
        let Ok(program) = find_prometheus(&std::env::var_os("PATH").unwrap_or_default()) else { return };
        let private = tempfile::tempdir().unwrap();
        let rules = [rule("Sealed", "vault_core_unsealed == 0"), rule("Never", "vault_no_such_metric > 0")];
        let nodes = vec![("n1".to_owned(), node().await)];
        let watched = Watched { nodes, ca_file: None, client: None, token: Some("t0k3n"), rules: &rules };
        let prometheus = Prometheus::start(&program, private.path(), &watched).await.unwrap();
        let began = Instant::now();
        let active = loop {
            let seen = prometheus.rules().await.unwrap();
            assert_eq!(seen.broken, [""; 0]);
            if !seen.active.is_empty() || began.elapsed() > Duration::from_secs(10) {
                break seen.active;
            }
            tokio::time::sleep(ASK_EVERY).await;
        };
        let (alert, form, instance) = ("Sealed".to_owned(), "documented".to_owned(), "n1".to_owned());
        assert_eq!(active, [ActiveAlert { alert, form, instance, firing: true }]);
        let metrics = prometheus.metrics().await.unwrap();
        assert!(metrics.contains(&"vault_core_unsealed".to_owned()), "{metrics:?}");
        drop(prometheus);
        assert!(!private.path().join("prometheus").exists());
    }

    #[tokio::test]
    async fn a_rule_that_is_none_is_told_of_at_once() {
        let Ok(program) = find_prometheus(&std::env::var_os("PATH").unwrap_or_default()) else { return };
        let private = tempfile::tempdir().unwrap();
        let rules = [rule("Broken", "sum(")];
        let watched = Watched { nodes: vec![], ca_file: None, client: None, token: None, rules: &rules };
        let error = Prometheus::start(&program, private.path(), &watched).await.err().unwrap().to_string();
        assert!(error.contains("exit code 1") && error.contains("parse"), "{error}");
    }
}
