//! `isolation`: no tenant gets at what is another's, and each goes on getting at its own.
//!
//! A stranger must be told 403 and nothing else. An answer of 2xx is a leak; so is "there is no such thing" (404) or "that
//! cannot be done" (405), since the server looks at the policy first and only then at what is there: who is told so has been
//! let through. Other answers and none at all prove nothing. In return a tenant must not be told 403 of its own: where
//! the blueprint grants it a verb, which shows in that it was served once, or which its application cannot do without.

use super::{Checked, line, sentences, violation};
use crate::facts::{Facts, FaultFact};
use crate::model::{NodeId, Operation, Outcome, Probe, Verb, Verdict, Violation, Workload};
use std::collections::BTreeSet;

/// Less than this share of all combinations answered before, during or after the faults leaves too much unasked.
const ANSWERED_SHARE_MIN: f64 = 0.5;

pub fn has_data(facts: &Facts) -> bool {
    probes(facts).next().is_some()
}

fn probes<'f>(facts: &Facts<'f>) -> impl Iterator<Item = (&'f Operation, Probe)> {
    let history: &'f [Operation] = &facts.run.history;
    let probing = history.iter().filter(|op| op.op == Workload::IsolationProbe);
    probing.filter_map(|op| Some((op, op.subject.as_deref()?.parse().ok()?)))
}

/// Whether the node said something about it: served, or refused for a reason of its own.
fn is_answered(op: &Operation) -> bool {
    op.is_ok() || op.outcome == Outcome::Failed && op.status.is_some_and(|status| status != 429)
}

pub fn check(facts: &Facts) -> Checked {
    let own = || probes(facts).filter(|(_, probe)| probe.is_own());
    let granted: BTreeSet<(u16, Verb)> =
        own().filter(|(op, _)| op.is_ok()).map(|(_, probe)| (probe.owner, probe.verb)).collect();
    let violations = probes(facts).filter_map(|(op, probe)| {
        let is_granted = probe.verb.is_indispensable() || granted.contains(&(probe.owner, probe.verb));
        broken(op, probe, is_granted)
    });
    let violations: Vec<_> = violations.collect();
    let shares = shares(facts);
    let is_enough = !shares.is_empty() && shares.iter().all(Share::is_enough);
    let never_own = own().all(|(op, _)| !op.is_ok());
    let note = sentences([
        shares.iter().map(Share::words).collect::<Vec<_>>().join(", "),
        if never_own { "no tenant was ever served its own".into() } else { String::new() },
    ]);
    Checked {
        checked: probes(facts).filter(|(op, _)| is_answered(op)).count() as u64,
        coverage: if is_enough && !never_own { Verdict::Pass } else { Verdict::Inconclusive },
        note,
        violations,
    }
}

fn broken(op: &Operation, probe: Probe, is_granted: bool) -> Option<Violation> {
    let node = op.node.as_ref()?;
    let Probe { asker, owner, verb } = probe;
    let verb = verb.name();
    let summary = match (probe.is_own(), op.status) {
        (true, Some(403)) if is_granted => format!("t{owner} was denied its own {verb} through {node}"),
        (true, _) => return None,
        (false, _) if op.is_ok() => format!("{asker} was let through to t{owner} with {verb} through {node}"),
        (false, Some(status @ (404 | 405))) => {
            format!("{asker} was told {status} of what is t{owner}'s, asked to {verb} through {node}")
        }
        (false, _) => return None,
    };
    Some(violation(summary, vec![line(op)]))
}

/// How much of what could be asked in some part of the run was answered.
struct Share {
    when: &'static str,
    answered: usize,
    of: usize,
}

impl Share {
    fn is_enough(&self) -> bool {
        self.answered as f64 >= ANSWERED_SHARE_MIN * self.of as f64
    }

