//! What a timeline must be: one fault a step, a target that fits it, times that can be kept, and no fault on
//! a node that another still holds.

use super::checker::{Checker, node_ids, words_or_nodes};
use super::link_rules;
use super::raw::RawStep;
use super::strain_rules;
use super::yaml::{Text, shorten};
use crate::model::{Credential, FaultKind, HandOver, Span, Step, Target, When};
use serde_saphyr::{Location, Spanned};
use std::time::Duration;

const RESTART_DOWN_DEFAULT: Span = Span::from_secs(1);
const EXPIRE_TTL_MAX: Span = Span::from_secs(5 * 60);
const REPEATS_MAX: u16 = 100;
pub(super) const STEPS_MAX: usize = 100;
const STORM_MAX: u32 = 20_000;
/// After the heal of a network its links are tried out.
const LINKS_PROVEN_WITHIN: Duration = Duration::from_secs(5);

/// The steps in the order of their times.
pub(super) fn check(checker: &mut Checker, raw: &[Spanned<RawStep>], nodes: Option<u8>) -> Option<Vec<Step>> {
    if let Some(excess) = raw.get(STEPS_MAX) {
        checker.error(excess, format!("more than {STEPS_MAX} steps"), "split the scenario, or use `times`");
        return None;
    }
    let steps: Vec<Option<Step>> = raw.iter().map(|line| step(checker, line, nodes)).collect();
    let steps: Vec<Step> = steps.into_iter().collect::<Option<_>>()?;
    let mut placed: Vec<(&Spanned<RawStep>, Step)> = raw.iter().zip(steps).collect();
    placed.sort_by_key(|(_, step)| step.at);
    no_overlap(checker, &placed);
    Some(placed.into_iter().map(|(_, step)| step).collect())
}

fn step(checker: &mut Checker, line: &Spanned<RawStep>, nodes: Option<u8>) -> Option<Step> {
    let raw = &line.value;
    let at = checker.quantity::<Span>(&raw.at);
    let jitter = checker.span_or(raw.jitter.as_ref(), Span::default());
    let fault = fault(checker, line)?;
    let target = match given(raw, fault) {
        Some(text) => target(checker, fault, text, nodes),
        None => Some(Target::Named),
    };
    let heal_after = heal_after(checker, line, fault);
    let ttl = ttl(checker, line, fault, target.as_ref());
    let count = count(checker, line, fault);
    let link = link_rules::check(checker, line, fault, nodes);
    let strain = strain_rules::check(checker, line, fault);
    let rest = rest(checker, raw, target.as_ref());
    let hand_over = hand_over(checker, raw, fault);
    let when = when(checker, raw);
    let (at, jitter, target, heal_after, ttl) = (at?, jitter?, target?, heal_after?, ttl?);
    let (link, strain, rest) = (link?, strain?, rest?);
    let (hand_over, when, count) = (hand_over?, when?, count?);
    link_rules::flap_fits(checker, raw, link.as_ref(), heal_after)?;
    let every = Span::default();
    let times = 1;
    let mut step = Step {
        at,
        jitter,
        fault,
        target,
        heal_after,
        times,
        every,
        ttl,
        link,
        strain,
        rest,
        hand_over,
        when,
        count,
    };
    (step.times, step.every) = repetition(checker, raw, &step)?;
    Some(step)
}

/// What a kind is aimed at, when it stands in the step as a word.
fn given(raw: &RawStep, fault: FaultKind) -> Option<&Text> {
    let text = match fault {
        FaultKind::Kill => &raw.kill,
        FaultKind::Stop => &raw.stop,
        FaultKind::Pause => &raw.pause,
        FaultKind::Restart => &raw.restart,
        FaultKind::StepDown => &raw.step_down,
        FaultKind::Seal => &raw.seal,
        FaultKind::Expire => &raw.expire,
        FaultKind::Revoke => &raw.revoke,
        FaultKind::Storm => &raw.storm,
        FaultKind::Isolate => &raw.isolate,
        FaultKind::CannotHear => &raw.cannot_hear,
        FaultKind::CannotSpeak => &raw.cannot_speak,
        FaultKind::Bridge => &raw.bridge,
        FaultKind::Ring => &raw.ring,
        FaultKind::Degrade => &raw.degrade,
        FaultKind::FillAudit => &raw.fill_audit,
        FaultKind::FillData => &raw.fill_data,
        FaultKind::SlowDisk => &raw.slow_disk,
        FaultKind::LimitCpu => &raw.limit_cpu,
        FaultKind::LimitMemory => &raw.limit_memory,
        FaultKind::Disconnect => &raw.disconnect,
        FaultKind::RotateAudit => &raw.rotate_audit,
        FaultKind::Upgrade => &raw.upgrade,
        FaultKind::Downgrade => &raw.downgrade,
        FaultKind::Rekey => &raw.rekey,
        FaultKind::RotateKeyring => &raw.rotate_keyring,
        FaultKind::RevokeRoot => &raw.revoke_root,
        FaultKind::Lose => &raw.lose,
        FaultKind::Partition => return None,
    };
    text.as_ref()
}

