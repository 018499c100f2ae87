//! The leader is killed while clients write and read through the service. It happens once; the cases look at the record.

use super::add_alone;
use super::service::{Service, found, value};
use super::traffic::{Became, Fate, Read, Traffic, Write, first, found_in, numbered};
use super::under_test::ServiceUnderTest;
use crate::conformance::{Answer, Cases, Checked, Stop};
use crate::helper::{RedisSession, RedisWatch};
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const SERVICE: &str = "loss-service";
const BEFORE: Duration = Duration::from_secs(2);
const AFTER: Duration = Duration::from_secs(3);
const WRITES_EVERY: Duration = Duration::from_millis(30);
const READS_EVERY: Duration = Duration::from_millis(10);
const STATUS_EVERY: Duration = Duration::from_millis(50);
const READERS: usize = 2;
/// A cluster that does not write again by then is not what the case is about.
const WRITTEN_AGAIN_WITHIN: Duration = Duration::from_secs(60);
/// So many of each before and after, or the record says nothing.
const AT_LEAST: usize = 10;

/// How the numbered writes of a key are encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Plain,
    Encrypted,
    /// Every second one.
    Flipping,
}

impl Kind {
    fn is_encrypted(self, number: u64) -> bool {
        match self {
            Kind::Plain => false,
            Kind::Encrypted => true,
            Kind::Flipping => number.is_multiple_of(2),
        }
    }
}

/// What is known of the loss of a leader; holds no value.
pub struct LeaderLoss {
    facts: Value,
}

pub fn register(cases: &mut Cases) {
    add_alone(
        cases,
        "config-service/leader-lost/no-old-value",
        "when the leader is killed no read that begins after an acknowledged write brings an older value",
        |service| async move {
            let lost = seen(&service).await?;
            lost.lacks("/old")?
                .that("/reads", "are many", |reads| reads.as_u64().is_some_and(|n| n >= 100))?;
            Ok(())
        },
    );
    add_alone(
        cases,
        "config-service/leader-lost/nothing-half-written",
        "when the leader is killed every value that is read was written, whole, and was not refused",
        |service| async move {
            seen(&service).await?.lacks("/from_nowhere")?;
            Ok(())
        },
    );
    add_alone(
        cases,
        "config-service/leader-lost/acknowledged-stays",
        "every configuration holds its last acknowledged value afterwards, or one that may have come later",
        |service| async move {
            let lost = seen(&service).await?;
            lost.has("/keys", 3)?.lacks("/lost")?;
            Ok(())
        },
    );
    add_alone(
        cases,
        "config-service/leader-lost/refused-as-documented",
        "a write that fails while nobody leads fails in the words of the document",
        |service| async move {
            seen(&service).await?.lacks("/other_failures")?;
            Ok(())
        },
    );
    add_alone(
        cases,
        "config-service/leader-lost/encrypted-never-in-redis",
        "no encrypted value is told to Redis while the leader is lost and replaced",
        |service| async move {
            let lost = seen(&service).await?;
            lost.has("/told_secret", false)?.has("/holds_secret", false)?.has("/told_plain", true)?;
            Ok(())
        },
    );
    add_alone(
        cases,
        "config-service/leader-lost/status-tells",
        "the status tells vault_enabled=false while nobody leads, and true before and afterwards",
        |service| async move {
            let lost = seen(&service).await?;
            lost.has("/enabled_before", true)?
                .has("/told_while_lost", true)?
                .has("/enabled_afterwards", true)?;
            Ok(())
        },
    );
}

async fn seen(service: &Service) -> Checked<Answer> {
    let under_test = service.under_test.clone();
    under_test.behind()?;
    let environment = service.environment.clone();
    let lost = under_test.leader_loss.get_or_init(|| async { happen(&under_test, &environment).await }).await;
    let lost = lost.as_ref().map_err(Stop::broken)?;
    Ok(service.lab.seen("the loss of the leader", lost.facts.clone()))
}

/// One key with its writer and readers.
struct Key {
    name: &'static str,
    kind: Kind,
    canary: String,
}

#[derive(Clone)]
struct Clients {
    service: Arc<ServiceUnderTest>,
    environment: String,
    is_over: Arc<AtomicBool>,
}

impl Clients {
    fn path(&self, key: &str) -> String {
        format!("/{key}?environment={}&service_name={SERVICE}", self.environment)
    }

