//! Objectives: what a document promises, as a number with a comparison and a unit.

use super::QuantityError;
use super::quantity::leading_number;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Less,
    AtMost,
    AtLeast,
    More,
    Equal,
}

impl Comparison {
    pub fn symbol(self) -> &'static str {
        match self {
            Comparison::Less => "<",
            Comparison::AtMost => "≤",
            Comparison::AtLeast => "≥",
            Comparison::More => ">",
            Comparison::Equal => "=",
        }
    }
}

/// A bound such as `< 5 ms`, `≥ 1000 /s`, `99.99 %` (at least), `0 s` (exactly).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    pub comparison: Comparison,
    /// In `unit`.
    pub value: f64,
    pub unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Ms,
    S,
    Minutes,
    Hours,
    Percent,
    PerSecond,
    /// A plain number, such as a count of lost writes.
    Count,
}

impl Unit {
    pub fn name(self) -> &'static str {
        match self {
            Unit::Ms => "ms",
            Unit::S => "s",
            Unit::Minutes => "min",
            Unit::Hours => "h",
            Unit::Percent => "%",
            Unit::PerSecond => "/s",
            Unit::Count => "",
        }
    }
}

impl Bound {
    /// Whether `measured`, in the bound's unit, keeps it.
    pub fn holds(&self, measured: f64) -> bool {
        match self.comparison {
            Comparison::Less => measured < self.value,
            Comparison::AtMost => measured <= self.value,
            Comparison::AtLeast => measured >= self.value,
            Comparison::More => measured > self.value,
            Comparison::Equal => (measured - self.value).abs() < 1e-9,
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{} {} {}", self.comparison.symbol(), self.value, self.unit.name());
        f.pad(text.trim_end())
    }
}

impl FromStr for Bound {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let wrong = |why: &str| {
            QuantityError(format!(
                "`{text}` is not a bound: {why}; write for example `< 5 ms`, `>= 1000 /s` or `>= 99.99 %`"
            ))
        };
        let trimmed = text.trim();
        let (comparison, rest) = [
            ("<=", Comparison::AtMost),
            ("≤", Comparison::AtMost),
            (">=", Comparison::AtLeast),
            ("≥", Comparison::AtLeast),
            ("<", Comparison::Less),
            (">", Comparison::More),
            ("=", Comparison::Equal),
        ]
        .iter()
        .find_map(|(symbol, comparison)| trimmed.strip_prefix(symbol).map(|rest| (*comparison, rest)))
        .ok_or_else(|| wrong("it must begin with one of < <= > >= ="))?;
        let (value, unit) = leading_number(rest.trim()).ok_or_else(|| wrong("a number is expected"))?;
        let unit = match unit.trim() {
            "ms" => Unit::Ms,
            "s" => Unit::S,
            "min" => Unit::Minutes,
            "h" => Unit::Hours,
            "%" => Unit::Percent,
            "/s" => Unit::PerSecond,
            "" => Unit::Count,
            _ => return Err(wrong("the unit is not one of ms, s, min, h, %, /s")),
        };
        Ok(Bound { comparison, value, unit })
    }
}

