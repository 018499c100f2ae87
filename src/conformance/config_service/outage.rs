//! The whole cluster is killed behind the service and comes back. It happens once; the cases look at what was answered.

use super::add_alone;
use super::service::{Service, found, says, value};
use super::under_test::ServiceUnderTest;
use crate::conformance::look::{Received, request_name};
use crate::conformance::{Answer, Cases, Checked, Stop};
use crate::helper::{RedisSession, RedisWatch};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// The document names no time; a minute would be no warning.
const TOLD_WITHIN: Duration = Duration::from_secs(15);
const EVERY: Duration = Duration::from_millis(100);
const REFUSAL: [&str; 1] = ["Vault is not available"];

/// What was answered before, while the cluster was away, and afterwards; by a name.
pub struct Outage {
    answers: HashMap<&'static str, Received>,
}

/// Values of the outage's own.
struct Values {
    plain: String,
    secret: String,
    /// Of writes that cannot be done.
    refused: String,
    refused_secret: String,
}

pub fn register(cases: &mut Cases) {
    for (id, meaning, answer, words) in [
        (
            "config-service/unavailable/create-fails-as-documented",
            "while the cluster is away a creation fails: \"Cannot create configuration: Vault is not available\"",
            "create while away",
            "Cannot create configuration: ",
        ),
        (
            "config-service/unavailable/encrypted-create-fails-as-documented",
            "while the cluster is away the creation of an encrypted configuration fails in the same words",
            "create encrypted while away",
            "Cannot create configuration: ",
        ),
        (
            "config-service/unavailable/update-fails-as-documented",
            "while the cluster is away an update fails: \"Cannot update configuration: Vault is not available\"",
            "update while away",
            "Cannot update configuration: ",
        ),
    ] {
        add_alone(cases, id, meaning, move |service| async move {
            let refused = seen(&service, answer).await?;
            refused.is_one_of(&[500, 502, 503])?;
            let literal = format!("Cannot create/update configuration: {}", REFUSAL[0]);
            says(&refused, &[&format!("{words}{}", REFUSAL[0]), &literal])?;
            Ok(())
        });
    }
    for (id, meaning, answer) in [
        (
            "config-service/unavailable/get-is-404",
            "while the cluster is away an encrypted configuration is answered 404",
            "get encrypted while away",
        ),
        (
            "config-service/unavailable/cached-get-is-404",
            "while the cluster is away a configuration that was cached is answered 404: there is no fallback",
            "get cached while away",
        ),
    ] {
        add_alone(cases, id, meaning, move |service| async move {
            seen(&service, answer).await?.is(404)?.lacks("/value")?;
            Ok(())
        });
    }
    add_alone(
        cases,
        "config-service/unavailable/status-tells",
        "the status tells vault_enabled=false while the cluster is away, and true before and afterwards",
        |service| async move {
            seen(&service, "status before").await?.is(200)?.has("/vault_enabled", true)?;
            seen(&service, "status while away").await?.is(200)?.has("/vault_enabled", false)?;
            seen(&service, "status afterwards").await?.is(200)?.has("/vault_enabled", true)?;
            Ok(())
        },
    );
    add_alone(
        cases,
        "config-service/unavailable/nothing-written-to-the-cluster",
        "what was refused while the cluster was away is not there when it is back, and what was there is as it was",
        |service| async move {
            for answer in ["stored new afterwards", "stored new encrypted afterwards"] {
                seen(&service, answer).await?.is(404)?;
            }
            for answer in ["stored plain afterwards", "stored encrypted afterwards", "stored kept afterwards"]
            {
                seen(&service, answer).await?.is(200)?.has("/data/current_version", 1)?;
            }
            Ok(())
        },
    );
    add_alone(
        cases,
        "config-service/unavailable/nothing-written-to-redis",
        "no value of a write that was refused while the cluster was away is told to Redis",
        |service| async move {
            let redis = seen(&service, "redis").await?;
            redis.has("/told_refused", false)?.has("/holds_refused", false)?;
            redis.that("/bytes", "are some: it listened", |bytes| {
                bytes.as_u64().is_some_and(|bytes| bytes > 0)
            })?;
            Ok(())
        },
    );
    add_alone(
        cases,
        "config-service/unavailable/encrypted-never-in-redis",
        "no encrypted value is told to Redis while the cluster is away, nor when it comes back",
        |service| async move {
            seen(&service, "redis").await?.has("/told_secret", false)?.has("/holds_secret", false)?;
            Ok(())
        },
    );
    add_alone(
        cases,
        "config-service/unavailable/served-again-as-it-was",
        "when the cluster is back each configuration is served as it was, and what was refused is answered 404",
        |service| async move {
            seen(&service, "get new afterwards").await?.is(404)?.lacks("/value")?;
            seen(&service, "get new encrypted afterwards").await?.is(404)?.lacks("/value")?;
            for (answer, is_encrypted) in
                [("get plain afterwards", false), ("get encrypted afterwards", true)]
            {
                let read = seen(&service, answer).await?;
                read.is(200)?.has("/version", 1)?.has("/is_encrypted", is_encrypted)?;
                read.has("/as_it_was", true)?;
            }
            Ok(())
        },
    );
    add_alone(
        cases,
        "config-service/unavailable/delete-fails",
        "while the cluster is away a deletion fails, and the configuration is there afterwards",
        |service| async move {
            seen(&service, "delete while away").await?.is_one_of(&[404, 500, 502, 503])?;
            seen(&service, "get kept afterwards").await?.is(200)?.has("/version", 1)?;
            Ok(())
        },
    );
}

