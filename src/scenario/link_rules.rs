//! What a fault of the network must be: options that its kind takes, quantities that can be shown, nodes that
//! exist.

use super::checker::{Checker, node_ids, words_or_nodes};
use super::raw::RawStep;
use super::yaml::{Text, shorten};
use crate::model::{
    Between, ByteRate, Cut, FaultKind, Grudge, Impairment, LinkFault, NodeId, Shape, Share, Span, Target,
};
use serde_saphyr::Spanned;
use std::collections::BTreeMap;

/// Longer than any timeout of the servers, and nothing would be left to see.
const DELAY_MAX: Span = Span::from_secs(10);
/// Less than this and a half of it is over before packets of ours could show it.
const FLAP_MIN: Span = Span::from_secs(2);

/// Outer `None`: an error was found. Inner `None`: a fault that is none of the network.
pub(super) fn check(
    checker: &mut Checker,
    line: &Spanned<RawStep>,
    fault: FaultKind,
    nodes: Option<u8>,
) -> Option<Option<LinkFault>> {
    let raw = &line.value;
    let (cuts, degrades) = (fault.is_of_links() && fault != FaultKind::Degrade, fault == FaultKind::Degrade);
    let belongs = "belongs to `degrade` only";
    let to_cuts = "belongs to faults that cut the network, such as `isolate: leader`";
    let mut fits = true;
    for (key, text, taken, help) in [
        ("between", &raw.between, cuts, to_cuts),
        ("how", &raw.how, cuts, to_cuts),
        ("flap", &raw.flap, cuts, to_cuts),
        ("delay", &raw.delay, degrades, belongs),
        ("spread", &raw.spread, degrades, belongs),
        ("loss", &raw.loss, degrades, belongs),
        ("bandwidth", &raw.bandwidth, degrades, belongs),
    ] {
        if let (Some(text), false) = (text, taken) {
            checker.error(text, format!("`{fault}` takes no `{key}`"), format!("`{key}` {help}"));
            fits = false;
        }
    }
    if !fits {
        return None;
    }
    let shape = match fault {
        FaultKind::Isolate if raw.isolate.as_ref().is_some_and(is_all) => Shape::Apart,
        FaultKind::Isolate => Shape::Group,
        FaultKind::CannotHear => Shape::Deaf,
        FaultKind::CannotSpeak => Shape::Mute,
        FaultKind::Bridge => Shape::Bridge,
        FaultKind::Ring => Shape::Ring,
        FaultKind::Partition => Shape::Grudge(grudge(checker, raw.partition.as_ref()?, nodes)?),
        FaultKind::Degrade => Shape::Every,
        _ => return Some(None),
    };
    if degrades && raw.degrade.as_ref().is_some_and(is_kms) {
        return kms_takes(checker, raw).then_some(None);
    }
    if degrades {
        let impairment = impairment(checker, line)?;
        return Some(Some(LinkFault { shape, between: Between::Peers, impairment, flap: None }));
    }
    let (between, cut, flap) = (between(checker, raw, fault), how(checker, raw), flap(checker, raw));
    let impairment = Impairment { cut: Some(cut?), ..Impairment::default() };
    Some(Some(LinkFault { shape, between: between?, impairment, flap: flap? }))
}

fn is_kms(text: &Text) -> bool {
    Target::from(text.value.as_str()) == Target::Kms
}

/// Its link is none of the network between the nodes, and can only be slow.
fn kms_takes(checker: &mut Checker, raw: &RawStep) -> bool {
    let mut fits = true;
    for (key, text) in [("spread", &raw.spread), ("loss", &raw.loss), ("bandwidth", &raw.bandwidth)] {
        if let Some(text) = text {
            let help = "say how much later everything arrives: `delay: 1s`";
            checker.error(text, format!("`degrade: kms` takes no `{key}`"), help);
            fits = false;
        }
    }
    fits
}

/// `cut` is what to say for what never arrives.
pub(super) fn delay(checker: &mut Checker, text: &Text, cut: &str) -> Option<Span> {
    let delay = checker.positive_span(text, "say how much later everything arrives, such as 50ms")?;
    if delay > DELAY_MAX {
        let help = format!("at most {DELAY_MAX}: what is slower looks like a cut; use `{cut}`");
        checker.error(text, format!("a delay of {delay} is too long"), help);
        return None;
    }
    Some(delay)
}

fn is_all(text: &Text) -> bool {
    Target::from(text.value.as_str()) == Target::All
}

fn between(checker: &mut Checker, raw: &RawStep, fault: FaultKind) -> Option<Between> {
    let Some(text) = &raw.between else { return Some(Between::default()) };
    let known = [Between::Peers, Between::Clients, Between::Both].map(|between| (between.name(), between));
    let between = checker.one_of(text, "kind of link", known)?;
    if between.clients() && matches!(fault, FaultKind::Bridge | FaultKind::Ring | FaultKind::Partition) {
        let help = "it is about who hears whom among the nodes; cut clients off with `isolate`";
        checker.error(text, format!("`{fault}` is between peers only"), help);
        return None;
    }
    Some(between)
}

