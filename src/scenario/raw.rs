//! A scenario file as it is written, before anything is checked. The doc comments become the descriptions of
//! the JSON Schema, so they speak to people who write scenarios.

use super::words::*;
use super::yaml::Text;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};
use serde_saphyr::Spanned;
use std::collections::BTreeMap;
use std::fmt;

/// One scenario: one file, one test. It names a cluster, a load, faults and what must stay true.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `name`, `blueprint`, `load` and so on")]
#[schemars(rename = "scenario")]
pub(super) struct RawScenario {
    /// `scenario`, or absent.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("enum" = ["scenario"]))]
    #[expect(dead_code, reason = "looked at before the rest of the file is read")]
    pub kind: Option<Text>,
    /// How reports, run folders and tests call it.
    #[schemars(with = "NameText")]
    pub name: Text,
    /// What must hold, in a sentence.
    #[schemars(with = "String")]
    pub summary: Text,
    /// The documented deployment under test: the name of a built-in one, or the path of a file, relative to
    /// this one, when it contains a slash.
    #[schemars(with = "String")]
    pub blueprint: Text,
    /// Of every random choice, so that a file can name the run that it repeats; `--seed` takes its place.
    #[serde(default)]
    #[schemars(with = "Option<u64>")]
    pub seed: Option<Text>,
    /// What opens the nodes, where that is not as in the blueprint: `transit` (another server, started beside the cluster,
    /// keeps the key; `kms` in the timeline is that server) or `static` (a file beside each node). Nobody unseals then.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("enum" = ["shamir", "transit", "static"]))]
    pub seal: Option<Text>,
    /// Differences from the server's own defaults; printed beside every promise.
    #[serde(default)]
    pub server: Option<RawServer>,
    /// What clients do during all phases.
    #[schemars(with = "Vec<RawLoad>", length(min = 1))]
    pub load: Spanned<Vec<Spanned<RawLoad>>>,
    /// How many secrets all loads share, so that requests meet at the same ones. When absent there are so many that
    /// every version is still kept when it is read back, and no two check-and-sets are rivals.
    #[serde(default)]
    #[schemars(with = "Option<u32>", range(min = 1, max = 20000))]
    pub keys: Option<Text>,
    /// How long credentials of the database live unless they are renewed, in whole seconds, at most 5m; reports print it
    /// beside the documented time, which holds when this is absent.
    #[serde(default)]
    #[schemars(with = "Option<DurationText>")]
    pub lease_ttl: Option<Text>,
    /// How long the load runs before anything is judged. 3s when absent.
    #[serde(default)]
    #[schemars(with = "Option<DurationText>")]
    pub warm_up: Option<Text>,
    /// How long the load runs undisturbed; latency is judged here. 10s when absent; with a ramp, the ramp's
    /// own length.
    #[serde(default)]
    #[schemars(with = "Option<DurationText>")]
    pub steady: Option<Text>,
    /// The faults.
    #[serde(default)]
    #[schemars(with = "Option<Vec<RawStep>>")]
    pub timeline: Option<Vec<Spanned<RawStep>>>,
    /// Faults that are drawn with the run's seed, in place of a timeline. What was drawn stands in `schedule.yaml` of the run's
    /// folder, which is a scenario of its own.
    #[serde(default)]
    #[schemars(with = "Option<RawRandom>")]
    pub random: Option<Spanned<RawRandom>>,
    /// What happens after the last fault.
    #[serde(default)]
    pub recovery: Option<RawRecovery>,
    /// Prometheus scrapes every node with the blueprint's alerts as its rules. Those that are not named here must stay
    /// silent.
    #[serde(default)]
    #[schemars(with = "Option<RawAlerts>")]
    pub alerts: Option<Spanned<RawAlerts>>,
    /// When to stop early: everything is healed, and the verdict is at best inconclusive.
    #[serde(default)]
    #[schemars(with = "Option<RawAbortWhen>")]
    pub abort_when: Option<Spanned<RawAbortWhen>>,
    /// The objectives and invariants that make the verdict. All others are shown, too, but do not gate.
    #[schemars(with = "Vec<ExpectationText>", length(min = 1))]
    pub expect: Spanned<Vec<Text>>,
    /// Words by which `run --tag` and the test runner choose scenarios; `ci` is run on every change.
    #[serde(default)]
    #[schemars(with = "Option<Vec<NameText>>")]
    pub tags: Option<Vec<Text>>,
}

