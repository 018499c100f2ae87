//! What replaces keys while the load goes on: `rekey` (new key shares), `rotate-keyring` (a new encryption key) and
//! `revoke-root` (the token that the cluster was initialised with). Nothing of it is healed; what was replaced is tried.

use super::node_by_node::NodeFault;
use super::{Applied, EVERY, FaultContext, FaultError};
use crate::cluster::{Ability, Access};
use crate::model::{Event, NodeId};
use crate::vault::{Answer, Client, wait_until};
use async_trait::async_trait;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

pub struct Rekey;
pub struct RotateKeyring;
pub struct RevokeRoot;

/// How reports call what was replaced.
pub const KEY_SHARES: &str = "key shares";
pub const ROOT_TOKEN: &str = "root token";

/// Where servers take key shares from somebody with a token, the newer first. Both begin with `init` and go on with
/// `update`.
const REKEYS_AT: [&str; 2] = ["sys/rotate/root", "sys/rekey"];
/// A standby hears of it a moment later.
const HEARD_WITHIN: Duration = Duration::from_secs(10);
const SEALED_WITHIN: Duration = Duration::from_secs(30);

fn unless_refused(answer: Answer, node: &NodeId, path: &str) -> Result<Answer, FaultError> {
    match answer.is_success() {
        true => Ok(answer),
        false => {
            let why = format!("{node} answered {} to {path}: {}", answer.status, answer.errors());
            Err(FaultError::Failed(why))
        }
    }
}

/// Where an answer has it: some have it twice.
fn part<'a>(body: &'a Value, name: &str) -> &'a Value {
    if body["data"][name].is_null() { &body[name] } else { &body["data"][name] }
}

#[async_trait]
impl NodeFault for Rekey {
    fn needs(&self) -> &'static [Ability] {
        &[Ability::Operate, Ability::Unseal, Ability::ReplaceKeys]
    }

    async fn inject(&self, context: &FaultContext, node: &NodeId) -> Result<Applied, FaultError> {
        let operator = context.client(node)?.with_token(&context.access.root_token);
        let before = context.keys();
        let shares =
            json!({ "secret_shares": before.unseal_keys.len(), "secret_threshold": before.threshold });
        let mut begun = None;
        for place in REKEYS_AT {
            let answer = operator.call(Method::PUT, &format!("{place}/init"), Some(&shares)).await?;
            if !matches!(answer.status, 404 | 405) {
                begun = Some((place, unless_refused(answer, node, place)?));
                break;
            }
        }
        let unknown = || FaultError::NotApplicable(format!("{node} knows no way to replace key shares"));
        let (place, answer) = begun.ok_or_else(unknown)?;
        let nonce = part(&answer.body, "nonce").as_str().unwrap_or_default().to_owned();
        let (mut last, mut at_ms) = (Value::Null, context.journal.now_ms());
        for key in before.unseal_keys.iter().take(before.threshold) {
            at_ms = context.journal.now_ms();
            let body = json!({ "key": key, "nonce": nonce });
            let answer = operator.call(Method::PUT, &format!("{place}/update"), Some(&body)).await?;
            last = unless_refused(answer, node, place)?.body;
        }
        let keys: Vec<String> = part(&last, "keys_base64")
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|key| key.as_str().map(str::to_owned))
            .collect();
        if keys.len() != before.unseal_keys.len() {
            return Err(FaultError::Failed(format!("{node} gave {} new key shares", keys.len())));
        }
        let took_ms = context.journal.now_ms() - at_ms;
        let (shares, threshold) = (keys.len(), before.threshold);
        let retired = [before.unseal_keys.clone(), before.retired_keys.clone()].concat();
        context.keep(Access { unseal_keys: keys, retired_keys: retired, ..Access::clone(&before) })?;
        let evidence = format!(
            "{node} took {threshold} shares at {place} and gave {shares} new ones {took_ms:.0} ms after the last"
        );
        Ok(Applied { at_ms, evidence })
    }
}