    fn goes_on(&self) -> bool {
        !self.is_over.load(Ordering::Relaxed)
    }

    async fn write(self, key: Arc<Key>) -> Vec<Write> {
        let mut writes = Vec::new();
        let mut number = 1;
        while self.goes_on() {
            let is_encrypted = key.kind.is_encrypted(number);
            let text = numbered(&key.canary_of(number), number);
            let change = json!({ "value": text, "is_encrypted": is_encrypted });
            let began = Instant::now();
            let answer = if number == 1 {
                let body = json!({ "key": key.name, "value": text, "environment": self.environment,
                                   "service_name": SERVICE, "is_encrypted": is_encrypted });
                self.service.ask(Method::POST, "", Some(&body)).await
            } else {
                self.service.ask(Method::PUT, &self.path(key.name), Some(&change)).await
            };
            let (fate, said) = match answer {
                Ok((200..300, _)) => (Fate::Acknowledged, String::new()),
                Ok((503, body)) if body.to_string().contains("Vault is not available") => {
                    (Fate::Refused, String::new())
                }
                // Its fate is not known, and the service says so.
                Ok((504, _)) => (Fate::Unknown, String::new()),
                Ok((status, body)) => (Fate::Unknown, format!("status {status}: {body}")),
                Err(why) => (Fate::Unknown, why),
            };
            let became = Became::Number(number);
            writes.push(Write { began, ended: Instant::now(), became, is_encrypted, fate, said });
            number += 1;
            tokio::time::sleep(WRITES_EVERY).await;
        }
        writes
    }

    async fn read(self, key: Arc<Key>) -> Vec<Read> {
        let mut reads = Vec::new();
        while self.goes_on() {
            let began = Instant::now();
            let answer = self.service.ask(Method::GET, &self.path(key.name), None).await;
            reads.push(Read { began, found: key.found_in(&answer) });
            tokio::time::sleep(READS_EVERY).await;
        }
        reads
    }

    async fn statuses(self) -> Vec<Status> {
        let mut seen = Vec::new();
        while self.goes_on() {
            let asked = Instant::now();
            let answer = self.service.ask(Method::GET, "/status", None).await;
            let enabled = answer.ok().and_then(|(_, body)| body["vault_enabled"].as_bool());
            seen.push(Status { asked, answered: Instant::now(), enabled });
            tokio::time::sleep(STATUS_EVERY).await;
        }
        seen
    }
}

/// One answer of the status endpoint.
struct Status {
    asked: Instant,
    answered: Instant,
    /// What it told; nothing where it did not.
    enabled: Option<bool>,
}

impl Key {
    /// Encrypted values and the others begin differently, so that the one kind can be looked for.
    fn canary_of(&self, number: u64) -> String {
        match self.kind.is_encrypted(number) {
            true => format!("encrypted-{}", self.canary),
            false => format!("plain-{}", self.canary),
        }
    }

    fn found_in(&self, answer: &Result<(u16, Value), String>) -> super::traffic::Found {
        let begins = |canary: &str| {
            let value = answer.as_ref().ok().and_then(|(_, body)| body["value"].as_str());
            value.is_some_and(|value| value.starts_with(canary))
        };
        let [encrypted, plain] = [format!("encrypted-{}", self.canary), format!("plain-{}", self.canary)];
        found_in(answer, if begins(&encrypted) { &encrypted } else { &plain })
    }
}

