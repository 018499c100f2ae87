//! Objectives: what was promised, what was measured, and whether that is enough to say so. Three-valued, with
//! 95 % intervals; where an interval straddles the bound, the row says what would decide it.
//! Nothing live: no clock, no file, no network.

mod alerts;
mod audit;
mod cluster;
mod engines;
mod exercise;
mod failover;
mod figure;
mod latency;
mod ratio;
mod staleness;
#[cfg(test)]
mod tests;
mod throughput;
mod unseal;

pub use exercise::exercises;
pub use failover::LostWrites;
pub use figure::Figure;
pub use ratio::budget;

use crate::facts::Facts;
use crate::model::{
    Bound, Comparison, INVARIANT_IDS, LATENCY_OBJECTIVES, Objective, ObjectiveRow, Unit, Verdict, Workload,
};
use figure::Judged;

/// One row to be judged: an objective of the blueprint, or a figure that only the scenario expects.
#[derive(Clone, Debug, PartialEq)]
pub struct Promise {
    pub id: String,
    pub gating: bool,
    pub source: String,
    /// `None` when the scenario expects a figure that nobody promised.
    pub target: Option<Bound>,
    /// The target as it is shown.
    pub shown: String,
    /// The document's own words.
    words: String,
}

/// Every objective of the blueprint, then what only the scenario asks for.
pub fn promises(facts: &Facts) -> Vec<Promise> {
    let scenario = &facts.run.info.scenario;
    let expected = |id: &str| scenario.expects(id);
    let mut promises: Vec<Promise> = scenario
        .blueprint
        .objectives
        .iter()
        .map(|Objective { id, target, source, words }| Promise {
            id: id.clone(),
            gating: expected(id),
            source: source.clone(),
            target: Some(*target),
            shown: target.to_string(),
            words: words.clone().unwrap_or_default(),
        })
        .collect();
    let mut add = |id: &str, target: Option<Bound>, shown: String| {
        if !promises.iter().any(|promise| promise.id == id) {
            let (source, words) = ("scenario".into(), String::new());
            promises.push(Promise { id: id.into(), gating: expected(id), source, target, shown, words });
        }
    };
    if expected("recovery.redundancy") || facts.disturbing_faults().next().is_some() {
        let bound = recovery_bound(facts);
        add("recovery.redundancy", Some(bound), bound.to_string());
    }
    if expected("throughput.knee") || !facts.stages.is_empty() {
        let bound = Bound { comparison: Comparison::More, value: 0.0, unit: Unit::PerSecond };
        add("throughput.knee", Some(bound), "found".into());
    }
    for id in &scenario.expect {
        if !INVARIANT_IDS.iter().any(|(invariant, _)| invariant == id) {
            add(id, None, "nothing promised".into());
        }
    }
    promises
}

fn recovery_bound(facts: &Facts) -> Bound {
    let value = facts.run.info.scenario.recovery.within.as_ms() / 1e3;
    Bound { comparison: Comparison::AtMost, value, unit: Unit::S }
}

