//! Makes what will end by itself: a role of its own each, alike the documented one but for what is tested.

use super::Expire;
use super::acts::Acts;
use super::question::Question;
use super::watch::Watch;
use crate::bootstrap::login;
use crate::fault::{Applied, FaultContext, FaultError};
use crate::model::{Credential, EndRule, Event};
use crate::vault::Client;
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// How often each node is asked whether it still lives.
const ASK_EVERY: Duration = Duration::from_millis(100);
/// The same for what makes a token each time.
const LOG_IN_EVERY: Duration = Duration::from_millis(500);
/// Watched so long after its end, so that a failover at that moment is seen to its own end.
const WATCH_AFTER: Duration = Duration::from_secs(20);
/// A renewed token may live so many times its time to live; a periodic one is renewed for as long.
const RENEWED_TIMES: u32 = 3;
/// What a periodic token's role says of the longest life, which does not hold for it.
const PERIODIC_MAX_TIMES: u32 = 2;
/// How often what is for few uses may be used.
const USES: u32 = 6;
/// Tokens of logins that only try out a secret id.
const TRIED_TTL: &str = "60s";

/// Where something is made, and by whom.
pub(super) struct Mint<'a> {
    context: &'a FaultContext,
    /// Through the node that leads, without a token.
    pub client: Client,
    pub operator: Client,
}

/// What a role logs in with.
struct RoleAccess {
    role_id: String,
    secret_id: String,
}

impl<'a> Mint<'a> {
    pub fn new(context: &'a FaultContext) -> Result<Self, FaultError> {
        let leader =
            context.view.leader().ok_or_else(|| FaultError::NotApplicable("no node is active".into()))?;
        let client = context.client(context.view.id(leader))?;
        let operator = client.with_token(&context.access.root_token);
        Ok(Self { context, client, operator })
    }

    async fn role(&self, name: &str, settings: Value) -> Result<RoleAccess, FaultError> {
        let Self { context, operator, .. } = self;
        let path = format!("auth/{}/role/{}vq-expire-{name}", context.approle_mount, context.prefix);
        operator.post(&path, settings).await?;
        let role_id = operator.get(&format!("{path}/role-id")).await?.body["data"]["role_id"].clone();
        let secret_id =
            operator.post(&format!("{path}/secret-id"), json!({})).await?.body["data"]["secret_id"].clone();
        let text = |value: Value, what: &str| {
            let missing = || FaultError::Failed(format!("{path}: no {what} in the answer"));
            value.as_str().map(str::to_owned).ok_or_else(missing)
        };
        Ok(RoleAccess { role_id: text(role_id, "role_id")?, secret_id: text(secret_id, "secret_id")? })
    }

    async fn log_in(&self, role: &RoleAccess) -> Result<String, FaultError> {
        let mount = &self.context.approle_mount;
        Ok(login(&self.client, mount, &role.role_id, &role.secret_id).await?.0)
    }

    /// The names of the leases behind AppRole logins.
    async fn leases(&self) -> Result<Vec<String>, FaultError> {
        let list = Method::from_bytes(b"LIST").expect("LIST is a token");
        let path = format!("sys/leases/lookup/auth/{}/login", self.context.approle_mount);
        let answer = self.operator.call(list, &path, None).await?;
        let keys = answer.body["data"]["keys"].as_array().cloned().unwrap_or_default();
        Ok(keys.iter().filter_map(|key| key.as_str().map(str::to_owned)).collect())
    }
}

pub(super) fn revocation_of_lease(lease_id: &str, operator_token: &str) -> Question {
    Question::revocation("sys/leases/revoke", json!({ "lease_id": lease_id }), operator_token)
}

fn ms(span: Duration) -> String {
    format!("{}ms", span.as_millis())
}