/// The one fault that a step must have.
fn fault(checker: &mut Checker, line: &Spanned<RawStep>) -> Option<FaultKind> {
    let raw = &line.value;
    let place = |fault: FaultKind| match (fault, &raw.partition) {
        (FaultKind::Partition, Some(map)) => Some(map.referenced),
        _ => given(raw, fault).map(|text| text.referenced),
    };
    let found: Vec<(FaultKind, Location)> =
        FaultKind::ALL.into_iter().filter_map(|fault| Some((fault, place(fault)?))).collect();
    match found[..] {
        [(only, _)] => Some(only),
        [] => {
            let kinds = FaultKind::ALL.map(FaultKind::name);
            let help = format!(
                "its kind is a key and its target the value, such as `kill: leader`; the kinds are {}",
                super::nearest::list(kinds)
            );
            checker.error(line, "this step has no fault", help);
            None
        }
        [(first, _), (second, place), ..] => {
            let message = format!("this step has two faults: `{first}` and `{second}`");
            let place = Spanned::new((), place, place);
            checker.error(&place, message, "give each a step of its own, with its own `at`");
            None
        }
    }
}

/// The words that a kind may be aimed at.
pub(super) fn aims(fault: FaultKind) -> Vec<&'static str> {
    let words: &[&str] = match fault {
        FaultKind::Expire => return Credential::EXPIRING.map(Credential::name).to_vec(),
        FaultKind::Revoke => return Credential::REVOCABLE.map(Credential::name).to_vec(),
        FaultKind::StepDown | FaultKind::Rekey | FaultKind::RotateKeyring | FaultKind::RevokeRoot => {
            &["leader"]
        }
        FaultKind::Seal => &["leader", "follower", "all", "majority", "kms"],
        FaultKind::Kill => &["leader", "follower", "each", "all", "majority", "database", "kms"],
        FaultKind::Stop => &["leader", "follower", "each", "all", "majority", "database"],
        FaultKind::Lose => &["leader", "follower", "majority"],
        FaultKind::Storm => &["leases", "logins"],
        FaultKind::Upgrade | FaultKind::Downgrade => &["leader", "follower", "each"],
        FaultKind::Pause => &["leader", "follower", "each", "all", "majority", "kms"],
        FaultKind::Restart => &["leader", "follower", "each", "all", "majority"],
        FaultKind::Isolate => &["leader", "follower", "minority", "majority", "all"],
        FaultKind::CannotHear | FaultKind::CannotSpeak | FaultKind::Bridge => &["leader", "follower"],
        FaultKind::Degrade => &["leader", "follower", "all", "kms"],
        FaultKind::FillAudit
        | FaultKind::FillData
        | FaultKind::SlowDisk
        | FaultKind::LimitCpu
        | FaultKind::LimitMemory
        | FaultKind::Disconnect => &["leader", "follower", "all"],
        FaultKind::RotateAudit => &["leader", "follower", "each", "all"],
        FaultKind::Ring | FaultKind::Partition => &["all"],
    };
    words.to_vec()
}

fn target(checker: &mut Checker, fault: FaultKind, text: &Text, nodes: Option<u8>) -> Option<Target> {
    let allowed = &aims(fault)[..];
    let word = text.value.as_str();
    if allowed.contains(&word) {
        return Some(Target::from(word));
    }
    let takes_nodes = !fault.is_of_credentials()
        && !fault.replaces_keys()
        && !matches!(fault, FaultKind::StepDown | FaultKind::Ring);
    let is_node = |nodes| node_ids(nodes).iter().any(|id| id == word);
    let is_word = Target::is_word(word);
    if takes_nodes && !is_word && nodes.is_none_or(is_node) {
        return Some(Target::from(word));
    }
    let help = match (takes_nodes, nodes) {
        (true, Some(nodes)) => words_or_nodes(word, allowed, nodes),
        _ => format!("it takes {}", super::nearest::choice(allowed.iter().copied(), None)),
    };
    let message = if is_word || (!takes_nodes && nodes.is_some_and(is_node)) {
        format!("`{fault}` cannot be aimed at `{word}`")
    } else {
        format!("unknown target `{}`", shorten(word))
    };
    checker.error(text, message, help);
    None
}

