//! Renders one node's server configuration. Everything that is not in here has the server's default.

use super::certificates::NodeCertificate;
use crate::model::{AuditDevice, Blueprint, Disk, ServerTuning, Span};
use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;

/// Where a node's API and its raft traffic are.
#[derive(Clone, Debug)]
pub struct NodeAddresses {
    /// Where it listens.
    pub api: SocketAddr,
    pub cluster: SocketAddr,
    /// Where clients and other nodes reach it, as `host:port`: the same, links in front of it, or a name.
    pub known_api: String,
    pub known_cluster: String,
}

pub struct NodePlan<'a> {
    pub id: &'a str,
    pub folder: &'a Path,
    pub addresses: &'a NodeAddresses,
    pub certificate: Option<&'a NodeCertificate>,
    /// What opens it, in the server's own words; nothing where a person does.
    pub seal: Option<&'a str>,
}

/// As the documents have it.
const METRICS_RETENTION: Span = Span::from_secs(30);
/// How often autopilot looks; ours, not the document's: it only lets joined nodes become voters sooner.
const AUTOPILOT_INTERVAL: &str = "200ms";

/// Where a node writes its audit entries, relative to its folder: a standby refuses to serve when its path differs from
/// the leader's.
pub fn audit_file(device: &AuditDevice) -> String {
    format!("{}/{}.log", Disk::Audit.folder(), device.name)
}

pub fn render(blueprint: &Blueprint, tuning: &ServerTuning, node: &NodePlan) -> String {
    let quoted = |path: &Path| format!("{:?}", path.display().to_string());
    let scheme = if node.certificate.is_some() { "https" } else { "http" };
    let mut text = String::new();
    let mut line = |args: std::fmt::Arguments| writeln!(text, "{args}").expect("a string takes all");
    let NodeAddresses { api, cluster, known_api, known_cluster } = node.addresses;
    line(format_args!("api_addr = \"{scheme}://{known_api}\""));
    line(format_args!("cluster_addr = \"https://{known_cluster}\""));
    line(format_args!("storage \"raft\" {{"));
    line(format_args!("  path = {}", quoted(&node.folder.join(Disk::Data.folder()))));
    line(format_args!("  node_id = \"{}\"", node.id));
    line(format_args!("  autopilot_reconcile_interval = \"{AUTOPILOT_INTERVAL}\""));
    line(format_args!("  autopilot_update_interval = \"{AUTOPILOT_INTERVAL}\""));
    if let Some(multiplier) = tuning.performance_multiplier {
        line(format_args!("  performance_multiplier = {multiplier}"));
    }
    line(format_args!("}}\nlistener \"tcp\" {{"));
    line(format_args!("  address = \"{api}\""));
    line(format_args!("  cluster_address = \"{cluster}\""));
    match node.certificate {
        Some(certificate) => {
            line(format_args!("  tls_cert_file = {}", quoted(&certificate.cert_file)));
            line(format_args!("  tls_key_file = {}", quoted(&certificate.key_file)));
            line(format_args!("  tls_min_version = \"{}\"", blueprint.tls.min_version));
        }
        None => line(format_args!("  tls_disable = true")),
    }
    if tuning.open_metrics {
        line(format_args!("  telemetry {{\n    unauthenticated_metrics_access = true\n  }}"));
    }
    line(format_args!("}}"));
    if let Some(seal) = node.seal {
        line(format_args!("{seal}"));
    }
    for device in &blueprint.audit {
        line(format_args!("audit \"{}\" \"{}\" {{", device.kind, device.name));
        line(format_args!("  options {{\n    file_path = \"{}\"\n  }}\n}}", audit_file(device)));
    }
    let retention = tuning.metrics_retention.unwrap_or(METRICS_RETENTION);
    line(format_args!(
        "telemetry {{\n  prometheus_retention_time = \"{retention}\"\n  disable_hostname = true\n}}"
    ));
    text
}
