//! `storm`: thousands of leases at once, which are then revoked by their prefix or end at one moment; or everybody logs in
//! at once. What became of them is counted as the server lists its leases, and so are leases beside them that nobody touches.
//!
//! The leases are those of tokens: each token of a role is one lease below `auth/token/create/ROLE`. They are what a server
//! makes fastest, and it counts, keeps and ends them as any other.

use super::{Applied, Fault, FaultContext, FaultError, Injected};
use crate::cluster::{Ability, ClusterView};
use crate::model::{Event, NodeId, Span};
use crate::record::Journal;
use crate::vault::{Answer, Client};
use async_trait::async_trait;
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// So many requests are under way at a time.
const AT_ONCE: u32 = 64;
/// Leases beside the storm, which must outlive it.
const KEPT: u32 = 100;
const KEPT_TTL: &str = "30m";
/// Of leases that are revoked: it must not be their time to live that ends them.
const REVOKED_TTL: Duration = Duration::from_secs(30 * 60);
/// Some seconds on a quiet machine; one that is busy gets its time.
const MADE_WITHIN: Duration = Duration::from_secs(600);
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
const AGAIN_AFTER: Duration = Duration::from_millis(100);
const COUNT_EVERY: Duration = Duration::from_millis(500);
/// After a revocation, or after the moment at which they end.
const GONE_WITHIN: Duration = Duration::from_secs(180);
const LOGGED_IN_WITHIN: Duration = Duration::from_secs(90);

pub struct LeaseStorm {
    pub count: u32,
    /// When they end by themselves, from the beginning of the storm on; `None` when they are revoked.
    pub ttl: Option<Span>,
}

pub struct LoginStorm {
    pub count: u32,
}

/// Every node, and who leads now.
#[derive(Clone)]
struct Nodes {
    clients: Arc<Vec<Client>>,
    view: Arc<ClusterView>,
}

impl Nodes {
    fn new(context: &FaultContext, token: Option<&str>) -> Result<Self, FaultError> {
        let client = |node: &crate::cluster::Node| {
            let client = Client::new(&node.endpoint)?;
            Ok(token.map_or(client.clone(), |token| client.with_token(token)))
        };
        let clients = context.cluster.nodes().iter().map(client).collect::<Result<Vec<_>, FaultError>>()?;
        Ok(Self { clients: Arc::new(clients), view: context.view.clone() })
    }

    /// Asks whoever leads; `None` without a leader or an answer in time.
    async fn lead(&self, method: Method, path: &str, body: Option<&Value>) -> Option<Answer> {
        let client = &self.clients[self.view.leader()?];
        timeout(ANSWER_WITHIN, client.call(method, path, body)).await.ok()?.ok()
    }

    /// Asks whoever leads until it says yes; whether it did in time.
    async fn insist(&self, method: Method, path: &str, body: &Value, within: Duration) -> bool {
        let began = Instant::now();
        while began.elapsed() < within {
            if self.lead(method.clone(), path, Some(body)).await.is_some_and(|answer| answer.is_success()) {
                return true;
            }
            sleep(AGAIN_AFTER).await;
        }
        false
    }

    /// How many leases there are below a prefix; `None` without a clear answer.
    async fn leases(&self, prefix: &str) -> Option<u64> {
        let list = Method::from_bytes(b"LIST").expect("LIST is a token");
        let answer = self.lead(list, &format!("sys/leases/lookup/{prefix}/"), None).await?;
        match answer.status {
            404 => Some(0),
            200 => answer.body["data"]["keys"].as_array().map(|keys| keys.len() as u64),
            _ => None,
        }
    }
}

/// Runs `count` jobs, `at_once` at a time, and returns how long each took from the beginning on.
async fn all<F>(count: u32, at_once: u32, job: impl Fn(u32) -> F + Send + Sync + 'static) -> Vec<Duration>
where
    F: Future<Output = bool> + Send,
{
    let (began, job) = (Instant::now(), Arc::new(job));
    let next = Arc::new(AtomicU32::new(0));
    let mut workers = JoinSet::new();
    for _ in 0..at_once.min(count) {
        let (job, next) = (job.clone(), next.clone());
        workers.spawn(async move {
            let mut done = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return done;
                }
                if job(number).await {
                    done.push(began.elapsed());
                }
            }
        });
    }
    let mut done = workers.join_all().await.concat();
    done.sort();
    done
}