/// Differences from the server's own defaults.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping such as `{ performance_multiplier: 1 }`")]
#[schemars(rename = "server")]
pub(super) struct RawServer {
    /// Raft's time scale, 1 to 10. The server's own default is 5: a killed leader then costs about 11 s.
    #[serde(default)]
    #[schemars(with = "Option<u8>", range(min = 1, max = 10))]
    pub performance_multiplier: Option<Text>,
    /// `true`: nodes give their metrics to everybody (`unauthenticated_metrics_access`), also while they are sealed. By
    /// default a token is needed, which a sealed node cannot check.
    #[serde(default)]
    #[schemars(with = "Option<bool>")]
    pub open_metrics: Option<bool>,
}

/// What is expected of alerts.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping such as `{ scale: 0.1, fires: [] }`")]
#[schemars(rename = "alerts")]
pub(super) struct RawAlerts {
    /// How much of the documented waiting times and windows is tested; 1 when absent, and reports print it. The server's
    /// retention of metrics is scaled with it.
    #[serde(default)]
    #[schemars(with = "Option<f64>", range(min = 0.05, max = 1))]
    pub scale: Option<Text>,
    /// The alerts that must fire.
    #[schemars(with = "Vec<RawExpectedAlert>")]
    pub fires: Vec<Spanned<RawExpectedAlert>>,
}

/// One alert that must fire.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping such as `{ alert: VaultDown, within: 20s }`")]
#[schemars(rename = "expected-alert")]
pub(super) struct RawExpectedAlert {
    /// Its name in the blueprint.
    #[schemars(with = "String")]
    pub alert: Text,
    /// How long after the first fault at the latest, in real time.
    #[schemars(with = "DurationText")]
    pub within: Text,
}

/// One line of the load: one kind of request, sent open-loop at a given rate.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    expecting = "a mapping such as `{ workload: kv2.read, route: any, rate: 150/s }`"
)]
#[schemars(rename = "load")]
pub(super) struct RawLoad {
    /// What one request does.
    #[schemars(with = "WorkloadText")]
    pub workload: Text,
    /// How a client chooses the node it sends to: `leader` follows the leader, `any` takes each node in turn,
    /// dead or alive, `standby` the standbys, `healthy` what a readiness probe would keep; or a node id.
    #[schemars(with = "RouteText")]
    pub route: Text,
    /// How many requests, or how their number grows.
    #[schemars(with = "RawRate")]
    pub rate: Spanned<RawRate>,
    /// `constant` (the same distance between requests) when absent, or `poisson` (as independent clients do).
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("enum" = ["constant", "poisson"]))]
    pub arrivals: Option<Text>,
    /// For `program`: the program and its arguments, run once for each request by no shell. A name is looked for beside
    /// the clients of `doctor` and on PATH; a path with a slash is relative to this file. `{server}` (the server's own
    /// program), `{mount}` and `{path}` (where a secret is) are replaced; address, token and certificates are in the
    /// environment (VAULT_ADDR, VAULT_TOKEN, VAULT_CACERT, and the same with BAO_), a value to write on standard input.
    #[serde(default)]
    #[schemars(with = "Option<Vec<String>>", length(min = 1))]
    pub command: Option<Spanned<Vec<Text>>>,
    /// For `program`: when it is ended, with everything that it started; 10s when absent, which is also the most.
    #[serde(default)]
    #[schemars(with = "Option<DurationText>")]
    pub timeout: Option<Text>,
    /// For `program`: exit codes by which it says that nothing was done. Any other than 0 is `unknown`, since a program
    /// that gives up need not know what became of its request.
    #[serde(default)]
    #[schemars(with = "Option<Vec<u8>>")]
    pub failed: Option<Spanned<Vec<Text>>>,
    /// For `program`: what this machine must have.
    #[serde(default)]
    #[schemars(with = "Option<RawRequirement>")]
    pub requires: Option<Spanned<RawRequirement>>,
}

