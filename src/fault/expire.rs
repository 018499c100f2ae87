//! `expire`: a token (or the lease behind it) with a scaled time to live is made like the documented ones and
//! watched through every node to its end and beyond.

use super::{Applied, Fault, FaultContext, FaultError, Injected};
use crate::bootstrap::login;
use crate::cluster::Ability;
use crate::model::{Event, NodeId, Span};
use crate::vault::Client;
use async_trait::async_trait;
use reqwest::Method;
use serde_json::json;
use std::time::Duration;

pub struct Expire {
    pub ttl: Span,
    pub of_lease: bool,
}

/// How often each node is asked whether it still lives.
const ASK_EVERY: Duration = Duration::from_millis(100);
/// Watched so long after its end, so that a failover at that moment is seen to its own end.
const WATCH_AFTER: Duration = Duration::from_secs(20);
/// Asked so long after every node has clearly refused it: it must not come back.
const DEAD_FOR: Duration = Duration::from_secs(2);

/// What is asked about.
#[derive(Clone)]
enum Subject {
    Token(String),
    Lease { id: String, operator_token: String },
}

#[async_trait]
impl Fault for Expire {
    fn needs(&self) -> Vec<Ability> {
        vec![Ability::Operate]
    }

    async fn inject(&self, context: &FaultContext, id: &str, _nodes: &[NodeId]) -> Injected {
        let applied = self.mint(context, id).await.map_err(|error| error.to_string());
        Injected { hit: Vec::new(), applied }
    }

    async fn heal(
        &self,
        _context: &FaultContext,
        _id: &str,
        _nodes: &[NodeId],
    ) -> Result<String, FaultError> {
        Err(FaultError::NotApplicable("what has expired is not healed".into()))
    }
}

impl Expire {
    /// Makes it and has it watched.
    async fn mint(&self, context: &FaultContext, id: &str) -> Result<Applied, FaultError> {
        let leader =
            context.view.leader().ok_or_else(|| FaultError::NotApplicable("no node is active".into()))?;
        let client = context.client(context.view.id(leader))?;
        let operator = client.with_token(&context.access.root_token);
        let role = format!("{}vq-expire-{id}", context.prefix);
        let path = format!("auth/{}/role/{role}", context.approle_mount);
        // One role each, alike the documented one but for its time to live.
        operator.post(&path, json!({ "token_ttl": format!("{}ms", self.ttl.0.as_millis()) })).await?;
        let missing = |what: &str| FaultError::Failed(format!("{path}: no {what} in the answer"));
        let role_id = operator.get(&format!("{path}/role-id")).await?.body["data"]["role_id"].clone();
        let secret_id =
            operator.post(&format!("{path}/secret-id"), json!({})).await?.body["data"]["secret_id"].clone();
        let role_id = role_id.as_str().ok_or_else(|| missing("role_id"))?;
        let secret_id = secret_id.as_str().ok_or_else(|| missing("secret_id"))?;
        let before = self.leases(context, &operator).await?;
        let asked_ms = context.journal.now_ms();
        let (token, _) = login(&client, &context.approle_mount, role_id, secret_id).await?;
        let made_ms = context.journal.now_ms();
        let subject = if self.of_lease {
            let after = self.leases(context, &operator).await?;
            let new = after.into_iter().filter(|lease| !before.contains(lease));
            let new = new.map(|lease| format!("auth/{}/login/{lease}", context.approle_mount)).collect();
            let id = self.ours(&operator, new).await?;
            Subject::Lease { id, operator_token: context.access.root_token.clone() }
        } else {
            Subject::Token(token)
        };
        let kind = if self.of_lease { "lease" } else { "token" };
        let name = format!("{kind}-{id}");
        context.journal.write_at(
            made_ms,
            Event::Minted {
                fault: id.to_owned(),
                subject: name.clone(),
                ttl_ms: self.ttl.as_ms(),
                documented_ttl_ms: context.token_ttl.as_ms(),
            },
        );
        self.watch(context, id, &name, &subject)?;
        let evidence = format!(
            "{kind} made in {:.0} ms by an AppRole login with a time to live of {}",
            made_ms - asked_ms,
            self.ttl
        );
        Ok(Applied { at_ms: made_ms, evidence })
    }

    /// The names of the leases behind AppRole logins; only looked up for a lease.
    async fn leases(&self, context: &FaultContext, operator: &Client) -> Result<Vec<String>, FaultError> {
        if !self.of_lease {
            return Ok(Vec::new());
        }
        let list = Method::from_bytes(b"LIST").expect("LIST is a token");
        let path = format!("sys/leases/lookup/auth/{}/login", context.approle_mount);
        let answer = operator.call(list, &path, None).await?;
        let keys = answer.body["data"]["keys"].as_array().cloned().unwrap_or_default();
        Ok(keys.iter().filter_map(|key| key.as_str().map(str::to_owned)).collect())
    }

