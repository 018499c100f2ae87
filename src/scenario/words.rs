//! The words and quantities of our files as JSON Schema describes them. Only descriptions: what is accepted
//! is decided where the files are checked.

use super::random_rules::AIMS;
use crate::model::{
    Credential, FaultKind, INVARIANT_IDS, OBJECTIVE_IDS, RandomFaults, SuiteBackend, Target, Workload,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

macro_rules! word {
    ($type:ident, $name:literal, $schema:expr) => {
        pub(super) struct $type;

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    };
}

word!(
    DurationText,
    "duration",
    json_schema!({ "type": "string", "pattern": r"^\s*([0-9.]+(ms|s|m|h|d))+\s*$",
        "description": "A duration with its unit: 250ms, 10s, 1m30s, 1h, 90d." })
);
word!(
    RateText,
    "rate",
    json_schema!({ "type": "string", "pattern": r"^\s*[0-9.]+\s*/\s*(s|m)\s*$",
        "description": "Requests per second or minute: 150/s, 60/m." })
);
word!(
    BoundText,
    "bound",
    json_schema!({ "type": "string", "pattern": r"^\s*(<=|>=|≤|≥|<|>|=)\s*[0-9.]+\s*(ms|s|min|h|%|/s)?\s*$",
        "description": "A comparison, a number and a unit: `< 5 ms`, `>= 99.99 %`, `= 0`." })
);
word!(
    WorkloadText,
    "workload",
    json_schema!({ "enum": Workload::ALL.map(Workload::name), "description": "What one request does." })
);
word!(
    RouteText,
    "route",
    json_schema!({ "type": "string", "pattern": "^(leader|any|standby|healthy|n[1-9][0-9]*)$",
        "description": "How the node is chosen: leader, any, standby, healthy, or a node id such as n2." })
);
word!(
    TargetText,
    "target",
    json_schema!({ "type": "string",
        "pattern": format!("^({}|n[1-9][0-9]*)$", Target::WORDS[..5].join("|")),
        "description": "Whom the fault is meant for, resolved when it is injected: leader, follower, each, \
                        all, majority, or a node id such as n2." })
);
word!(
    EndedText,
    "ended",
    json_schema!({ "type": "string",
        "pattern": format!("^({}|database|n[1-9][0-9]*)$", Target::WORDS[..5].join("|")),
        "description": "Whom the fault is meant for, resolved when it is injected: leader, follower, each, \
                        all, majority, or a node id such as n2; or the database beside the cluster." })
);
word!(
    KilledText,
    "killed",
    json_schema!({ "type": "string",
        "pattern": format!("^({}|database|kms|n[1-9][0-9]*)$", Target::WORDS[..5].join("|")),
        "description": "Whom the fault is meant for, resolved when it is injected: leader, follower, each, \
                        all, majority, or a node id such as n2; or what stands beside the cluster: database, kms." })
);
word!(
    PausedText,
    "paused",
    json_schema!({ "type": "string",
        "pattern": format!("^({}|kms|n[1-9][0-9]*)$", Target::WORDS[..5].join("|")),
        "description": "Whom the fault is meant for, resolved when it is injected: leader, follower, each, \
                        all, majority, or a node id such as n2; or the KMS beside the cluster." })
);
word!(
    SlowedText,
    "slowed",
    json_schema!({ "type": "string", "pattern": "^(leader|follower|all|kms|n[1-9][0-9]*)$",
        "description": "Whose links: leader, follower, all, or a node id such as n2; or the KMS beside the cluster." })
);
word!(
    IsolatedText,
    "isolated",
    json_schema!({ "type": "string", "pattern": "^(leader|follower|minority|majority|all|n[1-9][0-9]*)$",
        "description": "Whom to cut off: leader, follower, minority, majority, all, or a node id such as n2." })
);
word!(
    OneNodeText,
    "one-node",
    json_schema!({ "type": "string", "pattern": "^(leader|follower|n[1-9][0-9]*)$",
        "description": "One node: leader, follower, or a node id such as n2." })
);
word!(
    DegradedText,
    "degraded",
    json_schema!({ "type": "string", "pattern": "^(leader|follower|all|n[1-9][0-9]*)$",
        "description": "Whose links: leader, follower, all, or a node id such as n2." })
);
word!(
    RotatedText,
    "rotated",
    json_schema!({ "type": "string", "pattern": "^(leader|follower|each|all|n[1-9][0-9]*)$",
        "description": "Whose audit file: leader, follower, each, all, or a node id such as n2." })
);
word!(
    LostText,
    "lost",
    json_schema!({ "type": "string", "pattern": "^(leader|follower|majority|n[1-9][0-9]*)$",
        "description": "Who is lost for good: leader, follower, majority, or a node id such as n2." })
);
word!(AllText, "all", json_schema!({ "enum": ["all"], "description": "Every node has its part in it." }));
word!(
    ShareText,
    "share",
    json_schema!({ "type": "string", "pattern": r"^\s*[0-9.]+\s*%\s*$", "description": "A share: 10%." })
);
word!(
    BandwidthText,
    "bandwidth",
    json_schema!({ "type": "string", "pattern": r"^\s*[0-9.]+\s*([kMG]B|[kMG]bit)/s\s*$",
        "description": "Bytes or bits per second: 1MB/s, 500kB/s, 8Mbit/s." })
);
word!(
    BytesText,
    "bytes",
    json_schema!({ "type": "string", "pattern": r"^\s*[0-9.]+\s*([kMG]B|[KMG]iB)\s*$",
        "description": "An amount of memory: 64MB, 64MiB." })
);
word!(
    RangeText,
    "duration-range",
    json_schema!({ "type": "string", "pattern": r"^\s*([0-9.]+(ms|s|m|h|d))+(\s+to\s+([0-9.]+(ms|s|m|h|d))+)?\s*$",
        "description": "A duration, or any between two: 8s, 5s to 12s." })
);
word!(
    DrawnText,
    "drawn",
    json_schema!({ "type": "string", "enum": RandomFaults::KINDS.map(FaultKind::name),
        "description": "A fault that needs no more than a target and a time." })
);
word!(
    AimText,
    "aim",
    json_schema!({ "type": "string", "enum": AIMS, "description": "Whom a fault that is drawn may be aimed at." })
);
word!(
    ExpiringText,
    "expiring",
    json_schema!({ "enum": Credential::EXPIRING.map(Credential::name),
        "description": "What is made and watched: a fresh AppRole token (left alone, renewed, periodic, or for few \
                        uses), the lease behind it, or a secret id." })
);
word!(
    RevocableText,
    "revocable",
    json_schema!({ "enum": Credential::REVOCABLE.map(Credential::name),
        "description": "What is made and revoked: a token by itself or by its accessor, or a lease." })
);
word!(
    StormText,
    "storm",
    json_schema!({ "enum": ["leases", "logins"], "description": "What comes in thousands." })
);
word!(
    LeaderText,
    "leader",
    json_schema!({ "enum": ["leader"], "description": "Only the leader can do it." })
);
word!(
    ExpectationText,
    "expectation",
    json_schema!({ "enum": expectations(), "description": "An objective or an invariant." })
);
word!(
    NameText,
    "name",
    json_schema!({ "type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$", "maxLength": 64,
        "description": "Lower-case letters, digits and single hyphens." })
);
word!(
    ObjectiveText,
    "objective-id",
    json_schema!({ "enum": OBJECTIVE_IDS.map(|(id, _)| id).to_vec(), "description": "Which figure is promised." })
);
word!(
    InvariantText,
    "invariant-id",
    json_schema!({ "enum": INVARIANT_IDS.map(|(id, _)| id), "description": "Which invariant is violated." })
);

word!(
    SuiteBackendText,
    "suite-backend",
    json_schema!({ "enum": SuiteBackend::ALL.map(SuiteBackend::name), "description": "How nodes run." })
);
word!(
    VersionText,
    "server-version",
    json_schema!({ "type": "string", "pattern": "^[A-Za-z0-9.+-]+@[A-Za-z0-9.+-]+$",
        "description": "Product and version: openbao@2.7.2." })
);

/// Every id that `expect` knows.
pub(super) fn expectations() -> Vec<&'static str> {
    OBJECTIVE_IDS.iter().chain(&INVARIANT_IDS).map(|(id, _)| *id).collect()
}

