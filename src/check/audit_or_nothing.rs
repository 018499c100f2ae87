//! `audit-or-nothing`: a node that cannot write its audit entries answers nothing.
//!
//! What is not audited has not happened, as far as anybody can prove; so a server must refuse while its only audit device
//! has no room. A fault of the kind `fill-audit` counts as applied once the node has refused a request of ours.

use super::Checked;
use super::silence::{self, Silenced, Words};
use crate::facts::{Facts, FaultFact};
use crate::model::{Disk, Strain};

const WORDS: Words = Words {
    what: "a request",
    whom: "a node that could not audit",
    nobody: "no node was kept from auditing",
};

pub fn has_data(facts: &Facts) -> bool {
    !silenced(facts).is_empty()
}

fn silenced<'f>(facts: &'f Facts) -> Vec<Silenced<'f>> {
    let filled = facts.faults.iter().filter(|fault| fault.strain == Some(Strain::FullDisk(Disk::Audit)));
    let of = |fault: &'f FaultFact| {
        let until_ms = fault.heal_requested_ms.unwrap_or(facts.end_ms);
        let times = fault.applied_ms().map(|applied_ms| vec![(applied_ms, until_ms)]);
        let because = format!("{} had left no room for its audit entry", fault.id);
        let of_node = move |node| Some(Silenced { node, because: because.clone(), times: times.clone()? });
        fault.nodes.iter().filter_map(of_node)
    };
    filled.flat_map(of).collect()
}

pub fn check(facts: &Facts) -> Checked {
    silence::check(&silenced(facts), silence::of_loads(facts), &WORDS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::verdict;
    use crate::facts::testing::*;
    use crate::model::{Event, FaultKind, Outcome, Verdict};

    /// The leader n1 cannot audit from 12 s to 22 s, and refuses everything.
    fn full() -> RunBuilder {
        let full = |t_ms: f64, to: &str| to == "n1" && (12e3..22e3).contains(&t_ms);
        let read = move |t_ms, to: &str| if full(t_ms, to) { Answer::refused(1.0) } else { Answer::ok(1.5) };
        RunBuilder::new()
            .load("kv2.read", "any", 100.0)
            .phases(2e3, 12e3, 23e3, 40e3)
            .requested_strain(
                11_900.0,
                "f1",
                (FaultKind::FillAudit, "leader", &["n1"]),
                Strain::FullDisk(Disk::Audit),
            )
            .applied(12_000.0, "f1")
            .event(22_000.0, Event::HealRequested { fault: "f1".into() })
            .healed(22_100.0, "f1")
            .traffic_by(0, 0.0, 40e3, read)
    }

    #[test]
    fn passes_when_everything_is_refused() {
        let (verdict, found) = verdict(check, &full().build());
        assert_eq!((verdict, found.note.as_str()), (Verdict::Pass, ""));
        assert!((330..=340).contains(&found.checked), "{}", found.checked);
    }

    #[test]
    fn fails_on_one_answer_in_between_and_on_none_at_the_edges() {
        let answered = |sent_ms: f64, done_ms: f64| {
            let mut run = full().build();
            let op = run.history.iter_mut();
            let mut later = op.filter(|op| op.node == Some(node("n1")) && op.sent_us as f64 / 1e3 >= sent_ms);
            let op = later.next().unwrap();
            (op.outcome, op.done_us) = (Outcome::Ok, (done_ms * 1e3) as u64);
            verdict(check, &run)
        };
        let (failed, found) = answered(15_000.0, 15_100.0);
        assert_eq!(failed, Verdict::Fail);
        let summary = &found.violations[0].summary;
        assert_eq!(
            summary,
            "n1 acknowledged a request 3100 ms after f1 had left no room for its audit entry"
        );
        for (sent_ms, done_ms) in [(11_960.0, 12_100.0), (21_960.0, 22_010.0)] {
            assert_eq!(answered(sent_ms, done_ms).0, Verdict::Pass);
        }
    }

    #[test]
    fn inconclusive_when_no_disk_was_full_or_nobody_asked() {
        assert!(!has_data(&Facts::of(&kill_run().build())));
        assert_eq!(verdict(check, &kill_run().build()).0, Verdict::Inconclusive);
        let mut unasked = full().build();
        unasked.history.retain(|op| op.node != Some(node("n1")));
        let (verdict, found) = verdict(check, &unasked);
        assert_eq!(verdict, Verdict::Inconclusive);
        assert!(found.note.contains("only 0 requests were sent"), "{}", found.note);
    }
}
