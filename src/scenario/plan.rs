//! A resolved scenario in words: what will happen when, and what is judged. For `vaultquake validate`.

use super::{drawn, overrides, timeline_rules};
use crate::model::{
    Arrivals, Blueprint, FaultKind, HandOver, INVARIANT_IDS, Load, OBJECTIVE_IDS, Quorum, RandomFaults,
    RatePlan, Scenario, Seal, SealKind, Span, SpanRange, Step, Target, When,
};
use std::fmt::Write;

/// Plain text, several lines, each ended by a line break. Times count from the moment the cluster is ready.
pub fn describe(scenario: &Scenario) -> String {
    let mut text = format!("{}: {}\n", scenario.name, scenario.summary);
    section(&mut text, "cluster", cluster(&scenario.blueprint));
    section(&mut text, "phases", phases(scenario));
    let mut loads: Vec<String> = scenario.load.iter().map(load).collect();
    loads.extend(scenario.keys.map(|keys| format!("all of them share {keys} secrets")));
    section(&mut text, "load", loads);
    section(&mut text, "timeline", timeline(scenario));
    section(&mut text, "random faults", scenario.random.as_ref().map(random).unwrap_or_default());
    let (gating, shown) = judged(scenario);
    section(&mut text, "expected (makes the verdict)", gating);
    section(&mut text, "also judged and shown", shown);
    section(&mut text, "overrides", overrides(scenario));
    let deviations = scenario.blueprint.deviations.iter();
    let deviations =
        deviations.map(|d| format!("{}\n  tested: {}\n  why: {}", d.documented, d.tested, d.why));
    section(&mut text, "deviations from the document", deviations.collect());
    text
}

/// A heading with its lines; nothing when there are none.
fn section(text: &mut String, heading: &str, entries: Vec<String>) {
    if entries.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{heading}");
    for line in entries.iter().flat_map(|entry| entry.lines()) {
        let _ = writeln!(text, "  {line}");
    }
}

fn cluster(blueprint: &Blueprint) -> Vec<String> {
    let tls = match (blueprint.tls.enabled, blueprint.tls.min_version.as_str()) {
        (false, _) => "without TLS",
        (true, "tls13") => "TLS 1.3 only",
        (true, _) => "TLS 1.2 or newer",
    };
    let Seal { kind, shares, threshold } = &blueprint.seal;
    let seal = match kind {
        SealKind::Shamir => format!("Shamir's seal ({threshold} of {shares} shares)"),
        kind => format!("a {} seal ({threshold} of {shares} recovery shares)", kind.name()),
    };
    vec![
        format!("blueprint {} ({})", blueprint.name, blueprint.source),
        format!("{} nodes, {seal}, {tls}, {} tenants", blueprint.nodes, blueprint.tenants),
    ]
}

fn phases(scenario: &Scenario) -> Vec<String> {
    let steady_from = scenario.warm_up;
    let steady_to = Span(steady_from.0 + scenario.steady.0);
    let mut lines = vec![
        format!("{:<10} {:>7} to {:<7} nothing is judged", "warm-up", Span::default(), steady_from),
        format!("{:<10} {:>7} to {:<7} {}", "steady", steady_from, steady_to, steady_words(scenario)),
    ];
    if !scenario.timeline.is_empty() || scenario.random.is_some() {
        let faults = match &scenario.random {
            Some(random) => drawn::longest(random),
            None => timeline_rules::length(&scenario.timeline, scenario.blueprint.nodes),
        };
        let fault_to = Span(steady_to.0 + faults.0);
        let each = scenario.timeline.iter().any(|step| step.target == Target::Each);
        let words =
            match scenario.random.is_some() || scenario.timeline.iter().any(|step| !step.when.is_due()) {
                true => "about: it waits for the cluster between faults",
                false if each => "at least: it waits for the cluster between nodes",
                false => "the timeline below",
            };
        lines.push(format!("{:<10} {:>7} to {:<7} {words}", "fault", steady_to, fault_to));
        lines.push(format!(
            "{:<10} {:>7} to {:<7} at most, until every voter is healthy; then {} more of load",
            "recovery",
            fault_to,
            Span(fault_to.0 + scenario.recovery.within.0),
            scenario.recovery.hold
        ));
    }
    if let Some(abort) = &scenario.abort_when {
        lines.push(format!("stops and heals when no write is acknowledged for {}", abort.outage));
    }
    lines
}

fn steady_words(scenario: &Scenario) -> &'static str {
    if scenario.load.iter().any(|load| matches!(load.rate, RatePlan::Ramp { .. })) {
        "at most: the ramp ends early once a stage has broken"
    } else {
        "undisturbed; latency is judged here"
    }
}

fn load(load: &Load) -> String {
    let rate = match &load.rate {
        RatePlan::Constant(rate) => rate.to_string(),
        RatePlan::Ramp { stages, every } => {
            let ends = stages.first().zip(stages.last());
            let ends = ends.map_or(String::new(), |(first, last)| format!("from {first} to {last} "));
            format!("{ends}in {} stages of {every}", stages.len())
        }
    };
    let arrivals = match load.arrivals {
        Arrivals::Constant => "",
        Arrivals::Poisson => ", arrivals as of independent clients (Poisson)",
    };
    format!("{:<26} {rate}{arrivals}", load.name())
}

