//! Hand-built runs for every way to end: each passes, fails for its reason, and is inconclusive.

use super::*;
use crate::check::testing::verdict as judged;
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
            documented_ttl_ms: Some(3.6e6),
            credential: Credential::Token,
            end: EndRule::LeftAlone,
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
    judged(check, run)
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
    let (too_late, found) = verdict(&run(|name, t_ms| Some(t_ms < 7_000.0 || name == "n2" && t_ms < 9e3)));
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

/// A credential made at 2 s with a time to live of 5 s, seen through each node every 250 ms from 2.25 s to 29.75 s, and what
/// was done with it: when, through which node, and whether it was granted.
fn subject(
    name: &str,
    end: EndRule,
    acts: &[(Act, f64, &str, Option<bool>)],
    alive: impl Fn(&str, f64) -> Option<bool>,
) -> RunBuilder {
    let mut run = RunBuilder::new().phases(0.0, 1e3, 30e3, 31e3).event(
        2e3,
        Event::Minted {
            fault: "f1".into(),
            subject: name.into(),
            credential: Credential::RenewedToken,
            ttl_ms: 5e3,
            documented_ttl_ms: None,
            end,
        },
    );
    for (act, sent_ms, through, granted) in acts {
        let acted = Event::Acted {
            fault: "f1".into(),
            subject: "s".into(),
            act: *act,
            node: node(through),
            sent_ms: *sent_ms,
            granted: *granted,
            status: granted.map(|granted| if granted { 204 } else { 403 }),
        };
        run = run.event(sent_ms + 5.0, acted);
    }
    for step in 1..112 {
        for through in ["n1", "n2", "n3"] {
            let sent_ms = 2e3 + f64::from(step) * 250.0;
            let sighting = Event::Sighting {
                fault: "f1".into(),
                subject: name.into(),
                node: node(through),
                sent_ms,
                alive: alive(through, sent_ms),
            };
            run = run.event(sent_ms + 3.0, sighting);
        }
    }
    run
}

const THROUGH: [&str; 3] = ["n1", "n2", "n3"];

/// Renewed every two seconds from 4 s on, so many times, through each node in turn.
fn renewals(times: usize) -> Vec<(Act, f64, &'static str, Option<bool>)> {
    (0..times).map(|time| (Act::Renew, 4e3 + time as f64 * 2e3, THROUGH[time % 3], Some(true))).collect()
}

const LONGEST: EndRule = EndRule::RenewedUntil { max_ttl_ms: 15e3 };

#[test]
fn a_renewed_token_lives_until_its_longest_time_and_not_beyond() {
    let until = |end_ms: f64| move |_: &str, t_ms: f64| Some(t_ms < end_ms);
    let run = |times, end_ms| subject("s", LONGEST, &renewals(times), until(end_ms)).build();
    let (passed, found) = verdict(&run(6, 17e3));
    assert_eq!(passed, Verdict::Pass, "{}", found.note);
    let note = "s: nothing documented, tested at 5s, renewed 6 times through n1, n2, n3";
    assert_eq!(found.note, note);
    let (early, found) = verdict(&run(6, 12e3));
    assert_eq!(early, Verdict::Fail);
    assert!(found.violations[0].summary.contains("s was dead on n1"), "{:?}", found.violations[0]);
    let (late, found) = verdict(&run(6, 20e3));
    assert_eq!(late, Verdict::Fail);
    assert!(found.violations[0].summary.contains("s was alive on n1 1000 ms after its time"));
    let (renewed, found) = verdict(&run(8, 17e3));
    assert_eq!(renewed, Verdict::Fail);
    assert_eq!(found.violations[0].summary, "s was renewed through n2 1000 ms after its longest time");
    // It was not kept alive that long.
    assert_eq!(verdict(&run(3, 13e3)).0, Verdict::Inconclusive);
}

#[test]
fn a_renewal_must_not_be_refused_while_it_lives() {
    let mut acts = renewals(6);
    acts[2].3 = Some(false);
    let (refused, found) = verdict(&subject("s", LONGEST, &acts, |_, t_ms| Some(t_ms < 17e3)).build());
    assert_eq!(refused, Verdict::Fail);
    assert_eq!(found.violations[0].summary, "s could not be renewed through n3 2995 ms before its end");
}

#[test]
fn a_periodic_token_ends_once_it_is_no_longer_renewed() {
    let run = |acts: &[_], end_ms: f64| {
        subject("s", EndRule::Renewed, acts, move |_, t_ms| Some(t_ms < end_ms)).build()
    };
    // The last renewal was sent at 14 s.
    assert_eq!(verdict(&run(&renewals(6), 19e3)).0, Verdict::Pass);
    assert_eq!(verdict(&run(&renewals(6), 16e3)).0, Verdict::Fail);
    assert_eq!(verdict(&run(&renewals(6), 21e3)).0, Verdict::Fail);
    // One more that may have been taken: then nobody knows when it must end, only that it did.
    let mut acts = renewals(7);
    acts[6].3 = None;
    for end_ms in [19e3, 21e3] {
        assert_eq!(verdict(&run(&acts, end_ms)).0, Verdict::Pass);
    }
    assert_eq!(verdict(&run(&renewals(1), 9e3)).0, Verdict::Inconclusive);
}

