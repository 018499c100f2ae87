//! What the server is granted after the end of a lease.
//!
//! A second, when nothing is wrong. While no node leads nobody can end anything, so the second counts from the moment
//! one does again. While the database is away the server's attempt to drop the role fails, and it tries again after a
//! delay that doubles each time: (10 s, 20 s, …) × 2, more or less by half. So much is granted after its return, and no
//! more.
//!
//! What is late by no more than requests of the database took at that moment (a role is dropped in the same queue), or by no
//! more than this machine was too busy, is not late for certain and not in time either: it is undecided.

use super::watch::Watch;
use crate::facts::{Contamination, ControlWindow, DEFAULT_CONTAMINATION_MS, Facts};
use crate::model::{Operation, Role, Span, Workload};

const GRACE_MS: f64 = 1_000.0;
/// The base of the server's delays between attempts to revoke.
const RETRY_BASE_MS: f64 = 10_000.0;

/// However busy the machine was, this long after its time a role is late.
const BUSY_MS_MAX: f64 = 10_000.0;

pub(super) struct Grace<'f> {
    control: &'f [ControlWindow],
    /// In order: from when to when, and what is granted after that.
    troubles: Vec<(f64, f64, f64)>,
    /// When acknowledged requests that the database took part in were sent and answered.
    requests: Vec<(f64, f64)>,
    without_leader_ms: f64,
    without_database_ms: f64,
}

impl<'f> Grace<'f> {
    pub fn of(facts: &'f Facts, watch: &Watch) -> Self {
        let leaderless = leaderless(facts);
        let mut troubles: Vec<_> =
            leaderless.iter().map(|&(from_ms, to_ms)| (from_ms, to_ms, GRACE_MS)).collect();
        let retry = |(from_ms, to_ms): (f64, f64)| {
            (from_ms, to_ms, GRACE_MS + next_attempt_within_ms(to_ms - from_ms))
        };
        troubles.extend(watch.away.iter().copied().map(retry));
        troubles.sort_by(|a, b| a.0.total_cmp(&b.0));
        let length = |spans: &[(f64, f64)]| {
            spans.iter().map(|(from_ms, to_ms)| to_ms.min(facts.end_ms) - from_ms).sum::<f64>()
        };
        Self {
            control: &facts.control,
            without_leader_ms: length(&leaderless),
            without_database_ms: length(&watch.away),
            requests: requests(facts),
            troubles,
        }
    }

    /// How long the longest of the requests took that were under way in the second after `t_ms`.
    fn queue_ms(&self, t_ms: f64) -> f64 {
        let under_way =
            self.requests.iter().filter(|(sent_ms, done_ms)| *sent_ms <= t_ms + GRACE_MS && *done_ms >= t_ms);
        under_way.map(|(sent_ms, done_ms)| done_ms - sent_ms).fold(0.0, f64::max)
    }

    /// Until when a role may be there whose lease has ended at `end_ms`.
    pub fn until_ms(&self, end_ms: f64) -> f64 {
        let mut until_ms = end_ms + GRACE_MS;
        for (from_ms, to_ms, granted_ms) in &self.troubles {
            if *from_ms <= until_ms && *to_ms >= end_ms {
                until_ms = until_ms.max(to_ms + granted_ms);
            }
        }
        until_ms
    }

    /// The same when two times do not count: what requests took at that moment, and that in which the control probe, which
    /// asks no server for anything, was kept waiting between the end and `alive_ms`, when the role was seen.
    pub fn until_in_doubt_ms(&self, end_ms: f64, alive_ms: f64) -> f64 {
        let busy = Contamination::of(self.control, end_ms, alive_ms, DEFAULT_CONTAMINATION_MS);
        let until_ms = self.until_ms(end_ms);
        until_ms + self.queue_ms(until_ms - GRACE_MS) + busy.bad_ms.min(BUSY_MS_MAX)
    }

    pub fn is_undisturbed(&self, end_ms: f64) -> bool {
        let until_ms = end_ms + GRACE_MS;
        self.troubles.iter().all(|(from_ms, to_ms, _)| *from_ms > until_ms || *to_ms < end_ms)
    }

    pub fn note(&self) -> String {
        let span = |ms: f64| Span::from_ms(ms.max(0.0).round() as u64);
        let mut note = format!("granted: {}", span(GRACE_MS));
        if self.without_leader_ms > 0.0 {
            note += &format!(
                ", counted from the new leader on where there was none ({} in all)",
                span(self.without_leader_ms)
            );
        }
        if self.without_database_ms > 0.0 {
            note += &format!(
                ", and the server's own delay between attempts after the return of the database (away for {})",
                span(self.without_database_ms)
            );
        }
        note
    }
}

/// Of a revocation by prefix most of its time goes to the number of its leases.
fn requests(facts: &Facts) -> Vec<(f64, f64)> {
    let counts =
        |op: &&Operation| op.is_ok() && op.op.is_of_the_database() && op.op != Workload::DatabaseRevokePrefix;
    let history = facts.run.history.iter().filter(counts);
    history.map(|op| (op.sent_us as f64 / 1e3, op.done_us as f64 / 1e3)).collect()
}

/// The longest delay that the server can be in when the database comes back after so long. The n-th failure comes no
/// sooner than the shortest delays before it together.
fn next_attempt_within_ms(away_ms: f64) -> f64 {
    let (mut failed_ms, mut delay_ms) = (0.0, 2.0 * RETRY_BASE_MS);
    while failed_ms + 0.5 * delay_ms <= away_ms && away_ms.is_finite() {
        failed_ms += 0.5 * delay_ms;
        delay_ms *= 2.0;
    }
    1.5 * delay_ms
}

/// When no node led that others could follow: by the polls, and a node that a fault had taken out does not count.
fn leaderless(facts: &Facts) -> Vec<(f64, f64)> {
    let mut led: Vec<(f64, f64)> = Vec::new();
    for track in &facts.roles {
        for segment in track.segments.iter().filter(|segment| segment.role == Role::Active) {
            let mut spans = vec![(segment.start_ms, segment.last_ms)];
            for fault in facts.faults.iter().filter(|fault| fault.down().contains(&track.node)) {
                let (from_ms, to_ms) = (fault.requested_ms, fault.healed_ms().unwrap_or(f64::INFINITY));
                let cut = |(start_ms, end_ms): (f64, f64)| {
                    [(start_ms, end_ms.min(from_ms)), (start_ms.max(to_ms), end_ms)]
                };
                spans =
                    spans.into_iter().flat_map(cut).filter(|(start_ms, end_ms)| start_ms < end_ms).collect();
            }
            led.extend(spans);
        }
    }
    led.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut gaps, mut until_ms) = (Vec::new(), None::<f64>);
    for (from_ms, to_ms) in led {
        if let Some(until_ms) = until_ms.filter(|until_ms| from_ms > *until_ms) {
            gaps.push((until_ms, from_ms));
        }
        until_ms = Some(until_ms.map_or(to_ms, |until_ms| until_ms.max(to_ms)));
    }
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_doubles_with_each_attempt_that_must_have_failed() {
        for (away_s, longest_s) in [(0.0, 30.0), (9.9, 30.0), (10.0, 60.0), (29.9, 60.0), (30.0, 120.0)] {
            assert_eq!(next_attempt_within_ms(away_s * 1e3), longest_s * 1e3, "{away_s} s");
        }
    }
}
