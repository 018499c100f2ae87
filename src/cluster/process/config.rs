//! Renders one node's server configuration. Everything that is not in here has the server's default.

use super::certificates::NodeCertificate;
use crate::model::{Blueprint, ServerTuning};
use std::fmt::Write;
use std::path::Path;

pub struct NodePlan<'a> {
    pub id: &'a str,
    pub folder: &'a Path,
    /// Where it listens; an address.
    pub listen: &'a str,
    /// Where clients and the other nodes reach it; an address or a name.
    pub host: &'a str,
    pub api_port: u16,
    pub cluster_port: u16,
    /// API and cluster port that others know it by: its own, or those of links in front of them.
    pub known_ports: (u16, u16),
    pub certificate: Option<&'a NodeCertificate>,
}

/// How often autopilot looks; ours, not the document's: it only lets joined nodes become voters sooner.
const AUTOPILOT_INTERVAL: &str = "200ms";

pub fn render(blueprint: &Blueprint, tuning: &ServerTuning, node: &NodePlan) -> String {
    let quoted = |path: &Path| format!("{:?}", path.display().to_string());
    let scheme = if node.certificate.is_some() { "https" } else { "http" };
    let mut text = String::new();
    let mut line = |args: std::fmt::Arguments| writeln!(text, "{args}").expect("a string takes all");
    line(format_args!("api_addr = \"{scheme}://{}:{}\"", node.host, node.known_ports.0));
    line(format_args!("cluster_addr = \"https://{}:{}\"", node.host, node.known_ports.1));
    line(format_args!("storage \"raft\" {{"));
    line(format_args!("  path = {}", quoted(&node.folder.join("data"))));
    line(format_args!("  node_id = \"{}\"", node.id));
    line(format_args!("  autopilot_reconcile_interval = \"{AUTOPILOT_INTERVAL}\""));
    line(format_args!("  autopilot_update_interval = \"{AUTOPILOT_INTERVAL}\""));
    if let Some(multiplier) = tuning.performance_multiplier {
        line(format_args!("  performance_multiplier = {multiplier}"));
    }
    line(format_args!("}}\nlistener \"tcp\" {{"));
    line(format_args!("  address = \"{}:{}\"", node.listen, node.api_port));
    line(format_args!("  cluster_address = \"{}:{}\"", node.listen, node.cluster_port));
    match node.certificate {
        Some(certificate) => {
            line(format_args!("  tls_cert_file = {}", quoted(&certificate.cert_file)));
            line(format_args!("  tls_key_file = {}", quoted(&certificate.key_file)));
            line(format_args!("  tls_min_version = \"{}\"", blueprint.tls.min_version));
        }
        None => line(format_args!("  tls_disable = true")),
    }
    line(format_args!("}}"));
    for device in &blueprint.audit {
        line(format_args!("audit \"{}\" \"{}\" {{", device.kind, device.name));
        // Relative to the node's folder: a standby refuses to serve when its path differs from the leader's.
        line(format_args!("  options {{\n    file_path = \"audit-{}.log\"\n  }}\n}}", device.name));
    }
    line(format_args!("telemetry {{\n  prometheus_retention_time = \"30s\"\n  disable_hostname = true\n}}"));
    text
}
