//! How old what standbys answered was.

use super::figure::{Figure, Judged, ms_in, not_a_time};
use crate::facts::Facts;
use crate::model::Bound;

/// The oldest answer, counted from the acknowledgement that made it out of date: a bound from below, so what breaks
/// the promise breaks it for certain.
pub fn judge(facts: &Facts, bound: Bound) -> Judged {
    let Some(unit) = ms_in(bound.unit, 1.0) else { return not_a_time(&bound) };
    let sessions = facts.sessions();
    if sessions.reads == 0 {
        return Figure::unknown("nothing was read through a standby").into();
    }
    let oldest_us = sessions.stale.iter().map(|read| read.by_us).max().unwrap_or(0);
    let figure = Figure::exact(&bound, oldest_us as f64 / 1e3 * unit);
    Figure { samples: sessions.reads, note: sessions.in_words(), ..figure }.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::*;
    use crate::model::{Operation, Verdict};

    #[test]
    fn the_oldest_answer_is_held_to_the_promise() {
        let mut run = steady_run().build();
        let bound: Bound = "<= 100 ms".parse().unwrap();
        let write = run.history.iter().find(|op| op.version == Some(2)).unwrap().clone();
        let read = run.history.iter().find(|op| op.route == crate::model::Route::Any).unwrap().clone();
        let judged = |run: &_| judge(&Facts::of(run), bound).figure;
        let fresh = judged(&run);
        assert_eq!((fresh.verdict, fresh.samples), (Verdict::Inconclusive, 0), "reads that tell no version");
        for (late_us, verdict) in [(99_000, Verdict::Pass), (101_000, Verdict::Fail)] {
            let sent_us = write.done_us + late_us;
            let (node, done_us) = (Some(node("n2")), sent_us + 1_000);
            let old = Operation { node, key: write.key, version: Some(1), sent_us, done_us, ..read.clone() };
            run.history.push(old);
            let figure = judged(&run);
            assert_eq!(
                (figure.verdict, figure.measured),
                (verdict, Some(late_us as f64 / 1e3)),
                "{}",
                figure.note
            );
        }
    }
}