#[async_trait]
impl NodeFault for RotateKeyring {
    fn needs(&self) -> &'static [Ability] {
        &[Ability::Operate, Ability::ReplaceKeys]
    }

    async fn inject(&self, context: &FaultContext, node: &NodeId) -> Result<Applied, FaultError> {
        let before = newest_key(context, node).await?;
        let at_ms = context.journal.now_ms();
        let operator = context.client(node)?.with_token(&context.access.root_token);
        unless_refused(operator.call(Method::PUT, "sys/rotate", None).await?, node, "sys/rotate")?;
        let nodes = context.cluster.nodes();
        let heard = nodes.iter().map(|other| async {
            let what = format!("{} has a newer encryption key", other.id);
            wait_until(&what, HEARD_WITHIN, EVERY, || async {
                match newest_key(context, &other.id).await {
                    Ok(term) if term > before => Ok(term),
                    Ok(term) => Err(format!("it has key {term}")),
                    Err(error) => Err(error.to_string()),
                }
            })
            .await
            .map(|term| {
                format!("{} has key {term} after {:.0} ms", other.id, context.journal.now_ms() - at_ms)
            })
        });
        let heard = join_all(heard).await.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(Applied { at_ms, evidence: format!("encryption key {before} before; {}", heard.join(", ")) })
    }
}

/// The number of the encryption key that is used for what is written now.
async fn newest_key(context: &FaultContext, node: &NodeId) -> Result<u64, FaultError> {
    let operator = context.client(node)?.with_token(&context.access.root_token);
    let answer = operator.get("sys/key-status").await?;
    let term = part(&answer.body, "term").as_u64();
    term.ok_or_else(|| FaultError::Failed(format!("{node} does not say which encryption key it uses")))
}

#[async_trait]
impl NodeFault for RevokeRoot {
    fn needs(&self) -> &'static [Ability] {
        &[Ability::Operate, Ability::ReplaceKeys]
    }

    async fn inject(&self, context: &FaultContext, node: &NodeId) -> Result<Applied, FaultError> {
        let root = &context.access.initial_root;
        if root.is_empty() {
            return Err(FaultError::NotApplicable("there is no other operator's token to go on with".into()));
        }
        let nodes = context.cluster.nodes();
        let with_root = nodes.iter().map(|node| Ok((&node.id, context.client(&node.id)?.with_token(root))));
        let with_root = with_root.collect::<Result<Vec<(&NodeId, Client)>, FaultError>>()?;
        for (node, client) in &with_root {
            if !client.call(Method::GET, LOOK_UP, None).await?.is_success() {
                return Err(FaultError::NotApplicable(format!("{node} refuses the root token already")));
            }
        }
        let at_ms = context.journal.now_ms();
        let path = "auth/token/revoke-self";
        let revoking = context.client(node)?.with_token(root);
        unless_refused(revoking.call(Method::POST, path, None).await?, node, path)?;
        let tried =
            join_all(with_root.iter().map(|(node, client)| root_is_refused(context, node, client, at_ms)));
        Ok(Applied { at_ms, evidence: format!("{node} revoked the root token; {}", tried.await.join(", ")) })
    }
}

const LOOK_UP: &str = "auth/token/lookup-self";

/// Tries the revoked token until this node refuses it, and journals what came of it.
async fn root_is_refused(context: &FaultContext, node: &NodeId, client: &Client, at_ms: f64) -> String {
    let mut sent_ms = context.journal.now_ms();
    let mut last = Ok(0);
    while sent_ms - at_ms <= HEARD_WITHIN.as_secs_f64() * 1e3 {
        last = client.call(Method::GET, LOOK_UP, None).await.map(|answer| answer.status);
        if matches!(last, Ok(403)) {
            break;
        }
        tokio::time::sleep(EVERY).await;
        sent_ms = context.journal.now_ms();
    }
    let said = match &last {
        Ok(status) => format!("status {status}"),
        Err(error) => error.to_string(),
    };
    let accepted = match last {
        Ok(403) => Some(false),
        Ok(status) if (200..300).contains(&status) => Some(true),
        _ => None,
    };
    context.tried(ROOT_TOKEN, node, sent_ms, accepted, &said);
    let after_ms = context.journal.now_ms() - at_ms;
    match accepted {
        Some(false) => format!("{node} refuses it after {after_ms:.0} ms"),
        Some(true) => format!("{node} still takes it after {after_ms:.0} ms"),
        None => format!("{node} does not say whether it takes it: {said}"),
    }
}

impl FaultContext {
    /// The key shares as they are now.
    pub fn keys(&self) -> Arc<Access> {
        self.rekeyed.lock().unwrap().clone().unwrap_or_else(|| self.access.clone())
    }

    /// On disk first: without them nobody could open the nodes any more.
    fn keep(&self, access: Access) -> Result<(), FaultError> {
        (self.keep_keys)(&access).map_err(FaultError::Failed)?;
        *self.rekeyed.lock().unwrap() = Some(Arc::new(access));
        Ok(())
    }

    fn tried(&self, what: &str, node: &NodeId, sent_ms: f64, accepted: Option<bool>, said: &str) {
        let (what, node, said) = (what.to_owned(), node.clone(), said.to_owned());
        self.journal.write(Event::RetiredTried { what, node, sent_ms, accepted, said });
    }

