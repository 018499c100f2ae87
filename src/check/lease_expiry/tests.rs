//! Hand-built runs: twelve credentials of 5 s, asked for through each node in turn, and what the database told.

use super::*;
use crate::check::testing::run_of;
use crate::facts::testing::*;
use crate::model::{Entry, FaultKind, Role, Route};
use crate::record::SavedRun;

const LEASES: u64 = 12;

/// What happens to one lease, in milliseconds on the run's clock.
struct Fate {
    asked: f64,
    gone: Option<f64>,
}

fn user(number: u64) -> String {
    format!("v-app-1a2b3c-{number}")
}

fn subject(number: u64) -> String {
    format!("readonly/{}", user(number))
}

fn op(op: Workload, subject: &str, sent_ms: f64, ttl_s: Option<u64>) -> Operation {
    Operation {
        id: sent_ms as u64,
        load: Some(0),
        client: None,
        op,
        route: Route::Any,
        node: Some(node("n2")),
        due_us: (sent_ms * 1e3) as u64,
        sent_us: (sent_ms * 1e3) as u64,
        done_us: (sent_ms * 1e3) as u64 + 10_000,
        outcome: Outcome::Ok,
        error: None,
        status: None,
        key: None,
        version: None,
        digest: None,
        expected: None,
        index: None,
        subject: Some(subject.into()),
        request: None,
        ttl_s,
    }
}

fn fates() -> Vec<Fate> {
    // Dropped 60 ms late, as measured on an undisturbed server.
    (0..LEASES)
        .map(|n| 2_000.0 + n as f64 * 500.0)
        .map(|asked| Fate { asked, gone: Some(asked + 5_060.0) })
        .collect()
}

/// Twelve leases with these fates, and more requests.
fn run(fates: &[Fate], more: Vec<Operation>, events: RunBuilder) -> SavedRun {
    let mut builder = events
        .event(500.0, Event::DatabaseWatch { reachable: true, previous_ms: 400.0, said: String::new() });
    let mut operations = more;
    let mut left = Vec::new();
    for (number, fate) in (0..).zip(fates) {
        operations.push(op(Workload::DatabaseCreds, &subject(number), fate.asked, Some(5)));
        let (appeared, gone) = (vec![user(number)], vec![user(number)]);
        let seen = fate.asked + 50.0;
        builder =
            builder.event(seen, Event::DatabaseRoles { previous_ms: seen - 100.0, appeared, gone: vec![] });
        match fate.gone {
            Some(t_ms) => {
                let event = Event::DatabaseRoles { previous_ms: t_ms - 100.0, appeared: vec![], gone };
                builder = builder.event(t_ms + 5.0, event);
            }
            None => left.push(user(number)),
        }
    }
    let mut run =
        builder.event(30_000.0, Event::DatabaseRolesLeft { sent_ms: 29_990.0, roles: left }).build();
    run.journal.sort_by(|a, b| a.t_ms.total_cmp(&b.t_ms));
    run.history = run_of(operations).history;
    run
}

fn quiet() -> RunBuilder {
    RunBuilder::new().phases(0.0, 1e3, 20e3, 29e3)
}

fn found(run: &SavedRun) -> (Verdict, Checked) {
    let found = check(&Facts::of(run));
    (if found.violations.is_empty() { found.coverage } else { Verdict::Fail }, found)
}

/// The one violation of a run.
fn only(run: &SavedRun) -> String {
    let (_, found) = found(run);
    assert_eq!(found.violations.len(), 1, "{:#?}", found.violations);
    found.violations[0].summary.clone()
}

fn unknown(op: Operation) -> Operation {
    Operation { outcome: Outcome::Unknown, ..op }
}

#[test]
fn passes_when_every_role_goes_in_time() {
    let (verdict, found) = found(&run(&fates(), vec![], quiet()));
    assert_eq!((verdict, found.checked), (Verdict::Pass, LEASES), "{found:#?}");
    assert!(found.note.contains("12 ran out") && found.note.contains("at most 0s late"), "{}", found.note);
}

