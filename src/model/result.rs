//! `result.json`, version 1: a public contract. Fields may be added, never renamed.

use super::{AlertRow, DelayMs, FaultKind, Impairment, NodeId, Rehearsal, Servers, Target, Verdict};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    pub version: u32,
    pub scenario: String,
    pub summary: String,
    pub backend: String,
    /// A list, in the order in which nodes had them, where they were upgraded.
    pub server: Servers,
    pub seed: u64,
    pub started_at: jiff::Timestamp,
    pub duration_ms: f64,
    pub verdict: Verdict,
    /// Why the verdict is not a pass; empty for a pass.
    pub reasons: Vec<String>,
    pub objectives: Vec<ObjectiveRow>,
    pub invariants: Vec<InvariantRow>,
    pub faults: Vec<FaultRow>,
    pub failovers: Vec<Failover>,
    pub outages: Vec<Outage>,
    /// Empty unless a fault cut nodes off from the majority.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stale_reads: Vec<StaleReads>,
    /// Where nodes were upgraded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rehearsal: Option<Rehearsal>,
    /// Where Prometheus watched: a row a rule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alerts: Vec<AlertRow>,
    pub load: Vec<LoadRow>,
    pub budget: Option<Budget>,
    pub control: Control,
    /// Phases in order, with their start and end.
    pub phases: Vec<PhaseRow>,
    pub overrides: Vec<String>,
    pub command: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ObjectiveRow {
    pub id: String,
    pub gating: bool,
    pub source: String,
    /// As the document has it: `< 60 s`.
    pub target: String,
    /// In `unit`; null when nothing was measured.
    pub measured: Option<f64>,
    pub unit: String,
    /// 95 % interval of `measured`, or the measurement's resolution where it is a single event.
    pub interval: Option<[f64; 2]>,
    pub samples: u64,
    pub verdict: Verdict,
    /// Why it is not a pass, or how long a run would decide it. Empty for a plain pass.
    pub note: String,
    pub breakdown: Vec<Breakdown>,
    /// Whether the scenario is meant to leave data for it.
    #[serde(default = "yes")]
    pub exercised: bool,
}

fn yes() -> bool {
    true
}

