//! `transit-decrypts`: what was encrypted can be decrypted, on every node, whatever became of the key since.
//!
//! A ciphertext that was acknowledged (by an encryption or a rewrap) must be decrypted by every node once all has settled,
//! and to the plaintext that it was made of. During the load another plaintext is a violation whoever gave it; a refusal
//! only through the leader, since a standby may not have heard of the newest version of the key yet. The key's version
//! never goes back: not on any node in the end, and not through the leader.

use super::{Checked, line, sentences, violation};
use crate::facts::Facts;
use crate::model::{Event, NodeId, Operation, Outcome, Verdict, Violation, Workload};
use std::collections::BTreeMap;

/// Fewer say little about what a fault did to the rest.
const CIPHERTEXTS_MIN: usize = 20;
/// What the engine answers when it can do nothing with a ciphertext.
const REFUSED: u16 = 400;

pub fn has_data(facts: &Facts) -> bool {
    facts.run.history.iter().any(|op| op.op.makes_a_ciphertext())
}

/// What one node said in the end.
#[derive(Default)]
struct Said<'f> {
    digests: BTreeMap<u32, &'f str>,
    refused: BTreeMap<u32, &'f str>,
    /// Whether it was asked for everything, and the newest version of the key that it knew.
    done: Option<Option<u64>>,
}

pub fn check(facts: &Facts) -> Checked {
    let history = &facts.run.history;
    let of_number: BTreeMap<u32, &Operation> = history
        .iter()
        .filter(|op| op.is_ok() && op.op.makes_a_ciphertext())
        .filter_map(|op| Some((number(op)?, op)))
        .collect();
    let nodes = said_by_nodes(facts);
    let mut violations = Vec::new();
    let mut checked = in_the_end(facts, &of_number, &nodes, &mut violations);
    checked += during_the_load(facts, &of_number, &mut violations);
    let by_standbys =
        facts.run.history.iter().filter(|op| is_refused(op) && !facts.leadership().answered(op));
    let by_standbys = by_standbys.count();
    let told = history.iter().filter(|op| op.is_ok() && tells_key_version(op));
    if let Some(newest) = told.max_by_key(|op| op.version) {
        let highest = newest.version.unwrap_or_default();
        for (node, said) in &nodes {
            if let Some(Some(known)) = said.done
                && known < highest
            {
                let doubt = doubt(facts, newest);
                let summary = format!(
                    "{node} knows version {known} of the key, and version {highest}{doubt} was acknowledged"
                );
                violations.push(violation(summary, vec![line(newest)]));
            }
        }
    }
    versions_through_the_leader(facts, &mut violations);

    let unfinished: Vec<&str> = nodes
        .iter()
        .filter(|(_, said)| {
            let answered = |number| said.digests.contains_key(number) || said.refused.contains_key(number);
            !matches!(said.done, Some(Some(_))) || !of_number.keys().all(answered)
        })
        .map(|(node, _)| node.as_str())
        .collect();
    let rotations = history.iter().filter(|op| op.is_ok() && op.op == Workload::TransitRotate).count();
    let is_enough = of_number.len() >= CIPHERTEXTS_MIN && unfinished.is_empty();
    let note = sentences([
        match of_number.len() {
            0 => "no encryption was acknowledged".into(),
            few if few < CIPHERTEXTS_MIN => {
                format!("only {few} ciphertexts were acknowledged; {CIPHERTEXTS_MIN} are needed")
            }
            _ => String::new(),
        },
        match &unfinished[..] {
            [] => String::new(),
            nodes => format!("not everything was asked of, and answered by, {}", nodes.join(", ")),
        },
        format!("{} ciphertexts on {} nodes, {rotations} rotations", of_number.len(), nodes.len()),
        match by_standbys {
            0 => String::new(),
            some => format!("{some} decryptions of the load were refused by nodes that did not lead"),
        },
    ]);
    let coverage = if is_enough { Verdict::Pass } else { Verdict::Inconclusive };
    Checked { checked, coverage, note, violations }
}

fn number(op: &Operation) -> Option<u32> {
    op.subject.as_deref()?.parse().ok()
}

fn is_refused(op: &Operation) -> bool {
    op.op == Workload::TransitDecrypt && op.outcome == Outcome::Failed && op.status == Some(REFUSED)
}

