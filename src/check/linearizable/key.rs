//! What the steps of one key say without regard to time: which request made which version. Versions are handed
//! out by the server and values are never used twice, so a read tells whose write it saw.

use super::step::{Kind, Step};
use std::collections::HashMap;

/// The steps of one key, with each version's maker.
pub struct Key<'s> {
    pub steps: &'s [Step],
    /// By version, from 1 on: the step that made it; `None` when no answer tells.
    pub makers: Vec<Option<usize>>,
    /// Writes of unknown outcome that no read tells of, by the time they were sent.
    pub loose: Vec<usize>,
}

/// A contradiction between answers, at any time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contradiction {
    /// Two different requests made the same version.
    VersionTwice(usize, usize),
    /// One value is two versions.
    ValueTwice(usize, usize),
    /// The same version was read with two values.
    OtherValue(usize, usize),
    /// A check-and-set became another version than the one after what it expected.
    NotTheNext(usize, Option<usize>),
    /// What was read is the value of a write that was refused.
    RefusedButThere(usize, usize),
    /// Versions begin at 1.
    VersionZero(usize),
    /// What was read was never sent.
    NeverSent(usize),
    /// There were too few writes for this version to exist.
    TooHigh(usize),
}

impl Contradiction {
    pub fn steps(&self) -> Vec<usize> {
        match *self {
            Self::VersionTwice(a, b)
            | Self::ValueTwice(a, b)
            | Self::OtherValue(a, b)
            | Self::RefusedButThere(a, b)
            | Self::NotTheNext(a, Some(b)) => vec![a, b],
            Self::NotTheNext(a, None) | Self::VersionZero(a) | Self::NeverSent(a) | Self::TooHigh(a) => {
                vec![a]
            }
        }
    }

    /// Whether a request that is missing from the history would explain it.
    pub fn may_be_a_gap_in_the_history(&self) -> bool {
        matches!(self, Self::NeverSent(_) | Self::TooHigh(_))
    }
}

impl<'s> Key<'s> {
    pub fn of(steps: &'s [Step]) -> Result<Self, Contradiction> {
        let newest = newest_version(steps)?;
        // By value: who sent it.
        let mut senders: HashMap<u64, usize> = HashMap::with_capacity(steps.len() / 2);
        let mut makers = vec![None; newest];
        for (i, step) in steps.iter().enumerate() {
            match step.kind {
                Kind::Write { value, version, expected } => {
                    senders.insert(value, i);
                    if let Some(version) = version {
                        if expected.is_some_and(|expected| expected + 1 != version) {
                            return Err(Contradiction::NotTheNext(i, None));
                        }
                        if let Some(other) = makers[slot(version)].replace(i) {
                            return Err(Contradiction::VersionTwice(other, i));
                        }
                    }
                }
                Kind::Refused { value, .. } => {
                    senders.insert(value, i);
                }
                _ => {}
            }
        }
        // Unknown outcomes that a read tells of, with the read.
        let mut seen: HashMap<usize, (u64, usize)> = HashMap::new();
        for (i, step) in steps.iter().enumerate() {
            let Kind::Read { version, value } = step.kind else { continue };
            let sender = *senders.get(&value).ok_or(Contradiction::NeverSent(i))?;
            match steps[sender].kind {
                Kind::Write { version: Some(stored), .. } if stored == version => {}
                Kind::Write { version: Some(_), .. } => return Err(Contradiction::ValueTwice(sender, i)),
                Kind::Write { expected, .. } => {
                    if expected.is_some_and(|expected| expected + 1 != version) {
                        return Err(Contradiction::NotTheNext(sender, Some(i)));
                    }
                    if let Some((other, read)) = seen.insert(sender, (version, i))
                        && other != version
                    {
                        return Err(Contradiction::ValueTwice(read, i));
                    }
                    match makers[slot(version)].replace(sender) {
                        Some(other) if other != sender => {
                            let other_read = seen.get(&other).map_or(other, |(_, read)| *read);
                            return Err(Contradiction::OtherValue(other_read, i));
                        }
                        _ => {}
                    }
                }
                _ => return Err(Contradiction::RefusedButThere(sender, i)),
            }
        }
        let is_loose =
            |i: &usize| matches!(steps[*i].kind, Kind::Write { version: None, .. }) && !seen.contains_key(i);
        let mut loose: Vec<usize> = (0..steps.len()).filter(is_loose).collect();
        loose.sort_by_key(|&i| steps[i].sent_us);
        Ok(Self { steps, makers, loose })
    }

    /// The newest version that an answer tells of; 0 when none does.
    pub fn newest(&self) -> usize {
        self.makers.len()
    }

    pub fn maker(&self, version: usize) -> Option<usize> {
        self.makers.get(version.checked_sub(1)?).copied().flatten()
    }

    /// What a write of unknown outcome expects to be there.
    pub fn expected(&self, step: usize) -> Option<usize> {
        match self.steps[step].kind {
            Kind::Write { expected, .. } => expected.map(|expected| expected as usize),
            _ => None,
        }
    }
}

fn slot(version: u64) -> usize {
    version as usize - 1
}

fn newest_version(steps: &[Step]) -> Result<usize, Contradiction> {
    let mut newest = (0, 0);
    let mut writes = 0u64;
    for (i, step) in steps.iter().enumerate() {
        let version = match step.kind {
            Kind::Write { version, .. } => {
                writes += 1;
                version
            }
            Kind::Read { version, .. } | Kind::ReadDeleted { version } => Some(version),
            _ => None,
        };
        match version {
            Some(0) => return Err(Contradiction::VersionZero(i)),
            Some(version) if version > newest.0 => newest = (version, i),
            _ => {}
        }
    }
    // Also keeps a nonsensical number from asking for that much memory.
    if newest.0 > writes {
        return Err(Contradiction::TooHigh(newest.1));
    }
    Ok(newest.0 as usize)
}