/// What must end with exit code 0 before the run; else the scenario is skipped.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    expecting = "a mapping such as `{ command: [python3, -c, import hvac], get: pip install hvac }`"
)]
#[schemars(rename = "requirement")]
pub(super) struct RawRequirement {
    /// A program and its arguments, looked for like the one it is for.
    #[schemars(with = "Vec<String>", length(min = 1))]
    pub command: Spanned<Vec<Text>>,
    /// How to get what is missing, as it is told to who lacks it.
    #[schemars(with = "String")]
    pub get: Text,
}

/// A fixed rate, or a ramp.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
#[schemars(rename = "rate-plan")]
pub(super) enum RawRate {
    Fixed(#[schemars(with = "RateText")] String),
    Ramp(Box<RawRamp>),
}

/// The rate grows in stages until one has clearly broken; the ramp takes the place of the steady phase.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    expecting = "a mapping such as `{ from: 200/s, to: 4000/s, step: 200/s, every: 5s }`"
)]
#[schemars(rename = "ramp")]
pub(super) struct RawRamp {
    /// The first stage's rate.
    #[schemars(with = "RateText")]
    pub from: Text,
    /// The last stage's rate.
    #[schemars(with = "RateText")]
    pub to: Text,
    /// How much faster each stage is than the one before: a rate such as `200/s`, or a factor such as `x1.5`.
    #[schemars(with = "String")]
    pub step: Text,
    /// How long each stage lasts.
    #[schemars(with = "DurationText")]
    pub every: Text,
}

