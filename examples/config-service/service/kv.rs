//! Configurations in KV v2. Each is one secret, written by one request, so that there is no half of one.

use super::nodes::Nodes;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::{Method, Response, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// A new leader is usually there by then; a caller who is told that the cluster is away can come again.
const LED_WITHIN: Duration = Duration::from_secs(2);
const EVERY: Duration = Duration::from_millis(50);

/// What stands in the secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Secret {
    pub value: String,
    #[serde(default)]
    pub is_encrypted: bool,
    #[serde(default)]
    pub created_at: String,
    #[serde(default)]
    pub updated_at: String,
    /// By which a write recognises itself when it does not know what became of it.
    #[serde(default)]
    pub write_id: String,
}

/// How far a cluster has come, as its answers tell it; sent back, it keeps nodes that are behind from answering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    pub index: u64,
    pub cluster: String,
    pub header: String,
}

pub enum Written {
    Done {
        version: u64,
        mark: Option<Mark>,
    },
    /// Another version is the newest.
    Conflict,
    /// Surely not.
    No,
    /// It may have been, or may be yet.
    Unknown,
}

/// The cluster is away, has no leader, or does not know us.
#[derive(Debug)]
pub struct Away;

pub struct Kv {
    nodes: Nodes,
    mount: String,
}

impl Kv {
    pub fn new(nodes: Nodes, mount: &str) -> Self {
        Self { nodes, mount: mount.to_owned() }
    }

    /// The newest version, or a given one; `None` when there is none. Nobody answers who is behind `mark`.
    pub async fn read(
        &self,
        path: &str,
        version: Option<u64>,
        mark: Option<&Mark>,
    ) -> Result<Option<(u64, Secret)>, Away> {
        let version = version.map(|version| format!("?version={version}")).unwrap_or_default();
        let Some(body) = self.get(&format!("{}/data/{path}{version}", self.mount), mark).await? else {
            return Ok(None);
        };
        let number = body["data"]["metadata"]["version"].as_u64();
        // A deleted version has no data.
        let secret = serde_json::from_value(body["data"]["data"].clone()).ok();
        Ok(number.zip(secret))
    }

    /// Names below a path, in order.
    pub async fn list(&self, path: &str, mark: Option<&Mark>) -> Result<Vec<String>, Away> {
        let body = self.get(&format!("{}/metadata/{path}?list=true", self.mount), mark).await?;
        let names = body.as_ref().and_then(|body| body["data"]["keys"].as_array());
        let names = names.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
        let mut names: Vec<_> = names.collect();
        names.sort();
        Ok(names)
    }

    /// `None` is an honest 404. Asks again while nobody leads, for a while.
    async fn get(&self, path: &str, mark: Option<&Mark>) -> Result<Option<Value>, Away> {
        let began = Instant::now();
        loop {
            if let Some(leader) = self.leader().await {
                let mut request = self.nodes.request(Method::GET, &leader, path);
                if let Some(mark) = mark {
                    request = request.header("X-Vault-Index", &mark.header);
                    request = request.header("X-Vault-Inconsistent", "fail");
                }
                if let Ok(answer) = request.send().await {
                    match answer.status() {
                        // A deleted version comes as 404 with its metadata.
                        StatusCode::NOT_FOUND => return Ok(None),
                        status if status.is_success() => {
                            if let Ok(body) = answer.json().await {
                                return Ok(Some(body));
                            }
                        }
                        _ => {}
                    }
                }
            }
            if began.elapsed() >= LED_WITHIN {
                return Err(Away);
            }
            tokio::time::sleep(EVERY).await;
            self.nodes.look().await;
        }
    }

    async fn leader(&self) -> Option<String> {
        match self.nodes.leader() {
            Some(leader) => Some(leader),
            None => self.nodes.look().await,
        }
    }

    /// Waits a while for somebody who leads.
    pub async fn is_led(&self) -> bool {
        let began = Instant::now();
        while self.leader().await.is_none() {
            if began.elapsed() >= LED_WITHIN {
                return false;
            }
            tokio::time::sleep(EVERY).await;
        }
        true
    }

    /// Writes the version after `newest`, once.
    pub async fn write(&self, path: &str, secret: &Secret, newest: u64) -> Written {
        let Some(leader) = self.leader().await else { return Written::No };
        let body = json!({ "options": { "cas": newest }, "data": secret });
        let path = format!("{}/data/{path}", self.mount);
        let answer = match self.nodes.request(Method::POST, &leader, &path).json(&body).send().await {
            Ok(answer) => answer,
            Err(error) => return self.unsent(&error).await,
        };
        let mark = mark_of(&answer);
        match answer.status() {
            StatusCode::OK => match answer.json::<Value>().await.map(|body| body["data"]["version"].as_u64())
            {
                Ok(Some(version)) => Written::Done { version, mark },
                _ => Written::Unknown,
            },
            status => {
                let said = answer.text().await.unwrap_or_default();
                if status == StatusCode::BAD_REQUEST && said.contains("check-and-set") {
                    return Written::Conflict;
                }
                self.refused(status).await
            }
        }
    }

    /// Removes all versions; what is gone already is removed too.
    pub async fn remove(&self, path: &str) -> Written {
        let Some(leader) = self.leader().await else { return Written::No };
        let path = format!("{}/metadata/{path}", self.mount);
        match self.nodes.request(Method::DELETE, &leader, &path).send().await {
            Ok(answer) if answer.status().is_success() => {
                Written::Done { version: 0, mark: mark_of(&answer) }
            }
            Ok(answer) => self.refused(answer.status()).await,
            Err(error) => self.unsent(&error).await,
        }
    }

    async fn refused(&self, status: StatusCode) -> Written {
        self.nodes.look().await;
        // Sealed, or a refusal; any other failure of the server may come after the write.
        let surely_not = status == StatusCode::SERVICE_UNAVAILABLE || status.is_client_error();
        if surely_not { Written::No } else { Written::Unknown }
    }

    async fn unsent(&self, error: &reqwest::Error) -> Written {
        self.nodes.look().await;
        if error.is_connect() { Written::No } else { Written::Unknown }
    }
}

/// `X-Vault-Index`: base64 of `{"cluster":"…","value":"32"}`.
fn mark_of(answer: &Response) -> Option<Mark> {
    let header = answer.headers().get("X-Vault-Index")?.to_str().ok()?;
    let told: Value = serde_json::from_slice(&BASE64_STANDARD.decode(header).ok()?).ok()?;
    Some(Mark {
        index: told["value"].as_str()?.parse().ok()?,
        cluster: told["cluster"].as_str()?.to_owned(),
        header: header.to_owned(),
    })
}