/// One of the answers, as if it had come just now.
async fn seen(service: &Service, name: &'static str) -> Checked<Answer> {
    let under_test = service.under_test.clone();
    under_test.behind()?;
    let environment = service.environment.clone();
    let outage = under_test.outage.get_or_init(|| async { happen(&under_test, &environment).await }).await;
    let outage = outage.as_ref().map_err(Stop::broken)?;
    let received = outage.answers.get(name).ok_or_else(|| Stop::broken(format!("`{name}` was not asked")))?;
    Ok(Answer::new(request_name("outage:", name, "\u{0}"), received.clone(), service.lab.recorder.clone()))
}

/// Asks what is to be asked, and keeps the answers.
struct Asking<'a> {
    service: &'a ServiceUnderTest,
    environment: &'a str,
    answers: HashMap<&'static str, Received>,
}

impl Asking<'_> {
    async fn ask(&mut self, name: &'static str, method: Method, key: &str, body: Option<Value>) -> &Received {
        let owner = format!("environment={}&service_name=outage-service", self.environment);
        let path = match (&method, key) {
            (_, "status") => "/status".to_owned(),
            (&Method::POST, _) => String::new(),
            _ => format!("/{key}?{owner}"),
        };
        let answer = self.service.ask(method, &path, body.as_ref()).await;
        // Who gives no answer is told as status 0.
        let (status, body) = answer.unwrap_or_else(|why| (0, Value::String(why)));
        self.keep(name, status, body)
    }

    fn keep(&mut self, name: &'static str, status: u16, body: Value) -> &Received {
        let received = Received { status, headers: Value::Null, body };
        self.answers.entry(name).insert_entry(received).into_mut()
    }

    fn creation(&self, key: &str, value: &str, is_encrypted: bool) -> Value {
        json!({ "key": key, "value": value, "environment": self.environment, "service_name": "outage-service",
                "is_encrypted": is_encrypted })
    }

    /// Asks for the status until it is this, or for so long.
    async fn await_status(&mut self, name: &'static str, enabled: bool, within: Duration) {
        let began = Instant::now();
        loop {
            let there = self.ask(name, Method::GET, "status", None).await.body["vault_enabled"] == enabled;
            if there || began.elapsed() >= within {
                return;
            }
            tokio::time::sleep(EVERY).await;
        }
    }
}

async fn happen(service: &ServiceUnderTest, environment: &str) -> Result<Outage, String> {
    let in_words = |stop: Stop| format!("{stop:?}");
    let behind = service.behind().map_err(in_words)?;
    let _alone = service.disturbing.lock().await;
    let address = service.redis().map_err(in_words)?.clone();
    let values = Values {
        plain: value("plain"),
        secret: value("secret"),
        refused: value("refused"),
        refused_secret: value("refused-secret"),
    };
    let mut asking = Asking { service, environment, answers: HashMap::new() };
    for (key, value, is_encrypted) in
        [("plain", &values.plain, false), ("encrypted", &values.secret, true), ("kept", &values.plain, false)]
    {
        let body = asking.creation(key, value, is_encrypted);
        let made = asking.ask("prepare", Method::POST, key, Some(body)).await;
        if !(200..300).contains(&made.status) {
            return Err(format!("before the outage: creating {key} was answered {}", made.status));
        }
        for _ in 0..2 {
            asking.ask("prepare", Method::GET, key, None).await;
        }
    }
    asking.ask("status before", Method::GET, "status", None).await;
    let watch = RedisWatch::begin(&address).await.map_err(|error| error.to_string())?;
    behind.take_away().await?;
    let during = while_away(&mut asking, &values).await;
    // Whatever was seen: the cases after this one need the cluster.
    behind.give_back(behind.cluster.nodes()).await?;
    during?;
    afterwards(&mut asking, &values).await?;
    let redis = about_redis(watch, &address, &values).await?;
    asking.keep("redis", 0, redis);
    for key in ["plain", "encrypted", "kept"] {
        asking.ask("clean up", Method::DELETE, key, None).await;
    }
    Ok(Outage { answers: asking.answers })
}

