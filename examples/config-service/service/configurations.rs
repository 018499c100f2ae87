//! What the service does with configurations: the cluster is asked, the cache is kept true, events are told.

use super::broken::Broken;
use super::cache::{Cache, Store};
use super::events::{Event, Events, RedisEvents};
use super::kv::{Away, Kv, Mark, Secret, Written};
use super::nodes::Nodes;
use super::settings::Settings;
use serde::{Deserialize, Serialize};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A write whose fate is unknown is pursued so long: a leader that was lost is replaced by then.
const SETTLED_WITHIN: Duration = Duration::from_secs(30);
/// One that surely was not sent is given up sooner.
const TRIED_WITHIN: Duration = Duration::from_secs(2);
const EVERY: Duration = Duration::from_millis(100);
const TRIES_AGAINST_RIVALS: u32 = 20;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Configuration {
    /// There is no database that would give one.
    pub id: u64,
    pub key: String,
    pub value: String,
    pub environment: String,
    pub service_name: String,
    pub is_encrypted: bool,
    pub version: u64,
    pub created_at: String,
    pub updated_at: String,
}

/// Whose configuration it is, and its key.
#[derive(Clone, Debug)]
pub struct Place {
    pub environment: String,
    pub service_name: String,
    pub key: String,
}

pub enum Failure {
    NotFound,
    /// There is one already.
    Exists,
    /// The cluster is away; nothing was written.
    Away,
    /// The cache could not be told beforehand; nothing was written.
    CacheAway,
    /// The cluster was lost during the write and did not come back.
    Unknown,
    /// Others write the same key all the time; nothing was written.
    Contended,
}

/// What a write leaves undone until it is settled.
struct Announced {
    path: String,
    writer: String,
}

pub struct Configurations {
    nodes: Nodes,
    kv: Kv,
    cache: Cache,
    events: Box<dyn Events>,
    /// How far the cluster is known to be by this instance.
    mark: Mutex<Option<Mark>>,
    broken: Option<Broken>,
}

impl Place {
    fn path(&self) -> String {
        format!("{}/{}/{}", self.environment, self.service_name, self.key)
    }

    fn holds(&self, version: u64, secret: Secret) -> Configuration {
        let Self { environment, service_name, key } = self.clone();
        let Secret { value, is_encrypted, created_at, updated_at, write_id: _ } = secret;
        Configuration {
            id: 0,
            key,
            value,
            environment,
            service_name,
            is_encrypted,
            version,
            created_at,
            updated_at,
        }
    }
}

impl Configurations {
    pub fn new(settings: &Settings, broken: Option<Broken>) -> Result<Self, String> {
        let store = Store::new(&settings.redis_url, settings.redis_password.as_deref());
        let store = store.map_err(|error| format!("REDIS_URL: {error}"))?;
        let nodes = Nodes::new(settings)?;
        Ok(Self {
            kv: Kv::new(nodes.clone(), &settings.mount),
            nodes,
            cache: Cache::new(store.clone()),
            events: Box::new(RedisEvents(store)),
            mark: Mutex::default(),
            broken,
        })
    }

    pub async fn get(&self, place: &Place) -> Result<Configuration, Failure> {
        let path = place.path();
        // Without a cache the cluster alone is asked.
        let seen = self.cache.look_up(&path).await.ok();
        let shared = seen.as_ref().and_then(|seen| seen.mark.clone());
        // A copy of what is away is not served: there is no fallback.
        let may_be_served = self.nodes.leader().is_some() || self.is(Broken::ServesWithoutCluster);
        if let Some(copy) = seen.as_ref().and_then(|seen| seen.copy.clone()).filter(|_| may_be_served) {
            return Ok(copy);
        }
        let mark = newest(self.known_mark(), shared);
        let read = self.kv.read(&path, None, mark.as_ref()).await;
        // The document: while the cluster is away nothing is found.
        let (version, secret) = read.unwrap_or_default().ok_or(Failure::NotFound)?;
        let found = place.holds(version, secret);
        if !found.is_encrypted || self.is(Broken::CachesEncrypted) {
            self.leave_a_copy(&path, seen.map(|seen| seen.number), &found).await;
        }
        Ok(found)
    }

