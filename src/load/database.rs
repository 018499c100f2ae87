//! `database.creds`: credentials of the database are asked for; `database.renew` and `database.revoke`: a lease of such
//! credentials is prolonged or ended; `database.revoke-prefix`: all leases of one role are ended.
//!
//! Passwords and lease ids stay in memory. User names are no secret: they are how the watch of the database knows
//! whose a role is.

use super::keyspace::Keyspace;
use super::leases::{Lease, Leases};
use super::outcome::{Done, concluded, malformed, of_failure, of_status};
use super::work::Work;
use crate::helper::{Database, Login};
use crate::model::{Event, Outcome, Workload};
use crate::record::Journal;
use crate::vault::{Failure, RawAnswer, Wire, request};
use async_trait::async_trait;
use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// One of so many credentials is tried at once: a login makes a process in the database.
const TRIED_EVERY: u64 = 4;

/// What the load knows of the database.
#[derive(Clone)]
pub struct DatabasePlan {
    /// Where the engine is mounted.
    pub mount: String,
    /// Whose credentials are asked for. Never empty.
    pub roles: Vec<String>,
    pub database: Arc<Database>,
    /// Ending leases by their prefix takes an operator.
    pub operator_token: String,
    pub leases: Arc<Leases>,
}

pub struct DatabaseWork {
    pub keys: Arc<Keyspace>,
    pub plan: DatabasePlan,
    pub journal: Journal,
    /// Which of the four.
    pub how: Workload,
}

#[derive(Deserialize)]
struct Given {
    lease_id: String,
    lease_duration: u64,
    data: Credentials,
}

#[derive(Deserialize)]
struct Credentials {
    username: String,
    password: String,
}

#[derive(Deserialize)]
struct Prolonged {
    lease_duration: u64,
}

#[async_trait]
impl Work for DatabaseWork {
    async fn run(&self, wire: &Wire, draw: u64, deadline: Duration) -> Option<Done> {
        let leases = &self.plan.leases;
        match self.how {
            Workload::DatabaseRenew => {
                let lease = leases.choose(draw)?;
                Some(self.renew(wire, &lease, deadline).await)
            }
            Workload::DatabaseRevoke => {
                let lease = leases.take(draw)?;
                let done = self.revoke(wire, &lease, deadline).await;
                if done.outcome == Outcome::Failed {
                    leases.add(lease);
                }
                Some(done)
            }
            Workload::DatabaseRevokePrefix => Some(self.revoke_prefix(wire, draw, deadline).await),
            _ => Some(self.ask(wire, draw, deadline).await),
        }
    }

    /// There are no leases before the first credentials, nor after an outage that was longer than they live.
    fn is_trouble_to_leave_out(&self) -> bool {
        false
    }
}

impl DatabaseWork {
    fn role(&self, draw: u64) -> &str {
        // The lower bits choose the tenant.
        &self.plan.roles[(draw >> 16) as usize % self.plan.roles.len()]
    }

    async fn ask(&self, wire: &Wire, draw: u64, deadline: Duration) -> Done {
        let role = self.role(draw);
        let token = self.keys.any_tenant(draw).token.clone();
        let path = format!("{}/creds/{role}", self.plan.mount);
        let answer = wire.send(request("GET", &path, Some(&token), Bytes::new()), deadline).await;
        let (done, given) = read::<Given>(answer);
        // Which role it was for is known also of a request whose answer is not.
        let mut subject = format!("{role}/");
        let Some(Given { lease_id, lease_duration, data }) = given else {
            return Done { subject: Some(subject.into()), ..done };
        };
        subject += &data.username;
        let subject: Box<str> = subject.into();
        if draw.is_multiple_of(TRIED_EVERY) {
            self.try_them(subject.to_string(), data);
        }
        let ttl = Duration::from_secs(lease_duration);
        self.plan.leases.add(Lease::new(subject.clone(), role.to_owned(), lease_id, token, ttl));
        Done { subject: Some(subject), ttl_s: Some(lease_duration), ..done }
    }

    /// Logs in beside the load: what it takes is not the server's latency.
    fn try_them(&self, subject: String, Credentials { username, password }: Credentials) {
        let (database, journal) = (self.plan.database.clone(), self.journal.clone());
        tokio::spawn(async move {
            let sent_ms = journal.now_ms();
            let (worked, said) = match database.log_in(&username, &password).await {
                Login::Worked => (Some(true), String::new()),
                Login::Refused(why) => (Some(false), why),
                Login::Unclear(why) => (None, why),
            };
            journal.write(Event::CredentialsTried { subject, sent_ms, worked, said });
        });
    }

    async fn renew(&self, wire: &Wire, lease: &Lease, deadline: Duration) -> Done {
        let body = json!({ "lease_id": lease.id }).to_string();
        let asked = request("POST", "sys/leases/renew", Some(&lease.token), body.into());
        let (done, prolonged) = read::<Prolonged>(wire.send(asked, deadline).await);
        let ttl_s = prolonged.map(|prolonged| prolonged.lease_duration);
        if let Some(ttl_s) = ttl_s {
            self.plan.leases.prolong(&lease.id, Duration::from_secs(ttl_s));
        }
        Done { subject: Some(lease.subject.clone()), ttl_s, ..done }
    }

    async fn revoke(&self, wire: &Wire, lease: &Lease, deadline: Duration) -> Done {
        let body = json!({ "lease_id": lease.id }).to_string();
        let asked = request("POST", "sys/leases/revoke", Some(&lease.token), body.into());
        let answer = wire.send(asked, deadline).await;
        Done { subject: Some(lease.subject.clone()), ..concluded(answer) }
    }

    async fn revoke_prefix(&self, wire: &Wire, draw: u64, deadline: Duration) -> Done {
        let role = self.role(draw);
        // Forgotten before it is sent: none of them is certain to live any more.
        self.plan.leases.forget_role(role);
        let path = format!("sys/leases/revoke-prefix/{}/creds/{role}", self.plan.mount);
        let asked = request("POST", &path, Some(&self.plan.operator_token), Bytes::new());
        let answer = wire.send(asked, deadline).await;
        Done { subject: Some(format!("{role}/").into()), ..concluded(answer) }
    }
}

/// What may be concluded, and the body of an acknowledgement that can be read.
fn read<T: DeserializeOwned>(answer: Result<RawAnswer, Failure>) -> (Done, Option<T>) {
    let answer = match answer {
        Err(failure) => return (of_failure(failure), None),
        Ok(answer) => answer,
    };
    let done = of_status(&answer);
    match serde_json::from_slice(&answer.body) {
        _ if done.error.is_some() => (done, None),
        Ok(body) => (done, Some(body)),
        Err(_) => (malformed(done), None),
    }
}
