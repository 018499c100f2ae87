//! What the decision is compared with: every order of a few steps, tried out on a model of the store (slow,
//! obvious, and nothing shared with what it tests), and small random histories of one key, made by a
//! store that answers rightly and then perhaps falsified.

use super::step::{Kind, OPEN, Step};
use rand::RngExt;
use rand::rngs::StdRng;

#[derive(Clone, Default)]
struct Store {
    /// Value, deleted, destroyed; version 1 first.
    versions: Vec<(u64, bool, bool)>,
}

impl Store {
    /// Whether the store would have answered like that.
    fn apply(&mut self, step: &Step) -> bool {
        let newest = self.versions.len() as u64;
        match step.kind {
            Kind::Write { value, version, expected } => {
                if expected.is_some_and(|expected| expected != newest) {
                    return false;
                }
                self.versions.push((value, false, false));
                version.is_none_or(|version| version == newest + 1)
            }
            Kind::Refused { conflict, .. } => conflict.is_none_or(|expected| expected != newest),
            Kind::Read { version, value } => {
                version == newest && self.versions.last() == Some(&(value, false, false))
            }
            Kind::ReadDeleted { version } => {
                version == newest && self.versions.last().is_some_and(|(_, deleted, gone)| *deleted || *gone)
            }
            Kind::ReadNone => newest == 0,
            Kind::Delete => {
                if let Some(last) = self.versions.last_mut() {
                    last.1 = true;
                }
                true
            }
            Kind::Undelete { version } => {
                if let Some(slot) = self.versions.get_mut(version as usize - 1) {
                    slot.1 = false;
                }
                true
            }
            Kind::Destroy { version } => {
                if let Some(slot) = self.versions.get_mut(version as usize - 1) {
                    slot.2 = true;
                }
                true
            }
        }
    }
}

pub fn linearizable(steps: &[Step]) -> bool {
    go(steps, 0, &Store::default())
}

fn go(steps: &[Step], done: u32, store: &Store) -> bool {
    let left = |i: usize| done & (1 << i) == 0;
    let must = |i: usize| left(i) && !steps[i].is_open();
    if !(0..steps.len()).any(must) {
        return true;
    }
    let by_us = (0..steps.len()).filter(|&i| must(i)).map(|i| steps[i].done_us).min().unwrap();
    (0..steps.len()).filter(|&i| left(i) && steps[i].sent_us <= by_us).any(|i| {
        let mut store = store.clone();
        store.apply(&steps[i]) && go(steps, done | 1 << i, &store)
    })
}

/// A right history of up to `most` steps, some of unknown outcome.
pub fn right(rng: &mut StdRng, most: usize, deletions: bool) -> Vec<Step> {
    let count = rng.random_range(1..=most);
    let mut versions: Vec<(u64, bool, bool)> = Vec::new();
    let mut steps = Vec::new();
    let spread = [2u64, 6, 15][rng.random_range(0..3)];
    for n in 0..count as u64 {
        // The moment at which it takes effect, and a time around it.
        let moment = 100 + n * 4;
        let sent_us = moment - rng.random_range(0..=spread);
        let done_us = moment + rng.random_range(0..=spread);
        let open = rng.random_bool(0.2);
        let newest = versions.len() as u64;
        let value = 1_000 + n;
        let write = |versions: &mut Vec<(u64, bool, bool)>, expected, open: bool, applied: bool| {
            if applied || !open {
                versions.push((value, false, false));
            }
            Some(Kind::Write { value, version: (!open).then_some(newest + 1), expected })
        };
        let applied = rng.random_bool(0.5);
        let mut is_open = open;
        let kind = match rng.random_range(0..if deletions { 13 } else { 9 }) {
            0..3 => write(&mut versions, None, open, applied),
            3..5 => {
                let expected = newest.saturating_sub(u64::from(rng.random_bool(0.4)));
                if open {
                    write(&mut versions, Some(expected), true, applied && expected == newest)
                } else if expected == newest {
                    write(&mut versions, Some(expected), false, true)
                } else {
                    Some(Kind::Refused { value, conflict: Some(expected) })
                }
            }
            5..9 => {
                is_open = false;
                Some(match versions.last() {
                    None => Kind::ReadNone,
                    Some((value, false, false)) => Kind::Read { version: newest, value: *value },
                    Some(_) => Kind::ReadDeleted { version: newest },
                })
            }
            9..11 => {
                if (applied || !open) && newest > 0 {
                    versions[newest as usize - 1].1 = true;
                }
                Some(Kind::Delete)
            }
            kind => {
                let version = newest.saturating_sub(rng.random_range(0..2)).max(1);
                if (applied || !open) && version <= newest {
                    let slot = &mut versions[version as usize - 1];
                    if kind == 11 { slot.1 = false } else { slot.2 = true }
                }
                Some(if kind == 11 { Kind::Undelete { version } } else { Kind::Destroy { version } })
            }
        };
        let done_us = if is_open { OPEN } else { done_us };
        steps.extend(kind.map(|kind| Step { kind, sent_us, done_us, at: n as u32 }));
    }
    steps
}

/// One change that may or may not break it.
pub fn falsify(rng: &mut StdRng, steps: &mut [Step]) {
    let count = steps.len();
    let step = &mut steps[rng.random_range(0..count)];
    match rng.random_range(0..5) {
        0 => {
            let later = rng.random_range(0..30);
            step.sent_us += later;
            step.done_us = step.done_us.saturating_add(later);
        }
        1 => {
            let earlier = rng.random_range(0..30);
            step.sent_us -= earlier;
            if !step.is_open() {
                step.done_us -= earlier;
            }
        }
        2 => step.done_us = if step.is_open() { OPEN } else { step.sent_us },
        _ => match &mut step.kind {
            Kind::Read { version, .. } | Kind::ReadDeleted { version } => {
                *version = version.saturating_sub(1) + rng.random_range(0..3);
            }
            Kind::Write { version: Some(version), .. } => {
                *version = version.saturating_sub(1) + rng.random_range(0..3)
            }
            Kind::Refused { conflict: Some(expected), .. } => *expected += rng.random_range(0..2),
            _ => {}
        },
    }
}
