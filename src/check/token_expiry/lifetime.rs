//! What ends at a moment: by its time to live, at the most that renewals may reach, or with a revocation.

use super::{Acted, Found, Subject, names, was_down};
use crate::check::{Checked, line, violation};
use crate::facts::Facts;
use crate::model::{Act, EndRule, NodeId, Verdict, Violation};
use std::collections::BTreeSet;

/// A token seen alive later than this after its end is a violation; sooner is lateness, and only told.
const ALIVE_GRACE_MS: f64 = 1_000.0;
/// The request that made the token may have taken this long; the server counts in whole seconds, too.
const DEAD_MARGIN_MS: f64 = 1_000.0;
/// A standby that has not yet received a fresh token says "dead". Right after the token was made, and when
/// the same node says "alive" later, that is old data and not an end.
const REPLICATION_MS: f64 = 1_000.0;
/// So long after a fault a revocation that is not granted says nothing yet.
const SETTLED_AFTER_MS: f64 = 20_000.0;
/// Fewer renewals show nothing of one that goes on living.
const RENEWALS_MIN: usize = 3;

/// A time in which it must be alive, since it was made, or renewed once more.
struct Life {
    from_ms: f64,
    until_ms: f64,
}

/// What follows from the acts alone.
struct Lifetime {
    lives: Vec<Life>,
    /// Alive after this is a violation; `None` when that cannot be known.
    dead_from_ms: Option<f64>,
    /// Told of it, beside what was tested.
    story: Vec<String>,
    /// Why it shows less than it should.
    gap: bool,
}

pub fn check(facts: &Facts, subject: &Subject) -> Found {
    let lifetime = Lifetime::of(subject);
    let mut violations: Vec<Violation> = Vec::new();
    let mut late_ms: f64 = 0.0;
    let ends_ms = lifetime.dead_from_ms;
    for sighting in &subject.sightings {
        let (node, name) = (sighting.node, subject.name);
        let evidence = || vec![line(subject.minted), line(sighting.entry)];
        match sighting.alive {
            Some(false) => {
                if let Some(early_ms) =
                    lifetime.early_ms(facts, subject, node, sighting.sent_ms, sighting.entry.t_ms)
                {
                    violations.push(violation(
                        format!("{name} was dead on {node} {early_ms:.0} ms before its time"),
                        evidence(),
                    ));
                }
            }
            Some(true) => {
                let over_ms = ends_ms.map_or(f64::NEG_INFINITY, |end_ms| sighting.sent_ms - end_ms);
                if over_ms >= ALIVE_GRACE_MS {
                    let end = match subject.end {
                        EndRule::RevokedWith(_) => "its revocation",
                        _ => "its time",
                    };
                    // No excuse, but another thing than a node that heard of it.
                    let unheard = match was_down(facts, node, sighting.sent_ms - over_ms, sighting.sent_ms) {
                        true => ", cut off or down since",
                        false => "",
                    };
                    violations.push(violation(
                        format!("{name} was alive on {node} {over_ms:.0} ms after {end}{unheard}"),
                        evidence(),
                    ));
                }
                late_ms = late_ms.max(over_ms);
            }
            None => {}
        }
    }
    violations.extend(renewals(facts, subject, &lifetime));
    let unrevoked = unrevoked(facts, subject);
    let was_ignored = unrevoked.is_some();
    violations.extend(unrevoked);

    let last_ms = lifetime.lives.iter().map(|life| life.until_ms).fold(f64::NEG_INFINITY, f64::max);
    let unseen = match subject.end {
        EndRule::Survives(_) => not_seen_alive_after(facts, subject),
        _ => {
            let must_be_dead = ends_ms.is_some() || was_ignored;
            without_evidence(facts, subject, ends_ms.unwrap_or(last_ms), must_be_dead)
        }
    };
    let mut note = match subject.end {
        EndRule::RevokedWith(_) | EndRule::Survives(_) => format!("{}: ", subject.name),
        _ => format!("{}, ", subject.tested()),
    };
    let mut story = lifetime.story;
    if late_ms > 0.0 {
        story.push(format!("alive up to {late_ms:.0} ms after its time"));
    }
    if !unseen.is_empty() {
        let what = match subject.end {
            EndRule::Survives(_) => "not clearly seen alive afterwards on",
            _ => "not clearly seen alive before and dead after on",
        };
        story.push(format!("{what} {}", names(unseen.iter().copied())));
    }
    note += &story.join(", ");
    let up_somewhere = subject.sightings.iter().any(|sighting| sighting.alive.is_some());
    let is_enough = unseen.is_empty() && up_somewhere && (!lifetime.gap || was_ignored);
    let checked = subject.sightings.iter().filter(|sighting| sighting.alive.is_some()).count() as u64;
    let coverage = if is_enough { Verdict::Pass } else { Verdict::Inconclusive };
    let note = note.trim_end_matches([',', ':', ' ']).to_owned();
    Found { checked: Checked { checked, coverage, note: String::new(), violations }, note }
}

