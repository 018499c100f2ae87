//! `upgrade` and `downgrade`: a node ends in good order and comes back with the program of another version. What version
//! a node has is what it says itself, before and after.

use super::node_by_node::NodeFault;
use super::step_down::StepDown;
use super::{Applied, FaultContext, FaultError};
use crate::cluster::Ability;
use crate::model::{Edition, Event, HandOver, NodeId, Role};
use async_trait::async_trait;

pub struct Replace {
    pub edition: Edition,
    pub hand_over: HandOver,
}

#[async_trait]
impl NodeFault for Replace {
    fn needs(&self) -> &'static [Ability] {
        &[Ability::Stop, Ability::Start, Ability::Unseal, Ability::Operate, Ability::Replace]
    }

    async fn inject(&self, context: &FaultContext, node: &NodeId) -> Result<Applied, FaultError> {
        let before = context.version_of(node).await?;
        if before == context.version_after(self.edition)? {
            return Err(FaultError::NotApplicable(format!("{node} has version {before} already")));
        }
        let leads = context.view.role(context.index(node)?) == Role::Active;
        let stepped_down = match self.hand_over {
            HandOver::StepDown if leads => Some(StepDown.inject(context, node).await?),
            _ => None,
        };
        let took = context.cluster.replace(node, self.edition).await?;
        let at_ms = context.journal.ms_of(took.at);
        Ok(match stepped_down {
            // From then on it was not what it had been.
            Some(first) => Applied {
                at_ms: first.at_ms,
                evidence: format!("{}; {node} of version {before}: {}", first.evidence, took.evidence),
            },
            None => Applied { at_ms, evidence: format!("{node} of version {before}: {}", took.evidence) },
        })
    }

    async fn heal(&self, context: &FaultContext, node: &NodeId) -> Result<String, FaultError> {
        let back = context.start_and_unseal(node).await?;
        let (version, expected) = (context.version_of(node).await?, context.version_after(self.edition)?);
        context.journal.write(Event::NodeVersion { node: node.clone(), version: version.clone() });
        if version != expected {
            let why = format!("{node} came back and says that it is {version}, not {expected}");
            return Err(FaultError::Failed(why));
        }
        Ok(format!("{back}; it says that it is {version}"))
    }
}

impl FaultContext {
    /// What a node says, which it does without a token and also when it is sealed.
    async fn version_of(&self, node: &NodeId) -> Result<String, FaultError> {
        let answer = self.client(node)?.get("sys/seal-status").await?;
        let version = answer.body["version"].as_str().map(str::to_owned);
        version.ok_or_else(|| FaultError::Failed(format!("{node} does not say which version it is")))
    }

    fn version_after(&self, edition: Edition) -> Result<&str, FaultError> {
        let versions = self.versions.as_ref();
        let versions = versions.ok_or_else(|| FaultError::Failed("there is no second version".to_owned()))?;
        Ok(match edition {
            Edition::From => &versions.from.version,
            Edition::To => &versions.to.version,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::testing::{context, keep_seeing};
    use crate::model::{Server, Versions};
    use crate::vault::testing::Scripted;
    use serde_json::json;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    fn versions() -> Option<Versions> {
        let server = |version: &str| Server { product: "openbao".into(), version: version.into() };
        Some(Versions { from: server("1.0.0"), to: server("2.0.0") })
    }

    const TO: Replace = Replace { edition: Edition::To, hand_over: HandOver::Stop };

    /// Says that it is 1.0.0 until it is told that it was upgraded.
    async fn node(upgraded: Arc<AtomicBool>) -> Scripted {
        Scripted::start(move |_, _| {
            let version = if upgraded.load(Ordering::Relaxed) { "2.0.0" } else { "1.0.0" };
            Some((200, json!({ "sealed": false, "version": version })))
        })
        .await
    }

    #[tokio::test]
    async fn a_node_that_comes_back_as_it_was_was_not_upgraded() {
        let upgraded = Arc::new(AtomicBool::new(false));
        let node = node(upgraded.clone()).await;
        let (mut context, _folder) = context(&[&node], Some(Ok("started".into())));
        Arc::get_mut(&mut context).unwrap().versions = versions();
        keep_seeing(&context, 0, Role::Standby);
        let n1 = NodeId::new("n1");
        let applied = TO.inject(&context, &n1).await.unwrap();
        assert_eq!(applied.evidence, "n1 of version 1.0.0: Stop done");
        let error = TO.heal(&context, &n1).await.unwrap_err().to_string();
        assert_eq!(error, "n1 came back and says that it is 1.0.0, not 2.0.0");
        upgraded.store(true, Ordering::Relaxed);
        let healed = TO.heal(&context, &n1).await.unwrap();
        assert!(healed.ends_with("it says that it is 2.0.0"), "{healed}");
    }

    #[tokio::test]
    async fn a_node_that_has_the_version_already_is_left_alone() {
        let node = node(Arc::new(AtomicBool::new(true))).await;
        let (mut context, _folder) = context(&[&node], None);
        Arc::get_mut(&mut context).unwrap().versions = versions();
        let error = TO.inject(&context, &NodeId::new("n1")).await.err().unwrap();
        assert!(matches!(error, FaultError::NotApplicable(_)), "{error}");
    }
}