impl LeaseStorm {
    async fn break_loose(&self, context: &FaultContext, id: &str) -> Result<Applied, FaultError> {
        let nodes = Nodes::new(context, Some(&context.access.root_token))?;
        let [storm, kept] = ["storm", "kept"].map(|what| format!("{}vq-{what}-{id}", context.prefix));
        for role in [&storm, &kept] {
            let settings = json!({ "orphan": true, "renewable": false, "token_type": "service" });
            if !nodes
                .insist(Method::POST, &format!("auth/token/roles/{role}"), &settings, ANSWER_WITHIN)
                .await
            {
                return Err(FaultError::NotApplicable(format!("the role {role} could not be made")));
            }
        }
        let [storm, kept] = [storm, kept].map(|role| format!("auth/token/create/{role}"));
        let untouched = make(&nodes, &kept, KEPT, |_| KEPT_TTL.to_owned()).await.len() as u32;
        let (began, began_ms) = (Instant::now(), context.journal.now_ms());
        let end = began + self.ttl.map_or(REVOKED_TTL, |ttl| ttl.0);
        // All end at one moment, however long it takes to make them.
        let left = move |_| format!("{}ms", end.saturating_duration_since(Instant::now()).as_millis().max(1));
        let made = make(&nodes, &storm, self.count, left).await;
        let took = began.elapsed();
        let count = made.len() as u32;
        let due_ms = self.ttl.map(|ttl| began_ms + ttl.as_ms());
        context.journal.write(Event::StormMade {
            fault: id.to_owned(),
            leases: true,
            asked: self.count,
            made: count,
            kept: untouched,
            began_ms,
            due_ms,
            took_ms: took.as_secs_f64() * 1e3,
            median_ms: None,
            p99_ms: None,
        });
        if count < self.count {
            let why = format!("only {count} of {} leases could be made in {took:.0?}", self.count);
            return Err(FaultError::Failed(why));
        }
        if Instant::now() >= end {
            let why = format!("they end after {}, and making them took {took:.0?}", Span(end - began));
            return Err(FaultError::Failed(why));
        }
        let (journal, fault, revoke) = (context.journal.clone(), id.to_owned(), self.ttl.is_none());
        let evidence = format!(
            "{count} leases made in {:.1} s below one prefix, {untouched} beside them",
            took.as_secs_f64()
        );
        let at_ms = journal.now_ms();
        context.background.lock().unwrap().spawn(async move {
            if revoke {
                revoke_prefix(&nodes, &storm, &journal, &fault).await;
            } else {
                count_until(&nodes, [&storm, &kept], end, &journal, &fault).await;
            }
            count_until(&nodes, [&storm, &kept], Instant::now() + GONE_WITHIN, &journal, &fault).await;
            // Nothing of ours is left.
            for prefix in [&storm, &kept] {
                let path = format!("sys/leases/revoke-prefix/{prefix}");
                nodes.lead(Method::PUT, &path, Some(&json!({}))).await;
                nodes.lead(Method::DELETE, &prefix.replace("/create/", "/roles/"), None).await;
            }
        });
        Ok(Applied { at_ms, evidence })
    }
}

/// Makes leases below a prefix, each until it is granted; what was granted unheard stands below the prefix as well.
async fn make(
    nodes: &Nodes,
    path: &str,
    count: u32,
    ttl: impl Fn(u32) -> String + Send + Sync + 'static,
) -> Vec<Duration> {
    let (nodes, path, until) = (nodes.clone(), path.to_owned(), Instant::now() + MADE_WITHIN);
    let ttl = Arc::new(ttl);
    all(count, AT_ONCE, move |number| {
        let (nodes, path, ttl) = (nodes.clone(), path.clone(), ttl.clone());
        async move {
            while Instant::now() < until {
                let body = json!({ "ttl": ttl(number), "policies": ["default"] });
                if nodes
                    .lead(Method::POST, &path, Some(&body))
                    .await
                    .is_some_and(|answer| answer.is_success())
                {
                    return true;
                }
                sleep(AGAIN_AFTER).await;
            }
            false
        }
    })
    .await
}