fn timeline(scenario: &Scenario) -> Vec<String> {
    let start = scenario.warm_up.0 + scenario.steady.0;
    let first = scenario
        .replaces_versions()
        .then(|| format!("{:>7}  a snapshot, which is checked before any node is replaced", Span(start)));
    let steps = scenario.timeline.iter();
    let steps = steps.map(|step| format!("{:>7}  {}", Span(start + step.at.0), step_words(step)));
    first.into_iter().chain(steps).collect()
}

fn step_words(step: &Step) -> String {
    let mut text = format!("{} {}", step.fault, step.target);
    if let Some(link) = &step.link {
        let _ = write!(text, ": {}", link.words());
    }
    if let Some(strain) = &step.strain {
        let _ = write!(text, ": {}", strain.words());
    }
    if let Some(count) = step.count {
        let _ = write!(text, ": {count}");
    }
    if let Some(ttl) = step.ttl {
        let _ = write!(text, " with a time to live of {ttl}");
    }
    match (step.fault, step.heal_after, &step.target) {
        (_, None, _) => {}
        (FaultKind::Restart, Some(after), Target::Each) => {
            let _ = write!(text, ", followers first, the leader last; each stays down for {after}");
        }
        (FaultKind::Restart, Some(after), _) => {
            let _ = write!(text, ", down for {after}");
        }
        (FaultKind::Upgrade | FaultKind::Downgrade, Some(after), target) => {
            let order = if *target == Target::Each { ", followers first, the leader last" } else { "" };
            let _ = write!(text, "{order}; down for {after}");
        }
        (_, Some(after), Target::Each) => {
            let _ = write!(text, ", followers first, the leader last; each healed after {after}");
        }
        (_, Some(after), _) => {
            let _ = write!(text, ", healed after {after}");
        }
    }
    if step.hand_over == Some(HandOver::StepDown) {
        text.push_str("; a leader steps down first");
    }
    if let Some(rest) = step.rest {
        let _ = write!(text, "; {rest} of rest before the next");
    }
    match step.when {
        When::Due => {}
        When::Led => text.push_str("; not before the last fault is over and somebody leads"),
        When::Whole => text.push_str("; not before the last fault is over and the cluster is whole"),
    }
    if step.times > 1 {
        let _ = write!(text, "; {} times, every {}", step.times, step.every);
    }
    if !step.jitter.0.is_zero() {
        let _ = write!(text, "; up to {} later, drawn with the seed", step.jitter);
    }
    text
}

fn random(random: &RandomFaults) -> Vec<String> {
    let list = |words: Vec<(String, u16)>| {
        let words: Vec<_> = words.into_iter().map(|(word, weight)| format!("{word} {weight}")).collect();
        words.join(", ")
    };
    let faults = random.faults.iter().map(|(kind, weight)| (kind.to_string(), *weight)).collect();
    let targets = random.targets.iter().map(|(target, weight)| (target.to_string(), *weight)).collect();
    let quorum = match random.quorum {
        Quorum::Keep => "the quorum is kept: each begins once the cluster is whole again",
        Quorum::MayBreak => "the quorum may break: each begins as soon as somebody leads",
    };
    vec![
        format!(
            "for {}, one every {}, healed after {}",
            random.lasting,
            range(&random.every),
            range(&random.lasts)
        ),
        format!("drawn with the seed, by weight: {}", list(faults)),
        format!("aimed by weight at: {}", list(targets)),
        quorum.to_owned(),
    ]
}

fn range(range: &SpanRange) -> String {
    if range.from == range.to { range.from.to_string() } else { format!("{} to {}", range.from, range.to) }
}

/// What gates, and what is only shown.
fn judged(scenario: &Scenario) -> (Vec<String>, Vec<String>) {
    let gating = scenario.expect.iter().map(|id| promise(scenario, id)).collect();
    let promised = scenario.blueprint.objectives.iter().map(|objective| objective.id.as_str());
    let shown = promised
        .chain(INVARIANT_IDS.iter().map(|(id, _)| *id))
        .filter(|id| !scenario.expects(id))
        .map(|id| promise(scenario, id))
        .collect();
    (gating, shown)
}

fn promise(scenario: &Scenario, id: &str) -> String {
    if let Some(objective) = scenario.blueprint.objectives.iter().find(|objective| objective.id == id) {
        let words = objective.words.as_ref().map(|words| format!(": \"{words}\"")).unwrap_or_default();
        return format!("{id:<19} {:<11} {}{words}", objective.target.to_string(), objective.source);
    }
    let meaning = OBJECTIVE_IDS.iter().chain(&INVARIANT_IDS).find(|(known, _)| *known == id);
    let meaning = meaning.map(|(_, meaning)| *meaning).unwrap_or_default();
    match id {
        "recovery.redundancy" => format!("{id:<19} ≤ {:<9} {meaning}", scenario.recovery.within),
        _ => format!("{id:<19} {meaning}"),
    }
}
