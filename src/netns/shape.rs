//! When a packet that goes one way over a link may go on: bandwidth, then delay and its spread.

use crate::model::Impairment;

/// A way that is narrow holds this much time's worth of packets, as a router's buffer does; what comes beyond it is
/// lost.
const BUFFER_NS: u64 = 250_000_000;

/// What became of one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It may go on at this moment of the monotonic clock.
    Due(u64),
    Lost,
}

/// One way over a link. Packets keep their order: one whose delay happens to be short waits for the one before it.
#[derive(Clone, Debug)]
pub struct Shape {
    impairment: Impairment,
    /// When the narrow way has passed on all that it has taken.
    free_at_ns: u64,
    last_due_ns: u64,
}

impl Shape {
    pub fn new(impairment: Impairment) -> Self {
        Self { impairment, free_at_ns: 0, last_due_ns: 0 }
    }

    pub fn impairment(&self) -> &Impairment {
        &self.impairment
    }

    /// Takes on new terms; what is already on its way keeps its place.
    pub fn change(&mut self, impairment: Impairment) {
        self.impairment = impairment;
    }

    /// `dice` are two numbers from 0 up to 1, drawn anew for each packet: for loss and for the spread.
    pub fn fate(&mut self, now_ns: u64, bytes: usize, dice: [f64; 2]) -> Fate {
        if self.impairment.cut.is_some() || dice[0] < self.impairment.loss {
            return Fate::Lost;
        }
        let mut leaves_ns = now_ns;
        if let Some(bytes_per_s) = self.impairment.bytes_per_s {
            let starts_ns = self.free_at_ns.max(now_ns);
            if starts_ns - now_ns > BUFFER_NS {
                return Fate::Lost;
            }
            leaves_ns = starts_ns + (bytes as u64).saturating_mul(1_000_000_000) / bytes_per_s.max(1);
            self.free_at_ns = leaves_ns;
        }
        let nanoseconds = |span: crate::model::Span| span.0.as_nanos() as f64;
        let spread_ns = nanoseconds(self.impairment.spread) * (2.0 * dice[1] - 1.0);
        let delay_ns = (nanoseconds(self.impairment.delay) + spread_ns).max(0.0) as u64;
        self.last_due_ns = self.last_due_ns.max(leaves_ns + delay_ns);
        Fate::Due(self.last_due_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Cut, Span};

    const MS: u64 = 1_000_000;

    fn shape(impairment: Impairment) -> Shape {
        Shape::new(impairment)
    }

    #[test]
    fn delay_is_added_and_spread_keeps_the_order() {
        let mut way = shape(Impairment {
            delay: Span::from_ms(50),
            spread: Span::from_ms(20),
            ..Impairment::default()
        });
        assert_eq!(way.fate(0, 100, [0.5, 0.5]), Fate::Due(50 * MS));
        assert_eq!(way.fate(MS, 100, [0.5, 0.75]), Fate::Due(61 * MS));
        // 2 ms + 30 ms would overtake.
        assert_eq!(way.fate(2 * MS, 100, [0.5, 0.0]), Fate::Due(61 * MS));
        assert_eq!(way.fate(100 * MS, 100, [0.5, 0.0]), Fate::Due(130 * MS));
    }

    #[test]
    fn a_narrow_way_spaces_packets_out_and_loses_what_its_buffer_cannot_hold() {
        let mut way = shape(Impairment { bytes_per_s: Some(100_000), ..Impairment::default() });
        let fates: Vec<_> = (0..40).map(|_| way.fate(0, 1000, [0.5; 2])).collect();
        assert_eq!(fates[0], Fate::Due(10 * MS));
        assert_eq!(fates[25], Fate::Due(260 * MS));
        assert_eq!(fates[26], Fate::Lost);
        assert_eq!(way.fate(100 * MS, 1000, [0.5; 2]), Fate::Due(270 * MS));
    }

    #[test]
    fn cut_and_loss_lose() {
        let mut way = shape(Impairment { cut: Some(Cut::BlackHole), ..Impairment::default() });
        assert_eq!(way.fate(0, 100, [0.9; 2]), Fate::Lost);
        let mut way = shape(Impairment { loss: 0.3, ..Impairment::default() });
        assert_eq!(way.fate(0, 100, [0.29, 0.5]), Fate::Lost);
        assert_eq!(way.fate(0, 100, [0.31, 0.5]), Fate::Due(0));
    }
}
