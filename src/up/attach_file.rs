//! The attach file of an `up` cluster: with hooks that work, so that the attach backend can be tried on it at
//! once.

use super::UpFolder;
use crate::cluster::Node;
use crate::cluster::node_config::audit_file;
use crate::model::{AttachFile, AttachNode, Blueprint, HookName, NodeId};
use std::path::{Path, PathBuf};

/// Where the owner keeps the process id of a node that runs; absent while it is down.
pub fn pid_file(folder: &UpFolder, node: &NodeId) -> PathBuf {
    folder.nodes().join(node.as_str()).join("pid")
}

/// Who makes this file asks the owner to start the node; the owner removes it when it begins.
pub fn start_request_file(folder: &UpFolder, node: &NodeId) -> PathBuf {
    folder.nodes().join(node.as_str()).join("start-please")
}

pub fn attach_file(
    folder: &UpFolder,
    nodes: &[Node],
    ca_file: Option<&Path>,
    blueprint: &Blueprint,
    cluster_id: &str,
) -> AttachFile {
    let node = |node: &Node| {
        let home = folder.nodes().join(node.id.as_str());
        AttachNode {
            id: node.id.clone(),
            api_addr: node.endpoint.url.clone(),
            hooks: hooks(folder, &node.id),
            audit_file: blueprint.audit.first().map(|device| home.join(audit_file(device))),
            log_file: Some(folder.logs().join(format!("{}.log", node.id))),
            data_dir: Some(home.join("data")),
        }
    };
    AttachFile {
        nodes: nodes.iter().map(node).collect(),
        ca_cert: ca_file.map(Path::to_owned),
        client_cert: None,
        client_key: None,
        token_file: folder.token_file(),
        unseal_keys_file: Some(folder.unseal_keys_file()),
        postgres: None,
        disposable: Some(cluster_id.to_owned()),
    }
}

fn hooks(folder: &UpFolder, node: &NodeId) -> std::collections::BTreeMap<HookName, String> {
    let pid = quoted(&pid_file(folder, node));
    let request = quoted(&start_request_file(folder, node));
    let signal = |name: &str| format!("kill -{name} \"$(cat {pid})\"");
    let start = format!(
        "touch {request}; n=0; while [ -e {request} ]; do n=$((n+1)); [ $n -le 200 ] || exit 1; sleep 0.1; done"
    );
    [
        (HookName::Kill, signal("KILL")),
        (HookName::Stop, signal("TERM")),
        (HookName::Pause, signal("STOP")),
        (HookName::Resume, signal("CONT")),
        (HookName::Start, start),
    ]
    .into()
}

/// For `sh`: a single quote inside is closed, escaped and opened again.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}
