//! `storm-over`: what a storm made is gone once it was revoked or its time is over, and nothing else is; and who logs in in
//! one is let in.

use super::{Checked, line, sentences, violation};
use crate::facts::Facts;
use crate::model::{Event, Verdict};

/// A server counts in seconds.
const GRACE_MS: f64 = 2_000.0;

pub fn has_data(facts: &Facts) -> bool {
    facts.events().any(|(_, event)| matches!(event, Event::StormMade { .. }))
}

pub fn check(facts: &Facts) -> Checked {
    let mut found =
        Checked { checked: 0, coverage: Verdict::Pass, note: String::new(), violations: Vec::new() };
    let mut notes = Vec::new();
    for (_, event) in facts.events() {
        if let Event::StormMade { leases, made, asked, .. } = event {
            found.checked += u64::from(if *leases { *made } else { *asked });
            notes.push(if *leases {
                of_leases(facts, event, &mut found)
            } else {
                of_logins(event, &mut found)
            });
        }
    }
    if found.checked == 0 {
        found.coverage = Verdict::Inconclusive;
        notes.push("no storm broke loose".to_owned());
    }
    found.note = sentences(notes);
    found
}

fn seconds(ms: f64) -> String {
    format!("{:.1} s", ms / 1e3)
}

fn of_logins(made: &Event, found: &mut Checked) -> String {
    let Event::StormMade { asked, made: served, took_ms, median_ms, p99_ms, .. } = made else {
        return String::new();
    };
    if served < asked {
        let summary = format!("{} of {asked} logins were never served", asked - served);
        found.violations.push(violation(summary, vec![line(made)]));
    }
    let at = |ms: &Option<f64>| ms.map_or_else(|| "never".to_owned(), seconds);
    format!(
        "{served} of {asked} logins served, half of them after {}, 99 % after {}, the last after {}",
        at(median_ms),
        at(p99_ms),
        seconds(*took_ms)
    )
}

