//! `lease-expiry`: credentials of the database work as long as their lease and no longer, as the database itself tells.
//!
//! When the server began to count lies between question and answer, so a lease ends for certain no sooner than question
//! plus time to live, and no later than answer plus time to live. A role dropped before the former or there after the
//! latter (and after what the server is granted, see `grace`) is a violation. A request without a clear answer may have
//! made, prolonged or ended something, now or later: it excuses, and proves nothing.

mod grace;
mod leases;
#[cfg(test)]
mod tests;
mod watch;

use self::grace::Grace;
use self::leases::{How, Lease, leases};
use self::watch::{Track, Watch};
use super::{Checked, line, sentences, violation};
use crate::facts::Facts;
use crate::model::{Event, Operation, Outcome, Span, Verdict, Violation, Workload};
use std::collections::BTreeSet;

/// The server counts in whole seconds here and there, and clocks are read at both ends.
const EARLY_MARGIN_MS: f64 = 500.0;
/// Several looks: a role that was there for so long was seen.
const SEEN_WITHIN_MS: f64 = 2_000.0;
/// Fewer leases that were seen to their end show little.
const LEASES_MIN: usize = 10;

pub fn has_data(facts: &Facts) -> bool {
    facts.run.history.iter().any(|op| op.op == Workload::DatabaseCreds)
}

/// What became of the leases.
#[derive(Default)]
struct Tally {
    ran_out: usize,
    revoked: usize,
    /// A revocation without a clear answer may have ended them, or their time.
    ended_somehow: usize,
    unfinished: usize,
    unseen: usize,
    late_ms: f64,
    late_after_trouble_ms: f64,
    /// Late, though perhaps only because the machine was busy or the database slow.
    undecided: usize,
}

pub fn check(facts: &Facts) -> Checked {
    let watch = Watch::of(facts);
    let leases = leases(facts);
    let grace = Grace::of(facts, &watch);
    let mut tally = Tally::default();
    let mut violations = Vec::new();
    for lease in &leases {
        violations.extend(check_lease(lease, &watch, &grace, &mut tally));
    }
    violations.extend(check_refusals(facts, &leases, &watch));
    violations.extend(check_credentials(facts, &leases));
    let (orphans, orphan_note) = check_orphans(facts, &leases, &watch, &grace);
    violations.extend(orphans);

    let ended = tally.ran_out + tally.revoked + tally.ended_somehow;
    let mut missing = Vec::new();
    if tally.undecided > 0 {
        let late = tally.undecided;
        missing.push(format!(
            "{late} roles were late by no more than the machine was too busy, or requests of the database took"
        ));
    }
    if !watch.was_reached {
        missing.push("the database itself was never seen".to_owned());
    } else if watch.left.is_none() {
        missing.push("the database could not be asked for what was left at the end".to_owned());
    }
    if ended < LEASES_MIN {
        missing.push(format!("only {ended} leases were seen to their end; {LEASES_MIN} are needed"));
    }
    let coverage = if missing.is_empty() { Verdict::Pass } else { Verdict::Inconclusive };
    let note = sentences(missing.into_iter().chain([
        documented(facts),
        told(facts, &leases, &tally),
        grace.note(),
        orphan_note,
    ]));
    Checked { checked: ended as u64, coverage, note, violations }
}

