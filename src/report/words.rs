//! Plain words for ids, verdicts, faults and products, for readers who were not there. Must not judge.

use crate::model::{FaultKind, FaultRow, INVARIANT_IDS, OBJECTIVE_IDS, Server, Servers, Target, Verdict};

/// What an objective or invariant is called in a heading; the id itself where we know no better.
pub fn title(id: &str) -> &str {
    match id {
        "read.p50" => "Read latency, median",
        "read.p99" => "Read latency, 99th percentile",
        "write.p99" => "Write latency, 99th percentile",
        "throughput.node" => "Throughput of one node",
        "throughput.cluster" => "Throughput of the cluster",
        "throughput.knee" => "Breaking rate found",
        "availability" => "Availability over this run",
        "staleness" => "Oldest answer of a standby",
        "auth.success" => "Successful logins",
        "failover.rto" => "Longest time without service",
        "failover.mttr" => "Time until writes work again",
        "failover.rpo" => "Acknowledged writes lost",
        "recovery.redundancy" => "Back to full redundancy",
        "cluster.init" => "Cluster ready from nothing",
        "node.join" => "Slowest node to join",
        "health.latency" => "Health check latency, 99th percentile",
        "token.ttl" => "Time to live of a token",
        "token.renewal" => "Refused for want of a renewal",
        "db.ttl" => "Time to live of database credentials",
        "pki.ttl" => "Validity of a certificate",
        "rotation" => "Encryption keys rotated every",
        "tls.min" => "Oldest TLS version accepted",
        "quorum" => "Nodes that must agree",
        "audit.coverage" => "Requests found in an audit log",
        "audit.secrecy" => "Secrets found in plaintext",
        "audit.fields" => "Audit entries with every field",
        "audit.retention" => "Audit entries kept for",
        "backup.interval" => "Time between snapshots",
        "backup.encrypted" => "Secrets found in snapshots",
        "unseal.keys" => "Key shares that unseal a node",
        "unseal.auto" => "Unsealed by hand after a restart",
        "upgrade.rolling" => "Longest time without service in an upgrade",
        "resources" => "Nodes ended for want of memory",
        "alerts" => "Alerts that fire when they should",
        "metrics" => "Documented metrics that exist",
        "no-lost-writes" => "No acknowledged write is lost",
        "linearizable" => "The leader's answers fit one order",
        "session" => "A client never goes back in time",
        "cas-exclusive" => "One check-and-set wins",
        "single-leader" => "Never two leaders at once",
        "minority-silent" => "A minority acknowledges nothing",
        "node-agreement" => "All nodes say the same",
        "isolation" => "Tenants are kept apart",
        "sealed-silent" => "A sealed node answers nothing",
        "snapshot-equal" => "A snapshot holds what it must",
        "audit-or-nothing" => "What cannot be audited is refused",
        "audit-complete" => "Every request is audited",
        "no-plaintext" => "No secret in plaintext",
        "token-expiry" => "Tokens end when they should",
        "lease-expiry" => "Credentials of the database end when they should",
        "transit-decrypts" => "What was encrypted can be decrypted",
        "served-through-every-node" => "Every node serves everything",
        "retired-refused" => "What was replaced opens nothing",
        "lost-only-newest" => "Only the newest is lost",
        "clients-recover" => "Real clients are served again",
        "storm-over" => "A storm leaves nothing behind",
        "pki-valid" => "Certificates are in order",
        other => other,
    }
}

/// How the figure is measured or what the invariant says; empty for an id we do not know.
pub fn meaning(id: &str) -> &'static str {
    OBJECTIVE_IDS.iter().chain(&INVARIANT_IDS).find(|(known, _)| *known == id).map_or("", |(_, words)| words)
}

/// `PASS`, `FAIL`, `INCONCLUSIVE`.
pub fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "PASS",
        Verdict::Fail => "FAIL",
        Verdict::Inconclusive => "INCONCLUSIVE",
    }
}

/// What the verdict means, for someone who sees the word for the first time.
pub fn verdict_meaning(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "Everything that this scenario demands was shown to hold.",
        Verdict::Fail => "Something that this scenario demands did not hold.",
        Verdict::Inconclusive => "The run does not show whether the demands hold. This is not a pass.",
    }
}

/// `OpenBao 2.7.2`.
pub fn server_name(server: &Server) -> String {
    let product = match server.product.as_str() {
        "openbao" => "OpenBao",
        "vault" => "HashiCorp Vault",
        other => other,
    };
    if server.version.is_empty() { product.to_owned() } else { format!("{product} {}", server.version) }
}