impl Lifetime {
    fn of(subject: &Subject) -> Self {
        let made_ms = subject.minted.t_ms;
        let mut lives = vec![Life { from_ms: made_ms, until_ms: made_ms + subject.ttl_ms }];
        let mut story = Vec::new();
        let mut gap = false;
        let granted = || subject.acts.iter().filter(|acted| acted.granted == Some(true));
        let dead_from_ms = match subject.end {
            EndRule::LeftAlone | EndRule::Uses(_) => Some(made_ms + subject.ttl_ms),
            EndRule::RenewedUntil { .. } | EndRule::Renewed => {
                let most_ms = match subject.end {
                    EndRule::RenewedUntil { max_ttl_ms } => made_ms + max_ttl_ms,
                    _ => f64::INFINITY,
                };
                let renewed = granted().filter(|acted| acted.sent_ms < most_ms);
                lives.extend(renewed.map(|acted| Life {
                    from_ms: acted.entry.t_ms,
                    until_ms: (acted.sent_ms + subject.ttl_ms).min(most_ms),
                }));
                let times = lives.len() - 1;
                let through: BTreeSet<_> = granted().map(|acted| acted.node).collect();
                story.push(format!("renewed {times} times through {}", names(through)));
                gap |= times < RENEWALS_MIN;
                let last_ms = lives.iter().map(|life| life.until_ms).fold(0.0, f64::max);
                // A renewal without a clear answer may still take effect, whenever that is.
                let is_certain = subject.acts.iter().all(|acted| acted.granted.is_some());
                if most_ms.is_finite() {
                    if last_ms < most_ms - DEAD_MARGIN_MS {
                        story.push("for want of a renewal it may have ended before its longest time".into());
                        gap = true;
                    }
                    Some(most_ms)
                } else {
                    let latest_ms =
                        granted().map(|acted| acted.entry.t_ms + subject.ttl_ms).fold(last_ms, f64::max);
                    is_certain.then_some(latest_ms)
                }
            }
            EndRule::RevokedWith(_) | EndRule::Survives(_) => {
                let survives = matches!(subject.end, EndRule::Survives(_));
                if let (Some(first), false) = (subject.acts.first(), survives) {
                    lives[0].until_ms = first.sent_ms;
                }
                let revoked = granted().next();
                let tries = subject.acts.len();
                let through = subject.acts.first().map(|acted| acted.node.as_str()).unwrap_or("nobody");
                let what = if survives { "its parent revoked" } else { "revoked" };
                story.push(match (revoked, tries) {
                    (Some(_), 1) => format!("{what} through {through}"),
                    (Some(_), _) => format!("{what} through {through} at the {tries}. try"),
                    (None, _) => format!("not {what} through {through} in {tries} tries"),
                });
                gap |= revoked.is_none();
                revoked.map(|acted| acted.entry.t_ms).filter(|_| !survives)
            }
        };
        Self { lives, dead_from_ms, story, gap }
    }

    /// How long before its time a "dead" of this node came, if that is a violation.
    fn early_ms(
        &self,
        facts: &Facts,
        subject: &Subject,
        node: &NodeId,
        sent_ms: f64,
        seen_ms: f64,
    ) -> Option<f64> {
        let living = self
            .lives
            .iter()
            .enumerate()
            .filter(|(_, life)| life.from_ms <= sent_ms && seen_ms < life.until_ms - DEAD_MARGIN_MS);
        let (index, life) = living.max_by(|(_, a), (_, b)| a.until_ms.total_cmp(&b.until_ms))?;
        let of_node = || subject.sightings.iter().filter(|sighting| sighting.node == node);
        let alive = |after_ms: f64, before_ms: f64| {
            of_node().any(|s| s.alive == Some(true) && s.sent_ms > after_ms && s.sent_ms < before_ms)
        };
        let fresh = sent_ms < life.from_ms + REPLICATION_MS && alive(sent_ms, f64::INFINITY);
        // A node that was cut off or down since then need not have heard of it yet.
        let knew_it = index == 0 && alive(f64::NEG_INFINITY, sent_ms);
        let unheard = !knew_it && was_down(facts, node, life.from_ms, seen_ms);
        (!fresh && !unheard).then_some(life.until_ms - seen_ms)
    }
}