#[test]
fn a_role_that_stays_or_goes_too_soon_fails() {
    let with = |gone| {
        let mut fates = fates();
        fates[3].gone = gone;
        only(&run(&fates, vec![], quiet()))
    };
    assert!(with(Some(3_500.0 + 6_200.0)).contains("ms after its time"));
    assert!(with(Some(3_500.0 + 3_000.0)).contains("dropped 1995 ms before its time"));
    assert!(with(None).contains("ms after its time"), "still there at the end");
}

fn copied(fates: &[Fate]) -> Vec<Fate> {
    fates.iter().map(|fate| Fate { asked: fate.asked, gone: fate.gone }).collect()
}

#[test]
fn late_by_what_a_request_took_at_that_moment_is_undecided() {
    let mut late = fates();
    late[3].gone = Some(9_900.0);
    let with = |sent_ms: f64| {
        let mut fates = copied(&late);
        fates[9].gone = Some(sent_ms + 5_760.0);
        let renewed = op(Workload::DatabaseRenew, &subject(9), sent_ms, Some(5));
        let slow = Operation { done_us: renewed.sent_us + 700_000, ..renewed };
        run(&fates, vec![slow], quiet())
    };
    // Under way when the lease ended, and over long before.
    assert_eq!(found(&with(8_400.0)).0, Verdict::Inconclusive);
    assert!(only(&with(7_000.0)).contains("after its time"));
}

#[test]
fn a_renewal_moves_the_end_both_ways() {
    let renewed = || vec![op(Workload::DatabaseRenew, &subject(3), 7_000.0, Some(5))];
    let mut prolonged = fates();
    prolonged[3].gone = Some(12_060.0);
    assert_eq!(found(&run(&prolonged, renewed(), quiet())).0, Verdict::Pass);
    // Dropped as if it had not been renewed.
    assert!(only(&run(&fates(), renewed(), quiet())).contains("before its time"));
    // One without an answer may have been done or not.
    let perhaps = || renewed().into_iter().map(unknown).collect();
    assert_eq!(found(&run(&prolonged, perhaps(), quiet())).0, Verdict::Pass);
    assert_eq!(found(&run(&fates(), perhaps(), quiet())).0, Verdict::Pass);
}

#[test]
fn a_renewal_that_comes_with_the_end_is_told_apart_and_counts() {
    let renewal = |sent_ms| Operation {
        done_us: 8_600_000,
        ..op(Workload::DatabaseRenew, &subject(3), sent_ms, Some(5))
    };
    let mut dropped = fates();
    dropped[3].gone = Some(8_700.0);
    let with = |renewal| only(&run(&dropped, vec![renewal], quiet()));
    assert!(
        with(renewal(8_400.0)).ends_with("before its time, after a renewal that was granted as it ran out")
    );
    // Long before.
    let early = Operation { done_us: 7_100_000, ..renewal(7_000.0) };
    assert!(with(early).ends_with("before its time"));
    // Dropped before there was an end to wait for.
    dropped[3].gone = Some(6_000.0);
    let too_soon = only(&run(&dropped, vec![renewal(8_400.0)], quiet()));
    assert!(too_soon.ends_with("before its time"));
}

#[test]
fn a_renewal_refused_within_the_time_fails_and_after_it_does_not() {
    let refused = |sent_ms| Operation {
        outcome: Outcome::Failed,
        status: Some(400),
        ..op(Workload::DatabaseRenew, &subject(3), sent_ms, None)
    };
    assert!(only(&run(&fates(), vec![refused(5_000.0)], quiet())).contains("renewal of readonly/"));
    assert_eq!(found(&run(&fates(), vec![refused(8_400.0)], quiet())).0, Verdict::Pass);
    // It is done in the database, too.
    let watch = |reachable, previous_ms| Event::DatabaseWatch { reachable, previous_ms, said: String::new() };
    let away = quiet().event(4_950.0, watch(false, 4_850.0)).event(5_100.0, watch(true, 5_000.0));
    assert_eq!(found(&run(&fates(), vec![refused(5_000.0)], away)).0, Verdict::Pass);
}