impl Serialize for Bound {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Bound {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// One promise of a blueprint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Objective {
    /// Which figure: one of [`OBJECTIVE_IDS`].
    pub id: String,
    pub target: Bound,
    /// The document that promises it.
    pub source: String,
    /// The document's own words, when they say more than the bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
}

/// Every objective that a blueprint may carry, with what is measured for it. What this version cannot measure is
/// carried all the same: a report must not look as if it had not been promised.
pub const OBJECTIVE_IDS: [(&str, &str); 35] = [
    ("read.p50", "median latency of kv2.read in the steady phase, from the intended start"),
    ("read.p99", "99th percentile of kv2.read in the steady phase, from the intended start"),
    ("write.p99", "99th percentile of kv2.write in the steady phase, from the intended start"),
    ("throughput.node", "the highest rate that one node carried within the latency and error objectives"),
    (
        "throughput.cluster",
        "the highest rate that the nodes carried together within the latency and error objectives",
    ),
    ("throughput.knee", "the ramp found the rate at which an objective breaks"),
    ("availability", "acknowledged / attempted over the whole run"),
    ("staleness", "how long before it was sent the oldest answer of a standby had been out of date"),
    ("auth.success", "acknowledged / attempted logins over the whole run"),
    ("failover.rto", "longest window without a success, worst operation and route"),
    ("failover.mttr", "from the fault to the first acknowledged write through the surviving nodes"),
    ("failover.rpo", "acknowledged writes missing after recovery"),
    ("recovery.redundancy", "from the end of the timeline to full redundancy: every voter healthy again"),
    ("cluster.init", "from the start of the first process to the full number of healthy voters"),
    ("node.join", "slowest node: from its join request to being a voter"),
    ("health.latency", "99th percentile of sys/health?standbyok=true on the worst node while it ran"),
    ("token.ttl", "time to live of a fresh AppRole token, as looked up"),
    ("token.renewal", "requests refused because a token that its owner renews had expired"),
    ("db.ttl", "how long credentials of the database live, as the server gives them out"),
    ("pki.ttl", "how long a certificate is valid from the moment it is issued"),
    ("rotation", "longest time between two rotations of the encryption key under load"),
    ("tls.min", "the oldest TLS version that a node accepts"),
    ("quorum", "how many of the nodes must agree before a write is acknowledged"),
    ("audit.coverage", "acknowledged requests that stand in an audit file"),
    ("audit.secrecy", "secret values found in plaintext in audit files, server logs and stored data"),
    (
        "audit.fields",
        "audit entries of tenants' requests with time, operation, path, remote address and tenant_id",
    ),
    ("audit.retention", "how long audit entries are kept"),
    ("backup.interval", "time between two snapshots that can be restored"),
    ("backup.encrypted", "secret values found in plaintext in snapshots"),
    ("unseal.keys", "how many key shares unseal a node: one fewer never does"),
    ("unseal.auto", "unseal requests that a restarted node needed from a person"),
    ("upgrade.rolling", "longest window without a success while the nodes are upgraded one by one"),
    ("resources", "nodes ended for want of memory under the documented limits"),
    ("alerts", "documented alerts that fire when what they are for happens, and only then"),
    ("metrics", "documented metrics that the server has under that name"),
];

/// Invariants that a scenario may expect, with what each says.
pub const INVARIANT_IDS: [(&str, &str); 22] = [
    ("no-lost-writes", "every acknowledged write is there after recovery"),
    ("linearizable", "through the leader, every key behaves as if requests came one after another"),
    ("session", "a client sees its own writes, and never goes back, whatever node it asks"),
    ("cas-exclusive", "of all check-and-sets on one version, at most one is acknowledged"),
    ("single-leader", "no two nodes acknowledged as leader at the same time"),
    ("minority-silent", "no node acknowledged a write while it was cut off from the majority"),
    ("node-agreement", "once all has settled, every node gives the same answers about everything"),
    ("isolation", "no tenant gets at what is another's, and each goes on getting at its own"),
    ("sealed-silent", "a sealed node answers nothing"),
    ("snapshot-equal", "a snapshot taken under load holds what was acknowledged before it, and nothing else"),
    ("audit-or-nothing", "a node that cannot write its audit entries answers nothing"),
    ("audit-complete", "every acknowledged request stands in an audit file, with request and answer"),
    ("no-plaintext", "no secret stands readable in audit files, server logs or stored data"),
    ("token-expiry", "no token dead before its time, none alive after it"),
    ("lease-expiry", "credentials of the database are in the database as long as their lease, and no longer"),
    ("transit-decrypts", "whatever was encrypted can be decrypted, on every node, and to what it was"),
    ("clients-recover", "every program that was served before the faults is served again after them"),
    (
        "storm-over",
        "what a storm made ends when it is revoked or over, and nothing else; its logins are served",
    ),
    ("pki-valid", "every certificate is what its role says, and every revocation is known everywhere"),
    (
        "served-through-every-node",
        "whenever the cluster is whole in an upgrade, every kind of operation is served through every node",
    ),
    ("retired-refused", "key shares that were replaced open no node, and no node takes a revoked root token"),
    (
        "lost-only-newest",
        "after a majority is lost for good, what is missing is the newest, and nothing in between",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_read_and_written() {
        let bound: Bound = "< 5 ms".parse().unwrap();
        assert!(bound.holds(4.99) && !bound.holds(5.0));
        assert_eq!(bound.to_string(), "< 5 ms");
        assert_eq!(">=1000/s".parse::<Bound>().unwrap().to_string(), "≥ 1000 /s");
        assert!(">= 99.99 %".parse::<Bound>().unwrap().holds(99.995));
        assert!("= 0".parse::<Bound>().unwrap().holds(0.0));
        for text in ["5 ms", "< ms", "< 5 lightyears", ""] {
            assert!(text.parse::<Bound>().is_err(), "{text}");
        }
    }
}