    /// Tries the newest of the shares that were replaced on a sealed node; what became of it in words.
    pub(super) async fn try_retired(&self, node: &NodeId, keys: &Access) -> Result<String, FaultError> {
        let client = self.client(node)?;
        wait_until(&format!("{node} waits for keys"), SEALED_WITHIN, EVERY, || async {
            match client.get("sys/seal-status").await {
                Ok(answer) if answer.body["sealed"] == true && answer.body["initialized"] == true => Ok(()),
                Ok(_) => Err("it is open, or knows no seal yet".to_owned()),
                Err(error) => Err(error.to_string()),
            }
        })
        .await?;
        let sent_ms = self.journal.now_ms();
        let (mut accepted, mut said) = (None, String::new());
        for key in keys.retired_keys.iter().take(keys.threshold) {
            let answer = client.call(Method::PUT, "sys/unseal", Some(&json!({ "key": key }))).await?;
            accepted = match (answer.is_success(), &answer.body["sealed"]) {
                (true, Value::Bool(false)) => Some(true),
                (false, _) if answer.status < 500 => Some(false),
                _ => None,
            };
            let errors = answer.errors();
            said =
                if answer.is_success() { "taken".to_owned() } else { format!("{}: {errors}", answer.status) };
        }
        // What it may have taken is forgotten.
        client.call(Method::PUT, "sys/unseal", Some(&json!({ "reset": true }))).await?;
        self.tried(KEY_SHARES, node, sent_ms, accepted, &said);
        Ok(match accepted {
            Some(true) => "the replaced shares opened it".to_owned(),
            _ => format!("the replaced shares did not open it ({said})"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::testing::{context, journal, keep_seeing};
    use crate::model::Role;
    use crate::vault::testing::Scripted;

    fn tried(folder: &tempfile::TempDir) -> Vec<Option<bool>> {
        let events = journal(folder).into_iter().map(|entry| entry.event);
        let accepted = events.filter_map(|event| match event {
            Event::RetiredTried { accepted, .. } => Some(accepted),
            _ => None,
        });
        accepted.collect()
    }

    /// A cluster of one with one key share; the one that it had before opens it, or not.
    async fn rekeyed(old_opens: bool) -> (Vec<Option<bool>>, String) {
        let mut sealed = true;
        let server = Scripted::start(move |what, body| match what {
            "PUT sys/rotate/root/init" => Some((200, json!({ "data": { "nonce": "n" } }))),
            "PUT sys/rotate/root/update" => Some((200, json!({ "data": { "keys_base64": ["new"] } }))),
            "PUT sys/unseal" if body["key"] == "new" || (old_opens && body["key"] == "key") => {
                sealed = false;
                Some((200, json!({ "sealed": false })))
            }
            "PUT sys/unseal" if body["reset"] == true => Some((200, json!({ "sealed": sealed }))),
            "PUT sys/unseal" => Some((400, json!({ "errors": ["no"] }))),
            _ => Some((200, json!({ "sealed": sealed, "initialized": true, "progress": 0 }))),
        })
        .await;
        let (context, folder) = context(&[&server], Some(Ok("started".into())));
        keep_seeing(&context, 0, Role::Standby);
        let n1 = NodeId::new("n1");
        Rekey.inject(&context, &n1).await.unwrap();
        assert_eq!(
            (&context.keys().unseal_keys, &context.keys().retired_keys),
            (&vec!["new".into()], &vec!["key".into()])
        );
        let healed = context.start_and_unseal(&n1).await.unwrap();
        (tried(&folder), healed)
    }

    #[tokio::test]
    async fn what_was_replaced_is_tried_before_what_replaced_it() {
        let (tried, healed) = rekeyed(false).await;
        assert_eq!(tried, [Some(false)]);
        assert!(healed.contains("did not open it (400: no); unsealed"), "{healed}");
        let (tried, healed) = rekeyed(true).await;
        assert_eq!(tried, [Some(true)]);
        assert!(healed.contains("the replaced shares opened it"), "{healed}");
    }

    #[tokio::test]
    async fn a_root_token_that_nobody_can_do_without_is_not_revoked() {
        let server = Scripted::start(|_, _| Some((200, json!({})))).await;
        let (context, _folder) = context(&[&server], None);
        let refused = RevokeRoot.inject(&context, &NodeId::new("n1")).await;
        assert!(matches!(refused, Err(FaultError::NotApplicable(_))));
        assert_eq!(server.count("POST auth/token/revoke-self"), 0);
    }
}
