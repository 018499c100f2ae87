//! When which node led beyond doubt, and so what a client may take for an answer of the leader.

use super::Facts;
use crate::model::{NodeId, Operation, Role};

/// For each node, the times in which it led and nobody else may have.
///
/// A node leads as long as two polls in a row vouch for it: from the first poll that saw it active to the last.
/// Another may have been active between two polls that saw it before and after, so a claim of another node is
/// stretched from the last poll that saw another role to the first that sees another one again, and takes
/// its time away from everybody. A node that does not answer claims nothing: while it is gone, the one that goes on
/// claiming to lead is held to what that means.
pub struct Leadership {
    /// By node; disjoint and in order, in milliseconds.
    led: Vec<(NodeId, Vec<(f64, f64)>)>,
}

impl Leadership {
    pub fn of(facts: &Facts) -> Self {
        let led = facts.roles.iter().enumerate().map(|(index, track)| {
            let active = track.segments.iter().filter(|segment| segment.role == Role::Active);
            let mut led: Vec<(f64, f64)> =
                active.map(|segment| (segment.start_ms, segment.last_ms)).collect();
            let others = facts.roles.iter().enumerate().filter(|(other, _)| *other != index);
            for (from_ms, to_ms) in others.flat_map(|(_, other)| other.may_be_active()) {
                led = led.iter().flat_map(|&span| without(span, from_ms, to_ms)).collect();
            }
            (track.node.clone(), led)
        });
        Self { led: led.collect() }
    }

    /// Whether the node it was sent to led from before it was sent until after its answer.
    pub fn answered(&self, op: &Operation) -> bool {
        let Some(node) = &op.node else { return false };
        let (sent_ms, done_ms) = (op.sent_us as f64 / 1e3, op.done_us as f64 / 1e3);
        self.led.iter().filter(|(id, _)| id == node).any(|(_, led)| {
            let after = led.partition_point(|(from_ms, _)| *from_ms <= sent_ms);
            after.checked_sub(1).is_some_and(|i| done_ms <= led[i].1)
        })
    }
}

/// What is left of a span when the time from `from_ms` to `to_ms` is taken away.
fn without((start_ms, end_ms): (f64, f64), from_ms: f64, to_ms: f64) -> impl Iterator<Item = (f64, f64)> {
    let before = (start_ms, end_ms.min(from_ms));
    let after = (start_ms.max(to_ms), end_ms);
    let whole = end_ms < from_ms || start_ms > to_ms;
    let parts = if whole { [Some((start_ms, end_ms)), None] } else { [Some(before), Some(after)] };
    parts.into_iter().flatten().filter(|(start_ms, end_ms)| start_ms < end_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::*;

    fn read_from(name: &str, sent_ms: f64, done_ms: f64) -> Operation {
        let run = steady_run().build();
        let (sent_us, done_us) = ((sent_ms * 1e3) as u64, (done_ms * 1e3) as u64);
        Operation { node: Some(node(name)), sent_us, done_us, ..run.history[0].clone() }
    }

    #[test]
    fn only_the_time_that_polls_vouch_for_is_led() {
        let run = kill_run().build();
        let facts = Facts::of(&run);
        let leadership = Leadership::of(&facts);
        for (node, sent_ms, done_ms, led) in [
            ("n1", 5_000.0, 5_001.0, true),
            ("n2", 5_000.0, 5_001.0, false),
            // The last poll that saw n1 active was at 12.0 s.
            ("n1", 11_999.0, 12_000.0, true),
            ("n1", 11_999.0, 12_001.0, false),
            ("n1", 12_001.0, 22_000.0, false),
            // The first that saw n2 active was at 22.8 s.
            ("n2", 22_799.0, 22_801.0, false),
            ("n2", 22_800.0, 22_801.0, true),
            ("n1", 30_000.0, 30_001.0, false),
        ] {
            let op = read_from(node, sent_ms, done_ms);
            assert_eq!(leadership.answered(&op), led, "{node} {sent_ms} {done_ms}");
        }
    }

    #[test]
    fn a_second_claim_takes_its_time_away_from_both() {
        let run = RunBuilder::new()
            .phases(0.0, 1e3, 2e3, 5e3)
            .role("n2", 2_000.0, Role::Active, 1_980.0)
            .role("n2", 3_020.0, Role::Standby, 3_000.0)
            .build();
        let facts = Facts::of(&run);
        let leadership = Leadership::of(&facts);
        for (node, sent_ms, led) in [
            ("n1", 1_970.0, true),
            ("n1", 1_979.5, false),
            ("n1", 2_500.0, false),
            ("n2", 2_500.0, false),
            ("n1", 3_010.0, false),
            ("n1", 3_021.0, true),
        ] {
            assert_eq!(
                leadership.answered(&read_from(node, sent_ms, sent_ms + 1.0)),
                led,
                "{node} {sent_ms}"
            );
        }
    }
}