    async fn leave_a_copy(&self, path: &str, number: Option<String>, found: &Configuration) {
        let left = if self.is(Broken::FillsLate) {
            tokio::time::sleep(Duration::from_millis(60)).await;
            self.cache.put_unguarded(path, found).await
        } else if let Some(number) = number {
            self.cache.fill(path, &number, found).await
        } else {
            return;
        };
        if let Err(error) = left {
            eprintln!("config-service: no copy was left: {error}");
        }
    }

    pub async fn create(
        &self,
        place: &Place,
        value: &str,
        is_encrypted: bool,
    ) -> Result<Configuration, Failure> {
        let now = now();
        let secret = Secret {
            value: value.to_owned(),
            is_encrypted,
            created_at: now.clone(),
            updated_at: now,
            write_id: fresh_id(),
        };
        let version = self.write(place, &secret, 0).await?.ok_or(Failure::Exists)?;
        self.tell("created", place).await;
        Ok(place.holds(version, secret))
    }

    /// An encryption that is not said stays what it was.
    pub async fn update(
        &self,
        place: &Place,
        value: &str,
        is_encrypted: Option<bool>,
    ) -> Result<Configuration, Failure> {
        for _ in 0..TRIES_AGAINST_RIVALS {
            let mark = self.known_mark();
            let read = self.kv.read(&place.path(), None, mark.as_ref()).await;
            let (newest, before) = read.map_err(|Away| Failure::Away)?.ok_or(Failure::NotFound)?;
            let secret = Secret {
                value: value.to_owned(),
                is_encrypted: is_encrypted.unwrap_or(before.is_encrypted),
                created_at: before.created_at,
                updated_at: now(),
                write_id: fresh_id(),
            };
            if let Some(version) = self.write(place, &secret, newest).await? {
                self.tell("updated", place).await;
                return Ok(place.holds(version, secret));
            }
        }
        Err(Failure::Contended)
    }

    pub async fn delete(&self, place: &Place) -> Result<(), Failure> {
        let path = place.path();
        let read = self.kv.read(&path, None, self.known_mark().as_ref()).await;
        read.map_err(|Away| Failure::Away)?.ok_or(Failure::NotFound)?;
        let announced = self.announce(&path).await?;
        let began = Instant::now();
        let mut is_doubtful = false;
        let mark = loop {
            match self.kv.remove(&path).await {
                Written::Done { mark, .. } => break mark,
                Written::No | Written::Conflict => {}
                Written::Unknown => is_doubtful = true,
            }
            self.still_worth_it(began, is_doubtful, &announced).await?;
        };
        self.settle(announced, mark).await;
        self.tell("deleted", place).await;
        Ok(())
    }

    /// A page of those of an environment, or of one service there; and how many there are.
    pub async fn list(
        &self,
        environment: &str,
        service_name: Option<&str>,
        limit: usize,
        offset: usize,
    ) -> Result<(Vec<Configuration>, usize), Failure> {
        let mark = self.known_mark();
        let away = |Away| Failure::Away;
        let services = match service_name {
            Some(name) => vec![name.to_owned()],
            None => {
                let names = self.kv.list(environment, mark.as_ref()).await.map_err(away)?;
                names.iter().filter_map(|name| name.strip_suffix('/').map(str::to_owned)).collect()
            }
        };
        let mut all = Vec::new();
        for service_name in services {
            let keys = self.kv.list(&format!("{environment}/{service_name}"), mark.as_ref()).await;
            for key in keys.map_err(away)?.into_iter().filter(|key| !key.ends_with('/')) {
                let environment = environment.to_owned();
                let place = Place { environment, service_name: service_name.clone(), key };
                // One that went meanwhile is not counted.
                if let Some((version, secret)) =
                    self.kv.read(&place.path(), None, mark.as_ref()).await.map_err(away)?
                {
                    all.push(place.holds(version, secret));
                }
            }
        }
        let total = all.len();
        Ok((all.into_iter().skip(offset).take(limit).collect(), total))
    }

    pub async fn is_connected(&self) -> bool {
        self.is(Broken::StatusLies) || self.nodes.is_connected().await
    }

