//! The order of versions is known, so whether a key without deletions is linearizable is a question of bounds:
//! the moment of each version lies between an earliest and a latest one, and grows with the version.
//!
//! With `t(n)` for the moment at which version n became the newest, an acknowledged write of n says
//! `sent ≤ t(n) ≤ done`, and a read of n says `t(n) ≤ done` and `t(n+1) ≥ sent`. A check-and-set on e that was
//! refused says that for some moment of it e was not the newest: `t(e+1) > done` implies `t(e) ≥ sent`. All are
//! lower bounds, upper bounds and implications between lower bounds, so there is a least solution, and
//! the key is linearizable just when the least solution keeps the upper bounds. Near-linear, and exact.
//!
//! A version whose maker no answer tells was made by one of the writes of unknown outcome: earliest first, which
//! is least again. Only where unknown check-and-sets compete with unknown writes for a version, and
//! refusals make it matter which, is the answer left to the search.

use super::key::Key;
use super::step::{Kind, OPEN};
use std::collections::HashMap;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chain {
    Linearizable,
    /// Not linearizable; the steps whose bounds contradict each other, where these are just two.
    Violation(Option<[usize; 2]>),
    /// No request can have made this version in time.
    NoMaker(usize),
    /// The least solution depends on a choice.
    Ambiguous,
}

struct Bound {
    us: u64,
    /// The step that says so.
    by: usize,
}

pub fn solve(key: &Key) -> Chain {
    let newest = key.newest();
    let mut earliest: Vec<Option<Bound>> = (0..=newest + 1).map(|_| None).collect();
    let mut latest: Vec<Option<Bound>> = (0..=newest + 1).map(|_| None).collect();
    let mut conflicts: Vec<Conflict> = Vec::new();
    let raise = |bounds: &mut Vec<Option<Bound>>, n: usize, us: u64, by: usize| {
        if bounds[n].as_ref().is_none_or(|bound| bound.us < us) {
            bounds[n] = Some(Bound { us, by });
        }
    };
    let lower = |bounds: &mut Vec<Option<Bound>>, n: usize, us: u64, by: usize| {
        if us != OPEN && bounds[n].as_ref().is_none_or(|bound| bound.us > us) {
            bounds[n] = Some(Bound { us, by });
        }
    };
    for version in 1..=newest {
        if let Some(maker) = key.maker(version) {
            raise(&mut earliest, version, key.steps[maker].sent_us, maker);
            lower(&mut latest, version, key.steps[maker].done_us, maker);
        }
    }
    for (i, step) in key.steps.iter().enumerate() {
        match step.kind {
            Kind::Read { version, .. } => {
                lower(&mut latest, version as usize, step.done_us, i);
                raise(&mut earliest, version as usize + 1, step.sent_us, i);
            }
            Kind::ReadNone => raise(&mut earliest, 1, step.sent_us, i),
            Kind::Refused { conflict: Some(expected), .. } => {
                let (sent_us, done_us) = (step.sent_us, step.done_us);
                conflicts.push(Conflict { expected: expected as usize, sent_us, done_us });
            }
            _ => {}
        }
    }

    // The latest moment of each version, given those after it.
    let mut until = vec![OPEN; newest + 2];
    for version in (1..=newest).rev() {
        until[version] = until[version + 1].min(latest[version].as_ref().map_or(OPEN, |bound| bound.us));
    }
    let mut pool = Pool::of(key);
    for (version, &until_us) in until.iter().enumerate().take(newest + 1).skip(1) {
        if key.maker(version).is_none() {
            match pool.take(key, version, until_us) {
                Some(maker) => raise(&mut earliest, version, key.steps[maker].sent_us, maker),
                None => return Chain::NoMaker(version),
            }
        }
    }

    let mut highest: Option<&Bound> = None;
    for version in 1..=newest {
        if let Some(bound) = &earliest[version]
            && highest.is_none_or(|highest| highest.us < bound.us)
        {
            highest = Some(bound);
        }
        if let (Some(highest), Some(bound)) = (highest, &latest[version])
            && highest.us > bound.us
        {
            return Chain::Violation(Some([highest.by, bound.by]));
        }
    }
    if conflicts.is_empty() {
        return Chain::Linearizable;
    }
    let mut moments: Vec<u64> = (0..=newest + 1).map(|n| earliest[n].as_ref().map_or(0, |b| b.us)).collect();
    let competing = pool.competing;
    // Versions that no answer tells of may be there too, made by what is left. They must exist for no one, so the
    // least solution takes all.
    let highest = conflicts.iter().map(|conflict| conflict.expected).max().unwrap_or(0);
    while moments.len() <= highest + 2 {
        let Some(maker) = pool.take(key, moments.len() - 1, OPEN) else { break };
        let last = moments.len() - 1;
        moments[last] = moments[last].max(key.steps[maker].sent_us);
        moments.push(0);
    }
    // What comes after the last that can be made never comes.
    *moments.last_mut().expect("there is version 0") = OPEN;
    let competing = competing || pool.competing;
    match least(&mut moments, &mut conflicts, &until) {
        true => Chain::Linearizable,
        false if competing => Chain::Ambiguous,
        false => Chain::Violation(None),
    }
}

