//! What `random` must be: faults that can be drawn, weights that say something, ranges in order, and aims that leave a
//! majority where one is to be kept.

use super::checker::Checker;
use super::raw::RawRandom;
use super::timeline_rules::{STEPS_MAX, aims};
use super::yaml::{Text, shorten};
use crate::model::{FaultKind, Quorum, RandomFaults, Span, SpanRange, Target};
use serde_saphyr::Spanned;
use std::collections::BTreeMap;

/// Whom a fault that is drawn may be aimed at.
pub(super) const AIMS: [&str; 5] = ["leader", "follower", "minority", "majority", "all"];
const WEIGHT_MAX: u16 = 1000;
/// Fewer have no majority without each of them.
const NODES_MIN: u8 = 3;

/// Outer `None`: an error was found.
pub(super) fn check(
    checker: &mut Checker,
    raw: Option<&Spanned<RawRandom>>,
    has_timeline: bool,
    nodes: Option<u8>,
) -> Option<Option<RandomFaults>> {
    let Some(place) = raw else { return Some(None) };
    let raw = &place.value;
    if has_timeline {
        let help = "keep one of them: what is drawn becomes the timeline";
        checker.error(place, "`random` beside a `timeline`", help);
        return None;
    }
    let lasting = checker.positive_span(&raw.lasting, "say how long faults go on to begin, such as 60s");
    let every = range(checker, &raw.every, "such as 5s to 12s");
    let lasts = range(checker, &raw.lasts, "a fault that is healed at once proves nothing");
    let quorum = match &raw.quorum {
        None => Some(Quorum::default()),
        Some(text) => {
            checker.one_of(text, "rule for the quorum", Quorum::ALL.map(|quorum| (quorum.name(), quorum)))
        }
    };
    let faults = weighted(checker, &raw.faults, "faults", fault_named);
    let targets = match &raw.targets {
        None => Some(vec![(Target::Leader, 1), (Target::Follower, 1)]),
        Some(raw) => weighted(checker, raw, "targets", aim_named),
    };
    let (lasting, every, lasts, quorum) = (lasting?, every?, lasts?, quorum?);
    let random = RandomFaults { lasting, every, lasts, faults: faults?, targets: targets?, quorum };
    let fits = not_too_many(checker, raw, &random)
        & each_has_an_aim(checker, raw, &random)
        & leaves_a_majority(checker, place, &random, nodes);
    fits.then_some(Some(random))
}

/// `5s to 12s`, or `8s` for always the same.
fn range(checker: &mut Checker, text: &Text, why_not_zero: &str) -> Option<SpanRange> {
    let part = |words: &str| Spanned::new(words.trim().to_owned(), text.referenced, text.defined);
    let (from, to) = text.value.split_once(" to ").unwrap_or((&text.value, &text.value));
    let from = checker.positive_span(&part(from), why_not_zero)?;
    let to = checker.quantity::<Span>(&part(to))?;
    if to < from {
        let help = format!("the shorter one comes first: write `{to} to {from}`");
        checker.error(text, format!("from {from} to {to} there is nothing"), help);
        return None;
    }
    Some(SpanRange { from, to })
}

/// A map of words to weights. Its keys have no place of their own, so that a wrong one is shown by its weight.
fn weighted<T>(
    checker: &mut Checker,
    raw: &Spanned<BTreeMap<String, Text>>,
    key: &str,
    named: impl Fn(&mut Checker, &str, &Text) -> Option<T>,
) -> Option<Vec<(T, u16)>> {
    let read = |checker: &mut Checker, word: &String, text: &Text| {
        let (named, weight) = (named(checker, word, text), checker.number(text, 0..=WEIGHT_MAX));
        Some((named?, weight?))
    };
    let all: Vec<Option<(T, u16)>> = raw.value.iter().map(|(word, text)| read(checker, word, text)).collect();
    let all: Vec<(T, u16)> = all.into_iter().collect::<Option<_>>()?;
    let possible: Vec<_> = all.into_iter().filter(|(_, weight)| *weight > 0).collect();
    if possible.is_empty() {
        let help = match key {
            "faults" => "give at least one a weight, such as `faults: { kill: 3, pause: 1 }`",
            _ => "give at least one a weight, such as `targets: { leader: 1, follower: 1 }`, or leave it out",
        };
        checker.error(raw, format!("`{key}` leaves nothing to draw"), help);
        return None;
    }
    Some(possible)
}