/// One lease against what the database told of its role.
fn check_lease(lease: &Lease, watch: &Watch, grace: &Grace, tally: &mut Tally) -> Vec<Violation> {
    let mut violations = Vec::new();
    let Some(track) = watch.tracks.get(lease.user) else {
        let could_be_seen_ms = lease.certain_until_ms() - lease.given_ms;
        let looked = watch.reachable_within(lease.given_ms, lease.certain_until_ms());
        match could_be_seen_ms >= SEEN_WITHIN_MS && looked {
            true => violations.push(violation(
                format!("{} was given out, and there was no such role in the database", lease.subject),
                vec![line(lease.given)],
            )),
            false => tally.unseen += 1,
        }
        return violations;
    };
    if let Some(gone) = &track.gone
        && gone.t_ms < lease.certain_until_ms() - EARLY_MARGIN_MS
    {
        let early_ms = lease.certain_until_ms() - gone.t_ms;
        let ran_out = lease.renewed_at_the_end_of_ms().is_some_and(|end_ms| gone.t_ms >= end_ms);
        let after = if ran_out { ", after a renewal that was granted as it ran out" } else { "" };
        let summary =
            format!("the role of {} was dropped {early_ms:.0} ms before its time{after}", lease.subject);
        violations.push(violation(summary, lease.evidence([line(gone.entry)])));
    }
    let Some(alive_ms) = watch.last_alive_ms(track) else {
        tally.unseen += 1;
        return violations;
    };
    let end_ms = lease.must_end_ms();
    let is_late = alive_ms > grace.until_ms(end_ms);
    if is_late && alive_ms <= grace.until_in_doubt_ms(end_ms, alive_ms) {
        tally.undecided += 1;
    } else if is_late {
        let over_ms = alive_ms - end_ms;
        let summary =
            format!("the role of {} was there {over_ms:.0} ms after its {}", lease.subject, lease.end_word());
        violations.push(violation(summary, lease.evidence(watch.line_of_end(track))));
    }
    if track.gone.is_none() {
        tally.unfinished += 1;
        return violations;
    }
    match lease.how_it_ended() {
        How::RanOut => tally.ran_out += 1,
        How::Revoked => tally.revoked += 1,
        How::Unclear => tally.ended_somehow += 1,
    }
    let late_ms = (alive_ms - end_ms).max(0.0);
    let worst = match grace.is_undisturbed(end_ms) {
        true => &mut tally.late_ms,
        false => &mut tally.late_after_trouble_ms,
    };
    *worst = worst.max(late_ms);
    violations
}

/// Renewals and revocations that were refused although the lease was certainly alive. Both are done in the database, too:
/// while it is away they cannot be.
fn check_refusals(facts: &Facts, leases: &[Lease], watch: &Watch) -> Vec<Violation> {
    let mut violations = Vec::new();
    for op in refused(facts) {
        let what = match op.op {
            Workload::DatabaseRenew => "renewal",
            Workload::DatabaseRevoke => "revocation",
            Workload::DatabaseRevokePrefix => "revocation by prefix",
            _ => continue,
        };
        let node = op.node.as_ref().map_or("no node", |node| node.as_str());
        let subject = op.subject.as_deref().unwrap_or_default();
        let of_lease = leases.iter().find(|lease| lease.subject == subject);
        let (sent_ms, done_ms) = (op.sent_us as f64 / 1e3, op.done_us as f64 / 1e3);
        // Who is cut off from the others can prolong and end nothing.
        let is_down = |node| facts.faults.iter().any(|fault| fault.has_down(node, sent_ms, done_ms));
        if op.node.as_ref().is_some_and(is_down) {
            continue;
        }
        let was_alive = match of_lease {
            Some(lease) => done_ms < lease.certain_until_as_of_ms(op) - EARLY_MARGIN_MS,
            // A prefix is there whether there are leases below it or not.
            None => op.op == Workload::DatabaseRevokePrefix,
        };
        if was_alive && watch.reachable_within(sent_ms, done_ms) {
            let status = op.status.unwrap_or_default();
            violations.push(violation(
                format!("the {what} of {subject} through {node} was refused with status {status}"),
                of_lease.map_or_else(|| vec![line(op)], |lease| lease.evidence([line(op)])),
            ));
        }
    }
    violations
}

/// Answers that say no; 429 only says not now.
fn refused<'f>(facts: &Facts<'f>) -> impl Iterator<Item = &'f Operation> {
    let says_no = |status: u16| (400..500).contains(&status) && status != 429;
    let of_run = facts.run.history.iter();
    of_run.filter(move |op| op.outcome == Outcome::Failed && op.status.is_some_and(says_no))
}

/// Credentials that the database did not take although their lease was certainly alive.
fn check_credentials(facts: &Facts, leases: &[Lease]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for entry in &facts.run.journal {
        if let Event::CredentialsTried { subject, worked: Some(false), .. } = &entry.event
            && let Some(lease) = leases.iter().find(|lease| lease.subject == subject)
            && entry.t_ms < lease.certain_until_ms() - EARLY_MARGIN_MS
        {
            let summary = format!("the database refused the credentials of {subject} within their time");
            violations.push(violation(summary, lease.evidence([line(entry)])));
        }
    }
    violations
}

