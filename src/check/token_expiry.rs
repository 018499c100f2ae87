//! `token-expiry`: no token dead before its time, none alive after it.
//!
//! The moment at which the server began to count is not known: it lies before the answer that brought the
//! token. So a token counts as alive too long only when asked for well after answer + TTL, and as dead too
//! early only when the "dead" had arrived well before that.

use super::{Checked, line, sentences, violation};
use crate::facts::Facts;
use crate::model::{Entry, Event, NodeId, Span, Verdict};
use std::collections::BTreeSet;

/// A token seen alive later than this after its end is a violation; sooner is lateness, and only told.
const ALIVE_GRACE_MS: f64 = 1_000.0;
/// The request that made the token may have taken this long; the server counts in whole seconds, too.
const DEAD_MARGIN_MS: f64 = 1_000.0;
/// A standby that has not yet received a fresh token says "dead". Right after the token was made, and when
/// the same node says "alive" later, that is old data and not an end.
const REPLICATION_MS: f64 = 1_000.0;

struct Sighting<'a> {
    entry: &'a Entry,
    node: &'a NodeId,
    sent_ms: f64,
    alive: Option<bool>,
}

pub fn has_data(facts: &Facts) -> bool {
    facts.events().any(|(_, event)| matches!(event, Event::Minted { .. }))
}

pub fn check(facts: &Facts) -> Checked {
    let mut total = Checked { checked: 0, coverage: Verdict::Pass, note: String::new(), violations: vec![] };
    let mut notes = Vec::new();
    for minted in &facts.run.journal {
        if let Event::Minted { subject, ttl_ms, documented_ttl_ms, .. } = &minted.event {
            let (found, note) = check_subject(facts, minted, subject, *ttl_ms, *documented_ttl_ms);
            total.checked += found.checked;
            total.coverage = total.coverage.max(found.coverage);
            total.violations.extend(found.violations);
            notes.push(note);
        }
    }
    if notes.is_empty() {
        total.coverage = Verdict::Inconclusive;
        notes.push("no token was made for it".into());
    }
    total.note = sentences(notes);
    total
}

fn check_subject(
    facts: &Facts,
    minted: &Entry,
    subject: &str,
    ttl_ms: f64,
    documented_ttl_ms: f64,
) -> (Checked, String) {
    let end_ms = minted.t_ms + ttl_ms;
    let sightings: Vec<Sighting> = facts
        .run
        .journal
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::Sighting { subject: seen, node, sent_ms, alive, .. } if seen == subject => {
                Some(Sighting { entry, node, sent_ms: *sent_ms, alive: *alive })
            }
            _ => None,
        })
        .collect();
    let mut violations = Vec::new();
    let mut late_ms: f64 = 0.0;
    for sighting in &sightings {
        let node = sighting.node;
        match sighting.alive {
            Some(false) if sighting.entry.t_ms < end_ms - DEAD_MARGIN_MS => {
                let fresh = sighting.sent_ms < minted.t_ms + REPLICATION_MS;
                let came_back = sightings.iter().any(|later| {
                    later.node == node && later.alive == Some(true) && later.sent_ms > sighting.sent_ms
                });
                if !(fresh && came_back) {
                    let early_ms = end_ms - sighting.entry.t_ms;
                    violations.push(violation(
                        format!("{subject} was dead on {node} {early_ms:.0} ms before its time"),
                        vec![line(minted), line(sighting.entry)],
                    ));
                }
            }
            Some(true) if sighting.sent_ms >= end_ms => {
                let over_ms = sighting.sent_ms - end_ms;
                if over_ms >= ALIVE_GRACE_MS {
                    violations.push(violation(
                        format!("{subject} was alive on {node} {over_ms:.0} ms after its time"),
                        vec![line(minted), line(sighting.entry)],
                    ));
                }
                late_ms = late_ms.max(over_ms);
            }
            _ => {}
        }
    }

    let unseen = nodes_without_evidence(facts, &sightings, end_ms);
    let tested = Span::from_ms(ttl_ms.max(0.0) as u64);
    let documented = Span::from_ms(documented_ttl_ms.max(0.0) as u64);
    let mut note = format!("{subject}: {documented} documented, tested at {tested}");
    if late_ms > 0.0 {
        note += &format!(", alive up to {late_ms:.0} ms after its time");
    }
    if !unseen.is_empty() {
        let names: Vec<&str> = unseen.iter().map(|node| node.as_str()).collect();
        note += &format!(", not clearly seen alive before and dead after on {}", names.join(", "));
    }
    let up_somewhere = sightings.iter().any(|sighting| sighting.alive.is_some());
    let coverage = if unseen.is_empty() && up_somewhere { Verdict::Pass } else { Verdict::Inconclusive };
    let checked = sightings.iter().filter(|sighting| sighting.alive.is_some()).count() as u64;
    (Checked { checked, coverage, note: String::new(), violations }, note)
}

