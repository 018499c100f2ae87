//! A scenario after validation: every default filled in, targets still symbolic.

use super::{Blueprint, FaultKind, LinkFault, Rate, Route, Span, Strain, Target, Workload};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scenario {
    pub name: String,
    pub summary: String,
    pub blueprint: Blueprint,
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
    pub recovery: Recovery,
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
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Load {
    pub workload: Workload,
    pub route: Route,
    pub rate: RatePlan,
    pub arrivals: Arrivals,
}

impl Load {
    /// How reports call it; unique enough for people, the index in the list is the identity.
    pub fn name(&self) -> String {
        format!("{} via {}", self.workload, self.route)
    }
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
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recovery {
    /// Full redundancy must be back this long after the last heal.
    pub within: Span,
    /// Load goes on this long after that, so that there are operations after the fault to judge.
    pub hold: Span,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AbortWhen {
    /// Stop and heal when no write was acknowledged for this long.
    pub outage: Span,
}

/// Objectives that ask for the whole machine.
pub const LATENCY_OBJECTIVES: [&str; 6] =
    ["read.p50", "read.p99", "write.p99", "health.latency", "throughput.node", "throughput.knee"];
