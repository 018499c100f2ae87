//! A case's view of the service: requests under names of its own, and looks at what is behind it.

use super::under_test::ServiceUnderTest;
use crate::conformance::look::{Received, request_name};
use crate::conformance::{Answer, Checked, Lab, Stop};
use crate::helper::{RedisSession, RedisWatch};
use crate::secrecy::{Search, Secret};
use rand::RngExt;
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Clone)]
pub struct Service {
    pub lab: Lab,
    pub under_test: Arc<ServiceUnderTest>,
    pub environment: String,
    pub service_name: String,
    /// Service name and key of what was made in the environment.
    made: Arc<Mutex<Vec<(String, String)>>>,
}

/// A value of a case's own, which stands nowhere unless the service puts it there.
pub fn value(what: &str) -> String {
    let random: u128 = rand::rng().random();
    format!("{what}-{random:032x}")
}

impl Service {
    pub fn new(lab: Lab) -> Checked<Self> {
        let under_test = lab
            .subject
            .service
            .clone()
            .ok_or_else(|| Stop::NotJudged("a configuration service: --config-service URL".into()))?;
        let environment = lab.name("env");
        Ok(Self {
            lab,
            under_test,
            environment,
            service_name: "auth-service".to_owned(),
            made: Arc::default(),
        })
    }

    /// The same environment, another service there.
    pub fn of_another(&self) -> Self {
        Self { service_name: "other-service".to_owned(), ..self.clone() }
    }

    /// The same, but what is asked is no part of what the case looks at.
    pub fn quietly(&self) -> Self {
        Self { lab: self.lab.quietly(), ..self.clone() }
    }

    fn owner(&self) -> String {
        format!("environment={}&service_name={}", self.environment, self.service_name)
    }

    /// `path` is below `/api/v1/config`.
    pub async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Checked<Answer> {
        let (status, body) = self.under_test.ask(method.clone(), path, body).await.map_err(|why| {
            Stop::differs(format!("{method} /api/v1/config: an answer"), format!("none: {why}"))
        })?;
        let name = request_name(method.as_str(), &format!("config{path}"), &self.lab.name(""));
        let received = Received { status, headers: Value::Null, body };
        Ok(Answer::new(name, received, self.lab.recorder.clone()))
    }

    /// A body as documented.
    pub fn creation(&self, key: &str, value: &str, is_encrypted: bool) -> Value {
        let Self { environment, service_name, .. } = self;
        json!({ "key": key, "value": value, "environment": environment, "service_name": service_name,
                "is_encrypted": is_encrypted })
    }

    pub async fn create(&self, key: &str, value: &str, is_encrypted: bool) -> Checked<Answer> {
        self.will_make(key);
        self.ask(Method::POST, "", Some(&self.creation(key, value, is_encrypted))).await
    }

    pub async fn get(&self, key: &str) -> Checked<Answer> {
        self.ask(Method::GET, &format!("/{key}?{}", self.owner()), None).await
    }

    pub async fn update(&self, key: &str, value: &str, is_encrypted: bool) -> Checked<Answer> {
        let body = json!({ "value": value, "is_encrypted": is_encrypted });
        self.ask(Method::PUT, &format!("/{key}?{}", self.owner()), Some(&body)).await
    }

    pub async fn delete(&self, key: &str) -> Checked<Answer> {
        self.ask(Method::DELETE, &format!("/{key}?{}", self.owner()), None).await
    }

    /// `more` begins with `&`, or is empty.
    pub async fn list(&self, more: &str) -> Checked<Answer> {
        self.ask(Method::GET, &format!("?{}{more}", self.owner()), None).await
    }

    pub async fn status(&self) -> Checked<Answer> {
        self.ask(Method::GET, "/status", None).await
    }

    /// What will be removed in the end.
    pub fn will_make(&self, key: &str) {
        let made = (self.service_name.clone(), key.to_owned());
        self.made.lock().unwrap_or_else(PoisonError::into_inner).push(made);
    }

    pub async fn clean_up(&self) {
        let made = std::mem::take(&mut *self.made.lock().unwrap_or_else(PoisonError::into_inner));
        let quiet = self.quietly();
        for (service_name, key) in made {
            // What the case removed itself is gone already; what a broken service keeps is its own.
            let _ = Self { service_name, ..quiet.clone() }.delete(&key).await;
        }
    }

    /// The secret in the cluster, asked of the cluster itself.
    pub async fn stored(&self, key: &str) -> Checked<Answer> {
        self.lab.get(&self.kv_path("data", key)?).await
    }

    /// All about its versions, but none of their values.
    pub async fn stored_versions(&self, key: &str) -> Checked<Answer> {
        self.lab.get(&self.kv_path("metadata", key)?).await
    }

    pub async fn stored_version(&self, key: &str, version: u32) -> Checked<Answer> {
        self.lab.get(&format!("{}?version={version}", self.kv_path("data", key)?)).await
    }

    /// `kind` is `data` or `metadata`.
    pub fn kv_path(&self, kind: &str, key: &str) -> Checked<String> {
        let mount = self.under_test.kv_mount.as_ref().ok_or_else(|| {
            Stop::NotJudged("the cluster behind the service: --addr and --token-file".into())
        })?;
        Ok(format!("{mount}/{kind}/{}/{}/{key}", self.environment, self.service_name))
    }

    /// Whether the Redis of the service holds a value, in whatever spelling, under `/holds`; `/keys` counts.
    pub async fn in_redis(&self, value: &str) -> Checked<Answer> {
        let mut session = RedisSession::open(self.under_test.redis()?).await.map_err(Stop::broken)?;
        let stored = session.everything().await.map_err(Stop::broken)?;
        let keys = stored.len();
        let mut bytes = Vec::new();
        for part in stored.into_iter().flat_map(|stored| stored.parts.into_iter().chain([stored.key])) {
            bytes.extend(part);
            bytes.push(b'\n');
        }
        Ok(self.lab.seen("Redis", json!({ "holds": found(value, &bytes)?, "keys": keys })))
    }

    /// Listens from here on.
    pub async fn listen(&self) -> Checked<RedisWatch> {
        RedisWatch::begin(self.under_test.redis()?).await.map_err(Stop::broken)
    }

    /// Ends it: whether any command to Redis held the value, under `/told`, and how many bytes were heard.
    pub async fn heard(&self, watch: RedisWatch, value: &str) -> Checked<Answer> {
        let heard = watch.end().await.map_err(Stop::broken)?;
        let told = found(value, &heard.bytes)?;
        Ok(self.lab.seen("commands to Redis", json!({ "told": told, "bytes": heard.bytes.len() })))
    }
}

/// Whether the bytes hold a value, however it is spelled.
pub fn found(value: &str, bytes: &[u8]) -> Checked<bool> {
    let secret = Secret { name: "value".to_owned(), bytes: value.as_bytes().to_vec() };
    let search = Search::new(&[secret], &[]).map_err(Stop::broken)?;
    Ok(!search.text(bytes).is_empty())
}

/// The answer says this somewhere: the document names the words, not their place.
pub fn says<'a>(answer: &'a Answer, one_of: &[&str]) -> Checked<&'a Answer> {
    let words = one_of.join("` or `");
    answer.that("", &format!("says `{words}`"), |body| {
        let text = body.to_string();
        one_of.iter().any(|words| text.contains(words))
    })
}
