//! `node-agreement`: after the cluster has settled, every node gives the same answers.
//!
//! Standbys serve what their own caches hold, so one that missed a change goes on serving what was, to whoever happens to
//! ask it. Everything that the server says can be read is asked of every node; what differs is asked again for a few seconds,
//! and only what goes on differing is a violation.

use super::{Checked, line, sentences, violation};
use crate::facts::Facts;
use crate::model::{Event, NodeDifference, Verdict};

/// A server that tells of fewer has not let itself be walked.
const COMPARED_MIN: u32 = 50;

pub fn has_data(facts: &Facts) -> bool {
    compared(facts).is_some()
}

fn compared<'f>(facts: &'f Facts) -> Option<(u32, u32, &'f [NodeDifference])> {
    facts.events().find_map(|(_, event)| match event {
        Event::NodesCompared { compared, settled_late, differences, .. } => {
            Some((*compared, *settled_late, &differences[..]))
        }
        _ => None,
    })
}

pub fn check(facts: &Facts) -> Checked {
    let (compared, settled_late, differences) = compared(facts).unwrap_or_default();
    // A node that does not answer disagrees with nobody.
    let unanswered = |difference: &NodeDifference| difference.answers.iter().any(|answer| answer.status == 0);
    let (silent, disagreeing): (Vec<_>, Vec<_>) =
        differences.iter().partition(|difference| unanswered(difference));
    let violations = disagreeing.into_iter().map(|difference| {
        let fields = difference.fields.join(", ");
        violation(format!("nodes do not agree about {} ({fields})", difference.path), vec![line(difference)])
    });
    let late = format!("{settled_late} answers agreed only when they were asked for again");
    let few = format!("only {compared} answers could be compared; {COMPARED_MIN} are needed");
    let unread = format!("{} were not answered by every node", silent.len());
    let is_enough = compared >= COMPARED_MIN && silent.is_empty();
    let note = sentences([
        if compared < COMPARED_MIN { few } else { String::new() },
        if silent.is_empty() { String::new() } else { unread },
        if settled_late > 0 { late } else { String::new() },
    ]);
    let coverage = if is_enough { Verdict::Pass } else { Verdict::Inconclusive };
    Checked { checked: compared.into(), coverage, note, violations: violations.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::verdict;
    use crate::facts::testing::*;
    use crate::model::NodeAnswer;
    use crate::record::SavedRun;

    fn run(compared: u32, differing: &[[u16; 2]]) -> SavedRun {
        let answer = |(number, status): (usize, &u16)| NodeAnswer {
            node: node(&format!("n{number}")),
            status: *status,
            digest: number.to_string(),
        };
        let difference = |statuses: &[u16; 2]| NodeDifference {
            path: "auth/approle/role/reader".into(),
            fields: vec!["/data/token_ttl".into()],
            answers: (1..).zip(statuses).map(answer).collect(),
        };
        let differences = differing.iter().map(difference).collect();
        let event = Event::NodesCompared { compared, settled_late: 1, left_out: vec![], differences };
        steady_run().event(30_000.0, event).build()
    }

    #[test]
    fn passes_when_all_nodes_say_the_same() {
        let (passed, found) = verdict(check, &run(200, &[]));
        assert_eq!((passed, found.checked), (Verdict::Pass, 200));
        assert_eq!(found.note, "1 answers agreed only when they were asked for again");
    }

    #[test]
    fn fails_with_the_field_that_differs() {
        let (failed, found) = verdict(check, &run(200, &[[200, 200]]));
        assert_eq!(failed, Verdict::Fail);
        let summary = &found.violations[0].summary;
        assert_eq!(summary, "nodes do not agree about auth/approle/role/reader (/data/token_ttl)");
    }

    #[test]
    fn inconclusive_when_little_was_compared_or_a_node_was_silent() {
        assert_eq!(verdict(check, &run(20, &[])).0, Verdict::Inconclusive);
        let (silent, found) = verdict(check, &run(200, &[[200, 0]]));
        assert_eq!(silent, Verdict::Inconclusive);
        assert!(found.note.starts_with("1 were not answered by every node"), "{}", found.note);
        assert!(!has_data(&Facts::of(&steady_run().build())));
    }
}