/// Roles that no acknowledged lease stands for: each needs a request that may have made it, and goes in time all the
/// same.
fn check_orphans(facts: &Facts, leases: &[Lease], watch: &Watch, grace: &Grace) -> (Vec<Violation>, String) {
    let known: BTreeSet<&str> = leases.iter().map(|lease| lease.user).collect();
    let mut orphans: Vec<(&str, &Track)> = watch
        .tracks
        .iter()
        .filter(|(user, _)| !known.contains(*user))
        .map(|(user, track)| (*user, track))
        .collect();
    orphans.sort_by(|a, b| a.1.appeared.t_ms.total_cmp(&b.1.appeared.t_ms));
    let mut causes: Vec<f64> = facts
        .run
        .history
        .iter()
        .filter(|op| op.op == Workload::DatabaseCreds && op.outcome == Outcome::Unknown)
        .map(|op| op.sent_us as f64 / 1e3)
        .collect();
    causes.sort_by(f64::total_cmp);
    let longest_ms = leases.iter().map(|lease| lease.ttl_ms).fold(0.0, f64::max);
    let mut violations = Vec::new();
    let mut explained = 0;
    for (user, track) in &orphans {
        let born_ms = track.appeared.t_ms;
        match causes.get(explained).is_some_and(|sent_ms| *sent_ms <= born_ms) {
            true => explained += 1,
            false => violations.push(violation(
                format!("the role {user} is in the database, and no request can have made it"),
                vec![line(track.appeared.entry)],
            )),
        }
        let end_ms = born_ms + longest_ms;
        if let Some(alive_ms) = watch.last_alive_ms(track)
            && alive_ms > grace.until_in_doubt_ms(end_ms, alive_ms)
        {
            let over_ms = alive_ms - end_ms;
            let summary = format!(
                "the role {user}, of which nobody was told, was there {over_ms:.0} ms after its time"
            );
            let seen = [line(track.appeared.entry)].into_iter().chain(watch.line_of_end(track));
            violations.push(violation(summary, seen.collect()));
        }
    }
    let note = match (orphans.len(), causes.len()) {
        (0, 0) => String::new(),
        (roles, requests) => {
            format!(
                "{requests} requests for credentials without a clear answer, {roles} roles of which nobody was told"
            )
        }
    };
    (violations, note)
}

/// The promise beside what was tested.
fn documented(facts: &Facts) -> String {
    let scenario = &facts.run.info.scenario;
    let Some((_, engine)) = scenario.blueprint.database() else { return String::new() };
    let tested = scenario.lease_ttl.unwrap_or(engine.default_ttl);
    format!("credentials live {} as documented, tested at {tested}", engine.default_ttl)
}

fn told(facts: &Facts, leases: &[Lease], tally: &Tally) -> String {
    let tried = |wanted| {
        let is =
            move |event: &Event| matches!(event, Event::CredentialsTried { worked, .. } if *worked == wanted);
        facts.events().filter(|(_, event)| is(event)).count()
    };
    let renewed: usize = leases.iter().map(|lease| lease.renewed).sum();
    let revokers: BTreeSet<&str> = facts
        .run
        .history
        .iter()
        .filter(|op| op.is_ok())
        .filter(|op| matches!(op.op, Workload::DatabaseRevoke | Workload::DatabaseRevokePrefix))
        .filter_map(|op| op.node.as_ref().map(|node| node.as_str()))
        .collect();
    let revokers: Vec<&str> = revokers.into_iter().collect();
    let through = match revokers.is_empty() {
        true => String::new(),
        false => format!(" through {}", revokers.join(", ")),
    };
    let mut told = format!(
        "{} leases: {} ran out, {} were revoked{through}, {renewed} renewals; {} logins with them worked",
        leases.len(),
        tally.ran_out,
        tally.revoked,
        tried(Some(true)),
    );
    for (count, what) in [
        (tried(None), "logins could not be tried"),
        (tally.ended_somehow, "ended with or without a revocation that has no clear answer"),
        (tally.unfinished, "had not ended when the run did"),
        (tally.unseen, "could not be followed"),
    ] {
        if count > 0 {
            told += &format!(", {count} {what}");
        }
    }
    let ms = |late_ms: f64| Span::from_ms(late_ms.round() as u64);
    told += &format!("; dropped at most {} late", ms(tally.late_ms));
    if tally.late_after_trouble_ms > 0.0 {
        told +=
            &format!(", and {} where there was no leader or no database", ms(tally.late_after_trouble_ms));
    }
    told
}
