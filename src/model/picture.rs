//! What the pictures of a report are drawn from: derived from the run folder, like the result.

use super::{NodeId, Role};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Picture {
    pub end_ms: f64,
    /// One per load, in the scenario's order.
    pub series: Vec<Series>,
    pub lanes: Vec<Lane>,
    pub percentile_curves: Vec<PercentileCurve>,
    pub errors: Vec<ErrorCount>,
    pub contaminated_ms: Vec<(f64, f64)>,
    /// (time, term) at about 1 Hz.
    pub terms: Vec<(f64, u64)>,
    pub ramp: Vec<RampStage>,
    pub deviations: Vec<super::Deviation>,
    pub machine: Option<super::Machine>,
}

/// Per-second figures of one load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    pub name: String,
    pub seconds: Vec<Second>,
}

/// Operations whose intended start lies in `[start_ms, start_ms + 1000)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Second {
    pub start_ms: f64,
    pub ok: u64,
    pub failed: u64,
    pub unknown: u64,
    pub p50_us: u64,
    pub p99_us: u64,
    pub max_us: u64,
}

/// A node's roles over time; a segment lasts to the start of the next one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lane {
    pub node: NodeId,
    pub segments: Vec<(f64, Role)>,
}

/// Latency at growing percentiles in one phase of one load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PercentileCurve {
    pub name: String,
    pub phase: String,
    /// (percentile in 0..=100, latency in µs)
    pub points: Vec<(f64, u64)>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorCount {
    pub load: String,
    pub node: String,
    /// The kind in words, with the status where there is one: `status 500`.
    pub error: String,
    pub outcome: super::Outcome,
    pub count: u64,
    pub first_ms: f64,
    pub last_ms: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RampStage {
    pub load: String,
    pub rate: f64,
    pub achieved: f64,
    pub p99_us: u64,
    pub error_percent: f64,
    pub holds: bool,
}