#[test]
fn a_node_that_is_cut_off_may_refuse() {
    let refused = Operation {
        outcome: Outcome::Failed,
        status: Some(400),
        ..op(Workload::DatabaseRenew, &subject(3), 5_000.0, None)
    };
    let down = quiet()
        .requested(4_000.0, "f1", FaultKind::Pause, "n2", &["n2"])
        .applied(4_001.0, "f1")
        .healed(9_000.0, "f1");
    assert_eq!(found(&run(&fates(), vec![refused], down)).0, Verdict::Pass);
}

#[test]
fn what_is_revoked_ends_then_and_not_later() {
    let revoked = |workload, about: &str| vec![op(workload, about, 5_000.0, None)];
    let mut early = fates();
    early[3].gone = Some(5_080.0);
    let one = || revoked(Workload::DatabaseRevoke, &subject(3));
    let (verdict, report) = found(&run(&early, one(), quiet()));
    assert_eq!(verdict, Verdict::Pass, "{report:#?}");
    assert!(report.note.contains("1 were revoked through n2"), "{}", report.note);
    assert!(only(&run(&fates(), one(), quiet())).contains("after its revocation"));
    // Those of the role that had been given out by then: the first six, or seven.
    let all = || revoked(Workload::DatabaseRevokePrefix, "readonly/");
    let (_, found_late) = found(&run(&fates(), all(), quiet()));
    assert_eq!(found_late.violations.len(), 6, "{:#?}", found_late.violations);
    let other = revoked(Workload::DatabaseRevokePrefix, "readwrite/");
    assert_eq!(found(&run(&fates(), other, quiet())).0, Verdict::Pass);
    // One without an answer excuses an early end and demands none.
    let perhaps = || all().into_iter().map(unknown).collect();
    assert_eq!(found(&run(&fates(), perhaps(), quiet())).0, Verdict::Pass);
    assert_eq!(found(&run(&early, perhaps(), quiet())).0, Verdict::Pass);
}

#[test]
fn a_role_needs_a_request_that_may_have_made_it_and_goes_in_time() {
    let orphan = |until_ms: f64| {
        let role = || vec!["v-app-1a2b3c-orphan".to_owned()];
        let appeared = Event::DatabaseRoles { previous_ms: 4_000.0, appeared: role(), gone: vec![] };
        let gone = Event::DatabaseRoles { previous_ms: until_ms - 100.0, appeared: vec![], gone: role() };
        quiet().event(4_100.0, appeared).event(until_ms, gone)
    };
    let asked = || vec![unknown(op(Workload::DatabaseCreds, "readonly/", 3_900.0, None))];
    assert!(only(&run(&fates(), vec![], orphan(9_000.0))).contains("no request can have made it"));
    let (verdict, report) = found(&run(&fates(), asked(), orphan(9_000.0)));
    assert_eq!(verdict, Verdict::Pass, "{report:#?}");
    assert!(only(&run(&fates(), asked(), orphan(12_000.0))).contains("of which nobody was told"));
}

#[test]
fn credentials_that_are_given_out_exist_and_work() {
    let mut built = run(&fates(), vec![], quiet());
    let tried = |t_ms: f64, worked| Entry {
        t_ms,
        event: Event::CredentialsTried { subject: subject(3), sent_ms: t_ms, worked, said: String::new() },
    };
    built.journal.extend([tried(4_000.0, None), tried(8_400.0, Some(false)), tried(9_000.0, Some(false))]);
    assert_eq!(found(&built).0, Verdict::Pass);
    built.journal.push(tried(4_000.0, Some(false)));
    assert!(only(&built).contains("refused the credentials"));
    let never_made = vec![op(Workload::DatabaseCreds, "readonly/v-app-1a2b3c-none", 4_000.0, Some(5))];
    assert!(only(&run(&fates(), never_made, quiet())).contains("no such role"));
}

