//! What the database told of its roles, look by look.

use super::line;
use crate::facts::Facts;
use crate::model::{Entry, Event};
use std::collections::BTreeMap;

/// A change, seen by the look that ended at `t_ms` and not by the one begun at `previous_ms`.
pub(super) struct Seen<'f> {
    pub previous_ms: f64,
    pub t_ms: f64,
    pub entry: &'f Entry,
}

/// One role.
pub(super) struct Track<'f> {
    pub appeared: Seen<'f>,
    pub gone: Option<Seen<'f>>,
}

pub(super) struct Watch<'f> {
    pub was_reached: bool,
    pub tracks: BTreeMap<&'f str, Track<'f>>,
    /// When the database could not be asked.
    pub away: Vec<(f64, f64)>,
    /// The last look of the run, and when it was begun.
    pub left: Option<(f64, &'f Entry, &'f [String])>,
}

impl<'f> Watch<'f> {
    pub fn of(facts: &Facts<'f>) -> Self {
        let mut watch = Self { was_reached: false, tracks: BTreeMap::new(), away: Vec::new(), left: None };
        let mut away_from = None;
        for entry in &facts.run.journal {
            let t_ms = entry.t_ms;
            match &entry.event {
                Event::DatabaseWatch { reachable: true, .. } => {
                    watch.was_reached = true;
                    watch.away.extend(away_from.take().map(|from_ms| (from_ms, t_ms)));
                }
                Event::DatabaseWatch { reachable: false, previous_ms, .. } => away_from = Some(*previous_ms),
                Event::DatabaseRoles { previous_ms, appeared, gone } => {
                    let seen = || Seen { previous_ms: *previous_ms, t_ms, entry };
                    for user in appeared {
                        watch.tracks.insert(user, Track { appeared: seen(), gone: None });
                    }
                    for user in gone {
                        if let Some(track) = watch.tracks.get_mut(user.as_str()) {
                            track.gone = Some(seen());
                        }
                    }
                }
                Event::DatabaseRolesLeft { sent_ms, roles } => watch.left = Some((*sent_ms, entry, roles)),
                _ => {}
            }
        }
        watch.away.extend(away_from.map(|from_ms| (from_ms, f64::INFINITY)));
        watch
    }

    /// Whether it could be asked all the while.
    pub fn reachable_within(&self, from_ms: f64, to_ms: f64) -> bool {
        self.was_reached && self.away.iter().all(|(gone_ms, back_ms)| to_ms < *gone_ms || *back_ms < from_ms)
    }

    /// A moment at or after which the role was still there: the begin of the last look that saw it. `None` when its
    /// end was not seen and it is not known to be there still.
    pub fn last_alive_ms(&self, track: &Track) -> Option<f64> {
        if let Some(gone) = &track.gone {
            return Some(gone.previous_ms);
        }
        let (sent_ms, _, roles) = self.left?;
        let name =
            self.tracks.iter().find(|(_, known)| std::ptr::eq(*known, track)).map(|(name, _)| *name)?;
        roles.iter().any(|role| role == name).then_some(sent_ms)
    }

    /// The line that shows until when it was there.
    pub fn line_of_end(&self, track: &Track) -> Vec<String> {
        let entry = match (&track.gone, self.left) {
            (Some(gone), _) => Some(gone.entry),
            (None, left) => left.map(|(_, entry, _)| entry),
        };
        entry.map(line).into_iter().collect()
    }
}
