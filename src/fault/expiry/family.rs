//! What is revoked: for each node a token with a child and an orphan of its own, or a lease, so that each node revokes one.

use super::acts::Acts;
use super::mint::{Mint, revocation_of_lease};
use super::question::Question;
use super::watch::Watch;
use super::{Expire, Revoke};
use crate::fault::{Applied, FaultContext, FaultError};
use crate::model::{Credential, EndRule, Event, Span};
use crate::vault::Client;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// From the making to the revocation, so that every node has heard of it.
const REVOKE_AFTER: Duration = Duration::from_secs(3);
/// Far longer than it is watched: it must not be its time to live that ends it.
const TTL: Span = Span::from_secs(120);
/// From the revocation on an orphan must go on living so long.
const ORPHAN_FOR: Duration = Duration::from_secs(6);
const ASK_EVERY: Duration = Duration::from_millis(250);
/// Watched so long at most, so that a revocation through a node that is cut off for a while is seen as well.
const WATCH_AT_MOST: Duration = Duration::from_secs(60);
/// When nobody is asked any more, the last answers are in after this.
const ANSWERED_AFTER: Duration = Duration::from_secs(2);

struct Token {
    value: String,
    accessor: String,
}

impl Revoke {
    /// Makes one family for each node, one after the other, and has each watched and revoked.
    pub(super) async fn found_families(
        &self,
        context: &FaultContext,
        id: &str,
    ) -> Result<Applied, FaultError> {
        let mint = Mint::new(context)?;
        for (index, node) in context.cluster.nodes().iter().enumerate() {
            let name = |what: &str| format!("{id}-{}-{what}", node.id);
            match self.credential {
                Credential::Lease => self.lease(context, id, &mint, &name("lease"), index).await?,
                _ => self.tokens(context, id, &mint, name, index).await?,
            }
        }
        let evidence = format!("made for each node, to be revoked through it {REVOKE_AFTER:?} later");
        Ok(Applied { at_ms: context.journal.now_ms(), evidence })
    }

    async fn tokens(
        &self,
        context: &FaultContext,
        id: &str,
        mint: &Mint<'_>,
        name: impl Fn(&str) -> String,
        index: usize,
    ) -> Result<(), FaultError> {
        // Only a token that may do everything can make an orphan; these live for a few seconds.
        let parent = token(&mint.operator, false).await?;
        let of_parent = mint.client.with_token(&parent.value);
        let (child, orphan) = (token(&of_parent, false).await?, token(&of_parent, true).await?);
        let parent_name = name("token");
        let with_parent = || EndRule::RevokedWith(parent_name.clone());
        let over = Arc::new(AtomicBool::new(false));
        for (subject, token, end) in [
            (parent_name.clone(), &parent, with_parent()),
            (name("child"), &child, with_parent()),
            (name("orphan"), &orphan, EndRule::Survives(parent_name.clone())),
        ] {
            self.watch(context, id, &subject, Question::token(&token.value), end, &over)?;
        }
        let root = &context.access.root_token;
        let revocation = if self.credential == Credential::Accessor {
            let body = json!({ "accessor": parent.accessor });
            Question::revocation("auth/token/revoke-accessor", body, root)
        } else {
            Question::revocation("auth/token/revoke", json!({ "token": parent.value }), root)
        };
        let acts = Acts::new(context, id, &parent_name, revocation)?;
        let left = mint.operator.clone();
        context.background.lock().unwrap().spawn(async move {
            tokio::time::sleep(REVOKE_AFTER).await;
            acts.revoke(index).await;
            tokio::time::sleep(ORPHAN_FOR).await;
            over.store(true, Ordering::Relaxed);
            tokio::time::sleep(ANSWERED_AFTER).await;
            // Nothing of ours is left; should it fail, its time to live ends it.
            let _ = left.post("auth/token/revoke", json!({ "token": orphan.value })).await;
        });
        Ok(())
    }

    async fn lease(
        &self,
        context: &FaultContext,
        id: &str,
        mint: &Mint<'_>,
        subject: &str,
        index: usize,
    ) -> Result<(), FaultError> {
        let expire = Expire { credential: Credential::Lease, ttl: TTL };
        let (lease_id, _) = expire.lease(mint, subject).await?;
        let root = &context.access.root_token;
        let end = EndRule::RevokedWith(subject.to_owned());
        self.watch(context, id, subject, Question::lease(&lease_id, root), end, &Arc::default())?;
        let acts = Acts::new(context, id, subject, revocation_of_lease(&lease_id, root))?;
        context.background.lock().unwrap().spawn(async move {
            tokio::time::sleep(REVOKE_AFTER).await;
            acts.revoke(index).await;
        });
        Ok(())
    }

    fn watch(
        &self,
        context: &FaultContext,
        fault: &str,
        subject: &str,
        question: Question,
        end: EndRule,
        over: &Arc<AtomicBool>,
    ) -> Result<(), FaultError> {
        context.journal.write(Event::Minted {
            fault: fault.to_owned(),
            subject: subject.to_owned(),
            credential: self.credential,
            ttl_ms: TTL.as_ms(),
            documented_ttl_ms: None,
            end,
        });
        let (at_least, at_most, over) = (REVOKE_AFTER, WATCH_AT_MOST, over.clone());
        Watch { fault, subject, question, every: ASK_EVERY, at_least, at_most, over }.start(context)
    }
}

/// A fresh token, a child of the client's unless it is an orphan.
async fn token(client: &Client, is_orphan: bool) -> Result<Token, FaultError> {
    let ttl = format!("{}s", TTL.0.as_secs());
    let answer = client.post("auth/token/create", json!({ "ttl": ttl, "no_parent": is_orphan })).await?;
    let text = |key: &str| {
        let missing = || FaultError::Failed(format!("auth/token/create: no {key} in the answer"));
        answer.body["auth"][key].as_str().map(str::to_owned).ok_or_else(missing)
    };
    Ok(Token { value: text("client_token")?, accessor: text("accessor")? })
}
