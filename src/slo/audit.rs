//! What was promised of audit trails: how much is logged, with which fields, and that nothing secret stands in plaintext.

use super::figure::{Figure, Judged};
use crate::facts::{Facts, audit_doubts, search_doubts};
use crate::model::{Bound, Unit};

const NOT_READ: &str =
    "what the run left was not read: it is large and the scenario does not ask, or the run was cut short";

/// Acknowledged requests with all their entries, in % of those that can be looked for.
pub fn coverage(facts: &Facts, bound: Bound) -> Judged {
    let Some(read) = facts.audit_read() else { return Figure::unknown(NOT_READ).into() };
    let doubts = audit_doubts(facts, read);
    share(bound, read.audited, read.acknowledged.saturating_sub(read.unjoinable), doubts)
}

/// Entries of tenants' requests with every field that was promised, in %.
pub fn fields(facts: &Facts, bound: Bound) -> Judged {
    let Some(read) = facts.audit_read() else { return Figure::unknown(NOT_READ).into() };
    share(bound, read.complete_entries, read.entries_of_tenants, audit_doubts(facts, read))
}

fn share(bound: Bound, whole: u64, of: u64, doubts: Vec<String>) -> Judged {
    if bound.unit != Unit::Percent {
        return Figure::unknown(format!("the promise `{bound}` is no share in %")).into();
    }
    if of == 0 {
        return Figure::unknown("no entry could be looked for").into();
    }
    let figure = Figure { samples: of, ..Figure::exact(&bound, whole as f64 * 100.0 / of as f64) };
    if doubts.is_empty() { figure.into() } else { figure.doubted(doubts.join("; ")).into() }
}

/// Secrets found in plaintext.
pub fn secrecy(facts: &Facts, bound: Bound) -> Judged {
    let Some(search) = facts.plaintext_search() else { return Figure::unknown(NOT_READ).into() };
    let files: u64 = search.places.iter().map(|place| place.files).sum();
    let figure = Figure { samples: files, ..Figure::exact(&bound, search.hits_total as f64) };
    let doubts = search_doubts(search);
    // What was found is proof, wherever else nobody could look.
    if search.hits_total > 0 || doubts.is_empty() {
        return figure.into();
    }
    figure.doubted(doubts.join("; ")).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::*;
    use crate::model::{AuditFileRead, AuditRead, Event, PlaintextSearch, Verdict};

    fn judged(event: Event, judge: fn(&Facts, Bound) -> Judged, target: &str) -> (Verdict, Option<f64>) {
        let mut run = steady_run().event(32_500.0, event).build();
        // Nothing but ten acknowledged requests.
        run.history.truncate(10);
        let figure = judge(&Facts::of(&run), target.parse().unwrap()).figure;
        (figure.verdict, figure.measured)
    }

    fn read(audited: u64) -> AuditRead {
        let file =
            AuditFileRead { node: node("n1"), file: "audit.log".into(), bytes: 1, entries: 1, broken: 0 };
        let (entries_of_tenants, complete_entries) = (20, 2 * audited);
        let missing_total = 10 - audited;
        let files = vec![file];
        let acknowledged = 10;
        AuditRead {
            files,
            acknowledged,
            audited,
            missing_total,
            entries_of_tenants,
            complete_entries,
            ..AuditRead::default()
        }
    }

    #[test]
    fn a_share_is_kept_broken_or_not_known() {
        for judge in [coverage, fields] {
            let of = |read: AuditRead, target| judged(Event::AuditRead(Box::new(read)), judge, target);
            assert_eq!(of(read(10), ">= 100 %"), (Verdict::Pass, Some(100.0)));
            assert_eq!(of(read(9), ">= 100 %"), (Verdict::Fail, Some(90.0)));
            assert_eq!(of(read(10), "= 0").0, Verdict::Inconclusive);
            let unread = AuditRead { files: vec![], ..read(9) };
            assert_eq!(of(unread, ">= 100 %"), (Verdict::Inconclusive, Some(90.0)));
            assert_eq!(of(AuditRead::default(), ">= 100 %"), (Verdict::Inconclusive, None));
        }
        assert_eq!(judged(Event::Ended, coverage, ">= 100 %"), (Verdict::Inconclusive, None));
    }

    #[test]
    fn one_secret_in_plaintext_breaks_the_promise_and_no_search_keeps_it() {
        let of = |hits_total| {
            let search = PlaintextSearch { hits_total, ..PlaintextSearch::default() };
            judged(Event::PlaintextSearched(Box::new(search)), secrecy, "= 0")
        };
        assert_eq!(of(1), (Verdict::Fail, Some(1.0)));
        assert_eq!(of(0).0, Verdict::Inconclusive, "nothing was searched");
    }
}