fn tells_key_version(op: &Operation) -> bool {
    op.op.makes_a_ciphertext() || op.op == Workload::TransitRotate
}

fn said_by_nodes<'f>(facts: &'f Facts) -> BTreeMap<&'f NodeId, Said<'f>> {
    let mut nodes: BTreeMap<&NodeId, Said> =
        facts.run.info.nodes.iter().map(|node| (&node.id, Said::default())).collect();
    for (_, event) in facts.events() {
        match event {
            Event::Decrypted { node, plaintexts } => {
                let digests = plaintexts.iter().map(|(number, digest)| (*number, digest.as_str()));
                nodes.entry(node).or_default().digests.extend(digests);
            }
            Event::DecryptionRefused { node, refused } => {
                let refused = refused.iter().map(|(number, why)| (*number, why.as_str()));
                nodes.entry(node).or_default().refused.extend(refused);
            }
            Event::DecryptionDone { node, key_version, .. } => {
                nodes.entry(node).or_default().done = Some(*key_version);
            }
            _ => {}
        }
    }
    nodes
}

/// A version of the key that no acknowledged rotation can have brought by the time of the answer is named as such: an
/// active node may hold one that it never shared with anybody.
fn doubt(facts: &Facts, op: &Operation) -> &'static str {
    let brought = |other: &Operation| {
        other.op == Workload::TransitRotate
            && other.is_ok()
            && other.version >= op.version
            && other.sent_us <= op.done_us
    };
    let is_first = op.version.unwrap_or_default() <= 1;
    let by_a_rotation = is_first || facts.run.history.iter().any(brought);
    if by_a_rotation { "" } else { ", which no acknowledged rotation had brought" }
}

/// A ciphertext in words.
fn named(facts: &Facts, number: u32, op: &Operation) -> String {
    let version = op.version.unwrap_or_default();
    format!("ciphertext {number} (version {version} of the key{})", doubt(facts, op))
}

/// How many answers were compared.
fn in_the_end(
    facts: &Facts,
    of_number: &BTreeMap<u32, &Operation>,
    nodes: &BTreeMap<&NodeId, Said>,
    violations: &mut Vec<Violation>,
) -> u64 {
    let mut compared = 0;
    for (number, op) in of_number {
        let mut refusing: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (node, said) in nodes {
            if let Some(digest) = said.digests.get(number) {
                compared += 1;
                if op.digest.as_deref() != Some(digest) {
                    let what = named(facts, *number, op);
                    let summary = format!("{node} decrypts {what} to another plaintext");
                    violations.push(violation(summary, vec![line(op), format!("digest {digest}")]));
                }
            } else if let Some(why) = said.refused.get(number) {
                compared += 1;
                refusing.entry(why).or_default().push(node.as_str());
            }
        }
        for (why, nodes) in refusing {
            let what = named(facts, *number, op);
            let summary = format!("{what} was acknowledged and is refused by {}: {why}", nodes.join(", "));
            violations.push(violation(summary, vec![line(op)]));
        }
    }
    compared
}

/// How many answers of the load were compared.
fn during_the_load(
    facts: &Facts,
    of_number: &BTreeMap<u32, &Operation>,
    violations: &mut Vec<Violation>,
) -> u64 {
    let mut compared = 0;
    for op in facts.run.history.iter().filter(|op| op.op == Workload::TransitDecrypt) {
        let Some((number, made)) = number(op).and_then(|number| Some((number, *of_number.get(&number)?)))
        else {
            continue;
        };
        let node = op.node.as_ref().map_or("no node", |node| node.as_str());
        if op.is_ok() {
            compared += 1;
            if op.digest != made.digest {
                let what = named(facts, number, made);
                let summary = format!("{what} was decrypted to another plaintext by {node}");
                violations.push(violation(summary, vec![line(made), line(op)]));
            }
        } else if is_refused(op) && facts.leadership().answered(op) {
            compared += 1;
            let what = named(facts, number, made);
            let summary = format!("{node} led and refused to decrypt {what}");
            violations.push(violation(summary, vec![line(made), line(op)]));
        }
    }
    compared
}

