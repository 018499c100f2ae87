//! The search for an order of the steps of one key, for what the bounds of versions cannot settle: deletions,
//! which may hit one version or the next. Bounded: it gives up after a number of configurations that grows with
//! the history, and so does its memory.
//!
//! It goes from configuration to configuration (which steps are done, what the newest version is and whether
//! it is deleted), never into the same one twice. A step may come next when no other step that is left ended
//! before it was sent. What only observes comes as soon as it fits, and a deletion of unknown outcome only
//! right before the read that tells of it: neither can spoil an order that exists, and both save most of the work.

use super::key::Key;
use super::step::{Kind, Step};
use std::collections::HashSet;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Search {
    Linearizable,
    Violation,
    /// The bound was hit.
    GaveUp,
}

/// A configuration is copied and hashed for each step that may come next: far more than a look at a step.
const WORK_PER_STEP: usize = 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Status {
    Live,
    Deleted,
    Destroyed,
}

/// How many steps of unknown outcome were taken for granted so far; those sent first come first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Taken {
    writes: u32,
    deletes: u32,
    /// Of the newest version.
    undeletes: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Configuration {
    /// Every closed step before this one is done.
    low: u32,
    /// Those done after it, in order.
    ahead: Vec<u32>,
    newest: u32,
    status: Status,
    taken: Taken,
}

/// Gives up after `bound` configurations; adds what it looked at to `work`.
pub fn search(key: &Key, bound: usize, work: &mut usize) -> Search {
    let order = Order::of(key);
    let start =
        Configuration { low: 0, ahead: vec![], newest: 0, status: Status::Live, taken: Taken::default() };
    let mut seen = HashSet::from([start.clone()]);
    let mut left = vec![start];
    let mut next = Vec::new();
    while let Some(configuration) = left.pop() {
        if configuration.low as usize == order.closed.len() {
            return Search::Linearizable;
        }
        if seen.len() > bound {
            return Search::GaveUp;
        }
        *work += WORK_PER_STEP * (1 + configuration.ahead.len());
        order.successors(&configuration, &mut next);
        // The most urgent was put first, and is tried first.
        for successor in next.drain(..).rev() {
            if seen.insert(successor.clone()) {
                left.push(successor);
            }
        }
    }
    Search::Violation
}