/// Outer `None`: an error was found. Inner `None`: nothing to heal.
fn heal_after(checker: &mut Checker, line: &Spanned<RawStep>, fault: FaultKind) -> Option<Option<Span>> {
    match &line.value.heal_after {
        Some(text) if fault.is_one_shot() => {
            let help = format!("remove `heal_after`: nothing remains after `{fault}` that could be healed");
            checker.error(text, format!("`{fault}` takes no `heal_after`"), help);
            None
        }
        Some(text) => checker
            .positive_span(text, "a fault that is healed at once proves nothing; write for example 15s")
            .map(Some),
        None if fault.is_one_shot() => Some(None),
        None if fault == FaultKind::Restart || fault.installs().is_some() => Some(Some(RESTART_DOWN_DEFAULT)),
        None => {
            let help =
                "say when it is healed, such as `heal_after: 15s`: every fault is healed before the end";
            checker.error(line, format!("`{fault}` needs `heal_after`"), help);
            None
        }
    }
}

/// Outer `None`: an error was found.
fn rest(checker: &mut Checker, raw: &RawStep, target: Option<&Target>) -> Option<Option<Span>> {
    match (&raw.rest, target) {
        (None, _) => Some(None),
        (Some(text), Some(Target::Each) | None) => {
            checker.positive_span(text, "leave it out where the next node's turn may come at once").map(Some)
        }
        (Some(text), Some(other)) => {
            let help = "with several steps their `at` says how far apart they are";
            checker.error(text, format!("`rest` belongs to `each`, and this is aimed at `{other}`"), help);
            None
        }
    }
}

/// `None`: an error was found.
fn when(checker: &mut Checker, raw: &RawStep) -> Option<When> {
    let Some(text) = &raw.when else { return Some(When::Due) };
    checker.one_of(text, "state to wait for", When::ASKED.map(|when| (when.name(), when)))
}

/// Outer `None`: an error was found.
fn hand_over(checker: &mut Checker, raw: &RawStep, fault: FaultKind) -> Option<Option<HandOver>> {
    let Some(text) = &raw.hand_over else {
        return Some(fault.installs().map(|_| HandOver::default()));
    };
    if fault.installs().is_none() {
        let help = "`hand_over` belongs to `upgrade` and `downgrade`; elsewhere say `stop: leader` or `step-down: leader`";
        checker.error(text, format!("`{fault}` takes no `hand_over`"), help);
        return None;
    }
    let found = HandOver::ALL.into_iter().find(|hand_over| hand_over.name() == text.value);
    if found.is_none() {
        checker.unknown_word(text, "way to hand over", &HandOver::ALL.map(HandOver::name));
    }
    found.map(Some)
}

/// Outer `None`: an error was found.
fn count(checker: &mut Checker, line: &Spanned<RawStep>, fault: FaultKind) -> Option<Option<u32>> {
    match (&line.value.count, fault == FaultKind::Storm) {
        (None, false) => Some(None),
        (None, true) => {
            checker.error(line, "`storm` needs `count`", "say how many, such as `count: 10000`");
            None
        }
        (Some(text), false) => {
            checker.error(text, format!("`{fault}` takes no `count`"), "`count` belongs to `storm` only");
            None
        }
        (Some(text), true) => checker.number(text, 1..=STORM_MAX).map(Some),
    }
}

/// Outer `None`: an error was found.
fn ttl(
    checker: &mut Checker,
    line: &Spanned<RawStep>,
    fault: FaultKind,
    target: Option<&Target>,
) -> Option<Option<Span>> {
    if line.value.ttl.is_none() && fault == FaultKind::Storm {
        return Some(None);
    }
    match (&line.value.ttl, fault == FaultKind::Expire || target == Some(&Target::Leases)) {
        (None, false) => Some(None),
        (None, true) => {
            let help =
                "say which time to live is tested, such as `ttl: 5s`; reports print it beside the promise";
            checker.error(line, "`expire` needs `ttl`", help);
            None
        }
        (Some(text), false) => {
            checker.error(
                text,
                format!("`{fault}` takes no `ttl`"),
                "`ttl` belongs to `expire` and `storm: leases`",
            );
            None
        }
        (Some(text), true) => {
            let ttl = checker.quantity::<Span>(text)?;
            let is_whole = ttl.0.subsec_nanos() == 0 && !ttl.0.is_zero();
            if !is_whole || ttl > EXPIRE_TTL_MAX {
                let help =
                    format!("write whole seconds, from 1s to {EXPIRE_TTL_MAX}: servers count in seconds");
                checker.error(text, format!("a time to live of {ttl} cannot be tested"), help);
                return None;
            }
            Some(Some(ttl))
        }
    }
}