/// What the leader encrypts with is no older than what had been acknowledged when it was asked.
fn versions_through_the_leader(facts: &Facts, violations: &mut Vec<Violation>) {
    let told = || facts.run.history.iter().filter(|op| op.is_ok() && tells_key_version(op));
    let mut acknowledged: Vec<(u64, u64, &Operation)> =
        told().filter_map(|op| Some((op.done_us, op.version?, op))).collect();
    acknowledged.sort_by_key(|(done_us, ..)| *done_us);
    let mut asked: Vec<&Operation> = told().filter(|op| facts.leadership().answered(op)).collect();
    asked.sort_by_key(|op| op.sent_us);
    let mut acknowledged = acknowledged.into_iter().peekable();
    let mut newest: Option<(u64, &Operation)> = None;
    for op in asked {
        while let Some((_, version, earlier)) = acknowledged.next_if(|(done_us, ..)| *done_us < op.sent_us) {
            if newest.is_none_or(|(newest, _)| version > newest) {
                newest = Some((version, earlier));
            }
        }
        if let (Some((newest, earlier)), Some(version)) = (newest, op.version)
            && version < newest
        {
            let summary = format!(
                "the leader used version {version} of the key after version {newest}{} was acknowledged",
                doubt(facts, earlier)
            );
            violations.push(violation(summary, vec![line(earlier), line(op)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{run_of, sealed, unsealed, verdict, via};
    use crate::facts::testing::node;
    use crate::model::{Entry, ErrorKind};
    use crate::record::SavedRun;

    /// Ciphertexts 0 to 29 with version 1 of the key, one each 10 ms; all nodes decrypt them in the end.
    fn run(more: Vec<Operation>) -> SavedRun {
        let mut operations: Vec<_> = (0..30u64).map(|i| sealed(i as u32, 1, 100 + i * 10)).collect();
        operations.extend(more);
        let mut run = run_of(operations);
        for name in ["n1", "n2", "n3"] {
            let acknowledged = run.history.iter().filter(|op| op.is_ok() && op.op.makes_a_ciphertext());
            let plaintexts =
                acknowledged.map(|op| (number(op).unwrap(), op.digest.clone().unwrap())).collect();
            let decrypted = Event::Decrypted { node: node(name), plaintexts };
            let done = Event::DecryptionDone { node: node(name), unanswered: 0, key_version: Some(2) };
            run.journal.extend([decrypted, done].map(|event| Entry { t_ms: 5_500.0, event }));
        }
        run
    }

    fn of_n2(run: &mut SavedRun) -> &mut Vec<(u32, String)> {
        let of_n2 = run.journal.iter_mut().find_map(|entry| match &mut entry.event {
            Event::Decrypted { node, plaintexts } if node.as_str() == "n2" => Some(plaintexts),
            _ => None,
        });
        of_n2.unwrap()
    }

    fn fails_with(run: &SavedRun, words: &str) {
        let (failed, found) = verdict(check, run);
        assert_eq!(failed, Verdict::Fail);
        assert_eq!(found.violations.len(), 1, "{:?}", found.violations);
        assert!(found.violations[0].summary.contains(words), "{}", found.violations[0].summary);
    }

    #[test]
    fn passes_when_every_node_decrypts_everything() {
        let (passed, found) = verdict(check, &run(vec![unsealed(3, 2_000)]));
        assert_eq!((passed, found.checked), (Verdict::Pass, 91));
        assert_eq!(found.note, "30 ciphertexts on 3 nodes, 0 rotations");
    }

    #[test]
    fn fails_when_a_node_refuses_or_finds_something_else_in_the_end() {
        let mut refusing = run(vec![]);
        of_n2(&mut refusing).retain(|(number, _)| *number != 7);
        let refused = vec![(7, "invalid ciphertext: version is too new".to_owned())];
        let event = Event::DecryptionRefused { node: node("n2"), refused };
        refusing.journal.push(Entry { t_ms: 5_600.0, event });
        fails_with(
            &refusing,
            "ciphertext 7 (version 1 of the key) was acknowledged and is refused by n2: invalid",
        );

        let mut wrong = run(vec![]);
        of_n2(&mut wrong)[5].1 = "other".to_owned();
        fails_with(&wrong, "n2 decrypts ciphertext 5 (version 1 of the key) to another plaintext");
    }

    #[test]
    fn fails_when_the_load_got_another_plaintext_or_the_leader_refused() {
        let wrong = Operation { digest: Some("other".into()), ..unsealed(3, 2_000) };
        fails_with(
            &run(vec![via("n2", wrong)]),
            "ciphertext 3 (version 1 of the key) was decrypted to another plaintext by n2",
        );

        let refused = Operation {
            outcome: Outcome::Failed,
            error: Some(ErrorKind::Status),
            status: Some(400),
            digest: None,
            ..unsealed(3, 2_000)
        };
        fails_with(&run(vec![refused.clone()]), "n1 led and refused to decrypt ciphertext 3");
        // A standby may not have heard of the newest version; another status says nothing of the ciphertext.
        let of_another = Operation { status: Some(403), ..refused.clone() };
        let (passed, _) = verdict(check, &run(vec![via("n2", refused), of_another]));
        assert_eq!(passed, Verdict::Pass);
    }

    #[test]
    fn fails_when_the_version_of_the_key_goes_back() {
        let rotated = |at_ms| Operation { op: Workload::TransitRotate, subject: None, ..sealed(0, 2, at_ms) };
        let (passed, found) = verdict(check, &run(vec![rotated(1_000), sealed(30, 2, 2_000)]));
        assert_eq!(passed, Verdict::Pass);
        assert!(found.note.ends_with("1 rotations"), "{}", found.note);
        let back = run(vec![rotated(1_000), sealed(30, 1, 2_000)]);
        fails_with(&back, "the leader used version 1 of the key after version 2 was acknowledged");
        // Both were under way at once, or a standby was behind.
        for fine in [sealed(30, 1, 1_000), via("n2", sealed(30, 1, 2_000))] {
            assert_eq!(verdict(check, &run(vec![rotated(1_000), fine])).0, Verdict::Pass);
        }
        let mut behind = run(vec![rotated(1_000)]);
        for entry in &mut behind.journal {
            if let Event::DecryptionDone { node, key_version, .. } = &mut entry.event
                && node.as_str() == "n3"
            {
                *key_version = Some(1);
            }
        }
        fails_with(&behind, "n3 knows version 1 of the key, and version 2 was acknowledged");
    }

    #[test]
    fn a_version_of_the_key_that_no_rotation_had_brought_is_named_as_such() {
        let rotated = |at_ms| Operation { op: Workload::TransitRotate, subject: None, ..sealed(0, 2, at_ms) };
        for (rotated_at_ms, is_named) in [(900, false), (3_000, true)] {
            let mut run = run(vec![rotated(rotated_at_ms), sealed(30, 2, 2_000)]);
            let refused = vec![(30, "cipher: message authentication failed".to_owned())];
            for entry in &mut run.journal {
                if let Event::Decrypted { plaintexts, .. } = &mut entry.event {
                    plaintexts.retain(|(number, _)| *number != 30);
                }
            }
            for name in ["n1", "n2", "n3"] {
                let event = Event::DecryptionRefused { node: node(name), refused: refused.clone() };
                run.journal.push(Entry { t_ms: 5_600.0, event });
            }
            fails_with(&run, "was acknowledged and is refused by n1, n2, n3: cipher");
            let (_, found) = verdict(check, &run);
            let doubt = "(version 2 of the key, which no acknowledged rotation had brought)";
            assert_eq!(found.violations[0].summary.contains(doubt), is_named);
        }
    }

    #[test]
    fn inconclusive_when_a_node_was_not_asked_or_little_was_acknowledged() {
        let mut unasked = run(vec![]);
        unasked.journal.retain(|entry| match &entry.event {
            Event::DecryptionDone { node, .. } => node.as_str() != "n3",
            _ => true,
        });
        let (unclear, found) = verdict(check, &unasked);
        assert_eq!(unclear, Verdict::Inconclusive);
        assert!(found.note.starts_with("not everything was asked of, and answered by, n3"), "{}", found.note);

        let mut unanswered = run(vec![]);
        of_n2(&mut unanswered).pop();
        assert_eq!(verdict(check, &unanswered).0, Verdict::Inconclusive);

        let mut few = run(vec![]);
        few.history.truncate(10);
        assert_eq!(verdict(check, &few).0, Verdict::Inconclusive);
        let none = run_of(vec![]);
        assert_eq!(verdict(check, &none).0, Verdict::Inconclusive);
        assert!(!has_data(&Facts::of(&none)));
    }
}