struct Conflict {
    expected: usize,
    sent_us: u64,
    done_us: u64,
}

/// Raises `moments` to the least solution; whether it keeps `until`.
fn least(moments: &mut [u64], conflicts: &mut Vec<Conflict>, until: &[u64]) -> bool {
    // What was never the newest cannot have been in the way of a refusal.
    conflicts.retain(|conflict| conflict.expected + 1 < moments.len());
    // Downwards, because raising a version may force the one before it.
    conflicts.sort_by_key(|conflict| std::cmp::Reverse(conflict.expected));
    loop {
        let mut highest = 0;
        for (version, moment) in moments.iter_mut().enumerate() {
            highest = highest.max(*moment);
            *moment = highest;
            if *moment > until.get(version).copied().unwrap_or(OPEN) {
                return false;
            }
        }
        let mut raised = false;
        for conflict in conflicts.iter() {
            let before = moments[conflict.expected] >= conflict.sent_us && conflict.expected > 0;
            if !before && moments[conflict.expected + 1] > conflict.done_us {
                if conflict.expected == 0 {
                    return false;
                }
                moments[conflict.expected] = conflict.sent_us;
                raised = true;
            }
        }
        if !raised {
            return true;
        }
    }
}

/// Writes of unknown outcome, to be taken for versions whose maker no answer tells.
struct Pool {
    /// Without check-and-set, latest sent first.
    plain: Vec<usize>,
    /// By the version that they would make: the check-and-set that was sent first.
    exact: HashMap<usize, usize>,
    /// Whether a choice between the two was made.
    competing: bool,
}

impl Pool {
    fn of(key: &Key) -> Self {
        let mut plain = Vec::new();
        let mut exact = HashMap::new();
        // By the time they were sent, from the last: the first one stays.
        for &i in key.loose.iter().rev() {
            match key.expected(i) {
                None => plain.push(i),
                Some(expected) => {
                    exact.insert(expected + 1, i);
                }
            }
        }
        Self { plain, exact, competing: false }
    }

    /// The one to make `version`, sent by `until_us`.
    fn take(&mut self, key: &Key, version: usize, until_us: u64) -> Option<usize> {
        let in_time = |i: &usize| key.steps[*i].sent_us <= until_us;
        let exact = self.exact.get(&version).copied().filter(in_time);
        let plain = self.plain.last().copied().filter(in_time);
        self.competing |= exact.is_some() && plain.is_some();
        // One that can make no other version first.
        if exact.is_some() {
            return exact;
        }
        plain.inspect(|_| {
            self.plain.pop();
        })
    }
}