async fn happen(service: &Arc<ServiceUnderTest>, environment: &str) -> Result<LeaderLoss, String> {
    let in_words = |stop: Stop| format!("{stop:?}");
    let behind = service.behind().map_err(in_words)?;
    let _alone = service.disturbing.lock().await;
    let address = service.redis().map_err(in_words)?.clone();
    let clients =
        Clients { service: service.clone(), environment: environment.to_owned(), is_over: Arc::default() };
    let watch = RedisWatch::begin(&address).await.map_err(|error| error.to_string())?;
    let canary = value("loss");
    let keys = [("plain", Kind::Plain), ("encrypted", Kind::Encrypted), ("flipping", Kind::Flipping)];
    let keys = keys.map(|(name, kind)| Arc::new(Key { name, kind, canary: canary.clone() }));
    let writing: Vec<_> = keys.iter().map(|key| tokio::spawn(clients.clone().write(key.clone()))).collect();
    let reading: Vec<Vec<_>> = keys
        .iter()
        .map(|key| (0..READERS).map(|_| tokio::spawn(clients.clone().read(key.clone()))).collect())
        .collect();
    let polling = tokio::spawn(clients.clone().statuses());

    tokio::time::sleep(BEFORE).await;
    let leader = behind.leader().await;
    let killed = Instant::now();
    let lost = match &leader {
        Ok(leader) => behind.kill(leader).await,
        Err(why) => Err(why.clone()),
    };
    let again = match lost {
        Ok(()) => written_again(&clients).await,
        Err(why) => Err(why),
    };
    tokio::time::sleep(AFTER).await;
    clients.is_over.store(true, Ordering::Relaxed);
    let mut traffics = Vec::new();
    for (writer, readers) in writing.into_iter().zip(reading) {
        let writes = writer.await.map_err(|error| error.to_string())?;
        let mut reads = Vec::new();
        for reader in readers {
            reads.extend(reader.await.map_err(|error| error.to_string())?);
        }
        traffics.push(Traffic { writes, reads });
    }
    let statuses = polling.await.map_err(|error| error.to_string())?;
    // Whatever was seen: the cases after this one need the cluster.
    if let Ok(leader) = &leader {
        behind.give_back(std::slice::from_ref(leader)).await?;
    }
    again?;
    let heard = watch.end().await.map_err(|error| error.to_string())?;
    let mut session = RedisSession::open(&address).await.map_err(|error| error.to_string())?;
    let stored = session.everything().await.map_err(|error| error.to_string())?;
    let stored: Vec<u8> = stored.into_iter().flat_map(|stored| stored.parts.join(&b'\n')).collect();
    let mut facts = judged(&traffics, &statuses, killed)?;
    let mut lost = Vec::new();
    for (key, traffic) in keys.iter().zip(&traffics) {
        let answer = service.ask(Method::GET, &clients.path(key.name), None).await;
        lost.extend(missing_at_the_end(traffic, key.name, &key.found_in(&answer)));
        let _ = service.ask(Method::DELETE, &clients.path(key.name), None).await;
    }
    let [secret, plain] = ["encrypted", "plain"].map(|kind| format!("{kind}-{canary}"));
    facts["lost"] = json!(lost);
    facts["keys"] = json!(keys.len());
    facts["told_secret"] = json!(found(&secret, &heard.bytes).map_err(in_words)?);
    facts["holds_secret"] = json!(found(&secret, &stored).map_err(in_words)?);
    // Else nothing was cached, and nothing follows from what was not heard.
    facts["told_plain"] = json!(found(&plain, &heard.bytes).map_err(in_words)?);
    Ok(LeaderLoss { facts })
}

/// Waits until the service takes a write.
async fn written_again(clients: &Clients) -> Result<(), String> {
    let began = Instant::now();
    let body = json!({ "key": "probe", "value": "probe", "environment": clients.environment,
                       "service_name": SERVICE, "is_encrypted": true });
    loop {
        let said = clients.service.ask(Method::POST, "", Some(&body)).await;
        // It is there already when an earlier attempt was done after all.
        if matches!(said, Ok((200..300 | 409, _))) {
            let _ = clients.service.ask(Method::DELETE, &clients.path("probe"), None).await;
            return Ok(());
        }
        if began.elapsed() >= WRITTEN_AGAIN_WITHIN {
            return Err(format!("no write through the service for {} s", WRITTEN_AGAIN_WITHIN.as_secs()));
        }
        tokio::time::sleep(STATUS_EVERY).await;
    }
}