async fn revoke_prefix(nodes: &Nodes, prefix: &str, journal: &Journal, fault: &str) {
    let began = Instant::now();
    let path = format!("sys/leases/revoke-prefix/{prefix}");
    while began.elapsed() < GONE_WITHIN {
        let sent_ms = journal.now_ms();
        let answer = nodes.lead(Method::PUT, &path, Some(&json!({}))).await;
        let status = answer.as_ref().map(|answer| answer.status);
        journal.write(Event::StormRevoked { fault: fault.to_owned(), sent_ms, status });
        if answer.is_some_and(|answer| answer.is_success()) {
            return;
        }
        sleep(AGAIN_AFTER).await;
    }
}

/// Counts what is left of the storm, and of what stands beside it, until nothing is left of the storm or it is `until`.
async fn count_until(nodes: &Nodes, prefixes: [&str; 2], until: Instant, journal: &Journal, fault: &str) {
    loop {
        let sent_ms = journal.now_ms();
        let [inside, outside] = [nodes.leases(prefixes[0]).await, nodes.leases(prefixes[1]).await];
        if let (Some(inside), Some(outside)) = (inside, outside) {
            journal.write(Event::StormCounted { fault: fault.to_owned(), sent_ms, inside, outside });
            if inside == 0 {
                return;
            }
        }
        if Instant::now() >= until {
            return;
        }
        sleep(COUNT_EVERY.min(until.saturating_duration_since(Instant::now()))).await;
    }
}

impl LoginStorm {
    async fn break_loose(&self, context: &FaultContext, id: &str) -> Result<Applied, FaultError> {
        let nodes = Nodes::new(context, None)?;
        let tenants = context.access.tenants.clone();
        if tenants.is_empty() {
            return Err(FaultError::NotApplicable("there are no tenants to log in".into()));
        }
        let path = format!("auth/{}/login", context.approle_mount);
        let (began_ms, until) = (context.journal.now_ms(), Instant::now() + LOGGED_IN_WITHIN);
        // Each is a client of its own: all of them at once, through one node after another until one lets it in.
        let served = all(self.count, self.count, move |number| {
            let tenant = &tenants[number as usize % tenants.len()];
            let body = json!({ "role_id": tenant.role_id, "secret_id": tenant.secret_id });
            let (nodes, path) = (nodes.clone(), path.clone());
            async move {
                for turn in number as usize.. {
                    let client = &nodes.clients[turn % nodes.clients.len()];
                    let asked = client.call(Method::POST, &path, Some(&body));
                    if let Ok(Ok(answer)) = timeout(ANSWER_WITHIN, asked).await
                        && answer.is_success()
                    {
                        return true;
                    }
                    if Instant::now() >= until {
                        return false;
                    }
                    sleep(AGAIN_AFTER).await;
                }
                false
            }
        })
        .await;
        let at = |share: f64| {
            let rank = ((served.len() as f64 * share).ceil() as usize).clamp(1, served.len().max(1)) - 1;
            served.get(rank).map(|took| took.as_secs_f64() * 1e3)
        };
        let (made, took_ms) = (served.len() as u32, at(1.0).unwrap_or_default());
        context.journal.write(Event::StormMade {
            fault: id.to_owned(),
            leases: false,
            asked: self.count,
            made,
            kept: 0,
            began_ms,
            due_ms: None,
            took_ms,
            median_ms: at(0.5),
            p99_ms: at(0.99),
        });
        let evidence =
            format!("{made} of {} logins at once, the last served after {took_ms:.0} ms", self.count);
        Ok(Applied { at_ms: began_ms, evidence })
    }
}

fn injected(applied: Result<Applied, FaultError>) -> Injected {
    Injected { hit: Vec::new(), applied: applied.map_err(|error| error.to_string()) }
}

#[async_trait]
impl Fault for LeaseStorm {
    fn needs(&self) -> Vec<Ability> {
        vec![Ability::Operate]
    }

    async fn inject(&self, context: &FaultContext, id: &str, _nodes: &[NodeId]) -> Injected {
        injected(self.break_loose(context, id).await)
    }
}

#[async_trait]
impl Fault for LoginStorm {
    fn needs(&self) -> Vec<Ability> {
        Vec::new()
    }

    async fn inject(&self, context: &FaultContext, id: &str, _nodes: &[NodeId]) -> Injected {
        injected(self.break_loose(context, id).await)
    }
}
