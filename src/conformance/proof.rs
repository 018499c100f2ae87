//! The proof that cases can fail: each answer that a case looks at is edited where it looks, one edit a run, and the
//! case has to turn red.

use super::case::Company;
use super::look::{Edit, Recorder};
use super::suite::follow;
use super::{Case, Limits, Stop, Subject};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// What became of one case when its answers were edited.
#[derive(Clone, Debug)]
pub struct Proof {
    pub case: &'static str,
    /// Edited runs that were made; none where the case did not conform in the first place.
    pub edits: usize,
    /// Those in which the case did not turn red, in words.
    pub missed: Vec<String>,
    /// Why there was nothing to edit.
    pub skipped: Option<String>,
}

/// Runs every case once as it is, and then once for each change of each thing that it looked at.
pub async fn prove(
    subject: &Arc<Subject>,
    cases: &[Case],
    limits: Limits,
    finished: &(dyn Fn(&Proof) + Sync),
) -> Vec<Proof> {
    let places = Semaphore::new(limits.at_once.max(1));
    let (alone, beside): (Vec<_>, Vec<_>) =
        cases.iter().enumerate().partition(|(_, case)| case.company == Company::Alone);
    let mut running: FuturesUnordered<_> = beside
        .into_iter()
        .map(|(index, case)| {
            let places = &places;
            async move {
                let proof = one(subject, case, places, limits).await;
                finished(&proof);
                (index, proof)
            }
        })
        .collect();
    let mut proofs = Vec::new();
    while let Some(proof) = running.next().await {
        proofs.push(proof);
    }
    // Two of these would disturb each other, and so would two runs of one.
    let only_place = Semaphore::new(1);
    for (index, case) in alone {
        let proof = match subject.may_disturb {
            true => one(subject, case, &only_place, limits).await,
            false => Proof {
                case: case.id,
                edits: 0,
                missed: Vec::new(),
                skipped: Some("the permission to disturb the server is missing".into()),
            },
        };
        finished(&proof);
        proofs.push((index, proof));
    }
    proofs.sort_by_key(|(index, _)| *index);
    proofs.into_iter().map(|(_, proof)| proof).collect()
}

async fn one(subject: &Arc<Subject>, case: &Case, places: &Semaphore, limits: Limits) -> Proof {
    let mut proof = Proof { case: case.id, edits: 0, missed: Vec::new(), skipped: None };
    let recorder = Arc::new(Recorder::default());
    {
        let _place = places.acquire().await;
        if let Err(stop) = follow(subject, case, recorder.clone(), limits.case_within).await {
            proof.skipped = Some(match stop {
                Stop::Differs { observed, .. } => format!("it is red already: {observed}"),
                Stop::NotApplicable(why) | Stop::NotJudged(why) | Stop::Broken(why) => why,
            });
            return proof;
        }
    }
    let looks = recorder.looks();
    if looks.is_empty() {
        proof.missed.push("it looks at nothing".into());
    }
    let edits = looks.into_iter().flat_map(|(answer, look)| {
        let changes = look.changes();
        changes.iter().map(move |&change| Edit { answer: answer.clone(), look: look.clone(), change })
    });
    let mut running: FuturesUnordered<_> = edits
        .map(|edit| async move {
            let _place = places.acquire().await;
            let words = format!(
                "{:?} {:?} in answer {} to {}",
                edit.change, edit.look, edit.answer.number, edit.answer.request
            );
            let recorder = Arc::new(Recorder::editing(edit));
            let checked = follow(subject, case, recorder.clone(), limits.case_within).await;
            match checked {
                Err(Stop::Differs { .. }) if recorder.applied() => None,
                _ if !recorder.applied() => {
                    Some(format!("{words}: the answer never came again; {checked:?}"))
                }
                Ok(()) => Some(format!("{words}: not noticed")),
                Err(stop) => Some(format!("{words}: {stop:?}")),
            }
        })
        .collect();
    while let Some(missed) = running.next().await {
        proof.edits += 1;
        proof.missed.extend(missed);
    }
    proof.missed.sort();
    proof
}