pub fn judge(facts: &Facts, promise: &Promise, lost: &LostWrites) -> ObjectiveRow {
    let Some(bound) = promise.target else {
        return unjudged(promise, "the scenario expects it and its blueprint promises nothing".into());
    };
    let judged = match promise.id.as_str() {
        "read.p50" => latency::judge(facts, bound, Workload::Kv2Read, 0.5),
        "read.p99" => latency::judge(facts, bound, Workload::Kv2Read, 0.99),
        "write.p99" => latency::judge(facts, bound, Workload::Kv2Write, 0.99),
        "throughput.node" => throughput::node(facts, bound),
        "throughput.cluster" => throughput::cluster(facts, bound),
        "throughput.knee" => throughput::knee(facts, bound),
        "availability" => ratio::judge(facts, bound, None),
        "staleness" => staleness::judge(facts, bound),
        "auth.success" => ratio::judge(facts, bound, Some(Workload::ApproleLogin)),
        "failover.rto" => failover::rto(facts, bound),
        "failover.mttr" => failover::mttr(facts, bound),
        "failover.rpo" => failover::rpo(lost, bound),
        "recovery.redundancy" => recovery(facts).into(),
        "upgrade.rolling" => failover::upgrade(facts, bound),
        "cluster.init" => cluster::init(facts, bound),
        "node.join" => cluster::join(facts, bound),
        "health.latency" => cluster::health(facts, bound),
        "token.ttl" => cluster::token_ttl(facts, bound, &promise.words),
        "db.ttl" => engines::credentials_ttl(facts, bound),
        "pki.ttl" => engines::certificate_ttl(facts, bound),
        "rotation" => engines::rotation(facts, bound),
        "tls.min" => cluster::tls_min(facts, bound),
        "unseal.auto" => unseal::auto(facts, bound),
        "audit.coverage" => audit::coverage(facts, bound),
        "audit.secrecy" => audit::secrecy(facts, bound),
        "audit.fields" => audit::fields(facts, bound),
        "alerts" => alerts::judge(facts, bound),
        _ => Judged::from(Figure::unknown("nothing in this version measures it")),
    };
    row(promise, unless_disturbed(facts, promise, judged))
}

/// Figures that ask for the whole machine keep no verdict where other runs had their share of it.
fn unless_disturbed(facts: &Facts, promise: &Promise, judged: Judged) -> Judged {
    let at_once = facts.run.info.side_by_side;
    if at_once <= 1 || !LATENCY_OBJECTIVES.contains(&promise.id.as_str()) {
        return judged;
    }
    judged.doubted(format!("up to {at_once} runs shared the machine; run it without --jobs to judge it"))
}

/// How long full redundancy took to come back; fails when it did not within the scenario's own bound.
pub fn recovery(facts: &Facts) -> Figure {
    failover::recovery(facts, recovery_bound(facts))
}

/// The row of an objective that could not be judged.
pub fn unjudged(promise: &Promise, note: String) -> ObjectiveRow {
    row(promise, Figure::unknown(note).into())
}

fn row(promise: &Promise, judged: Judged) -> ObjectiveRow {
    let Judged { figure: Figure { measured, interval, samples, verdict, note }, mut breakdown } = judged;
    // A share in % keeps its digits: what is missing to 100 is what counts.
    let is_time = promise.target.is_some_and(|bound| figure::ms_in(bound.unit, 1.0).is_some());
    let digits = |value: f64| if is_time { six_digits(value) } else { value };
    let (measured, interval) = (measured.map(digits), interval.map(|ends| ends.map(digits)));
    for part in &mut breakdown {
        part.measured = part.measured.map(digits);
        part.interval = part.interval.map(|ends| ends.map(digits));
    }
    ObjectiveRow {
        id: promise.id.clone(),
        gating: promise.gating,
        source: promise.source.clone(),
        target: promise.shown.clone(),
        measured,
        unit: promise.target.map(|bound| bound.unit.name().to_owned()).unwrap_or_default(),
        interval,
        samples,
        verdict,
        note,
        breakdown,
        exercised: true,
    }
}

/// Rounded to six significant digits.
fn six_digits(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

/// What is said when an interval straddles the bound.
fn undecided(samples: u64, needed: Option<u64>, seconds: f64) -> String {
    match needed {
        Some(needed) if needed > samples && samples > 0 => format!(
            "{samples} samples do not decide it; if it goes on like this, \
             about {needed} would: {} at this rate",
            figure::human_duration(needed as f64 * seconds / samples as f64)
        ),
        _ => format!("{samples} samples do not decide it: what was measured lies at the bound itself"),
    }
}

/// Pass when both ends of the interval keep the bound, fail when neither does.
fn verdict_of(bound: &Bound, interval: [f64; 2]) -> Verdict {
    match interval.map(|end| bound.holds(end)) {
        [true, true] => Verdict::Pass,
        [false, false] => {
            let within = interval[0] <= bound.value && bound.value <= interval[1];
            if bound.comparison == Comparison::Equal && within {
                Verdict::Inconclusive
            } else {
                Verdict::Fail
            }
        }
        _ => Verdict::Inconclusive,
    }
}