impl Expire {
    /// Makes it and has it watched.
    pub(super) async fn mint(&self, context: &FaultContext, id: &str) -> Result<Applied, FaultError> {
        let mint = Mint::new(context)?;
        let subject = format!("{id}-{}", self.credential);
        let asked_ms = context.journal.now_ms();
        let (question, made_ms) = match self.credential {
            Credential::Lease => {
                let (lease_id, made_ms) = self.lease(&mint, &subject).await?;
                (Question::lease(&lease_id, &context.access.root_token), made_ms)
            }
            Credential::SecretId | Credential::LimitedSecretId => {
                let role = mint.role(&subject, self.settings()).await?;
                let made_ms = context.journal.now_ms();
                (Question::login(&context.approle_mount, &role.role_id, &role.secret_id), made_ms)
            }
            _ => {
                let role = mint.role(&subject, self.settings()).await?;
                let token = mint.log_in(&role).await?;
                let made_ms = context.journal.now_ms();
                if matches!(self.credential, Credential::RenewedToken | Credential::PeriodicToken) {
                    self.renew(context, id, &subject, &token)?;
                }
                (Question::token(&token), made_ms)
            }
        };
        context.journal.write_at(
            made_ms,
            Event::Minted {
                fault: id.to_owned(),
                subject: subject.clone(),
                credential: self.credential,
                ttl_ms: self.ttl.as_ms(),
                documented_ttl_ms: self.credential.is_documented().then(|| context.token_ttl.as_ms()),
                end: self.end(),
            },
        );
        match self.end() {
            EndRule::Uses(uses) => {
                let acts = Acts::new(context, id, &subject, question)?;
                context.background.lock().unwrap().spawn(acts.use_up(uses, self.ttl.0));
            }
            _ => self.watch(context, id, &subject, question)?,
        }
        let evidence = format!(
            "{} made in {:.0} ms by AppRole with a time to live of {}",
            self.credential,
            made_ms - asked_ms,
            self.ttl
        );
        Ok(Applied { at_ms: made_ms, evidence })
    }

    /// How the role differs from the documented one.
    fn settings(&self) -> Value {
        let ttl = self.ttl.0;
        match self.credential {
            Credential::RenewedToken => {
                json!({ "token_ttl": ms(ttl), "token_max_ttl": ms(ttl * RENEWED_TIMES) })
            }
            Credential::PeriodicToken => {
                json!({ "token_period": ms(ttl), "token_max_ttl": ms(ttl * PERIODIC_MAX_TIMES) })
            }
            // It must not be its time to live that ends it.
            Credential::LimitedToken => {
                json!({ "token_ttl": ms(ttl + 3 * WATCH_AFTER), "token_num_uses": USES })
            }
            Credential::SecretId => json!({ "token_ttl": TRIED_TTL, "secret_id_ttl": ms(ttl) }),
            Credential::LimitedSecretId => json!({ "token_ttl": TRIED_TTL, "secret_id_num_uses": USES }),
            Credential::Token | Credential::Lease | Credential::Accessor => json!({ "token_ttl": ms(ttl) }),
        }
    }

    fn end(&self) -> EndRule {
        match self.credential {
            Credential::RenewedToken => {
                EndRule::RenewedUntil { max_ttl_ms: self.ttl.as_ms() * f64::from(RENEWED_TIMES) }
            }
            Credential::PeriodicToken => EndRule::Renewed,
            Credential::LimitedToken | Credential::LimitedSecretId => EndRule::Uses(USES),
            Credential::Token | Credential::Lease | Credential::SecretId | Credential::Accessor => {
                EndRule::LeftAlone
            }
        }
    }

    fn renew(&self, context: &FaultContext, id: &str, subject: &str, token: &str) -> Result<(), FaultError> {
        let acts = Acts::new(context, id, subject, Question::renewal(token))?;
        let until = match self.credential {
            // To its end and beyond, where it must be refused.
            Credential::RenewedToken => self.ttl.0 * (RENEWED_TIMES + 1),
            _ => self.ttl.0 * RENEWED_TIMES,
        };
        context.background.lock().unwrap().spawn(acts.renew(self.ttl.0, until));
        Ok(())
    }

    fn watch(
        &self,
        context: &FaultContext,
        fault: &str,
        subject: &str,
        question: Question,
    ) -> Result<(), FaultError> {
        let (every, lives) = match self.credential {
            Credential::SecretId => (LOG_IN_EVERY, self.ttl.0),
            Credential::RenewedToken => (ASK_EVERY, self.ttl.0 * RENEWED_TIMES),
            // From its last renewal it lives once more.
            Credential::PeriodicToken => (ASK_EVERY, self.ttl.0 * (RENEWED_TIMES + 1)),
            _ => (ASK_EVERY, self.ttl.0),
        };
        let at_most = lives + WATCH_AFTER;
        let over = Arc::default();
        Watch { fault, subject, question, every, at_least: lives, at_most, over }.start(context)
    }

    /// Logs in, and finds the lease behind it; also when the login was answered.
    pub(super) async fn lease(&self, mint: &Mint<'_>, name: &str) -> Result<(String, f64), FaultError> {
        let role = mint.role(name, self.settings()).await?;
        let before = mint.leases().await?;
        mint.log_in(&role).await?;
        let made_ms = mint.context.journal.now_ms();
        let new = mint.leases().await?.into_iter().filter(|lease| !before.contains(lease));
        let new = new.map(|lease| format!("auth/{}/login/{lease}", mint.context.approle_mount)).collect();
        Ok((self.ours(&mint.operator, new).await?, made_ms))
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::testing::context;
    use crate::model::{NodeId, Span};
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
        let expire = Expire { ttl: Span::from_secs(5), credential: Credential::Lease };
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