struct Order<'k, 's> {
    key: &'k Key<'s>,
    /// What certainly happened, by the time it was sent.
    closed: Vec<&'s Step>,
    /// The place in `closed` of each step that is there.
    places: Vec<Option<u32>>,
    /// Of unknown outcome, each by the time it was sent.
    writes: Vec<usize>,
    deletes: Vec<&'s Step>,
    undeletes: Vec<(usize, &'s Step)>,
    destroys: Vec<(usize, &'s Step)>,
}

impl<'k, 's> Order<'k, 's> {
    fn of(key: &'k Key<'s>) -> Self {
        let tells = |step: &Step| !matches!(step.kind, Kind::Refused { conflict: None, .. });
        let mut closed: Vec<usize> =
            (0..key.steps.len()).filter(|&i| !key.steps[i].is_open() && tells(&key.steps[i])).collect();
        closed.sort_by_key(|&i| (key.steps[i].sent_us, key.steps[i].done_us));
        let mut places = vec![None; key.steps.len()];
        for (place, &i) in (0u32..).zip(&closed) {
            places[i] = Some(place);
        }
        let mut open: Vec<&Step> = key.steps.iter().filter(|step| step.is_open()).collect();
        open.sort_by_key(|step| step.sent_us);
        let (mut deletes, mut undeletes, mut destroys) = (vec![], vec![], vec![]);
        for step in open {
            match step.kind {
                Kind::Delete => deletes.push(step),
                Kind::Undelete { version } => undeletes.push((version as usize, step)),
                Kind::Destroy { version } => destroys.push((version as usize, step)),
                _ => {}
            }
        }
        Self {
            key,
            closed: closed.into_iter().map(|i| &key.steps[i]).collect(),
            places,
            writes: key.loose.iter().copied().filter(|&i| key.expected(i).is_none()).collect(),
            deletes,
            undeletes,
            destroys,
        }
    }

    fn successors(&self, from: &Configuration, next: &mut Vec<Configuration>) {
        let (candidates, horizon_us) = self.candidates(from);
        let newest = from.newest as usize;
        for &place in &candidates {
            if self.fits_without_effect(self.closed[place as usize], from) {
                next.push(from.with(place));
                return;
            }
        }
        for &place in &candidates {
            match self.closed[place as usize].kind {
                Kind::Delete => {
                    let mut after = from.with(place);
                    if after.status == Status::Live && newest > 0 {
                        after.status = Status::Deleted;
                    }
                    next.push(after);
                }
                Kind::Undelete { version } => {
                    let mut after = from.with(place);
                    if after.status == Status::Deleted && version as usize == newest {
                        after.status = Status::Live;
                    }
                    next.push(after);
                }
                Kind::Destroy { version } => {
                    let mut after = from.with(place);
                    if version as usize == newest {
                        after.status = Status::Destroyed;
                    }
                    next.push(after);
                }
                // Deletions and their undoing that nobody saw end, right before the read that tells of them.
                Kind::ReadDeleted { version }
                    if version as usize == newest && from.status == Status::Live =>
                {
                    self.unseen_deletions(from, place, horizon_us, next);
                }
                Kind::Read { version, .. }
                    if version as usize == newest && from.status == Status::Deleted =>
                {
                    let mut of_it = self.undeletes.iter().filter(|(version, _)| *version == newest);
                    let unseen = of_it.nth(from.taken.undeletes as usize);
                    if unseen.is_some_and(|(_, step)| step.sent_us <= horizon_us) {
                        let mut after = from.with(place);
                        after.status = Status::Live;
                        after.taken.undeletes += 1;
                        next.push(after);
                    }
                }
                _ => {}
            }
        }
        self.next_version(from, horizon_us, next);
    }

    /// Closed steps that may come next, the most urgent first, and the moment by which something must.
    fn candidates(&self, from: &Configuration) -> (Vec<u32>, u64) {
        let mut horizon_us = u64::MAX;
        let mut candidates = Vec::new();
        let mut ahead = from.ahead.iter().copied().peekable();
        for place in from.low..self.closed.len() as u32 {
            let step = self.closed[place as usize];
            if step.sent_us > horizon_us {
                break;
            }
            if ahead.next_if_eq(&place).is_none() {
                horizon_us = horizon_us.min(step.done_us);
                candidates.push(place);
            }
        }
        candidates.retain(|&place| self.closed[place as usize].sent_us <= horizon_us);
        candidates.sort_by_key(|&place| self.closed[place as usize].done_us);
        (candidates, horizon_us)
    }

    /// Whether the step can be taken here and now, and changes nothing, neither now nor if it came later.
    fn fits_without_effect(&self, step: &Step, from: &Configuration) -> bool {
        let newest = u64::from(from.newest);
        match step.kind {
            Kind::Read { version, .. } => version == newest && from.status == Status::Live,
            Kind::ReadDeleted { version } => version == newest && from.status != Status::Live,
            Kind::ReadNone => newest == 0,
            Kind::Refused { conflict, .. } => conflict.is_some_and(|expected| expected != newest),
            Kind::Undelete { version } | Kind::Destroy { version } => version < newest,
            Kind::Write { .. } | Kind::Delete => false,
        }
    }

    fn unseen_deletions(
        &self,
        from: &Configuration,
        place: u32,
        horizon_us: u64,
        next: &mut Vec<Configuration>,
    ) {
        let delete = self.deletes.get(from.taken.deletes as usize);
        if delete.is_some_and(|step| step.sent_us <= horizon_us) {
            let mut after = from.with(place);
            after.status = Status::Deleted;
            after.taken.deletes += 1;
            next.push(after);
        }
        let newest = from.newest as usize;
        let destroy = self.destroys.iter().find(|(version, _)| *version == newest);
        if destroy.is_some_and(|(_, step)| step.sent_us <= horizon_us) {
            next.push(Configuration { status: Status::Destroyed, ..from.with(place) });
        }
    }

    fn next_version(&self, from: &Configuration, horizon_us: u64, next: &mut Vec<Configuration>) {
        let newest = from.newest as usize;
        let in_time = |i: usize| self.key.steps[i].sent_us <= horizon_us;
        let written = |mut after: Configuration| {
            after.newest += 1;
            after.status = Status::Live;
            after.taken.undeletes = 0;
            after
        };
        if let Some(maker) = self.key.maker(newest + 1) {
            if in_time(maker) {
                next.push(written(match self.places[maker] {
                    Some(place) => from.with(place),
                    None => from.clone(),
                }));
            }
            return;
        }
        if newest >= self.key.newest() && !self.needs_unseen_versions(from) {
            return;
        }
        // One that can make no other version is taken first.
        if self.key.loose.iter().any(|&i| self.key.expected(i) == Some(newest) && in_time(i)) {
            next.push(written(from.clone()));
        } else if self.writes.get(from.taken.writes as usize).is_some_and(|&i| in_time(i)) {
            let mut after = written(from.clone());
            after.taken.writes += 1;
            next.push(after);
        }
    }

    /// Versions that no answer tells of can only explain a refusal.
    fn needs_unseen_versions(&self, from: &Configuration) -> bool {
        let left = (from.low..self.closed.len() as u32).filter(|place| !from.ahead.contains(place));
        left.map(|place| self.closed[place as usize]).any(|step| match step.kind {
            Kind::Refused { conflict: Some(expected), .. } => expected as usize >= self.key.newest(),
            _ => false,
        })
    }
}

impl Configuration {
    /// The same, with one more step done.
    fn with(&self, place: u32) -> Self {
        let mut after = self.clone();
        let at = after.ahead.partition_point(|done| *done < place);
        after.ahead.insert(at, place);
        let done = (after.low..).zip(&after.ahead).take_while(|(low, ahead)| low == *ahead).count();
        after.ahead.drain(..done);
        after.low += done as u32;
        after
    }
}