/// One fault: its kind is a key, its target the value, such as `kill: leader`. Exactly one kind a step.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping such as `{ at: 0s, kill: leader, heal_after: 15s }`")]
#[schemars(rename = "step")]
pub(super) struct RawStep {
    /// When, counted from the end of the steady phase.
    #[schemars(with = "DurationText")]
    pub at: Text,
    /// Up to this much is added to `at`, drawn with the run's seed.
    #[serde(default)]
    #[schemars(with = "Option<DurationText>")]
    pub jitter: Option<Text>,
    /// SIGKILL. Healed by starting and unsealing the node; `database` is the one beside the cluster, `kms` the server that
    /// keeps the key of a transit seal.
    #[serde(default)]
    #[schemars(with = "Option<KilledText>")]
    pub kill: Option<Text>,
    /// SIGTERM. Healed by starting and unsealing the node; `database` is the one beside the cluster.
    #[serde(default)]
    #[schemars(with = "Option<EndedText>")]
    pub stop: Option<Text>,
    /// SIGSTOP: the process is there but does nothing. Healed by SIGCONT. `kms` is the server that keeps the key of a
    /// transit seal.
    #[serde(default)]
    #[schemars(with = "Option<PausedText>")]
    pub pause: Option<Text>,
    /// SIGTERM, then start and unseal. `heal_after` is the time it stays down, 1s when absent.
    #[serde(default)]
    #[schemars(with = "Option<TargetText>")]
    pub restart: Option<Text>,
    /// The leader is asked to give up leadership. Nothing to heal.
    #[serde(default, rename = "step-down")]
    #[schemars(with = "Option<LeaderText>")]
    pub step_down: Option<Text>,
    /// The node is sealed through its API. Healed by unsealing it. `kms` is the server that keeps the key of a transit
    /// seal: it then answers everything with an error.
    #[serde(default)]
    #[schemars(with = "Option<PausedText>")]
    pub seal: Option<Text>,
    /// A token, lease or secret id with a short time to live is made and watched to its end. Nothing to heal.
    #[serde(default)]
    #[schemars(with = "Option<ExpiringText>")]
    pub expire: Option<Text>,
    /// Tokens or leases are made and revoked 3s later, one through each node; a token's children must end with it, and
    /// orphans must not. Nothing to heal.
    #[serde(default)]
    #[schemars(with = "Option<RevocableText>")]
    pub revoke: Option<Text>,
    /// As many as `count` says at once: `leases` are made below one prefix, and revoked by it or left to end together (see
    /// `ttl`); `logins` of all tenants in turn, each repeated until it is served. Nothing to heal.
    #[serde(default)]
    #[schemars(with = "Option<StormText>")]
    pub storm: Option<Text>,
    /// For `storm`: how many.
    #[serde(default)]
    #[schemars(with = "Option<u32>", range(min = 1, max = 20000))]
    pub count: Option<Text>,
    /// Cut off from the other nodes, both ways; a group goes on talking within. `minority` is the most nodes that
    /// are no majority, the leader among them; `all` cuts each node off from each.
    #[serde(default)]
    #[schemars(with = "Option<IsolatedText>")]
    pub isolate: Option<Text>,
    /// The node hears no other node, and all hear it.
    #[serde(default, rename = "cannot-hear")]
    #[schemars(with = "Option<OneNodeText>")]
    pub cannot_hear: Option<Text>,
    /// No other node hears the node, and it hears all.
    #[serde(default, rename = "cannot-speak")]
    #[schemars(with = "Option<OneNodeText>")]
    pub cannot_speak: Option<Text>,
    /// The node talks with all, and the others talk with it alone.
    #[serde(default)]
    #[schemars(with = "Option<OneNodeText>")]
    pub bridge: Option<Text>,
    /// Each node cannot hear the one before it, so that each hears another majority. Connections need both ways:
    /// of three nodes no two can talk, of five each keeps a majority of its own.
    #[serde(default)]
    #[schemars(with = "Option<AllText>")]
    pub ring: Option<Text>,
    /// Who cannot hear whom: `{ n1: [n2, n3] }` means that n1 hears neither n2 nor n3.
    #[serde(default)]
    #[schemars(with = "Option<BTreeMap<String, Vec<String>>>")]
    pub partition: Option<Spanned<BTreeMap<String, Vec<Text>>>>,
    /// Every link of the node to other nodes is slow, narrow or lossy, in both directions: see `delay`, `spread`,
    /// `loss` and `bandwidth`, of which it needs at least one. `kms` is the server that keeps the key of a transit seal; it takes
    /// `delay` only.
    #[serde(default)]
    #[schemars(with = "Option<SlowedText>")]
    pub degrade: Option<Text>,
    /// The disk that holds the node's audit files is filled: the server must then refuse. Healed by making room.
    #[serde(default, rename = "fill-audit")]
    #[schemars(with = "Option<DegradedText>")]
    pub fill_audit: Option<Text>,
    /// The disk that holds the node's data is filled. Healed by making room, and by starting and unsealing a node that
    /// ended of it.
    #[serde(default, rename = "fill-data")]
    #[schemars(with = "Option<DegradedText>")]
    pub fill_data: Option<Text>,
    /// The node's writes reach the disk only as often as `writes` says.
    #[serde(default, rename = "slow-disk")]
    #[schemars(with = "Option<DegradedText>")]
    pub slow_disk: Option<Text>,
    /// The node gets only as much of a core as `cpus` says.
    #[serde(default, rename = "limit-cpu")]
    #[schemars(with = "Option<DegradedText>")]
    pub limit_cpu: Option<Text>,
    /// The node gets only as much memory as `memory` says, and the kernel ends it when it wants more; a limit that it
    /// can live with has not taken hold. Healed by lifting the limit, and by starting and unsealing the node.
    #[serde(default, rename = "limit-memory")]
    #[schemars(with = "Option<DegradedText>")]
    pub limit_memory: Option<Text>,
    /// The node is taken off its network: neither nodes nor clients reach it.
    #[serde(default)]
    #[schemars(with = "Option<DegradedText>")]
    pub disconnect: Option<Text>,
    /// The node's audit file gets another name, and the server is told by SIGHUP to open a new one. Nothing to heal.
    #[serde(default, rename = "rotate-audit")]
    #[schemars(with = "Option<RotatedText>")]
    pub rotate_audit: Option<Text>,
    /// The leader gives new key shares for the old ones, as many and with the same threshold. A node that is started later
    /// is tried with the old ones first, which must not open it. Nothing to heal.
    #[serde(default)]
    #[schemars(with = "Option<LeaderText>")]
    pub rekey: Option<Text>,
    /// The leader makes a new encryption key, with which everything is written from then on. Nothing to heal.
    #[serde(default, rename = "rotate-keyring")]
    #[schemars(with = "Option<LeaderText>")]
    pub rotate_keyring: Option<Text>,
    /// The token that the cluster was initialised with is revoked through the leader and tried on every node; the harness
    /// goes on with another operator's. Nothing to heal.
    #[serde(default, rename = "revoke-root")]
    #[schemars(with = "Option<LeaderText>")]
    pub revoke_root: Option<Text>,
    /// SIGTERM, then the program of the version that `--to` names, start and unseal. `heal_after` is the time the node stays
    /// down, 1s when absent.
    #[serde(default)]
    #[schemars(with = "Option<TargetText>")]
    pub upgrade: Option<Text>,
    /// The same back to the version that `--from` names: what an operator does who breaks an upgrade off.
    #[serde(default)]
    #[schemars(with = "Option<TargetText>")]
    pub downgrade: Option<Text>,
    /// SIGKILL, and everything that the node had stored is wiped. Healed by a node with nothing in its store, which takes the
    /// place of the one that is lost; where no majority is left, the server's own recovery file (peers.json) comes first.
    #[serde(default)]
    #[schemars(with = "Option<LostText>")]
    pub lose: Option<Text>,
    /// For `upgrade` and `downgrade` of a leader: `stop` (when absent), by which it hands over as it ends, or `step-down`
    /// before that.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("enum" = ["stop", "step-down"]))]
    pub hand_over: Option<Text>,
    /// For `each`: how long the cluster, whole again, is left alone before the next node's turn; what is asked then must be
    /// served through every node.
    #[serde(default)]
    #[schemars(with = "Option<DurationText>")]
    pub rest: Option<Text>,
    /// For `slow-disk`: how many writes reach the disk, such as `20/s`.
    #[serde(default)]
    #[schemars(with = "Option<RateText>")]
    pub writes: Option<Text>,
    /// For `limit-cpu`: the share of a core, from 0.01 to 64.
    #[serde(default)]
    #[schemars(with = "Option<f64>", range(min = 0.01, max = 64))]
    pub cpus: Option<Text>,
    /// For `limit-memory`: at least 6MiB, below which no container starts.
    #[serde(default)]
    #[schemars(with = "Option<BytesText>")]
    pub memory: Option<Text>,
    /// For faults that cut: `peers` (when absent) cuts nodes off from each other, and clients still reach all of
    /// them; `clients` cuts the clients off from the node; `both` does both.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("enum" = ["peers", "clients", "both"]))]
    pub between: Option<Text>,
    /// For faults that cut: `black-hole` (nothing arrives and nobody is told) when absent, or `reject`
    /// (connections are reset and refused).
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("enum" = ["black-hole", "reject"]))]
    pub how: Option<Text>,
    /// For faults that cut: half of each such period cut, half of it healed, until `heal_after`. At least 2s.
    #[serde(default)]
    #[schemars(with = "Option<DurationText>")]
    pub flap: Option<Text>,
    /// For `degrade`: how much later everything arrives, each way; at most 10s.
    #[serde(default)]
    #[schemars(with = "Option<DurationText>")]
    pub delay: Option<Text>,
    /// For `degrade`: up to this much is added to or taken from `delay`.
    #[serde(default)]
    #[schemars(with = "Option<DurationText>")]
    pub spread: Option<Text>,
    /// For `degrade`: the share of packets that is lost, each way.
    #[serde(default)]
    #[schemars(with = "Option<ShareText>")]
    pub loss: Option<Text>,
    /// For `degrade`: how much goes over each link, each way.
    #[serde(default)]
    #[schemars(with = "Option<BandwidthText>")]
    pub bandwidth: Option<Text>,
    /// How long after the injection the fault is healed.
    #[serde(default)]
    #[schemars(with = "Option<DurationText>")]
    pub heal_after: Option<Text>,
    /// Not before the faults before it are over and the cluster is `whole` again (every voter healthy), or `led` by somebody. At
    /// its time when absent.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("enum" = ["led", "whole"]))]
    pub when: Option<Text>,
    /// How many times in all, 1 when absent.
    #[serde(default)]
    #[schemars(with = "Option<u8>", range(min = 1, max = 100))]
    pub times: Option<Text>,
    /// The time between two beginnings; needed when `times` is more than 1.
    #[serde(default)]
    #[schemars(with = "Option<DurationText>")]
    pub every: Option<Text>,
    /// For `storm: leases`: they all end so long after its beginning; without it they are revoked as soon as all are there.
    /// For `expire`: the time to live that is tested, in whole seconds, at most 5m. `renewed-token` may live three
    /// times as long, `periodic-token` is renewed for as long, and what is for few uses is used up within it.
    #[serde(default)]
    #[schemars(with = "Option<DurationText>")]
    pub ttl: Option<Text>,
}