/// The same figure for one part: an operation and route, a node, a fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Breakdown {
    pub part: String,
    pub measured: Option<f64>,
    pub interval: Option<[f64; 2]>,
    pub samples: u64,
    pub verdict: Verdict,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InvariantRow {
    pub id: String,
    pub gating: bool,
    pub verdict: Verdict,
    /// How many things were checked: for `no-lost-writes`, acknowledged writes read back.
    pub checked: u64,
    pub note: String,
    pub violations: Vec<Violation>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Violation {
    pub summary: String,
    /// Id of the known finding that it is.
    pub known: Option<String>,
    /// Lines of the journal or history that prove it.
    pub evidence: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FaultRow {
    pub id: String,
    pub kind: FaultKind,
    pub target: Target,
    pub nodes: Vec<NodeId>,
    pub requested_ms: f64,
    pub applied_ms: Option<f64>,
    /// How we know that it took hold, or why it did not.
    pub evidence: String,
    pub healed_ms: Option<f64>,
    /// `not applicable` for one-shot faults.
    pub heal_evidence: String,
    /// For a fault that gives a node less than it had: what was asked, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strain: Option<String>,
    /// For a fault of the network: how it was done and how long that took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<NetworkRow>,
    /// What was asked of each way between two nodes, and what packets of our own met there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<LinkRow>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NetworkRow {
    /// What was asked, in words.
    pub asked: String,
    /// By what means, such as `TCP proxies`.
    pub way: String,
    /// From the request until it held on every link, the longest of several times.
    pub effect_ms: f64,
    /// The same until the network was whole again; null when it never was.
    pub heal_ms: Option<f64>,
    /// How many times it was done: more than once when it flapped.
    pub times: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinkRow {
    pub from: NodeId,
    pub to: NodeId,
    /// The default where the fault leaves the way as it is.
    pub asked: Impairment,
    pub before: Option<ProbeRow>,
    pub during: Option<ProbeRow>,
    pub after: Option<ProbeRow>,
}

/// What packets of our own met on one way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeRow {
    pub sent: u32,
    pub arrived: u32,
    /// One way; null when none arrived.
    pub delay_ms: Option<DelayMs>,
}

/// What nodes that were cut off from the majority went on answering, or all others for comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StaleReads {
    /// The fault that cut the node off; null for all reads through nodes that had not been cut off before.
    pub fault: Option<String>,
    pub node: Option<NodeId>,
    /// How long it was cut off in all.
    pub cut_off_ms: Option<f64>,
    /// Reads of the load that were sent to it meanwhile and answered before it was healed, and those that failed.
    pub answered: u64,
    pub unanswered: u64,
    /// From the first cut to the last answer: so long it went on answering.
    pub last_answer_ms: Option<f64>,
    /// Those that were older than a write that had been acknowledged before they were sent.
    pub stale: u64,
    /// The oldest answer, by acknowledged versions that it lacked.
    pub versions_behind_max: u64,
    /// The oldest answer, by the time since the first acknowledged write that it lacked.
    pub behind_max_ms: f64,
    /// The operation of the history that was furthest behind.
    pub oldest: Option<u64>,
    /// How long after the heal it still gave an answer without a write that had been acknowledged before the heal;
    /// null when it never did.
    pub stale_after_heal_ms: Option<f64>,
}

/// What one fault on the active node cost, phase by phase. All from `applied_ms`; unknown is null.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failover {
    pub fault: String,
    /// How finely first_write is known.
    pub resolution_ms: f64,
    pub phases_ms: FailoverPhases,
    /// When the server's own log says that the new leader was ready (`post-unseal setup complete` after
    /// `acquired lock, enabling active operation`), from `applied_ms`.
    pub log_ready_ms: Option<f64>,
    pub new_leader: Option<NodeId>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FailoverPhases {
    pub first_error: Option<f64>,
    /// From the log line `entering leader state` of the new leader.
    pub elected: Option<f64>,
    /// First poll that saw another node active.
    pub active: Option<f64>,
    /// First acknowledged read and write through a surviving node after the first error.
    pub first_read: Option<f64>,
    pub first_write: Option<f64>,
    /// Every voter healthy again.
    pub redundant: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outage {
    pub operation: String,
    pub route: String,
    pub start_ms: f64,
    pub end_ms: f64,
    pub fault: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadRow {
    pub name: String,
    pub operation: String,
    pub route: String,
    /// A phase's name, or `all`.
    pub phase: String,
    /// What the load's rate asks for in that time.
    pub planned: u64,
    pub sent: u64,
    pub ok: u64,
    pub failed: u64,
    /// Those of `failed` that were refused because another version was there: an answer, no failure.
    #[serde(default)]
    pub conflicts: u64,
    pub unknown: u64,
    pub send_lag_p99_us: u64,
    pub latency_us: LatencySummary,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LatencySummary {
    pub p50: u64,
    pub p90: u64,
    pub p99: u64,
    pub p999: u64,
    pub max: u64,
}

/// The availability promise as an error budget over a 30-day month, and what this run's faults burned of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    pub target_percent: f64,
    pub month_budget_ms: f64,
    /// Of the worst operation and route, over all faults: share not served × time.
    pub burned_ms: f64,
    pub burned_share_percent: f64,
    pub assumed_failures_per_month: f64,
    /// With so many failures a month, each as costly as this run's were on average.
    pub projected_month_percent: f64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Control {
    pub stall_max_ms: f64,
    pub echo_p99_ms: f64,
    pub contaminated_windows: u64,
    pub windows: u64,
    /// At most so many runs of one command went on at once, this one included.
    #[serde(default = "super::run_info::alone")]
    pub side_by_side: u16,
    pub cpu_s: CpuSeconds,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CpuSeconds {
    pub servers: f64,
    pub harness: f64,
    /// The servers of other runs of the same command.
    #[serde(default)]
    pub siblings: f64,
    pub other: f64,
    pub steal: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhaseRow {
    pub phase: String,
    pub start_ms: f64,
    pub end_ms: f64,
}
