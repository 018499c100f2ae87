//! What was promised of nodes that open themselves.

use super::figure::{Figure, Judged};
use crate::facts::{Facts, FaultFact};
use crate::model::{Bound, Event, FaultKind, NodeId, Target, Verdict};

/// One node that was down and was started.
struct Return<'f> {
    at_ms: f64,
    node: &'f NodeId,
    opened: bool,
    unseal_requests: u32,
    starts: u32,
    said: Option<&'f str>,
    hung: bool,
}

/// Unseal requests that a node needed which was started again; the worst of them.
pub fn auto(facts: &Facts, bound: Bound) -> Judged {
    if !facts.run.info.scenario.blueprint.seal.kind.opens_itself() {
        let why = "the seal tested is Shamir's: a person opens the nodes, here the harness; `seal: transit` tests it";
        return Figure::unknown(why).into();
    }
    let returns: Vec<Return> = facts.events().filter_map(|(at_ms, event)| of(at_ms, event)).collect();
    let parts = returns.iter().map(|back| (back.node.to_string(), figure(back, &bound))).collect();
    let mut judged = Judged::worst(&bound, parts, "no node was started again");
    judged.figure.samples = returns.len() as u64;
    let expected: usize = facts.faults.iter().filter(|fault| takes_down(fault)).map(|f| f.nodes.len()).sum();
    if returns.len() < expected && judged.figure.verdict == Verdict::Pass {
        let why = format!("{} of {expected} nodes that were down were seen to come back", returns.len());
        judged.figure = judged.figure.doubted(why);
    }
    let told: Vec<String> = returns.iter().filter_map(|back| way_back(back, facts)).collect();
    if !told.is_empty() {
        let before = std::mem::take(&mut judged.figure.note);
        let all = Some(before).into_iter().filter(|note| !note.is_empty()).chain(told);
        judged.figure.note = all.collect::<Vec<_>>().join("; ");
    }
    judged
}

fn of(at_ms: f64, event: &Event) -> Option<Return<'_>> {
    match event {
        Event::CameBack { node, opened, unseal_requests, starts, said, hung, .. } => Some(Return {
            at_ms,
            node,
            opened: *opened,
            unseal_requests: *unseal_requests,
            starts: *starts,
            said: said.as_deref(),
            hung: *hung,
        }),
        _ => None,
    }
}

fn takes_down(fault: &FaultFact) -> bool {
    let starts_again = matches!(fault.kind, FaultKind::Kill | FaultKind::Stop | FaultKind::Restart);
    starts_again && fault.applied.is_some() && !fault.target.is_beside()
}

fn figure(back: &Return, bound: &Bound) -> Figure {
    if back.opened {
        return Figure::exact(bound, f64::from(back.unseal_requests));
    }
    // A person would have to look at it.
    let note = "it did not open itself, though its key could be had".to_owned();
    Figure { note, ..Figure::exact(bound, f64::from(back.unseal_requests.max(1))) }
}

/// What a node did that could not get at its key; nothing where it could at once.
fn way_back(back: &Return, facts: &Facts) -> Option<String> {
    let node = back.node;
    let did = match (back.said, back.hung) {
        (Some(said), _) => format!(
            "{node} ended by itself without its key and was started {} times, as a supervisor would ({said})",
            back.starts
        ),
        (None, true) => format!("{node} waited for its key and served nobody"),
        (None, false) => return None,
    };
    let kms_back_ms = facts.faults.iter().filter(|fault| fault.target == Target::Kms);
    let kms_back_ms = kms_back_ms.filter_map(FaultFact::healed_ms).reduce(f64::max);
    Some(match kms_back_ms.filter(|_| back.opened) {
        Some(back_ms) if back.at_ms > back_ms => {
            format!("{did}, open {:.1} s after the KMS was back", (back.at_ms - back_ms) / 1e3)
        }
        Some(_) => format!("{did}, open as soon as the KMS was back"),
        None => did,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::*;
    use crate::model::SealKind;
    use crate::record::SavedRun;

    fn came_back(node: &str, opened: bool, unseal_requests: u32, said: Option<&str>) -> Event {
        let (node, said) = (NodeId::new(node), said.map(str::to_owned));
        let starts = if said.is_some() { 4 } else { 1 };
        Event::CameBack { node, opened, unseal_requests, starts, said, hung: false, took_ms: 900.0 }
    }

    fn judged(kind: SealKind, event: Option<Event>) -> Figure {
        let mut run: SavedRun = kill_run().build();
        run.info.scenario.blueprint.seal.kind = kind;
        run.journal.extend(event.map(|event| crate::model::Entry { t_ms: 90e3, event }));
        auto(&Facts::of(&run), "= 0".parse().unwrap()).figure
    }

    #[test]
    fn a_node_that_opened_itself_needed_nobody() {
        let figure = judged(SealKind::Transit, Some(came_back("n1", true, 0, None)));
        assert_eq!((figure.measured, figure.verdict, figure.samples), (Some(0.0), Verdict::Pass, 1));
        assert_eq!(figure.note, "");
        let ended = judged(SealKind::Transit, Some(came_back("n1", true, 0, Some("exit code 1"))));
        assert_eq!(ended.verdict, Verdict::Pass);
        assert!(
            ended.note.contains("n1 ended by itself") && ended.note.contains("started 4 times"),
            "{}",
            ended.note
        );
    }

    #[test]
    fn a_node_that_needed_a_person_breaks_the_promise() {
        for event in [came_back("n1", true, 3, None), came_back("n1", false, 0, None)] {
            let figure = judged(SealKind::Transit, Some(event));
            assert_eq!(figure.verdict, Verdict::Fail, "{figure:?}");
        }
    }

    #[test]
    fn nothing_is_said_of_what_nobody_saw() {
        let unseen = judged(SealKind::Transit, None);
        assert_eq!(
            (unseen.verdict, unseen.note.as_str()),
            (Verdict::Inconclusive, "no node was started again")
        );
        let by_hand = judged(SealKind::Shamir, Some(came_back("n1", true, 0, None)));
        assert_eq!(by_hand.verdict, Verdict::Inconclusive);
    }
}