    /// The version that was written; `None` when `newest` is not the newest.
    async fn write(&self, place: &Place, secret: &Secret, newest: u64) -> Result<Option<u64>, Failure> {
        let path = place.path();
        if self.is(Broken::HalfWritten) && !secret.is_encrypted {
            let _ = self.cache.put_unguarded(&path, &place.holds(newest + 1, secret.clone())).await;
        } else if !self.kv.is_led().await {
            // Before anything is said to anybody.
            return Err(Failure::Away);
        }
        let announced = self.announce(&path).await?;
        let began = Instant::now();
        let mut is_doubtful = false;
        loop {
            match self.kv.write(&path, secret, newest).await {
                Written::Done { version, mark } => {
                    self.settle(announced, mark).await;
                    return Ok(Some(version));
                }
                Written::Conflict if !is_doubtful => {
                    self.settle(announced, None).await;
                    return Ok(None);
                }
                // An earlier attempt of ours may be the very version that stands there now.
                Written::Conflict => {
                    if let Ok(found) = self.kv.read(&path, Some(newest + 1), None).await {
                        self.settle(announced, None).await;
                        let is_ours = found.is_some_and(|(_, found)| found.write_id == secret.write_id);
                        return Ok(is_ours.then_some(newest + 1));
                    }
                }
                Written::No => {}
                Written::Unknown => is_doubtful = true,
            }
            self.still_worth_it(began, is_doubtful, &announced).await?;
        }
    }

    /// Pauses before another attempt, or says why there will be none. A doubtful write stays announced: it may yet be done.
    async fn still_worth_it(
        &self,
        began: Instant,
        is_doubtful: bool,
        announced: &Announced,
    ) -> Result<(), Failure> {
        if is_doubtful && began.elapsed() >= SETTLED_WITHIN {
            return Err(Failure::Unknown);
        }
        if !is_doubtful && began.elapsed() >= TRIED_WITHIN {
            let Announced { path, writer } = announced;
            if !self.is(Broken::HalfWritten) {
                // Should this fail, nothing is cached for a while.
                let _ = self.cache.settle(path, writer, None).await;
            }
            return Err(Failure::Away);
        }
        tokio::time::sleep(EVERY).await;
        Ok(())
    }

    async fn announce(&self, path: &str) -> Result<Announced, Failure> {
        let announced = Announced { path: path.to_owned(), writer: fresh_id() };
        if !self.is(Broken::StaleAfterPut) && !self.is(Broken::HalfWritten) {
            let told = self.cache.announce(path, &announced.writer).await;
            told.map_err(|_| Failure::CacheAway)?;
        }
        Ok(announced)
    }

    async fn settle(&self, announced: Announced, mark: Option<Mark>) {
        let mut known = self.mark.lock().unwrap_or_else(PoisonError::into_inner).clone();
        known = newest(known, mark.clone());
        *self.mark.lock().unwrap_or_else(PoisonError::into_inner) = known;
        if self.is(Broken::StaleAfterPut) {
            return;
        }
        // Should this fail, the announcement stands: nothing is served from the cache until it ends.
        if let Err(error) = self.cache.settle(&announced.path, &announced.writer, mark.as_ref()).await {
            eprintln!("config-service: the cache was not told of the end of a write: {error}");
        }
    }

    fn known_mark(&self) -> Option<Mark> {
        self.mark.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn tell(&self, event: &'static str, place: &Place) {
        let Place { environment, service_name, key } = place;
        self.events.publish(&Event { event, environment, service_name, key }).await;
    }

    fn is(&self, broken: Broken) -> bool {
        self.broken == Some(broken)
    }
}

/// The further of two. Of different clusters the second: the first was the one before.
fn newest(first: Option<Mark>, second: Option<Mark>) -> Option<Mark> {
    match (first, second) {
        (Some(first), Some(second)) if first.cluster == second.cluster && first.index > second.index => {
            Some(first)
        }
        (first, second) => second.or(first),
    }
}

fn now() -> String {
    jiff::Timestamp::now().to_string()
}

fn fresh_id() -> String {
    format!("{:032x}", rand::random::<u128>())
}