/// Faults that are drawn one after the other, each once those before it are over.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    expecting = "a mapping such as `{ for: 60s, every: 5s to 12s, lasts: 3s to 10s, faults: { kill: 3, pause: 2 } }`"
)]
#[schemars(rename = "random")]
pub(super) struct RawRandom {
    /// How long after the first fault others begin.
    #[serde(rename = "for")]
    #[schemars(rename = "for", with = "DurationText")]
    pub lasting: Text,
    /// From the beginning of one to that of the next, such as `5s to 12s`, each time in between, or `8s`. Later where the
    /// cluster is not ready: see `quorum`.
    #[schemars(with = "RangeText")]
    pub every: Text,
    /// From injection to heal, such as `3s to 10s`.
    #[schemars(with = "RangeText")]
    pub lasts: Text,
    /// What may be drawn, each with its weight: `{ kill: 3, pause: 1 }` kills three times as often as it pauses.
    #[schemars(with = "BTreeMap<DrawnText, u16>")]
    pub faults: Spanned<BTreeMap<String, Text>>,
    /// Whom it may be aimed at, each with its weight; `{ leader: 1, follower: 1 }` when absent. `majority` and `all` need
    /// `quorum: may-break`.
    #[serde(default)]
    #[schemars(with = "Option<BTreeMap<AimText, u16>>")]
    pub targets: Option<Spanned<BTreeMap<String, Text>>>,
    /// `keep` (when absent): each fault leaves a majority, and the next begins once the cluster is whole again. `may-break`:
    /// the next begins as soon as somebody leads.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("enum" = ["keep", "may-break"]))]
    pub quorum: Option<Text>,
}