/// How many times, and how far apart.
fn repetition(checker: &mut Checker, raw: &RawStep, step: &Step) -> Option<(u16, Span)> {
    let times = match &raw.times {
        None => 1,
        Some(text) => checker.number(text, 1..=REPEATS_MAX)?,
    };
    match (&raw.times, &raw.every) {
        (Some(text), _) if times > 1 && step.target == Target::Each => {
            let help = "when a round ends is not known beforehand; use `vaultquake run --repeat`";
            checker.error(text, "`each` cannot be repeated", help);
            None
        }
        (Some(text), None) if times > 1 => {
            checker.error(
                text,
                "`times` needs `every`",
                "say how far apart they begin, such as `every: 30s`",
            );
            None
        }
        (_, Some(every)) if times == 1 => {
            let help = "say how many times, such as `times: 3`, or remove `every`";
            checker.error(every, "`every` without a repetition", help);
            None
        }
        (_, None) => Some((times, Span::default())),
        (_, Some(text)) => {
            let every = checker.positive_span(text, "repetitions must lie apart")?;
            let taken = Span(hold_length(step) + step.jitter.0);
            if every <= taken {
                let help = format!("one repetition takes up to {taken}; make `every` longer than that");
                checker.error(text, format!("`{}` begins again before it is healed", step.fault), help);
                return None;
            }
            Some((times, every))
        }
    }
}

fn hold_length(step: &Step) -> Duration {
    step.heal_after.or(step.ttl).unwrap_or_default().0 + step.rest.unwrap_or_default().0
}

/// When the last repetition has ended, from the beginning of the timeline. For `each` the least it takes: how
/// long the cluster needs in between is not known.
pub(super) fn end_of(step: &Step, nodes: u8) -> Span {
    let rounds = if step.target == Target::Each { u32::from(nodes) } else { 1 };
    let repeats = u32::from(step.times.saturating_sub(1));
    Span(step.at.0 + step.jitter.0 + step.every.0 * repeats + hold_length(step) * rounds)
}

/// The whole timeline, at its longest.
pub(super) fn length(timeline: &[Step], nodes: u8) -> Span {
    timeline.iter().map(|step| end_of(step, nodes)).max().unwrap_or_default()
}

/// Two faults at once are only understood when they name different nodes: which node `leader` is depends on
/// what the other fault has done.
fn no_overlap(checker: &mut Checker, placed: &[(&Spanned<RawStep>, Step)]) {
    for (index, (line, later)) in placed.iter().enumerate() {
        let conflict = placed[..index].iter().find(|(_, earlier)| overlap(earlier, later));
        let Some((earlier_line, earlier)) = conflict else { continue };
        let place = format!("line {}", earlier_line.referenced.line());
        let message = format!(
            "`{}: {}` may begin while `{}: {}` ({place}) still lasts",
            later.fault, later.target, earlier.fault, earlier.target
        );
        let help = if !earlier.when.is_due() {
            "when it begins is not known beforehand; let this one wait as well: `when: whole`"
        } else if earlier.target == Target::Each {
            "when `each` ends is not known beforehand; put it last, or into a scenario of its own"
        } else if earlier.fault.is_of_links() || later.fault.is_of_links() {
            "a fault of the network concerns every node; let it end, and 5s pass, before the next begins"
        } else {
            "let it begin after the other is healed, or aim both at different nodes by their ids"
        };
        checker.error(line, message, help);
    }
}

/// Whether `b`, the later one, may begin too soon.
fn overlap(a: &Step, b: &Step) -> bool {
    // It waits until all that began before it is over.
    if !b.when.is_due() {
        return false;
    }
    if a.fault.is_of_credentials() || b.fault.is_of_credentials() {
        return false;
    }
    // What stands beside the cluster and the cluster can be in trouble at the same time, but each of them only once.
    if (a.target.is_beside() || b.target.is_beside()) && a.target != b.target {
        return false;
    }
    // A fault of the network concerns the links of every node, and what proves it must meet nothing else.
    let of_links = a.fault.is_of_links() || b.fault.is_of_links();
    if let (Target::Node(a), Target::Node(b)) = (&a.target, &b.target)
        && a != b
        && !of_links
    {
        return false;
    }
    windows(a).any(|(a_start, a_end)| windows(b).any(|(b_start, b_end)| a_start <= b_end && b_start <= a_end))
}

/// When each repetition may hold its nodes.
fn windows(step: &Step) -> impl Iterator<Item = (Duration, Duration)> {
    (0..u32::from(step.times)).map(|repeat| {
        let start = step.at.0 + step.every.0 * repeat;
        let end = match step.target {
            Target::Each => Duration::MAX,
            _ if !step.when.is_due() => Duration::MAX,
            _ if step.fault.is_of_links() && !step.target.is_beside() => {
                start + step.jitter.0 + hold_length(step) + LINKS_PROVEN_WITHIN
            }
            _ => start + step.jitter.0 + hold_length(step),
        };
        (start, end)
    })
}
