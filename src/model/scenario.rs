//! A scenario after validation: every default filled in, targets still symbolic.

use super::{
    AlertWatch, Blueprint, FaultKind, HandOver, LinkFault, RandomFaults, Rate, Route, SealKind, Span, Strain,
    Target, Workload,
};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scenario {
    pub name: String,
    pub summary: String,
    pub blueprint: Blueprint,
    /// Where the blueprint was read, when it is none of the built-in ones.
    #[serde(skip)]
    pub blueprint_file: Option<PathBuf>,
    /// Of every random choice, where the command names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Overrides of the server's own defaults.
    pub server: ServerTuning,
    pub load: Vec<Load>,
    /// How many secrets all loads share; `None` for as many as keep every version for the read-back.
    pub keys: Option<u32>,
    /// How long credentials of the database live unless they are renewed; `None` for as long as documented.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_ttl: Option<Span>,
    /// Load runs but nothing is judged.
    pub warm_up: Span,
    /// Load runs undisturbed; latency objectives are judged here.
    pub steady: Span,
    /// Faults, with times counted from the end of the steady phase.
    pub timeline: Vec<Step>,
    /// What the timeline is drawn from when a run begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub random: Option<RandomFaults>,
    pub recovery: Recovery,
    /// Prometheus watches the cluster, and its alerts are judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alerts: Option<AlertWatch>,
    pub abort_when: Option<AbortWhen>,
    /// Ids of objectives and invariants that make the verdict.
    pub expect: Vec<String>,
    pub tags: Vec<String>,
}

impl Scenario {
    /// Whether anything in it needs a database beside the cluster.
    pub fn uses_a_database(&self) -> bool {
        self.load.iter().any(|load| load.workload.is_of_the_database())
            || self.timeline.iter().any(|step| step.target == Target::Database)
    }

    /// Whether another server keeps the key of its seal.
    pub fn uses_a_kms(&self) -> bool {
        self.blueprint.seal.kind == SealKind::Transit
    }

    /// Whether the token that the cluster is initialised with is revoked.
    pub fn revokes_root(&self) -> bool {
        self.timeline.iter().any(|step| step.fault == FaultKind::RevokeRoot)
    }

    /// Whether nodes of it get another version.
    pub fn replaces_versions(&self) -> bool {
        self.timeline.iter().any(|step| step.fault.installs().is_some())
    }

    /// What is planned; and what may be drawn, since another seed must not decide whether it can be done at all.
    pub fn possible_steps(&self) -> impl Iterator<Item = Step> {
        let drawable = self.random.iter().flat_map(|random| &random.faults).map(|(kind, _)| {
            let heal_after = (!kind.is_one_shot()).then(Span::default);
            Step::plain(Span::default(), *kind, Target::Leader, heal_after)
        });
        self.timeline.iter().cloned().chain(drawable)
    }

    /// Its programs of somebody else's.
    pub fn programs_mut(&mut self) -> impl Iterator<Item = &mut Program> {
        self.load.iter_mut().filter_map(|load| load.program.as_mut())
    }

    /// Whether the verdict rests on this objective or invariant.
    pub fn expects(&self, id: &str) -> bool {
        self.expect.iter().any(|expected| expected == id)
    }