/// `OpenBao 2.7.1, upgraded to 2.7.2`.
pub fn servers_name(servers: &Servers) -> String {
    match servers.all() {
        [from, to] if from.product == to.product => {
            format!("{}, upgraded to {}", server_name(from), to.version)
        }
        all => all.iter().map(server_name).collect::<Vec<_>>().join(", then "),
    }
}

/// What was done, as a participle that follows whom it was done to: `leader n2 killed`.
fn participle(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::Kill => "killed",
        FaultKind::Stop => "stopped",
        FaultKind::Pause => "paused",
        FaultKind::Restart => "restarted",
        FaultKind::StepDown => "told to step down",
        FaultKind::Seal => "sealed",
        FaultKind::Expire => "left to expire",
        FaultKind::Revoke => "revoked",
        FaultKind::Isolate => "isolated",
        FaultKind::CannotHear => "made deaf",
        FaultKind::CannotSpeak => "made mute",
        FaultKind::Bridge => "made the only bridge",
        FaultKind::Ring => "set in a ring of deaf ears",
        FaultKind::Partition => "made deaf to some",
        FaultKind::Degrade => "with degraded links",
        FaultKind::FillAudit => "with a full audit disk",
        FaultKind::FillData => "with a full data disk",
        FaultKind::SlowDisk => "with a slow disk",
        FaultKind::LimitCpu => "short of processor time",
        FaultKind::LimitMemory => "short of memory",
        FaultKind::Disconnect => "without a network",
        FaultKind::Storm => "in a storm",
        FaultKind::RotateAudit => "with a rotated audit file",
        FaultKind::Upgrade => "upgraded",
        FaultKind::Downgrade => "put back to its first version",
        FaultKind::Rekey => "told to replace the key shares",
        FaultKind::RotateKeyring => "told to replace the encryption key",
        FaultKind::RevokeRoot => "told to revoke the root token",
        FaultKind::Lose => "lost for good",
    }
}

/// One fault in a phrase: `leader n2 killed`, `token left to expire`.
pub fn fault_phrase(fault: &FaultRow) -> String {
    let nodes = fault.nodes.iter().map(|node| node.as_str()).collect::<Vec<_>>().join(", ");
    let whom = match &fault.target {
        Target::Credential(_) | Target::Database | Target::Kms | Target::Leases | Target::Logins => {
            fault.target.to_string()
        }
        Target::Node(id) => format!("node {id}"),
        Target::Each if !nodes.is_empty() => format!("node {nodes}"),
        Target::All => "all nodes".to_owned(),
        Target::Named => nodes,
        Target::Minority if nodes.is_empty() => "a minority".to_owned(),
        Target::Minority => format!("a minority ({nodes})"),
        Target::Majority if nodes.is_empty() => "a majority".to_owned(),
        Target::Majority => format!("a majority ({nodes})"),
        target if nodes.is_empty() => target.to_string(),
        target => format!("{target} {nodes}"),
    };
    let done = participle(fault.kind);
    match (fault.kind, &fault.network, &fault.strain) {
        (FaultKind::Degrade, None, Some(asked)) => format!("{whom} slowed ({asked})"),
        (FaultKind::Degrade, Some(network), _) => format!("{whom} {done} ({})", network.asked),
        (FaultKind::SlowDisk | FaultKind::LimitCpu | FaultKind::LimitMemory, _, Some(asked)) => {
            format!("{whom} {done} ({asked})")
        }
        _ => format!("{whom} {done}"),
    }
}

/// `the kill of n1 had no effect`.
pub fn fault_without_effect(fault: &FaultRow) -> String {
    format!("the {} of {} had no effect", fault.kind, whom(fault))
}

fn whom(fault: &FaultRow) -> String {
    let nodes = fault.nodes.iter().map(|node| node.as_str()).collect::<Vec<_>>().join(", ");
    if nodes.is_empty() { fault.target.to_string() } else { nodes }
}

/// The label beside a fault in a chart: `kill n2`.
pub fn fault_label(fault: &FaultRow) -> String {
    format!("{} {}", fault.kind, whom(fault))
}

/// First letter upper case, for the beginning of a sentence.
pub fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_that_can_be_judged_has_a_title_and_a_meaning() {
        for (id, _) in OBJECTIVE_IDS.iter().chain(&INVARIANT_IDS) {
            assert_ne!(title(id), *id, "{id} has no title");
            assert!(!meaning(id).is_empty(), "{id} has no meaning");
        }
        assert_eq!((title("brand.new"), meaning("brand.new")), ("brand.new", ""));
    }
}
