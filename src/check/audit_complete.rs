//! `audit-complete`: every acknowledged request stands in the audit files, with request and answer.
//!
//! A standby's entries of a write that it forwards are an attempt that failed; what counts is the leader's. Answers
//! without an id are counted path by path: never more of them than audited ones. What is missing proves nothing while a
//! node's files could not be read.

use super::{Checked, line, sentences, violation};
use crate::facts::{Facts, audit_doubts};
use crate::model::{AuditRead, Unaudited, Verdict, Violation};

pub fn has_data(facts: &Facts) -> bool {
    facts.audit_read().is_some()
}

pub fn check(facts: &Facts) -> Checked {
    let Some(read) = facts.audit_read() else {
        let note = "the audit files were not read".to_owned();
        return Checked { checked: 0, coverage: Verdict::Inconclusive, note, violations: Vec::new() };
    };
    let mut doubts = audit_doubts(facts, read);
    let checked = read.acknowledged.saturating_sub(read.unjoinable);
    let violations: Vec<Violation> = match doubts.is_empty() {
        true => read.missing.iter().map(|missing| describe(facts, missing)).collect(),
        false => Vec::new(),
    };
    if read.missing_total > 0 && violations.is_empty() {
        doubts.insert(0, format!("{} acknowledged requests were not found", read.missing_total));
    }
    if checked == 0 {
        doubts.push("no acknowledged request could be looked for".into());
    }
    if read.unjoinable > 0 {
        doubts.push(format!(
            "{} acknowledged requests were answered without an id to find them by",
            read.unjoinable
        ));
    }
    let coverage = if doubts.is_empty() { Verdict::Pass } else { Verdict::Inconclusive };
    let more = read.missing_total.saturating_sub(violations.len() as u64);
    let more = match more {
        0 => String::new(),
        _ if violations.is_empty() => String::new(),
        more => format!("{more} more are missing"),
    };
    let note = sentences(doubts.into_iter().chain([more, broken(read), lacking(read)]));
    Checked { checked, coverage, note, violations }
}

fn describe(facts: &Facts, missing: &Unaudited) -> Violation {
    let Unaudited { operations, acknowledged, requests, answers, whole } = missing;
    let history = facts.run.history.iter();
    let ops: Vec<_> = history.filter(|op| operations.contains(&op.id)).collect();
    let what = ops.first().map_or("a request", |op| op.op.name());
    let summary = match (acknowledged, requests, answers) {
        (1, 0, 0) => format!("an acknowledged {what} stands in no audit file"),
        (1, _, 0) => {
            format!("an acknowledged {what} has its request and no successful answer in the audit files")
        }
        (1, 0, _) => format!("an acknowledged {what} has its answer and no request in the audit files"),
        _ => format!("{acknowledged} {what} on one path were acknowledged and {whole} audited"),
    };
    violation(summary, ops.into_iter().map(line).chain([line(missing)]).collect())
}

fn broken(read: &AuditRead) -> String {
    let broken: u64 = read.files.iter().map(|file| file.broken).sum();
    if broken > 0 { format!("{broken} lines of the audit files are cut off") } else { String::new() }
}

fn lacking(read: &AuditRead) -> String {
    let fields = read.lacking.iter().map(|lacking| format!("{} in {}", lacking.field, lacking.entries));
    let fields: Vec<String> = fields.collect();
    match fields.is_empty() {
        true => String::new(),
        false => format!("of {} entries some lack {}", read.entries_of_tenants, fields.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{run_of, verdict, write};
    use crate::facts::testing::node;
    use crate::model::{AuditFileRead, Entry, Event, Unread};
    use crate::record::SavedRun;

    /// Three acknowledged writes, and what was read of the audit files.
    fn run(read: AuditRead) -> SavedRun {
        let mut run =
            run_of((1..=3).map(|version| write(version, version * 100, version * 100 + 8)).collect());
        run.journal.push(Entry { t_ms: 5_900.0, event: Event::AuditRead(Box::new(read)) });
        run
    }

    fn whole() -> AuditRead {
        let file =
            AuditFileRead { node: node("n1"), file: "audit.log".into(), bytes: 9_000, entries: 6, broken: 0 };
        AuditRead { files: vec![file], acknowledged: 3, audited: 3, ..AuditRead::default() }
    }

    fn without(requests: u64, answers: u64) -> AuditRead {
        let lost = Unaudited { operations: vec![1], acknowledged: 1, requests, answers, whole: 0 };
        AuditRead { audited: 2, missing: vec![lost], missing_total: 1, ..whole() }
    }

    fn silent_n2() -> Vec<Unread> {
        vec![Unread { node: node("n2"), reason: "audit.log: permission denied".into() }]
    }

    #[test]
    fn passes_when_everything_was_found_wherever_it_was() {
        let (passed, found) = verdict(check, &run(whole()));
        assert_eq!((passed, found.checked, found.note.as_str()), (Verdict::Pass, 3, ""));
        let elsewhere = AuditRead { unread: silent_n2(), ..whole() };
        assert_eq!(verdict(check, &run(elsewhere)).0, Verdict::Pass);
    }

    #[test]
    fn fails_with_the_request_that_is_not_there_in_whole() {
        for (requests, answers, says) in
            [(0, 0, "in no audit file"), (1, 0, "no successful answer"), (0, 1, "no request")]
        {
            let (failed, found) = verdict(check, &run(without(requests, answers)));
            assert_eq!(failed, Verdict::Fail);
            let violation = &found.violations[0];
            assert!(violation.summary.contains(says), "{}", violation.summary);
            assert!(violation.evidence[0].contains(r#""id":1,"#), "{:?}", violation.evidence);
        }
        let fewer =
            Unaudited { operations: vec![0, 1, 2], acknowledged: 3, requests: 4, answers: 2, whole: 2 };
        let read = AuditRead { audited: 2, missing: vec![fewer], missing_total: 1, ..whole() };
        let (_, found) = verdict(check, &run(read));
        assert_eq!(found.violations[0].summary, "3 kv2.write on one path were acknowledged and 2 audited");
    }

    #[test]
    fn inconclusive_where_not_everything_could_be_read_or_looked_for() {
        let elsewhere = AuditRead { unread: silent_n2(), ..without(0, 0) };
        let no_files = AuditRead { files: vec![], ..without(0, 0) };
        let of_another_history = AuditRead { acknowledged: 4, audited: 4, ..whole() };
        let unjoinable = AuditRead { audited: 2, unjoinable: 1, ..whole() };
        for (read, says) in [
            (elsewhere, "n2: audit.log: permission denied"),
            (no_files, "no audit file was read"),
            (of_another_history, "the history has 3"),
            (unjoinable, "1 acknowledged requests were answered without an id"),
        ] {
            let (inconclusive, found) = verdict(check, &run(read));
            assert_eq!(inconclusive, Verdict::Inconclusive, "{says}");
            assert!(found.note.contains(says), "{}", found.note);
        }
        let nothing = run_of(vec![]);
        assert!(!has_data(&Facts::of(&nothing)));
        assert_eq!(verdict(check, &nothing).0, Verdict::Inconclusive);
        let (idle, _) = verdict(check, &run(AuditRead { acknowledged: 0, audited: 0, ..whole() }));
        assert_eq!(idle, Verdict::Inconclusive);
    }
}