/// The nodes that were up at the token's end, and were not clearly seen to hold it before and drop it after.
fn nodes_without_evidence<'f>(facts: &'f Facts, sightings: &[Sighting], end_ms: f64) -> BTreeSet<&'f NodeId> {
    let down = |node: &NodeId| {
        facts.faults.iter().any(|fault| {
            !fault.kind.disturbs_nobody() && fault.has_down(node, end_ms, end_ms + ALIVE_GRACE_MS)
        })
    };
    let evident = |node: &NodeId| {
        let of_node = || sightings.iter().filter(move |sighting| sighting.node == node);
        of_node().any(|sighting| sighting.alive == Some(true) && sighting.entry.t_ms < end_ms)
            && of_node().any(|sighting| sighting.alive == Some(false) && sighting.sent_ms >= end_ms)
    };
    let nodes = facts.run.info.nodes.iter().map(|node| &node.id);
    nodes.filter(|node| !down(node) && !evident(node)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::*;
    use crate::model::FaultKind;
    use crate::record::SavedRun;

    /// A token of 5 s, made at 2 s, asked for through each node every 250 ms until 10 s.
    fn run(alive: impl Fn(&str, f64) -> Option<bool>) -> SavedRun {
        let subject = "vq-t1-token-1".to_owned();
        let mut run = RunBuilder::new().phases(0.0, 1e3, 11e3, 12e3).event(
            2e3,
            Event::Minted {
                fault: "f1".into(),
                subject: subject.clone(),
                ttl_ms: 5e3,
                documented_ttl_ms: 3.6e6,
            },
        );
        for step in 1..32 {
            for name in ["n1", "n2", "n3"] {
                let sent_ms = 2e3 + f64::from(step) * 250.0;
                let event = Event::Sighting {
                    fault: "f1".into(),
                    subject: subject.clone(),
                    node: node(name),
                    sent_ms,
                    alive: alive(name, sent_ms),
                };
                run = run.event(sent_ms + 3.0, event);
            }
        }
        run.build()
    }

    fn verdict(run: &SavedRun) -> (Verdict, Checked) {
        let found = check(&Facts::of(run));
        (if found.violations.is_empty() { found.coverage } else { Verdict::Fail }, found)
    }

    #[test]
    fn passes_when_the_token_ends_in_time() {
        let (verdict, found) = verdict(&run(|_, t_ms| Some(t_ms < 7_000.0)));
        assert_eq!((verdict, found.checked), (Verdict::Pass, 93));
        assert_eq!(found.note, "vq-t1-token-1: 1h documented, tested at 5s");
    }

    #[test]
    fn a_little_late_is_told_and_much_too_late_fails() {
        let (late, found) = verdict(&run(|_, t_ms| Some(t_ms < 7_900.0)));
        assert_eq!(late, Verdict::Pass);
        assert!(found.note.contains("alive up to 750 ms"), "{}", found.note);
        let (too_late, found) =
            verdict(&run(|name, t_ms| Some(t_ms < 7_000.0 || name == "n2" && t_ms < 9e3)));
        assert_eq!(too_late, Verdict::Fail);
        assert!(found.violations[0].summary.contains("was alive on n2 1000 ms after"));
    }

    #[test]
    fn dead_before_its_time_fails_but_not_within_the_margin() {
        let (early, found) = verdict(&run(|name, t_ms| Some(t_ms < if name == "n3" { 5e3 } else { 7e3 })));
        assert_eq!(early, Verdict::Fail);
        assert!(found.violations[0].summary.contains("was dead on n3 1997 ms before"));
        assert_eq!(verdict(&run(|_, t_ms| Some(t_ms < 6_250.0))).0, Verdict::Pass);
    }

    #[test]
    fn a_standby_that_has_not_heard_of_it_yet_is_no_violation() {
        assert_eq!(verdict(&run(|_, t_ms| Some((2_500.0..7e3).contains(&t_ms)))).0, Verdict::Pass);
        // Not right after it was made: that would be an end.
        let gap = |_: &str, t_ms: f64| Some(t_ms < 7e3 && t_ms != 4e3);
        assert_eq!(verdict(&run(gap)).0, Verdict::Fail);
    }

    #[test]
    fn inconclusive_when_a_node_that_was_up_gave_no_clear_answer() {
        let mute = |name: &str, t_ms: f64| (name != "n3").then_some(t_ms < 7e3);
        let (unclear, found) = verdict(&run(mute));
        assert_eq!(unclear, Verdict::Inconclusive);
        assert!(found.note.ends_with("on n3"), "{}", found.note);
        assert_eq!(verdict(&RunBuilder::new().build()).0, Verdict::Inconclusive);
    }

    #[test]
    fn a_node_that_is_down_at_the_end_of_the_token_need_not_answer() {
        let mute = |name: &str, t_ms: f64| (name != "n3").then_some(t_ms < 7e3);
        let mut run = run(mute);
        let kill = RunBuilder::new()
            .requested(6_500.0, "f2", FaultKind::Kill, "n3", &["n3"])
            .applied(6_501.0, "f2")
            .healed(9_000.0, "f2");
        let since = |entry: &Entry| entry.t_ms >= 6_500.0;
        run.journal.extend(kill.build().journal.into_iter().filter(since));
        assert_eq!(verdict(&run).0, Verdict::Pass);
    }
}