/// Renewals that were refused too early or granted too late.
fn renewals(facts: &Facts, subject: &Subject, lifetime: &Lifetime) -> Vec<Violation> {
    let judge = |acted: &Acted| {
        let (name, node) = (subject.name, acted.node);
        let summary = match (acted.granted, subject.end) {
            (Some(true), EndRule::RenewedUntil { max_ttl_ms }) => {
                let over_ms = acted.sent_ms - (subject.minted.t_ms + max_ttl_ms);
                (over_ms >= ALIVE_GRACE_MS).then(|| {
                    format!("{name} was renewed through {node} {over_ms:.0} ms after its longest time")
                })
            }
            (Some(false), _) => {
                lifetime.early_ms(facts, subject, node, acted.sent_ms, acted.entry.t_ms).map(|early_ms| {
                    format!("{name} could not be renewed through {node} {early_ms:.0} ms before its end")
                })
            }
            _ => None,
        };
        Some(violation(summary?, vec![line(subject.minted), line(acted.entry)]))
    };
    subject.acts.iter().filter(|acted| acted.act == Act::Renew).filter_map(judge).collect()
}

/// A revocation that an undisturbed node never granted, of something that went on living.
fn unrevoked(facts: &Facts, subject: &Subject) -> Option<Violation> {
    let is_itself = matches!(subject.end, EndRule::RevokedWith(other) if other == subject.name);
    let (first, last) = (subject.acts.first()?, subject.acts.last()?);
    let lived_on = subject.sightings.iter().any(|s| s.alive == Some(true) && s.sent_ms > last.entry.t_ms);
    let is_disturbed = facts.disturbing_faults().any(|fault| {
        let over_ms = fault.over_ms().unwrap_or(f64::INFINITY) + SETTLED_AFTER_MS;
        fault.requested_ms <= last.entry.t_ms && first.sent_ms <= over_ms
    });
    let is_granted = subject.acts.iter().any(|acted| acted.granted == Some(true));
    if !is_itself || is_granted || !lived_on || is_disturbed {
        return None;
    }
    let status = last.status.map_or("no answer".to_owned(), |status| format!("status {status}"));
    let summary = format!(
        "{} could not be revoked through {}: {status}, {} times",
        subject.name,
        first.node,
        subject.acts.len()
    );
    Some(violation(summary, vec![line(subject.minted), line(last.entry)]))
}

/// The nodes that were up at its end, and were not clearly seen to hold it before and drop it after. Where it must be dead,
/// one that clearly goes on holding it leaves no doubt either.
fn without_evidence<'f>(
    facts: &'f Facts,
    subject: &Subject,
    end_ms: f64,
    must_be_dead: bool,
) -> BTreeSet<&'f NodeId> {
    let evident = |node: &NodeId| {
        let of_node = || subject.sightings.iter().filter(move |sighting| sighting.node == node);
        let held = of_node().any(|s| s.alive == Some(true) && s.entry.t_ms < end_ms);
        let dropped = of_node().any(|s| s.alive == Some(false) && s.sent_ms >= end_ms);
        let kept = of_node().any(|s| s.alive == Some(true) && s.sent_ms >= end_ms + ALIVE_GRACE_MS);
        held && (dropped || must_be_dead && kept)
    };
    let nodes = facts.run.info.nodes.iter().map(|node| &node.id);
    nodes.filter(|node| !was_down(facts, node, end_ms, end_ms + ALIVE_GRACE_MS) && !evident(node)).collect()
}

/// The nodes that were up and were not clearly seen to hold an orphan once its parent was gone.
fn not_seen_alive_after<'f>(facts: &'f Facts, subject: &Subject) -> BTreeSet<&'f NodeId> {
    let revoked = subject.acts.iter().find(|acted| acted.granted == Some(true));
    let from_ms = revoked.map_or(f64::INFINITY, |acted| acted.entry.t_ms);
    let evident = |node: &NodeId| {
        let of_node = subject.sightings.iter().filter(|sighting| sighting.node == node);
        of_node.filter(|sighting| sighting.sent_ms >= from_ms).any(|sighting| sighting.alive == Some(true))
    };
    let nodes = facts.run.info.nodes.iter().map(|node| &node.id);
    nodes.filter(|node| !was_down(facts, node, from_ms, from_ms + ALIVE_GRACE_MS) && !evident(node)).collect()
}