fn of_leases(facts: &Facts, storm: &Event, found: &mut Checked) -> String {
    let Event::StormMade { fault, made, kept, due_ms, took_ms, .. } = storm else { return String::new() };
    let of_this = |name: &String| name == fault;
    // What was asked and never answered may have revoked them all the same.
    let revoked_ms = facts.events().find_map(|(_, event)| match event {
        Event::StormRevoked { fault, sent_ms, .. } if of_this(fault) => Some(*sent_ms),
        _ => None,
    });
    let counts = || {
        facts.events().filter_map(|(_, event)| match event {
            Event::StormCounted { fault, sent_ms, inside, outside } if of_this(fault) => {
                Some((event, *sent_ms, *inside, *outside))
            }
            _ => None,
        })
    };
    let over_ms = revoked_ms.or(*due_ms);
    if let Some((event, sent_ms, inside, _)) = counts().find(|(_, sent_ms, inside, _)| {
        *inside < u64::from(*made) && over_ms.is_none_or(|over_ms| sent_ms + GRACE_MS < over_ms)
    }) {
        let gone = u64::from(*made) - inside;
        let early =
            over_ms.map_or(String::new(), |ms| format!(" {} before their end", seconds(ms - sent_ms)));
        found
            .violations
            .push(violation(format!("{gone} of {made} leases were gone{early}"), vec![line(event)]));
    }
    if let Some((event, _, _, outside)) = counts().find(|(.., outside)| *outside < u64::from(*kept)) {
        let summary = format!("{} leases beside the storm are gone", u64::from(*kept) - outside);
        found.violations.push(violation(summary, vec![line(event)]));
    }
    let made_in = format!("{made} leases made in {}", seconds(*took_ms));
    let after = over_ms.and_then(|over_ms| counts().filter(|(_, sent_ms, ..)| *sent_ms >= over_ms).last());
    let (Some((event, sent_ms, inside, _)), Some(over_ms)) = (after, over_ms) else {
        found.coverage = Verdict::Inconclusive;
        return format!("{made_in}; nobody counted them after their end");
    };
    let how = if revoked_ms.is_some() { "the revocation of their prefix" } else { "the end of their time" };
    if inside > 0 {
        let after = seconds(sent_ms - over_ms);
        let summary = format!("{inside} of {made} leases are still there {after} after {how}");
        found.violations.push(violation(summary, vec![line(event)]));
        return made_in;
    }
    format!("{made_in}, gone {} after {how}, {kept} beside them untouched", seconds(sent_ms - over_ms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::verdict;
    use crate::facts::testing::*;

    fn made(due_ms: Option<f64>) -> Event {
        Event::StormMade {
            fault: "f1".into(),
            leases: true,
            asked: 1000,
            made: 1000,
            kept: 100,
            began_ms: 12e3,
            due_ms,
            took_ms: 3e3,
            median_ms: None,
            p99_ms: None,
        }
    }

    fn judged(due_ms: Option<f64>, revoked: bool, counts: &[(f64, u64, u64)]) -> (Verdict, Checked) {
        let mut run = kill_run().event(15e3, made(due_ms));
        if revoked {
            run = run.event(
                15.2e3,
                Event::StormRevoked { fault: "f1".into(), sent_ms: 15.1e3, status: Some(204) },
            );
        }
        for &(sent_ms, inside, outside) in counts {
            let fault = "f1".into();
            run = run.event(sent_ms + 50.0, Event::StormCounted { fault, sent_ms, inside, outside });
        }
        verdict(check, &run.build())
    }

    #[test]
    fn what_was_revoked_is_gone_and_nothing_else() {
        let (passed, found) = judged(None, true, &[(15.5e3, 600, 100), (17.1e3, 0, 100)]);
        assert_eq!((passed, found.checked), (Verdict::Pass, 1000), "{found:?}");
        assert!(found.note.contains("gone 2.0 s after the revocation"), "{}", found.note);
        let (failed, found) = judged(None, true, &[(15.5e3, 600, 100), (90e3, 7, 100)]);
        assert_eq!(failed, Verdict::Fail);
        assert!(found.violations[0].summary.contains("7 of 1000 leases are still there"));
        let (failed, found) = judged(None, true, &[(15.5e3, 600, 100), (17.1e3, 0, 99)]);
        assert_eq!(failed, Verdict::Fail);
        assert!(found.violations[0].summary.contains("1 leases beside"), "{found:?}");
    }

    #[test]
    fn what_ends_by_itself_ends_then_and_not_before() {
        let end = Some(30e3);
        assert_eq!(judged(end, false, &[(29.5e3, 990, 100), (31e3, 0, 100)]).0, Verdict::Pass);
        assert_eq!(judged(end, false, &[(20e3, 990, 100), (31e3, 0, 100)]).0, Verdict::Fail);
        assert_eq!(judged(end, false, &[(20e3, 1000, 100), (200e3, 1, 100)]).0, Verdict::Fail);
    }

    #[test]
    fn what_nobody_counted_is_not_known() {
        assert_eq!(judged(None, true, &[]).0, Verdict::Inconclusive);
        assert_eq!(judged(Some(30e3), false, &[(20e3, 1000, 100)]).0, Verdict::Inconclusive);
        assert_eq!(verdict(check, &kill_run().build()).0, Verdict::Inconclusive);
    }

    #[test]
    fn every_login_is_served() {
        let logins = |served| {
            let mut event = made(None);
            if let Event::StormMade { leases, made, median_ms, p99_ms, .. } = &mut event {
                (*leases, *made, *median_ms, *p99_ms) = (false, served, Some(400.0), Some(2.5e3));
            }
            verdict(check, &kill_run().event(15e3, event).build())
        };
        let (passed, found) = logins(1000);
        assert_eq!(passed, Verdict::Pass);
        assert!(found.note.contains("99 % after 2.5 s, the last after 3.0 s"), "{}", found.note);
        assert_eq!(logins(998).0, Verdict::Fail);
    }
}