fn how(checker: &mut Checker, raw: &RawStep) -> Option<Cut> {
    let known = [("black-hole", Cut::BlackHole), ("reject", Cut::Reject)];
    raw.how.as_ref().map_or(Some(Cut::default()), |text| checker.one_of(text, "way to cut", known))
}

/// Outer `None`: an error was found.
fn flap(checker: &mut Checker, raw: &RawStep) -> Option<Option<Span>> {
    let Some(text) = &raw.flap else { return Some(None) };
    let flap = checker.quantity::<Span>(text)?;
    if flap < FLAP_MIN {
        let help = format!("make it at least {FLAP_MIN}: packets of ours must show each half for what it is");
        checker.error(text, format!("a period of {flap} is too short"), help);
        return None;
    }
    Some(Some(flap))
}

/// `None`: an error was found.
pub(super) fn flap_fits(
    checker: &mut Checker,
    raw: &RawStep,
    link: Option<&LinkFault>,
    heal_after: Option<Span>,
) -> Option<()> {
    if let (Some(text), Some(flap), Some(heal_after)) =
        (&raw.flap, link.and_then(|link| link.flap), heal_after)
        && heal_after <= flap
    {
        let help =
            format!("it is healed for good after {heal_after}; make `heal_after` longer than one period");
        checker.error(text, format!("a period of {flap} has no time to come back"), help);
        return None;
    }
    Some(())
}

fn impairment(checker: &mut Checker, line: &Spanned<RawStep>) -> Option<Impairment> {
    let raw = &line.value;
    if [&raw.delay, &raw.loss, &raw.bandwidth].iter().all(|text| text.is_none()) {
        match &raw.spread {
            Some(spread) => {
                let help = "say around which delay, such as `delay: 50ms`";
                checker.error(spread, "`spread` without `delay`", help);
            }
            None => checker.error(
                line,
                "`degrade` needs `delay`, `loss` or `bandwidth`",
                "say what the links are like, such as `delay: 50ms` or `bandwidth: 1MB/s`",
            ),
        }
        return None;
    }
    let delay = optional(&raw.delay, |text| delay(checker, text, "isolate"));
    let spread = optional(&raw.spread, |text| checker.quantity::<Span>(text));
    let loss = optional(&raw.loss, |text| {
        let share = checker.quantity::<Share>(text)?;
        if share.0 <= 0.0 || share.0 >= 1.0 {
            let help = "give a share in between; for all of it use a fault that cuts, such as `isolate`";
            checker.error(text, format!("a loss of {share} is none, or a cut"), help);
            return None;
        }
        Some(share.0)
    });
    let bandwidth = optional(&raw.bandwidth, |text| checker.quantity::<ByteRate>(text).map(|rate| rate.0));
    let (delay, spread, loss, bytes_per_s) = (delay?, spread?, loss?, bandwidth?);
    let (delay, spread) = (delay.unwrap_or_default(), spread.unwrap_or_default());
    if let (Some(text), true) = (&raw.spread, spread > delay) {
        let help =
            format!("nothing arrives before it was sent; the spread is at most the delay, here {delay}");
        checker.error(text, format!("a spread of {spread} around a delay of {delay}"), help);
        return None;
    }
    Some(Impairment { cut: None, delay, spread, loss: loss.unwrap_or_default(), bytes_per_s })
}

/// Outer `None`: an error was found. Inner `None`: it is absent.
fn optional<T>(text: &Option<Text>, read: impl FnOnce(&Text) -> Option<T>) -> Option<Option<T>> {
    match text {
        None => Some(None),
        Some(text) => read(text).map(Some),
    }
}

/// Without `nodes` (the blueprint is broken) no node id is refused.
fn grudge(
    checker: &mut Checker,
    raw: &Spanned<BTreeMap<String, Vec<Text>>>,
    nodes: Option<u8>,
) -> Option<Grudge> {
    let example = "say who cannot hear whom, such as `partition: { n1: [n2, n3] }`";
    let exists = |word: &str| nodes.is_none_or(|nodes| node_ids(nodes).iter().any(|id| id == word));
    let unknown = |word: &str| format!("unknown node `{}`", shorten(word));
    let help = |word: &str| words_or_nodes(word, &[], nodes.unwrap_or_default());
    let mut fine = true;
    for (deaf, silenced) in &raw.value {
        if !exists(deaf) {
            checker.error(raw, unknown(deaf), help(deaf));
            fine = false;
        }
        checker.no_duplicates(silenced, "node");
        for speaker in silenced {
            if !exists(&speaker.value) {
                checker.error(speaker, unknown(&speaker.value), help(&speaker.value));
                fine = false;
            } else if speaker.value == *deaf {
                let help = "nobody can be cut off from itself; take it out of the list";
                checker.error(speaker, format!("{deaf} cannot hear itself"), help);
                fine = false;
            }
        }
    }
    if raw.value.values().all(Vec::is_empty) {
        checker.error(raw, "this partition cuts nothing", example);
        return None;
    }
    let node = |id: &String| NodeId::new(id.as_str());
    let entry = |(deaf, silenced): (&String, &Vec<Text>)| {
        (node(deaf), silenced.iter().map(|speaker| node(&speaker.value)).collect())
    };
    fine.then(|| raw.value.iter().map(entry).collect())
}