/// Everything that follows from the record alone.
fn judged(traffics: &[Traffic], statuses: &[Status], killed: Instant) -> Result<Value, String> {
    let writes = || traffics.iter().flat_map(|traffic| &traffic.writes);
    let acknowledged = || writes().filter(|write| write.fate == Fate::Acknowledged);
    let before = acknowledged().filter(|write| write.ended < killed).count();
    // When the first of the others was done, somebody led again.
    let led_again = acknowledged().filter(|write| write.began > killed).map(|write| write.ended).min();
    let after = acknowledged().filter(|write| write.began > killed).count();
    let Some(led_again) = led_again.filter(|_| before >= AT_LEAST && after >= AT_LEAST) else {
        return Err(format!(
            "{before} writes were acknowledged before the loss and {after} after it: too few"
        ));
    };
    let told = |from: Option<Instant>, to: Option<Instant>| {
        // What was asked before and answered after a change may tell either.
        let between = statuses.iter().filter(move |status| {
            from.is_none_or(|from| status.asked > from) && to.is_none_or(|to| status.answered < to)
        });
        between.map(|status| status.enabled).collect::<Vec<_>>()
    };
    let all_enabled = |told: &[Option<bool>]| !told.is_empty() && told.iter().all(|one| *one == Some(true));
    let lost = told(Some(killed), Some(led_again));
    let unsettled = led_again + Duration::from_secs(1);
    let others = writes().filter(|write| !write.said.is_empty()).map(|write| write.said.clone());
    Ok(json!({
        "reads": traffics.iter().map(|traffic| traffic.reads.len()).sum::<usize>(),
        "old": first(traffics.iter().flat_map(Traffic::old).collect()),
        "from_nowhere": first(traffics.iter().flat_map(Traffic::out_of_nowhere).collect()),
        "other_failures": first(others.collect()),
        "enabled_before": all_enabled(&told(None, Some(killed))),
        "told_while_lost": lost.contains(&Some(false)),
        "enabled_afterwards": all_enabled(&told(Some(unsettled), None)),
        "without_a_leader_ms": (led_again - killed).as_millis() as u64,
    }))
}

/// What should be there in the end and is not.
fn missing_at_the_end(traffic: &Traffic, key: &str, found: &super::traffic::Found) -> Option<String> {
    let last = traffic.writes.iter().rposition(|write| write.fate == Fate::Acknowledged)?;
    let may_be = |number: u64| {
        let later = traffic.writes[last..].iter().filter(|write| write.fate != Fate::Refused);
        later.into_iter().any(|write| write.became == Became::Number(number))
    };
    match found {
        super::traffic::Found::Number(number, _) if may_be(*number) => None,
        other => {
            Some(format!("{key}: {:?} was acknowledged, {other:?} is there", traffic.writes[last].became))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::traffic::Found;
    use super::*;

    fn record(outage_ms: u64) -> (Traffic, Instant) {
        let began = Instant::now();
        let killed = began + Duration::from_millis(1_000);
        let writes = (0..40u64).map(|number| {
            let at = match number {
                0..20 => began + Duration::from_millis(number * 10),
                _ => killed + Duration::from_millis(outage_ms + number * 10),
            };
            Write {
                began: at,
                ended: at + Duration::from_millis(5),
                became: Became::Number(number),
                is_encrypted: false,
                fate: Fate::Acknowledged,
                said: String::new(),
            }
        });
        (Traffic { writes: writes.collect(), reads: Vec::new() }, killed)
    }

    #[test]
    fn a_status_that_never_told_of_the_loss_is_noticed() {
        let (traffic, killed) = record(1_500);
        let statuses = |lost: bool| -> Vec<_> {
            let told = |asked: Instant, enabled| Status {
                asked,
                answered: asked + Duration::from_millis(200),
                enabled: Some(enabled),
            };
            let at = |ms| killed + Duration::from_millis(ms);
            vec![
                told(killed - Duration::from_millis(500), true),
                // Under way when the leader was lost.
                told(killed - Duration::from_millis(100), false),
                told(at(700), !lost),
                told(at(9_000), true),
            ]
        };
        let facts = judged(std::slice::from_ref(&traffic), &statuses(true), killed).unwrap();
        assert_eq!((&facts["told_while_lost"], &facts["enabled_before"]), (&json!(true), &json!(true)));
        assert_eq!(facts["enabled_afterwards"], true);
        let facts = judged(&[traffic], &statuses(false), killed).unwrap();
        assert_eq!(facts["told_while_lost"], false);
    }

    #[test]
    fn a_record_with_too_little_in_it_says_nothing() {
        let (mut traffic, killed) = record(1_500);
        traffic.writes.truncate(25);
        assert!(judged(&[traffic], &[], killed).is_err());
    }

    #[test]
    fn what_is_there_in_the_end_was_acknowledged_last_or_may_have_come_later() {
        let (mut traffic, _) = record(0);
        traffic.writes[39].fate = Fate::Unknown;
        let is_missing = |found| missing_at_the_end(&traffic, "k", &found).is_some();
        assert!(!is_missing(Found::Number(38, false)) && !is_missing(Found::Number(39, false)));
        assert!(is_missing(Found::Number(37, false)) && is_missing(Found::Nothing));
    }
}
