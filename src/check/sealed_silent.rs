//! `sealed-silent`: a sealed node answers nothing.
//!
//! A sealed node has no key to what it stores, so an answer would come from somewhere else than from behind the seal. A
//! node counts as sealed from the first poll that saw it so to the last, whatever sealed it: a fault, or a restart.

use super::Checked;
use super::silence::{self, Silenced, Words};
use crate::facts::Facts;
use crate::model::{Role, Verdict};

const WORDS: Words =
    Words { what: "a request", whom: "a node that was sealed", nobody: "no node was seen sealed" };

/// A node that was started again is sealed for a moment, in which hardly anything is asked of it.
pub fn has_data(facts: &Facts) -> bool {
    let found = check(facts);
    found.coverage == Verdict::Pass || !found.violations.is_empty()
}

fn silenced<'f>(facts: &'f Facts) -> Vec<Silenced<'f>> {
    let of = facts.roles.iter().map(|track| {
        let sealed = track.segments.iter().filter(|segment| segment.role == Role::Sealed);
        let times = sealed.map(|segment| (segment.start_ms, segment.last_ms)).collect();
        Silenced { node: &track.node, because: "it had been seen sealed".to_owned(), times }
    });
    of.filter(|silenced| !silenced.times.is_empty()).collect()
}

pub fn check(facts: &Facts) -> Checked {
    silence::check(&silenced(facts), silence::of_loads(facts), &WORDS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::verdict;
    use crate::facts::testing::*;
    use crate::model::{Operation, Outcome};

    /// n3 is sealed from 12 s to 22 s; what it is asked meanwhile comes to `answer`.
    fn sealed(answer: fn() -> Answer) -> RunBuilder {
        let is_sealed = |t_ms: f64, to: &str| to == "n3" && (12e3..22e3).contains(&t_ms);
        RunBuilder::new()
            .load("kv2.read", "any", 100.0)
            .phases(2e3, 12e3, 23e3, 40e3)
            .role("n3", 12_000.0, Role::Sealed, 11_980.0)
            .role("n3", 22_000.0, Role::Standby, 21_980.0)
            .traffic_by(
                0,
                0.0,
                40e3,
                move |t_ms, to| if is_sealed(t_ms, to) { answer() } else { Answer::ok(1.5) },
            )
    }

    #[test]
    fn passes_when_a_sealed_node_refuses_everything_and_fails_when_it_answers() {
        let (passed, found) = verdict(check, &sealed(|| Answer::refused(1.0)).build());
        assert_eq!((passed, found.note.as_str()), (Verdict::Pass, ""));
        let (failed, found) = verdict(check, &sealed(|| Answer::ok(1.0)).build());
        assert_eq!(failed, Verdict::Fail);
        let summary = &found.violations[0].summary;
        assert!(summary.ends_with("ms after it had been seen sealed"), "{summary}");
    }

    #[test]
    fn an_answer_at_either_edge_proves_nothing() {
        let mut run = sealed(|| Answer::refused(1.0)).build();
        for edge_us in [11_900_000, 21_950_000] {
            let to_n3 = |op: &&mut Operation| op.node == Some(node("n3")) && op.sent_us >= edge_us;
            let op = run.history.iter_mut().find(to_n3).unwrap();
            (op.outcome, op.done_us) = (Outcome::Ok, op.sent_us + 100_000);
        }
        assert_eq!(verdict(check, &run).0, Verdict::Pass);
    }

    #[test]
    fn inconclusive_when_nobody_was_sealed_or_hardly_asked() {
        assert_eq!(verdict(check, &kill_run().build()).0, Verdict::Inconclusive);
        let mut few = sealed(|| Answer::refused(1.0)).build();
        few.history.retain(|op| op.node != Some(node("n3")) || op.is_ok());
        assert!(!has_data(&Facts::of(&few)));
        assert!(verdict(check, &few).1.note.contains("only 0 requests"));
    }
}