#[test]
fn a_use_too_many_fails_and_so_does_one_too_few() {
    let run = |told: &[Option<bool>]| {
        let acts: Vec<_> = told
            .iter()
            .enumerate()
            .map(|(turn, granted)| (Act::Use, 3e3 + turn as f64 * 100.0, THROUGH[turn % 3], *granted))
            .collect();
        subject("s", EndRule::Uses(3), &acts, |_, _| None).build()
    };
    let (yes, no) = (Some(true), Some(false));
    let (passed, found) = verdict(&run(&[yes, yes, yes, no, no, no]));
    assert_eq!(passed, Verdict::Pass);
    assert_eq!(found.note, "s: for 3 uses, 3 granted, 3 refused, 0 unclear");
    let (more, found) = verdict(&run(&[yes, yes, yes, no, yes, no, no, no]));
    assert_eq!(more, Verdict::Fail);
    assert_eq!(found.violations[0].summary, "s is for 3 uses, and n2 granted one more (4)");
    let (fewer, found) = verdict(&run(&[yes, yes, no, no, no]));
    assert_eq!(fewer, Verdict::Fail);
    assert_eq!(found.violations[0].summary, "s is for 3 uses, and n3 refused it after 2");
    // The use that nobody answered may have been the third.
    assert_eq!(verdict(&run(&[yes, None, yes, no, no, no])).0, Verdict::Pass);
    assert_eq!(verdict(&run(&[yes, yes, yes, no])).0, Verdict::Inconclusive);
}

#[test]
fn a_revocation_reaches_every_node_and_no_orphan() {
    let revoked = || EndRule::RevokedWith("s".into());
    let run = |end, told, alive: &dyn Fn(&str, f64) -> Option<bool>| {
        subject("s", end, &[(Act::Revoke, 5e3, "n2", told)], alive).build()
    };
    let (passed, found) = verdict(&run(revoked(), Some(true), &|_, t_ms| Some(t_ms < 5e3)));
    assert_eq!((passed, found.note.as_str()), (Verdict::Pass, "s: revoked through n2"));
    let (alive, found) = verdict(&run(revoked(), Some(true), &|name, t_ms| Some(t_ms < 5e3 || name == "n3")));
    assert_eq!(alive, Verdict::Fail);
    assert!(found.violations[0].summary.ends_with("s was alive on n3 1245 ms after its revocation"));
    let (refused, found) = verdict(&run(revoked(), Some(false), &|_, _| Some(true)));
    assert_eq!(refused, Verdict::Fail);
    assert_eq!(found.violations[0].summary, "s could not be revoked through n2: status 403, 1 times");
    // Who goes on accepting what is over leaves nothing open.
    assert_eq!(found.coverage, Verdict::Pass, "{}", found.note);

    let survives = || EndRule::Survives("s".into());
    assert_eq!(verdict(&run(survives(), Some(true), &|_, _| Some(true))).0, Verdict::Pass);
    let gone = |name: &str, t_ms: f64| Some(t_ms < 5e3 || name != "n1");
    assert_eq!(verdict(&run(survives(), Some(true), &gone)).0, Verdict::Fail);
    let mute = |name: &str, t_ms: f64| (t_ms < 5e3 || name != "n1").then_some(true);
    assert_eq!(verdict(&run(survives(), Some(true), &mute)).0, Verdict::Inconclusive);
}

#[test]
fn during_a_fault_a_revocation_that_was_not_granted_shows_nothing() {
    let end = EndRule::RevokedWith("s".into());
    let run = subject("s", end, &[(Act::Revoke, 5e3, "n2", None)], |_, _| Some(true))
        .requested(4e3, "f2", FaultKind::Kill, "n1", &["n1"])
        .applied(4_001.0, "f2")
        .healed(9e3, "f2");
    let (unclear, found) = verdict(&run.build());
    assert_eq!(unclear, Verdict::Inconclusive, "{:?}", found.violations);
}

#[test]
fn a_node_that_was_cut_off_must_not_go_on_accepting_what_was_revoked_either() {
    let end = EndRule::RevokedWith("s".into());
    let alive = |name: &str, t_ms: f64| Some(t_ms < if name == "n3" { 9e3 } else { 5e3 });
    let run = subject("s", end, &[(Act::Revoke, 5e3, "n2", Some(true))], alive)
        .requested(4e3, "f2", FaultKind::Pause, "n3", &["n3"])
        .applied(4_001.0, "f2")
        .healed(9e3, "f2");
    let (failed, found) = verdict(&run.build());
    assert_eq!(failed, Verdict::Fail);
    let summary = &found.violations[0].summary;
    assert_eq!(summary, "s was alive on n3 1245 ms after its revocation, cut off or down since");
}

#[test]
fn a_node_that_was_cut_off_need_not_have_heard_of_a_renewal() {
    let run =
        subject("s", LONGEST, &renewals(6), |name, t_ms| Some(t_ms < if name == "n3" { 8e3 } else { 17e3 }));
    assert_eq!(verdict(&run.build()).0, Verdict::Fail);
    let run =
        subject("s", LONGEST, &renewals(6), |name, t_ms| Some(t_ms < if name == "n3" { 8e3 } else { 17e3 }))
            .requested(3e3, "f2", FaultKind::Pause, "n3", &["n3"])
            .applied(3_001.0, "f2")
            .healed(20e3, "f2");
    assert_eq!(verdict(&run.build()).0, Verdict::Pass);
}