/// How a key with its value is written; `None` for keys that need no example.
pub(super) fn example(key: &str) -> Option<&'static str> {
    const EXAMPLES: [&str; 80] = [
        "name: leader-kill",
        "summary: The active node is killed under load; nothing is lost.",
        "blueprint: alphapulse",
        "server: { performance_multiplier: 1 }",
        "performance_multiplier: 1",
        "load: [{ workload: kv2.read, route: any, rate: 150/s }]",
        "workload: kv2.read",
        "route: any",
        "rate: 150/s",
        "arrivals: poisson",
        "from: 200/s",
        "to: 4000/s",
        "step: 200/s",
        "every: 30s",
        "warm_up: 3s",
        "steady: 10s",
        "timeline: [{ at: 0s, kill: leader, heal_after: 15s }]",
        "random: { for: 60s, every: 5s to 12s, lasts: 3s to 10s, faults: { kill: 3, pause: 2 } }",
        "for: 60s",
        "lasts: 3s to 10s",
        "faults: { kill: 3, pause: 2, step-down: 1 }",
        "seed: 42",
        "when: whole",
        "at: 0s",
        "jitter: 2s",
        "kill: leader",
        "stop: leader",
        "pause: leader",
        "restart: each",
        "step-down: leader",
        "seal: follower",
        "expire: token",
        "revoke: token",
        "storm: leases",
        "count: 10000",
        "alerts: { fires: [{ alert: VaultDown, within: 90s }] }",
        "isolate: leader",
        "cannot-hear: leader",
        "cannot-speak: leader",
        "bridge: follower",
        "ring: all",
        "rotate-audit: each",
        "rekey: leader",
        "rotate-keyring: leader",
        "revoke-root: leader",
        "lose: follower",
        "partition: { n1: [n2, n3] }",
        "degrade: leader",
        "between: peers",
        "how: black-hole",
        "flap: 4s",
        "delay: 50ms",
        "spread: 10ms",
        "loss: 10%",
        "bandwidth: 1MB/s",
        "heal_after: 15s",
        "times: 3",
        "ttl: 5s",
        "recovery: { within: 60s, hold: 5s }",
        "within: 60s",
        "hold: 5s",
        "abort_when: { outage: 90s }",
        "outage: 90s",
        "expect: [failover.mttr, no-lost-writes]",
        "tags: [ci]",
        "token_file: token",
        "api_addr: https://127.0.0.1:8200",
        "password_file: password",
        "target: \"< 5 ms\"",
        "token_ttl: 1h",
        "lease_ttl: 5s",
        "always: false",
        "command: [\"{server}\", kv, get, \"-mount={mount}\", \"{path}\"]",
        "timeout: 5s",
        "failed: [2]",
        "requires: { command: [python3, -c, import hvac], get: pip install hvac }",
        "groups: [{ name: failover, scenarios: [failover] }]",
        "scenarios: [failover]",
        "backends: [process, docker]",
        "upgrades: [{ from: openbao@2.7.1, to: openbao@2.7.2 }]",
    ];
    EXAMPLES.into_iter().find(|example| example.split(':').next() == Some(key))
}
