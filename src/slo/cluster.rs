//! Promises about the cluster itself: coming up, joining, health checks, token TTL, TLS.

use super::figure::{Figure, Judged, ms_in, not_a_time};
use super::{undecided, verdict_of};
use crate::facts::interval::{quantile_ranks, samples_for_quantile};
use crate::facts::{Facts, Latencies};
use crate::model::{Bound, Comparison, Event, NodeId, Verdict};

/// How often the voters are asked for while the cluster comes up.
const VOTERS_POLL_MS: f64 = 50.0;
/// A looked-up TTL counts down in whole seconds from the moment of the login.
const TTL_COUNTDOWN_MS: f64 = 2_000.0;

pub fn init(facts: &Facts, bound: Bound) -> Judged {
    let ready = facts.events().find_map(|(_, event)| match event {
        Event::ClusterReady { took_ms, reused_state } => Some((*took_ms, *reused_state)),
        _ => None,
    });
    let Some((took_ms, reused_state)) = ready else {
        return Figure::unknown("the cluster was never seen with all its voters").into();
    };
    let Some(unit) = ms_in(bound.unit, 1.0) else { return not_a_time(&bound) };
    let figure = Figure::polled(&bound, took_ms * unit, VOTERS_POLL_MS * unit);
    if reused_state {
        let why = "the first node came back with a saved store (--reuse), so nothing was initialised";
        return figure.doubted(why.into()).into();
    }
    figure.into()
}

pub fn join(facts: &Facts, bound: Bound) -> Judged {
    let Some(unit) = ms_in(bound.unit, 1.0) else { return not_a_time(&bound) };
    let parts: Vec<_> = facts
        .events()
        .filter_map(|(_, event)| match event {
            Event::NodeJoined { node, requested_ms, voter_ms } => {
                let took = (voter_ms - requested_ms) * unit;
                Some((node.to_string(), Figure::polled(&bound, took, VOTERS_POLL_MS * unit)))
            }
            _ => None,
        })
        .collect();
    let joined = parts.len();
    let mut judged = Judged::worst(&bound, parts, "no node joined in this run");
    judged.figure.samples = joined as u64;
    let expected = facts.nodes().saturating_sub(1);
    if joined > 0 && joined < expected && judged.figure.verdict == Verdict::Pass {
        judged.figure = judged.figure.doubted(format!("only {joined} of {expected} nodes were seen to join"));
    }
    judged
}

/// 99th percentile of the health checks of each node, leaving out the time in which a fault had it down.
pub fn health(facts: &Facts, bound: Bound) -> Judged {
    let Some(unit) = ms_in(bound.unit, 1.0) else { return not_a_time(&bound) };
    let from_ms = facts.loaded_from_ms();
    let until_ms = facts.watched_until_ms();
    let nodes = facts.run.info.nodes.iter().map(|node| &node.id);
    let mut parts = Vec::new();
    for id in nodes {
        let polls = polls_while_up(facts, id, from_ms, until_ms);
        parts.push((id.to_string(), health_of(&polls, &bound, unit, (until_ms - from_ms) / 1e3)));
    }
    Judged::worst(&bound, parts, "the cluster has no node")
}

/// (status, latency in ms) of the checks that fell into no fault of the node.
fn polls_while_up(facts: &Facts, id: &NodeId, from_ms: f64, until_ms: f64) -> Vec<(u16, f64)> {
    facts
        .events()
        .filter(|(t_ms, _)| (from_ms..until_ms).contains(t_ms))
        .filter_map(|(t_ms, event)| match event {
            Event::Health { node, status, latency_ms } if node == id => Some((t_ms, *status, *latency_ms)),
            _ => None,
        })
        .filter(|(t_ms, _, latency_ms)| {
            let (sent_ms, answered_ms) = (t_ms - latency_ms, t_ms + latency_ms);
            !facts.faults.iter().any(|fault| fault.has_down(id, sent_ms, answered_ms))
        })
        .map(|(_, status, latency_ms)| (status, latency_ms))
        .collect()
}