    /// The lease of our login among those that are `new`: the load's logins make leases too, and theirs live as
    /// long as documented.
    async fn ours(&self, operator: &Client, new: Vec<String>) -> Result<String, FaultError> {
        let mut ours = Vec::new();
        for id in new {
            let answer =
                operator.call(Method::PUT, "sys/leases/lookup", Some(&json!({ "lease_id": id }))).await?;
            let ttl_s = answer.body["data"]["ttl"].as_f64();
            if ttl_s.is_some_and(|ttl_s| ttl_s <= self.ttl.0.as_secs_f64().ceil()) {
                ours.push(id);
            }
        }
        match <[String; 1]>::try_from(ours) {
            Ok([id]) => Ok(id),
            Err(others) => Err(FaultError::NotApplicable(format!(
                "{} new leases live {} at most, so which is ours is not known",
                others.len(),
                self.ttl
            ))),
        }
    }

    /// One watcher per node, each on its own connection.
    fn watch(
        &self,
        context: &FaultContext,
        id: &str,
        name: &str,
        subject: &Subject,
    ) -> Result<(), FaultError> {
        for node in context.cluster.nodes() {
            let client = Client::new(&node.endpoint)?;
            let (journal, subject) = (context.journal.clone(), subject.clone());
            let (fault, name, node, ttl) = (id.to_owned(), name.to_owned(), node.id.clone(), self.ttl.0);
            context.background.lock().unwrap().spawn(async move {
                let mut ticks = tokio::time::interval(ASK_EVERY);
                ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
                let began = tokio::time::Instant::now();
                let mut dead_since = None;
                while began.elapsed() < ttl + WATCH_AFTER {
                    ticks.tick().await;
                    let sent_ms = journal.now_ms();
                    let answer = tokio::time::timeout(Duration::from_secs(1), subject.ask(&client)).await;
                    let alive = answer.ok().flatten();
                    let sighting = Event::Sighting {
                        fault: fault.clone(),
                        subject: name.clone(),
                        node: node.clone(),
                        sent_ms,
                        alive,
                    };
                    journal.write(sighting);
                    match alive {
                        Some(false) => {
                            let since = *dead_since.get_or_insert_with(tokio::time::Instant::now);
                            if began.elapsed() > ttl && since.elapsed() >= DEAD_FOR {
                                return;
                            }
                        }
                        _ => dead_since = None,
                    }
                }
            });
        }
        Ok(())
    }
}

impl Subject {
    /// `None` when the node gave no clear answer.
    async fn ask(&self, client: &Client) -> Option<bool> {
        let answer = match self {
            Subject::Token(token) => {
                client.with_token(token).call(Method::GET, "auth/token/lookup-self", None).await
            }
            Subject::Lease { id, operator_token } => {
                let body = json!({ "lease_id": id });
                client.with_token(operator_token).call(Method::PUT, "sys/leases/lookup", Some(&body)).await
            }
        };
        let status = answer.ok()?.status;
        match (self, status) {
            (_, 200) => Some(true),
            (Subject::Token(_), 403) => Some(false),
            // "invalid lease" is a 400.
            (Subject::Lease { .. }, 400 | 404) => Some(false),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::testing::context;
    use crate::vault::testing::Scripted;

    /// Logs in at a server where other logins made leases at the same time.
    async fn lease_among(ttls_s: &'static [(&'static str, u64)]) -> Result<String, FaultError> {
        let server = Scripted::start(move |what, body| {
            let ttl_of = |id: &str| ttls_s.iter().find(|(name, _)| id.ends_with(name)).map(|(_, ttl)| *ttl);
            Some(match (what, body["lease_id"].as_str().and_then(ttl_of)) {
                ("PUT sys/leases/lookup", Some(ttl)) => (200, json!({ "data": { "ttl": ttl } })),
                _ => (400, json!({ "errors": ["invalid lease"] })),
            })
        })
        .await;
        let (context, _folder) = context(&[&server], None);
        let operator = context.client(&NodeId::new("n1"))?;
        let expire = Expire { ttl: Span::from_secs(5), of_lease: true };
        let new = ttls_s.iter().map(|(name, _)| format!("auth/approle/login/{name}"));
        expire.ours(&operator, new.chain(["auth/approle/login/gone".into()]).collect()).await
    }

    #[tokio::test]
    async fn only_the_one_short_lease_is_ours() {
        let found = lease_among(&[("load", 3600), ("mine", 4), ("other", 3599)]).await;
        assert_eq!(found.unwrap(), "auth/approle/login/mine");
        for unclear in [&[("load", 3600)][..], &[("mine", 4), ("twin", 5)]] {
            assert!(matches!(lease_among(unclear).await, Err(FaultError::NotApplicable(_))));
        }
    }
}