#[test]
fn without_a_leader_the_grace_counts_from_the_next_one() {
    let outage = || {
        quiet()
            .requested(6_000.0, "f1", FaultKind::Kill, "leader", &["n1"])
            .applied(6_001.0, "f1")
            .role("n1", 6_020.0, Role::Unreachable, 6_000.0)
            .role("n2", 14_000.0, Role::Active, 13_980.0)
            .healed(16_000.0, "f1")
    };
    let until = |ms: f64| -> Vec<Fate> {
        fates().into_iter().map(|fate| Fate { gone: Some((fate.asked + 5_060.0).max(ms)), ..fate }).collect()
    };
    let (verdict, report) = found(&run(&until(14_900.0), vec![], outage()));
    assert_eq!(verdict, Verdict::Pass, "{report:#?}");
    assert!(report.note.contains("from the new leader on"), "{}", report.note);
    assert_eq!(found(&run(&until(15_300.0), vec![], outage())).0, Verdict::Fail);
}

#[test]
fn without_a_database_the_servers_own_delay_is_granted() {
    let away = || {
        let watch =
            |reachable, previous_ms| Event::DatabaseWatch { reachable, previous_ms, said: String::new() };
        quiet().event(8_050.0, watch(false, 7_950.0)).event(12_000.0, watch(true, 11_900.0))
    };
    let until = |ms: f64| -> Vec<Fate> {
        let held = |fate: &Fate| (8_000.0..12_000.0).contains(&(fate.asked + 5_000.0));
        fates()
            .into_iter()
            .map(|fate| Fate { gone: Some(if held(&fate) { ms } else { fate.asked + 5_060.0 }), ..fate })
            .collect()
    };
    assert_eq!(found(&run(&until(25_000.0), vec![], away())).0, Verdict::Pass);
    assert!(found(&run(&until(43_500.0), vec![], away())).0 == Verdict::Fail);
}

#[test]
fn late_on_a_machine_that_was_too_busy_is_undecided_and_much_later_is_late() {
    let with = |gone: f64, busy: bool| {
        let mut late = fates();
        late[3].gone = Some(gone);
        let mut built = run(&late, vec![], quiet());
        for entry in built.journal.iter_mut().filter(|_| busy) {
            if let Event::Control { stall_p99_ms, .. } = &mut entry.event {
                *stall_p99_ms = 40.0;
            }
        }
        found(&built)
    };
    assert_eq!(with(11_000.0, false).0, Verdict::Fail);
    let (verdict, report) = with(11_000.0, true);
    assert_eq!(verdict, Verdict::Inconclusive, "{report:#?}");
    assert!(
        report.note.contains("1 roles were late by no more than the machine was too busy"),
        "{}",
        report.note
    );
    assert_eq!(with(21_000.0, true).0, Verdict::Fail);
}

#[test]
fn inconclusive_without_the_databases_own_word_or_with_too_few_leases() {
    let mut blind = run(&fates(), vec![], quiet());
    blind.journal.retain(|entry| {
        !matches!(
            entry.event,
            Event::DatabaseWatch { .. } | Event::DatabaseRoles { .. } | Event::DatabaseRolesLeft { .. }
        )
    });
    let (verdict, report) = found(&blind);
    assert_eq!(verdict, Verdict::Inconclusive, "{report:#?}");
    assert!(report.note.contains("never seen"), "{}", report.note);
    let (verdict, report) = found(&run(&fates()[..9], vec![], quiet()));
    assert_eq!(verdict, Verdict::Inconclusive);
    assert!(report.note.contains("only 9 leases"), "{}", report.note);
    let mut unended = run(&fates(), vec![], quiet());
    unended.journal.retain(|entry| !matches!(entry.event, Event::DatabaseRolesLeft { .. }));
    assert_eq!(found(&unended).0, Verdict::Inconclusive);
}