async fn while_away(asking: &mut Asking<'_>, values: &Values) -> Result<(), String> {
    asking.await_status("status while away", false, TOLD_WITHIN).await;
    let body = asking.creation("new", &values.refused, false);
    asking.ask("create while away", Method::POST, "new", Some(body)).await;
    let body = asking.creation("new-encrypted", &values.refused_secret, true);
    asking.ask("create encrypted while away", Method::POST, "new-encrypted", Some(body)).await;
    let change =
        |value: &str, is_encrypted: bool| Some(json!({ "value": value, "is_encrypted": is_encrypted }));
    asking.ask("update while away", Method::PUT, "plain", change(&values.refused, false)).await;
    let change = change(&values.refused_secret, true);
    asking.ask("update encrypted while away", Method::PUT, "encrypted", change).await;
    asking.ask("get encrypted while away", Method::GET, "encrypted", None).await;
    asking.ask("get cached while away", Method::GET, "kept", None).await;
    asking.ask("delete while away", Method::DELETE, "kept", None).await;
    Ok(())
}

async fn afterwards(asking: &mut Asking<'_>, values: &Values) -> Result<(), String> {
    asking.await_status("status afterwards", true, TOLD_WITHIN).await;
    for (name, key, was) in [
        ("get new afterwards", "new", None),
        ("get new encrypted afterwards", "new-encrypted", None),
        ("get plain afterwards", "plain", Some(&values.plain)),
        ("get encrypted afterwards", "encrypted", Some(&values.secret)),
        ("get kept afterwards", "kept", Some(&values.plain)),
    ] {
        let received = asking.ask(name, Method::GET, key, None).await;
        let (status, mut body) = (received.status, received.body.clone());
        if let (Some(was), Some(body)) = (was, body.as_object_mut()) {
            let as_it_was = body.get("value").is_some_and(|value| value == was.as_str());
            body.insert("as_it_was".to_owned(), as_it_was.into());
        }
        asking.keep(name, status, body);
    }
    let mount = asking.service.kv_mount.clone().ok_or("the mount of the cluster is not known")?;
    for (name, key) in [
        ("stored new afterwards", "new"),
        ("stored new encrypted afterwards", "new-encrypted"),
        ("stored plain afterwards", "plain"),
        ("stored encrypted afterwards", "encrypted"),
        ("stored kept afterwards", "kept"),
    ] {
        let path = format!("{mount}/metadata/{}/outage-service/{key}", asking.environment);
        let behind = asking.service.behind().map_err(|stop| format!("{stop:?}"))?;
        let (status, body) = behind.ask_leader(&path).await?;
        asking.keep(name, status, body);
    }
    Ok(())
}

/// What Redis was told since the cluster went, and what it holds.
async fn about_redis(
    watch: RedisWatch,
    address: &crate::helper::RedisAddress,
    values: &Values,
) -> Result<Value, String> {
    let in_words = |stop: Stop| format!("{stop:?}");
    let heard = watch.end().await.map_err(|error| error.to_string())?;
    let mut session = RedisSession::open(address).await.map_err(|error| error.to_string())?;
    let stored = session.everything().await.map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    for part in stored.into_iter().flat_map(|stored| stored.parts) {
        bytes.extend(part);
        bytes.push(b'\n');
    }
    let any = |values: [&String; 2], bytes: &[u8]| -> Result<bool, String> {
        let mut any = false;
        for value in values {
            any |= found(value, bytes).map_err(in_words)?;
        }
        Ok(any)
    };
    let refused = [&values.refused, &values.refused_secret];
    let secret = [&values.secret, &values.refused_secret];
    Ok(json!({
        "told_refused": any(refused, &heard.bytes)?,
        "holds_refused": any(refused, &bytes)?,
        "told_secret": any(secret, &heard.bytes)?,
        "holds_secret": any(secret, &bytes)?,
        "bytes": heard.bytes.len(),
    }))
}