    /// Whether the verdict rests on figures that another run on this machine would disturb.
    pub fn asks_for_exclusive_use(&self) -> bool {
        self.expect.iter().any(|id| LATENCY_OBJECTIVES.contains(&id.as_str()))
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ServerTuning {
    /// Raft's time scale; the server's default of 5 holds when absent.
    pub performance_multiplier: Option<u8>,
    /// Nodes give their metrics to everybody, and so while they are sealed; by default a token is needed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub open_metrics: bool,
    /// How much of the documented time nodes keep metrics: scaled with the alerts that look at them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics_retention: Option<Span>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Load {
    pub workload: Workload,
    pub route: Route,
    pub rate: RatePlan,
    pub arrivals: Arrivals,
    /// What is run for each operation of the workload `program`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<Program>,
}

impl Load {
    /// How reports call it; unique enough for people, the index in the list is the identity.
    pub fn name(&self) -> String {
        format!("{} via {}", self.workload, self.route)
    }
}

/// A program that is somebody's client, run once for each operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Program {
    /// The program and its arguments, with `{server}`, `{mount}` and `{path}` still in them.
    pub command: Vec<String>,
    /// The scenario's own folder, where it is run.
    pub folder: String,
    /// When it is ended.
    pub timeout: Span,
    /// Exit codes that say for certain that nothing was done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requires: Option<Requirement>,
    /// Where this machine has it: looked for before a run.
    #[serde(skip)]
    pub found: Option<PathBuf>,
    /// Where this machine has the server, for `{server}`.
    #[serde(skip)]
    pub server: Option<PathBuf>,
}

/// What must end with exit code 0 before a run, or its scenario is skipped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Requirement {
    pub command: Vec<String>,
    /// How to get what is missing.
    pub get: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RatePlan {
    Constant(Rate),
    /// Growing rates, each held for `every`; takes the place of the steady phase and ends early once a stage has
    /// clearly broken. Never empty.
    Ramp {
        stages: Vec<Rate>,
        every: Span,
    },
}

impl RatePlan {
    /// The most that is asked for at any time, per second.
    pub fn highest(&self) -> f64 {
        match self {
            RatePlan::Constant(rate) => rate.0,
            RatePlan::Ramp { stages, .. } => stages.iter().map(|rate| rate.0).fold(0.0, f64::max),
        }
    }

    /// How long a ramp takes when no stage breaks; `None` for a fixed rate.
    pub fn ramp_length(&self) -> Option<Span> {
        match self {
            RatePlan::Constant(_) => None,
            RatePlan::Ramp { stages, every } => Some(Span(every.0 * stages.len() as u32)),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arrivals {
    #[default]
    Constant,
    Poisson,
}

/// One line of the timeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    pub at: Span,
    /// Up to this much is added to `at`, drawn with the run's seed.
    pub jitter: Span,
    pub fault: FaultKind,
    pub target: Target,
    /// `None` for one-shot faults.
    pub heal_after: Option<Span>,
    /// How many times in all, `every` apart (at least 1).
    pub times: u16,
    pub every: Span,
    /// For `expire`: the scaled time to live.
    pub ttl: Option<Span>,
    /// For faults of the network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<LinkFault>,
    /// For faults that give a node less than it had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strain: Option<Strain>,
    /// For `each`: so long the cluster, whole again, is left alone before the next node's turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest: Option<Span>,
    /// For `upgrade` and `downgrade`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hand_over: Option<HandOver>,
    #[serde(default, skip_serializing_if = "When::is_due")]
    pub when: When,
    /// For `storm`: how many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
}

/// What a step waits for once its time has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// Nothing.
    #[default]
    Due,
    /// The faults before it are over, and some node leads.
    Led,
    /// The faults before it are over, and the cluster is fully redundant.
    Whole,
}

impl When {
    /// Those that a scenario can ask for.
    pub const ASKED: [When; 2] = [When::Led, When::Whole];

    pub fn name(self) -> &'static str {
        match self {
            When::Due => "due",
            When::Led => "led",
            When::Whole => "whole",
        }
    }

    pub fn is_due(&self) -> bool {
        *self == When::Due
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recovery {
    /// Full redundancy must be back this long after the last heal.
    pub within: Span,
    /// Load goes on this long after that, so that there are operations after the fault to judge.
    pub hold: Span,
    /// For `snapshot-equal`.
    #[serde(default)]
    pub restore_into: RestoreInto,
}

/// On how many nodes a snapshot is restored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestoreInto {
    /// Enough to read what is in it.
    #[default]
    One,
    /// As many as the cluster had, which is lost for good.
    All,
}

impl RestoreInto {
    pub const ALL: [RestoreInto; 2] = [RestoreInto::One, RestoreInto::All];

    pub fn name(self) -> &'static str {
        match self {
            RestoreInto::One => "one",
            RestoreInto::All => "all",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AbortWhen {
    /// Stop and heal when no write was acknowledged for this long.
    pub outage: Span,
}

/// Successes of reads, and of writes, that a run must show before its first fault and after its last.
pub const SUCCESSES_MIN: usize = 20;

/// Objectives that ask for the whole machine.
pub const LATENCY_OBJECTIVES: [&str; 7] = [
    "read.p50",
    "read.p99",
    "write.p99",
    "health.latency",
    "throughput.node",
    "throughput.cluster",
    "throughput.knee",
];