    fn words(&self) -> String {
        let Self { when, answered, of } = self;
        let enough = if self.is_enough() { "" } else { " (too few)" };
        format!("{when} {answered} of {of} combinations of asker, owner, verb and node were answered{enough}")
    }
}

/// One for the time before the faults, one for while they lasted, one for afterwards; without any, one for all.
fn shares(facts: &Facts) -> Vec<Share> {
    let combinations = Probe::all(facts.run.info.scenario.blueprint.tenants).count();
    let all = || facts.run.info.nodes.iter().map(|node| &node.id).collect::<BTreeSet<_>>();
    let share = |when, from_ms: f64, to_ms: f64, nodes: BTreeSet<&NodeId>| {
        let answered: BTreeSet<(&NodeId, Probe)> = probes(facts)
            .filter(|(op, _)| is_answered(op) && (from_ms * 1e3..to_ms * 1e3).contains(&(op.sent_us as f64)))
            .filter_map(|(op, probe)| Some((op.node.as_ref()?, probe)))
            .filter(|(node, _)| nodes.contains(node))
            .collect();
        Share { when, answered: answered.len(), of: combinations * nodes.len() }
    };
    if !has_data(facts) {
        return Vec::new();
    }
    let first = facts.disturbing_faults().map(|fault| fault.requested_ms).reduce(f64::min);
    let Some(first_ms) = first else { return vec![share("in all", 0.0, f64::INFINITY, all())] };
    let over_ms = facts.last_fault_over_ms().unwrap_or(f64::INFINITY);
    let mut shares = vec![share("before the faults", 0.0, first_ms, all())];
    // What is over at once leaves no time to ask in.
    let lasting = || facts.disturbing_faults().filter(|fault| !fault.kind.is_one_shot());
    let serves = |fault: &FaultFact, node: &NodeId| !fault.down().contains(node);
    let serving: BTreeSet<_> =
        all().into_iter().filter(|node| lasting().any(|fault| serves(fault, node))).collect();
    if !serving.is_empty() {
        shares.push(share("during them", first_ms, over_ms, serving));
    }
    shares.push(share("after them", over_ms, f64::INFINITY, all()));
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::verdict;
    use crate::facts::testing::*;
    use crate::model::{Asker, ErrorKind, FaultKind, Route};
    use crate::record::SavedRun;

    const STATUS: ErrorKind = ErrorKind::Status;

    /// Everything asked of every node once in each of three parts of a run with a kill of n1 in the middle.
    fn run(answer: impl Fn(Probe, &str, f64) -> Option<u16>) -> SavedRun {
        let mut run = RunBuilder::new()
            .phases(1e3, 10e3, 20e3, 30e3)
            .requested(10e3, "f1", FaultKind::Kill, "leader", &["n1"])
            .applied(10_001.0, "f1")
            .healed(20e3, "f1")
            .build();
        run.info.scenario.blueprint.tenants = 2;
        let mut template = steady_run().build().history.remove(0);
        (template.op, template.route, template.key, template.version) =
            (Workload::IsolationProbe, Route::Any, None, None);
        run.history.clear();
        for from_ms in [2e3, 11e3, 21e3] {
            for (step, probe) in (0..).zip(Probe::all(2)) {
                for name in ["n1", "n2", "n3"] {
                    let mut op = template.clone();
                    let t_ms = from_ms + f64::from(step);
                    op.id = run.history.len() as u64;
                    op.node = Some(node(name));
                    (op.due_us, op.sent_us) = ((t_ms * 1e3) as u64, (t_ms * 1e3) as u64);
                    op.done_us = op.sent_us + 900;
                    op.subject = Some(probe.to_string().into());
                    (op.outcome, op.error, op.status) = match answer(probe, name, t_ms) {
                        Some(status @ 200..=299) => (Outcome::Ok, None, Some(status)),
                        Some(403) if !probe.is_own() => (Outcome::Failed, Some(ErrorKind::Denied), Some(403)),
                        Some(status @ 400..=499) => (Outcome::Failed, Some(STATUS), Some(status)),
                        Some(status) => (Outcome::Unknown, Some(STATUS), Some(status)),
                        None => (Outcome::Failed, Some(ErrorKind::ConnectRefused), None),
                    };
                    run.history.push(op);
                }
            }
        }
        run
    }

    /// As it should be: patches are granted to nobody, and n1 is dead in the middle.
    fn right(probe: Probe, name: &str, t_ms: f64) -> Option<u16> {
        match (name, t_ms as u64) {
            ("n1", 10_000..20_000) => None,
            _ if probe.is_own() && probe.verb != Verb::Patch => Some(200),
            _ => Some(403),
        }
    }

    fn fails(answer: impl Fn(Probe, &str, f64) -> Option<u16>, why: &str) {
        let (failed, found) = verdict(check, &run(answer));
        assert_eq!(failed, Verdict::Fail);
        assert_eq!(found.violations[0].summary, why);
    }

    #[test]
    fn passes_when_strangers_are_denied_and_owners_are_not() {
        let (passed, found) = verdict(check, &run(right));
        let each = Probe::all(2).count();
        assert_eq!((passed, found.checked as usize), (Verdict::Pass, each * 8));
        let said = format!("before the faults {0} of {0} combinations", each * 3);
        assert!(found.note.starts_with(&said), "{}", found.note);
        assert!(found.note.contains(&format!("during them {0} of {0}", each * 2)), "{}", found.note);
    }

    #[test]
    fn fails_when_anybody_is_let_through() {
        let at = |asker, status| {
            move |probe: Probe, name: &str, t_ms: f64| {
                let here = (probe.asker, probe.owner, probe.verb) == (asker, 2, Verb::Read);
                if here && name == "n2" && t_ms > 20e3 { Some(status) } else { right(probe, name, t_ms) }
            }
        };
        fails(at(Asker::Tenant(1), 200), "t1 was let through to t2 with read through n2");
        fails(at(Asker::Nobody, 204), "nobody was let through to t2 with read through n2");
        fails(at(Asker::Invented, 404), "invented was told 404 of what is t2's, asked to read through n2");
        // What the node could not decide, or was too busy for, is no leak.
        for status in [500, 503, 307, 429, 400] {
            assert_eq!(verdict(check, &run(at(Asker::Tenant(1), status))).0, Verdict::Pass, "{status}");
        }
    }

    #[test]
    fn fails_when_a_tenant_is_denied_its_own_but_not_what_it_never_had() {
        let at = |verb, from_ms| {
            move |probe: Probe, name: &str, t_ms: f64| {
                let here = probe.is_own() && probe.owner == 1 && probe.verb == verb;
                if here && t_ms > from_ms { Some(403) } else { right(probe, name, t_ms) }
            }
        };
        fails(at(Verb::Destroy, 20e3), "t1 was denied its own destroy through n1");
        fails(at(Verb::Read, 0.0), "t1 was denied its own read through n1");
        assert_eq!(verdict(check, &run(at(Verb::Destroy, 0.0))).0, Verdict::Pass);
    }

    #[test]
    fn inconclusive_when_too_little_was_answered_at_some_time() {
        let mute = |probe, name: &str, t_ms| if name == "n1" { right(probe, name, t_ms) } else { None };
        let (unclear, found) = verdict(check, &run(mute));
        assert_eq!(unclear, Verdict::Inconclusive);
        assert!(found.note.contains("(too few)"), "{}", found.note);
        let never = |probe: Probe, name: &str, t_ms: f64| {
            if probe.is_own() { Some(503) } else { right(probe, name, t_ms) }
        };
        assert_eq!(verdict(check, &run(never)).0, Verdict::Inconclusive);
        let none = steady_run().build();
        assert!(!has_data(&Facts::of(&none)));
        assert_eq!(verdict(check, &none).0, Verdict::Inconclusive);
    }
}
