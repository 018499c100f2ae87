//! After the teardown: what is left is looked at, when nobody writes to it any more.

use super::{Ground, Stop, StopReason};
use crate::model::Scenario;
use crate::observe::{self, Asked, NodeRemains, Remains};
use crate::record::{Journal, RunFolder};
use std::io;

/// What the verdict may rest on.
const OF_AUDIT: [&str; 3] = ["audit-complete", "audit.coverage", "audit.fields"];
const OF_SECRECY: [&str; 2] = ["no-plaintext", "audit.secrecy"];

/// Asked for while the nodes are known.
pub(super) fn remains(ground: &Ground, scenario: &Scenario) -> Remains {
    let nodes = ground.cluster.nodes().iter().map(|node| NodeRemains {
        id: node.id.clone(),
        url: node.endpoint.url.clone(),
        files: ground.cluster.files(&node.id),
    });
    // Up to where a tenant's name would follow.
    let policy = scenario.blueprint.policies.first().and_then(|policy| policy.name.split('{').next());
    let stored = format!("sys/policy/{}{}", ground.prefix, policy.unwrap_or_default());
    Remains { nodes: nodes.collect(), kv_mount: ground.kv_mount(&scenario.blueprint), stored }
}

/// Nothing for a person who waits, or on a disk that takes nothing more.
pub(super) async fn look(
    scenario: &Scenario,
    folder: &RunFolder,
    remains: Remains,
    journal: &Journal,
    stop: &Stop,
) -> io::Result<()> {
    if matches!(stop.reason(), Some(StopReason::Interrupted(_) | StopReason::Trouble(_))) {
        return Ok(());
    }
    let expects = |ids: &[&str]| ids.iter().any(|id| scenario.expects(id));
    let asked = Asked { audit: expects(&OF_AUDIT), secrecy: expects(&OF_SECRECY) };
    let (was_asked, stop) = (stop.is_asked(), stop.clone());
    let is_cancelled = move || stop.is_asked() && !was_asked;
    observe::look_at_rest(folder, remains, asked, journal, is_cancelled).await
}
