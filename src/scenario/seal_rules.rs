//! What belongs to a seal that is not the blueprint's: the word, what it means for the document, and the steps and
//! expectations that need one or cannot have one.

use super::checker::Checker;
use super::raw::RawStep;
use super::yaml::Text;
use crate::model::{Blueprint, Deviation, FaultKind, SealKind, Step, Target};
use serde_saphyr::Spanned;

/// How documents call what opens their nodes, which blueprints test with Shamir's seal.
const DOCUMENTED: &str = "kms";

/// Puts the seal that the scenario asks for in the blueprint's place. `None`: an error was found.
pub(super) fn put_in_place(
    checker: &mut Checker,
    raw: Option<&Text>,
    blueprint: Option<&mut Blueprint>,
) -> Option<()> {
    let Some(text) = raw else { return Some(()) };
    let kind = checker.one_of(text, "seal", SealKind::ALL.map(|kind| (kind.name(), kind)))?;
    let Some(blueprint) = blueprint.filter(|blueprint| blueprint.seal.kind != kind) else { return Some(()) };
    blueprint.seal.kind = kind;
    let replaced = |deviation: &&mut Deviation| deviation.documented.to_lowercase().contains(DOCUMENTED);
    for deviation in blueprint.deviations.iter_mut().filter(replaced) {
        deviation.tested = words(kind).to_owned();
        deviation.why =
            format!("The scenario says `seal: {}`. A cloud's KMS takes an account there.", kind.name());
    }
    Some(())
}

/// What opens the nodes.
pub(super) fn words(kind: SealKind) -> &'static str {
    match kind {
        SealKind::Shamir => "Shamir's seal, opened with key shares",
        SealKind::Transit => "a transit seal, whose key a second server keeps; nodes open themselves",
        SealKind::Static => "a static seal, whose key lies in a file beside each node; nodes open themselves",
    }
}

/// Steps that the seal does not allow, and expectations.
pub(super) fn fits(
    checker: &mut Checker,
    kind: Option<SealKind>,
    raw_steps: &[Spanned<RawStep>],
    expect: &[Text],
) {
    let Some(kind) = kind else { return };
    for raw in raw_steps {
        let raw = &raw.value;
        for text in [&raw.kill, &raw.pause, &raw.seal, &raw.degrade].into_iter().flatten() {
            if Target::from(text.value.as_str()) == Target::Kms && kind != SealKind::Transit {
                let message =
                    format!("`kms` needs a KMS, and no other server keeps the key of a {} seal", kind.name());
                checker.error(
                    text,
                    message,
                    "let another server keep it: add `seal: transit` beside `blueprint`",
                );
            }
        }
        if let Some(text) = raw.rekey.as_ref().filter(|_| kind.opens_itself()) {
            let help = "the recovery keys of such a cluster open nothing; rekey one with Shamir's seal";
            checker.error(
                text,
                format!("a {} seal has no key shares that could be replaced", kind.name()),
                help,
            );
        }
        if let Some(text) = &raw.seal
            && Target::from(text.value.as_str()) != Target::Kms
            && kind.opens_itself()
        {
            let help = "a node that was sealed by its API opens itself only when it is started: say `restart: leader`";
            checker.error(
                text,
                format!("nobody can open a node again that has a {} seal", kind.name()),
                help,
            );
        }
    }
    let restored = expect.iter().find(|text| text.value == "snapshot-equal");
    if let Some(text) = restored.filter(|_| kind.opens_itself()) {
        let help = "a snapshot is restored into a cluster with another key; expect it with Shamir's seal";
        checker.error(text, format!("`snapshot-equal` cannot be judged with a {} seal", kind.name()), help);
    }
}

/// Whether nodes are down because of it, and started again.
pub(super) fn starts_nodes(step: &Step) -> bool {
    matches!(step.fault, FaultKind::Kill | FaultKind::Stop | FaultKind::Restart) && !step.target.is_beside()
}