fn fault_named(checker: &mut Checker, word: &str, place: &Text) -> Option<FaultKind> {
    let found = FaultKind::ALL.into_iter().find(|kind| kind.name() == word);
    let kinds = RandomFaults::KINDS.map(FaultKind::name);
    match found {
        Some(kind) if RandomFaults::KINDS.contains(&kind) => return Some(kind),
        Some(kind) => {
            let help = format!("it needs more than a target and a time; {} can", super::nearest::list(kinds));
            checker.error(place, format!("`{kind}` cannot be drawn"), help);
        }
        None => {
            let message = format!("unknown fault `{}`", shorten(word));
            checker.error(place, message, super::nearest::suggest(word, kinds));
        }
    }
    None
}

fn aim_named(checker: &mut Checker, word: &str, place: &Text) -> Option<Target> {
    if AIMS.contains(&word) {
        return Some(Target::from(word));
    }
    let message = format!("unknown target `{}`", shorten(word));
    checker.error(place, message, super::nearest::suggest(word, AIMS));
    None
}

fn not_too_many(checker: &mut Checker, raw: &RawRandom, random: &RandomFaults) -> bool {
    let most = random.lasting.0.as_secs_f64() / random.every.from.0.as_secs_f64();
    if most < STEPS_MAX as f64 {
        return true;
    }
    let help = format!("at most {STEPS_MAX} fit into one run; use `vaultquake run --repeat` for more");
    checker.error(&raw.every, format!("up to {:.0} faults in {}", most + 1.0, random.lasting), help);
    false
}

/// Only the leader can step down, and a bridge is one node.
fn each_has_an_aim(checker: &mut Checker, raw: &RawRandom, random: &RandomFaults) -> bool {
    let mut fine = true;
    for (kind, _) in &random.faults {
        if possible_aims(random, *kind).next().is_none() {
            let help = format!("it takes {}", super::nearest::choice(drawable(*kind), None));
            let place = &raw.faults.value[kind.name()];
            checker.error(place, format!("none of the targets is one for `{kind}`"), help);
            fine = false;
        }
    }
    fine
}

fn drawable(kind: FaultKind) -> impl Iterator<Item = &'static str> {
    aims(kind).into_iter().filter(|word| AIMS.contains(word))
}

/// Those of the targets that the kind can be aimed at, with their weights.
pub(super) fn possible_aims(random: &RandomFaults, kind: FaultKind) -> impl Iterator<Item = &(Target, u16)> {
    random.targets.iter().filter(move |(target, _)| drawable(kind).any(|word| Target::from(word) == *target))
}

fn leaves_a_majority(
    checker: &mut Checker,
    place: &Spanned<RawRandom>,
    random: &RandomFaults,
    nodes: Option<u8>,
) -> bool {
    if random.quorum == Quorum::MayBreak {
        return true;
    }
    if let Some(nodes) = nodes.filter(|nodes| *nodes < NODES_MIN) {
        let message = format!("a blueprint of {nodes} nodes has no majority without each of them");
        checker.error(place, message, "write `quorum: may-break`, or take a blueprint of three nodes");
        return false;
    }
    let Some(targets) = &place.value.targets else { return true };
    let mut fine = true;
    for word in ["majority", "all"] {
        if let Some(text) = targets.value.get(word).filter(|text| text.value.trim() != "0") {
            let message = format!("the quorum is to be kept, and `{word}` takes it away");
            checker.error(text, message, "write `quorum: may-break`, or aim at `leader` and `follower`");
            fine = false;
        }
    }
    fine
}
