//! What a load must be: known words, sane rates, no line twice, at most one ramp.

use super::checker::{Checker, node_ids, words_or_nodes};
use super::program_rules;
use super::raw::{RawLoad, RawRamp, RawRate};
use super::yaml::{Text, shorten};
use crate::model::{Arrivals, Blueprint, Load, Rate, RatePlan, Route, Span, Workload};
use serde_saphyr::{Location, Spanned};
use std::collections::HashMap;

/// More than the harness can send from one machine, so it would measure itself.
const TOTAL_RATE_MAX: f64 = 50_000.0;
const STAGES_MAX: usize = 500;
const ROUTES: [&str; 4] = ["leader", "any", "standby", "healthy"];

pub(super) fn check(
    checker: &mut Checker,
    raw: &Spanned<Vec<Spanned<RawLoad>>>,
    blueprint: Option<&Blueprint>,
) -> Option<Vec<Load>> {
    let help = "write at least one line such as `- { workload: kv2.read, route: any, rate: 150/s }`";
    if !checker.not_empty(raw, "load", help) {
        return None;
    }
    no_line_twice(checker, &raw.value);
    let loads: Vec<Option<Load>> =
        raw.value.iter().map(|line| load(checker, &line.value, blueprint)).collect();
    let loads: Vec<Load> = loads.into_iter().collect::<Option<_>>()?;
    enough_to_revoke(checker, &raw.value, &loads);

    let total: f64 = loads.iter().map(|load| load.rate.highest()).sum();
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

/// Without `blueprint` (it is broken) no engine is missed and no node id is refused.
fn load(checker: &mut Checker, raw: &RawLoad, blueprint: Option<&Blueprint>) -> Option<Load> {
    let workload =
        checker.one_of(&raw.workload, "workload", Workload::ALL.map(|workload| (workload.name(), workload)));
    if let (Some(blueprint), Some(engine)) = (blueprint, workload.and_then(Workload::engine)) {
        let mut mounted: Vec<&str> = blueprint.in_use().map(|mount| mount.engine.name()).collect();
        mounted.dedup();
        if !mounted.contains(&engine) {
            let message = format!("the blueprint `{}` has no engine `{engine}`", blueprint.name);
            let has = super::nearest::list(mounted);
            let help =
                format!("it has {has}; take another blueprint, such as `workflow`, or another workload");
            checker.error(&raw.workload, message, help);
        }
    }
    let route = route(checker, &raw.route, blueprint.map(|blueprint| blueprint.nodes));
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
    let program = program_rules::check(checker, raw, workload, rate.as_ref());
    Some(Load { workload: workload?, route: route?, rate: rate?, arrivals: arrivals?, program: program? })
}

/// Each revocation takes a certificate that was issued before.
fn enough_to_revoke(checker: &mut Checker, lines: &[Spanned<RawLoad>], loads: &[Load]) {
    let rate_of = |op| -> f64 {
        let of_op = loads.iter().filter(|load| load.workload == op);
        of_op.map(|load| load.rate.highest()).sum()
    };
    let (issued, revoked) = (rate_of(Workload::PkiIssue), rate_of(Workload::PkiRevoke));
    let revoking = loads.iter().position(|load| load.workload == Workload::PkiRevoke);
    if let Some(line) = revoking.map(|index| &lines[index]).filter(|_| revoked > issued) {
        let message = format!("{revoked}/s are to be revoked, and {issued}/s are issued");
        let help = format!("add a load such as `{{ workload: pki.issue, route: any, rate: {revoked}/s }}`");
        checker.error(line, message, help);
    }
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
    let (from, to, growth) =
        (checker.quantity::<Rate>(&raw.from), checker.quantity::<Rate>(&raw.to), growth(checker, &raw.step));
    let every = checker.quantity::<Span>(&raw.every);
    let (from, to, growth, every) = (from?, to?, growth?, every?);
    if to <= from {
        checker.error(&raw.to, format!("the ramp goes from {from} to {to}"), "`to` must be more than `from`");
        return None;
    }
    let stages = stages(from, to, growth);
    if stages.len() < 2 {
        let step = shorten(&raw.step.value);
        checker.error(&raw.step, format!("a step of {step} is more than the whole ramp"), "make it smaller");
        return None;
    }
    if every < Span::from_secs(1) {
        let help = "a stage needs some hundred requests to be judged; write at least 1s";
        checker.error(&raw.every, format!("stages of {every} are too short"), help);
        return None;
    }
    if stages.len() > STAGES_MAX {
        let help = format!("at most {STAGES_MAX} are allowed; make `step` larger");
        checker.error(&raw.step, format!("this ramp has more than {STAGES_MAX} stages"), help);
        return None;
    }
    Some(RatePlan::Ramp { stages, every })
}

/// How one stage follows from the one before.
#[derive(Clone, Copy)]
enum Growth {
    By(Rate),
    Times(f64),
}

/// `150/s`, or `x1.5`.
fn growth(checker: &mut Checker, text: &Text) -> Option<Growth> {
    let Some(factor) = text.value.trim().strip_prefix(['x', '×']) else {
        return checker.quantity::<Rate>(text).map(Growth::By);
    };
    let factor = factor.trim().parse().ok().filter(|factor| (1.05..=10.0).contains(factor));
    if factor.is_none() {
        let message = format!("`{}` is not a factor to grow by", shorten(&text.value));
        checker.error(text, message, "write for example x1.5: more than x1.05, at most x10");
    }
    factor.map(Growth::Times)
}

/// One more than allowed when there are too many, so that the caller can tell.
fn stages(from: Rate, to: Rate, growth: Growth) -> Vec<Rate> {
    let nth = |n: usize| match growth {
        Growth::By(step) => from.0 + step.0 * n as f64,
        // Whole requests a second are enough, and read better.
        Growth::Times(factor) => (from.0 * factor.powi(n as i32)).round(),
    };
    // A step that should end at `to` may come out a little above.
    (0..=STAGES_MAX).map(nth).take_while(|rate| *rate <= to.0 + 1e-9).map(Rate).collect()
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
        let count = |from, to, growth| stages(Rate(from), Rate(to), growth).len();
        assert_eq!(count(500.0, 12_000.0, Growth::By(Rate(500.0))), 24);
        assert_eq!(count(1.0, 2.0, Growth::By(Rate(1.0))), 2);
        assert_eq!(count(0.1, 0.4, Growth::By(Rate(0.1))), 4);
        assert_eq!(stages(Rate(100.0), Rate(500.0), Growth::Times(2.0)), [100.0, 200.0, 400.0].map(Rate));
        assert_eq!(count(1.0, 50_000.0, Growth::By(Rate(0.1))), STAGES_MAX + 1);
    }
}
