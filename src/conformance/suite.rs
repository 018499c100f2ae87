//! Runs cases: side by side, and those that disturb everybody alone and last.

use super::case::Company;
use super::look::Recorder;
use super::{Case, Checked, Divergences, Lab, Stop, Subject};
use crate::model::{CaseOutcome, CaseResult};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// So many cases side by side.
    pub at_once: usize,
    /// No case takes longer.
    pub case_within: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { at_once: 8, case_within: Duration::from_secs(60) }
    }
}

/// Runs all of them; the results come in the order of the catalogue. `finished` is told of each as it ends.
pub async fn run(
    subject: &Arc<Subject>,
    cases: &[Case],
    divergences: &Divergences,
    limits: Limits,
    finished: &(dyn Fn(&CaseResult) + Sync),
) -> Vec<CaseResult> {
    let places = Semaphore::new(limits.at_once.max(1));
    let one = async |case: &Case| {
        let began = Instant::now();
        let outcome = match case.company {
            Company::Alone if !subject.may_disturb => {
                CaseOutcome::NotJudged { missing: "the permission to disturb the server".into() }
            }
            _ => follow(subject, case, Arc::default(), limits.case_within).await.into(),
        };
        let result = CaseResult {
            id: case.id.into(),
            meaning: case.meaning.into(),
            source: case.source.file().into(),
            outcome,
            expected: divergences.expected(case.id, &subject.server).map(str::to_owned),
            took_ms: began.elapsed().as_secs_f64() * 1e3,
        };
        finished(&result);
        result
    };
    let (alone, beside): (Vec<_>, Vec<_>) =
        cases.iter().enumerate().partition(|(_, case)| case.company == Company::Alone);
    let mut running: FuturesUnordered<_> = beside
        .into_iter()
        .map(|(index, case)| {
            let (places, one) = (&places, &one);
            async move {
                let _place = places.acquire().await;
                (index, one(case).await)
            }
        })
        .collect();
    let mut results = Vec::new();
    while let Some(result) = running.next().await {
        results.push(result);
    }
    for (index, case) in alone {
        results.push((index, one(case).await));
    }
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Runs one case and removes what it made. A case that panics or takes too long is our trouble.
pub(super) async fn follow(
    subject: &Arc<Subject>,
    case: &Case,
    recorder: Arc<Recorder>,
    within: Duration,
) -> Checked {
    let lab = Lab::new(subject.clone(), recorder);
    // A set, because it ends its task when it is dropped: an interrupted suite asks nothing more.
    let mut running = JoinSet::new();
    running.spawn(tokio::time::timeout(within, (case.run)(lab.clone())));
    let checked = match running.join_next().await {
        Some(Ok(Ok(checked))) => checked,
        Some(Ok(Err(_))) => Err(Stop::Broken(format!("it took longer than {} s", within.as_secs()))),
        Some(Err(_)) | None => Err(Stop::Broken("the case panicked: a bug of the harness".into())),
    };
    lab.clean_up().await;
    checked
}