/// What happens after the last fault.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping such as `{ within: 60s, hold: 5s }`")]
#[schemars(rename = "recovery")]
pub(super) struct RawRecovery {
    /// Full redundancy (every voter healthy) must be back this long after the last heal. 60s when absent.
    #[serde(default)]
    #[schemars(with = "Option<DurationText>")]
    pub within: Option<Text>,
    /// The load goes on this long after that, so that there is something to judge. 5s when absent.
    #[serde(default)]
    #[schemars(with = "Option<DurationText>")]
    pub hold: Option<Text>,
    /// For `snapshot-equal`: `one` (when absent) restores the snapshot on one node, `all` on as many as the cluster has, as
    /// after its total loss; `node-agreement` is then about those.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("enum" = ["one", "all"]))]
    pub restore_into: Option<Text>,
}

/// When to stop early.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping such as `{ outage: 90s }`")]
#[schemars(rename = "abort-when")]
pub(super) struct RawAbortWhen {
    /// No write was acknowledged for this long.
    #[schemars(with = "DurationText")]
    pub outage: Text,
}

// Not `#[serde(untagged)]`: that would lose the places in the file and every error message.
impl<'de> Deserialize<'de> for RawRate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RateVisitor;

        impl<'de> Visitor<'de> for RateVisitor {
            type Value = RawRate;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a rate such as `150/s`, or a ramp such as ")?;
                f.write_str("`{ from: 200/s, to: 4000/s, step: 200/s, every: 5s }`,")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<RawRate, E> {
                Ok(RawRate::Fixed(text.to_string()))
            }

            // A number without a unit: taken as text, so that the message says that `/s` is missing.
            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<RawRate, E> {
                Ok(RawRate::Fixed(number.to_string()))
            }

            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<RawRate, E> {
                Ok(RawRate::Fixed(number.to_string()))
            }

            fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<RawRate, E> {
                Ok(RawRate::Fixed(number.to_string()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawRate, A::Error> {
                RawRamp::deserialize(MapAccessDeserializer::new(map))
                    .map(|ramp| RawRate::Ramp(Box::new(ramp)))
            }
        }

        deserializer.deserialize_any(RateVisitor)
    }
}