fn health_of(polls: &[(u16, f64)], bound: &Bound, unit: f64, seconds: f64) -> Figure {
    let samples = polls.len() as u64;
    if samples == 0 {
        return Figure::unknown("no health check while the node was up");
    }
    let latencies = Latencies::of(polls.iter().map(|(_, latency_ms)| (latency_ms * 1e3).round() as u64));
    let in_unit = |us: u64| us as f64 / 1e3 * unit;
    let measured = Some(in_unit(latencies.quantile_us(0.99)));
    let [low, high] =
        quantile_ranks(0.99, samples).map(|rank| rank.map(|rank| in_unit(latencies.at_rank_us(rank))));
    let interval = low.zip(high).map(|(low, high)| [low, high]);
    let mut verdict = verdict_of(bound, [low.unwrap_or(0.0), high.unwrap_or(f64::INFINITY)]);
    let mut note = String::new();
    if verdict == Verdict::Inconclusive {
        let keep = polls.iter().filter(|(_, latency_ms)| bound.holds(latency_ms * unit)).count();
        let needed = samples_for_quantile(0.99, keep as f64 / samples as f64);
        note = undecided(samples, needed, seconds);
    }
    let unhealthy: Vec<u16> =
        polls.iter().map(|(status, _)| *status).filter(|status| *status != 200).collect();
    if let Some(status) = unhealthy.first() {
        verdict = Verdict::Fail;
        let first = if *status == 0 { "no answer".into() } else { format!("status {status}") };
        note = format!(
            "{} of {samples} checks were not answered with 200, the first with {first}",
            unhealthy.len()
        );
    }
    Figure { measured, interval, samples, verdict, note }
}

pub fn token_ttl(facts: &Facts, bound: Bound, words: &str) -> Judged {
    let lookups: Vec<(f64, bool)> = facts
        .events()
        .filter_map(|(_, event)| match event {
            Event::TokenLookup { ttl_s, renewable } => Some((ttl_s * 1e3, *renewable)),
            _ => None,
        })
        .collect();
    let Some(unit) = ms_in(bound.unit, 1.0) else { return not_a_time(&bound) };
    let parts = lookups
        .iter()
        .enumerate()
        .map(|(i, &(ttl_ms, renewable))| {
            let interval = [ttl_ms, ttl_ms + TTL_COUNTDOWN_MS].map(|end_ms| end_ms * unit);
            let within = interval[0] <= bound.value && bound.value <= interval[1];
            let verdict = match bound.comparison {
                Comparison::Equal if within => Verdict::Pass,
                _ => verdict_of(&bound, interval),
            };
            let measured = Some(ttl_ms * unit);
            let note = String::new();
            let mut figure = Figure { measured, interval: Some(interval), samples: 1, verdict, note };
            if !renewable && words.contains("renewable") {
                figure = Figure { verdict: Verdict::Fail, note: "not renewable".into(), ..figure };
            }
            (format!("token {}", i + 1), figure)
        })
        .collect();
    let mut judged = Judged::worst(&bound, parts, "no token was looked up");
    judged.figure.samples = lookups.len() as u64;
    judged
}

/// The oldest TLS version that any node accepts; a pass needs that older ones were tried and refused.
pub fn tls_min(facts: &Facts, bound: Bound) -> Judged {
    let parts: Vec<_> = facts
        .events()
        .filter_map(|(_, event)| match event {
            Event::TlsProbe { node, accepted, refused } => {
                Some((node.to_string(), tls_of(accepted, refused, &bound)))
            }
            _ => None,
        })
        .collect();
    let missing = facts.nodes().saturating_sub(parts.len());
    let mut judged = Judged::worst(&bound, parts, "no node's TLS was probed");
    if missing > 0 && judged.figure.verdict == Verdict::Pass {
        judged.figure = judged.figure.doubted(format!("{missing} nodes were not probed"));
    }
    judged
}

fn tls_of(accepted: &[String], refused: &[String], bound: &Bound) -> Figure {
    let Some(oldest) = accepted.iter().filter_map(|name| tls_version(name)).reduce(f64::min) else {
        return Figure::unknown("the node accepted no TLS version that was tried");
    };
    let figure = Figure::exact(bound, oldest);
    let tried_older = refused.iter().filter_map(|name| tls_version(name)).any(|version| version < oldest);
    if figure.verdict == Verdict::Pass && !tried_older {
        return figure.doubted("no older version was tried".into());
    }
    figure
}

/// 1.3 of `TLSv1.3`, `tls13`, `TLS 1.3` or `1.3`.
fn tls_version(name: &str) -> Option<f64> {
    let digits: Vec<u32> = name.chars().filter_map(|c| c.to_digit(10)).collect();
    match digits[..] {
        [major] => Some(f64::from(major)),
        [major, minor] => format!("{major}.{minor}").parse().ok(),
        _ => None,
    }
}
