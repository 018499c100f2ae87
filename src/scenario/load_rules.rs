//! What a load must be: known words, sane rates, no line twice, at most one ramp.

use super::checker::{Checker, node_ids, words_or_nodes};
use super::raw::{RawLoad, RawRamp, RawRate};
use super::yaml::{Text, shorten};
use crate::model::{Arrivals, Load, Rate, RatePlan, Route, Span, Workload};
use serde_saphyr::{Location, Spanned};
use std::collections::HashMap;

/// More than the harness can send from one machine, so it would measure itself.
const TOTAL_RATE_MAX: f64 = 50_000.0;
const STAGES_MAX: u32 = 500;
const ROUTES: [&str; 4] = ["leader", "any", "standby", "healthy"];

pub(super) fn check(
    checker: &mut Checker,
    raw: &Spanned<Vec<Spanned<RawLoad>>>,
    nodes: Option<u8>,
) -> Option<Vec<Load>> {
    let help = "write at least one line such as `- { workload: kv2.read, route: any, rate: 150/s }`";
    if !checker.not_empty(raw, "load", help) {
        return None;
    }
    no_line_twice(checker, &raw.value);
    let loads: Vec<Option<Load>> = raw.value.iter().map(|line| load(checker, &line.value, nodes)).collect();
    let loads: Vec<Load> = loads.into_iter().collect::<Option<_>>()?;

    let total: f64 = loads.iter().map(|load| highest_rate(&load.rate)).sum();
    if total > TOTAL_RATE_MAX {
        checker.error(
            raw,
            format!("all lines together ask for {total:.0} requests per second"),
            format!(
                "one machine can send about {TOTAL_RATE_MAX:.0}/s without measuring itself; ask for less"
            ),
        );
        return None;
    }
    let is_ramp = |line: &&Spanned<RawLoad>| matches!(line.value.rate.value, RawRate::Ramp(_));
    if let Some(second) = raw.value.iter().filter(is_ramp).nth(1) {
        let help = "give one of them a fixed rate: with two, nobody can say which one broke what";
        checker.error(&second.value.rate, "a second ramp", help);
        return None;
    }
    Some(loads)
}

fn load(checker: &mut Checker, raw: &RawLoad, nodes: Option<u8>) -> Option<Load> {
    let workload =
        checker.one_of(&raw.workload, "workload", Workload::ALL.map(|workload| (workload.name(), workload)));
    let route = route(checker, &raw.route, nodes);
    let rate = match &raw.rate.value {
        RawRate::Fixed(text) => {
            let text = Spanned::new(text.clone(), raw.rate.referenced, raw.rate.defined);
            checker.quantity(&text).map(RatePlan::Constant)
        }
        RawRate::Ramp(raw) => ramp(checker, raw),
    };
    let known = [("constant", Arrivals::Constant), ("poisson", Arrivals::Poisson)];
    let arrivals = match &raw.arrivals {
        None => Some(Arrivals::default()),
        Some(text) => checker.one_of(text, "kind of arrivals", known),
    };
    Some(Load { workload: workload?, route: route?, rate: rate?, arrivals: arrivals? })
}

/// Without `nodes` (the blueprint is broken) no node id is refused.
fn route(checker: &mut Checker, text: &Text, nodes: Option<u8>) -> Option<Route> {
    let word = text.value.as_str();
    if ROUTES.contains(&word) || nodes.is_none_or(|nodes| node_ids(nodes).iter().any(|id| id == word)) {
        return Some(Route::from(word));
    }
    let help = words_or_nodes(word, &ROUTES, nodes.unwrap_or_default());
    checker.error(text, format!("unknown route `{}`", shorten(word)), help);
    None
}

fn ramp(checker: &mut Checker, raw: &RawRamp) -> Option<RatePlan> {
    let (from, to, step) = (
        checker.quantity::<Rate>(&raw.from),
        checker.quantity::<Rate>(&raw.to),
        checker.quantity::<Rate>(&raw.step),
    );
    let every = checker.quantity::<Span>(&raw.every);
    let (from, to, step, every) = (from?, to?, step?, every?);
    if to <= from {
        checker.error(&raw.to, format!("the ramp goes from {from} to {to}"), "`to` must be more than `from`");
        return None;
    }
    if step.0 > to.0 - from.0 {
        checker.error(&raw.step, format!("a step of {step} is more than the whole ramp"), "make it smaller");
        return None;
    }
    if every < Span::from_secs(1) {
        let help = "a stage needs some hundred requests to be judged; write at least 1s";
        checker.error(&raw.every, format!("stages of {every} are too short"), help);
        return None;
    }
    let stages = stages(from, to, step);
    if stages > STAGES_MAX {
        let help = format!("at most {STAGES_MAX} are allowed; make `step` larger");
        checker.error(&raw.step, format!("this ramp has {stages} stages"), help);
        return None;
    }
    Some(RatePlan::Ramp { from, to, step, every })
}

fn stages(from: Rate, to: Rate, step: Rate) -> u32 {
    // A float division that should be whole may come out a little above; both casts saturate.
    ((to.0 - from.0) / step.0 - 1e-9).ceil().max(0.0) as u32 + 1
}

/// How long the ramp takes when no stage breaks; `None` for a fixed rate.
pub(super) fn ramp_length(plan: &RatePlan) -> Option<Span> {
    match plan {
        RatePlan::Constant(_) => None,
        RatePlan::Ramp { from, to, step, every } => Some(Span(every.0 * stages(*from, *to, *step))),
    }
}

/// The most that a line asks for at any time.
pub(super) fn highest_rate(plan: &RatePlan) -> f64 {
    match plan {
        RatePlan::Constant(rate) => rate.0,
        RatePlan::Ramp { to, .. } => to.0,
    }
}

fn no_line_twice(checker: &mut Checker, lines: &[Spanned<RawLoad>]) {
    let mut first: HashMap<(&str, &str), Location> = HashMap::new();
    for line in lines {
        let key = (line.value.workload.value.as_str(), line.value.route.value.as_str());
        if let Some(earlier) = first.insert(key, line.referenced) {
            checker.error(
                line,
                format!("`{}` via `{}` stands here a second time", shorten(key.0), shorten(key.1)),
                format!(
                    "add its rate to line {}: reports tell loads apart by workload and route",
                    earlier.line()
                ),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ramp_has_as_many_stages_as_fit() {
        for (from, to, step, expected) in
            [(500.0, 12_000.0, 500.0, 24), (1.0, 2.0, 1.0, 2), (0.1, 0.4, 0.1, 4)]
        {
            assert_eq!(stages(Rate(from), Rate(to), Rate(step)), expected);
        }
    }
}
