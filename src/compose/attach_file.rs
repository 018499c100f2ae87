//! The attach file of a cluster that Compose brought up: what is done to a node is done to its container.

use super::{ComposeNode, ca_file, scheme};
use crate::cluster::node_config::audit_file;
use crate::model::{AttachFile, AttachNode, Blueprint, HookName, NodeId};
use std::path::{Path, PathBuf};

/// A clean stop hands leadership over and closes the store; less than a hook is given.
const STOP_WITHIN_S: u8 = 20;

pub fn token_file(out: &Path) -> PathBuf {
    out.join("token")
}

pub fn unseal_keys_file(out: &Path) -> PathBuf {
    out.join("unseal-keys")
}

/// `out` has to be absolute, or the file would only be good from here.
pub fn attach_file(blueprint: &Blueprint, nodes: &[ComposeNode], out: &Path, cluster_id: &str) -> AttachFile {
    let node = |node: &ComposeNode| {
        let home = out.join(&node.id);
        AttachNode {
            id: NodeId::new(&node.id),
            api_addr: format!("{}://127.0.0.1:{}", scheme(blueprint), node.host_port),
            hooks: hooks(&node.container),
            audit_file: blueprint.audit.first().map(|device| home.join(audit_file(device))),
            log_file: None,
            data_dir: Some(home.join("data")),
        }
    };
    AttachFile {
        nodes: nodes.iter().map(node).collect(),
        ca_cert: blueprint.tls.enabled.then(|| ca_file(out)),
        client_cert: None,
        client_key: None,
        token_file: token_file(out),
        unseal_keys_file: Some(unseal_keys_file(out)),
        postgres: None,
        disposable: Some(cluster_id.to_owned()),
    }
}

fn hooks(container: &str) -> std::collections::BTreeMap<HookName, String> {
    [
        (HookName::Kill, format!("docker kill {container}")),
        (HookName::Stop, format!("docker stop -t {STOP_WITHIN_S} {container}")),
        (HookName::Start, format!("docker start {container}")),
        (HookName::Pause, format!("docker pause {container}")),
        (HookName::Resume, format!("docker unpause {container}")),
    ]
    .into()
}
