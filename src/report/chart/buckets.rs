//! Seconds joined into wider buckets where a run is longer than a chart has room for. The worst second of a
//! bucket is what is shown, so that joining never hides a stall.

use crate::model::Second;

/// Rates are operations per second; latencies are those of the bucket's worst second, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bucket {
    pub start_ms: f64,
    pub end_ms: f64,
    pub ok: f64,
    pub failed: f64,
    pub unknown: f64,
    pub p50_us: f64,
    pub p99_us: f64,
    pub max_us: f64,
}

impl Bucket {
    pub fn total(&self) -> f64 {
        self.ok + self.failed + self.unknown
    }
}

/// At most `most` buckets, each of the same whole number of seconds.
pub fn buckets(seconds: &[Second], from_ms: f64, to_ms: f64, most: usize) -> Vec<Bucket> {
    let inside: Vec<&Second> = seconds
        .iter()
        .filter(|second| second.start_ms + 1000.0 > from_ms && second.start_ms < to_ms)
        .collect();
    let wide = seconds_per_bucket(inside.len(), most);
    inside.chunks(wide).map(bucket).collect()
}

pub fn seconds_per_bucket(seconds: usize, most: usize) -> usize {
    seconds.div_ceil(most.max(1)).max(1)
}

fn bucket(seconds: &[&Second]) -> Bucket {
    let sum = |pick: fn(&Second) -> u64| {
        seconds.iter().map(|second| pick(second) as f64).sum::<f64>() / seconds.len() as f64
    };
    let worst =
        |pick: fn(&Second) -> u64| seconds.iter().map(|second| pick(second) as f64).fold(0.0, f64::max);
    Bucket {
        start_ms: seconds.first().map_or(0.0, |second| second.start_ms),
        end_ms: seconds.last().map_or(0.0, |second| second.start_ms + 1000.0),
        ok: sum(|second| second.ok),
        failed: sum(|second| second.failed),
        unknown: sum(|second| second.unknown),
        p50_us: worst(|second| second.p50_us),
        p99_us: worst(|second| second.p99_us),
        max_us: worst(|second| second.max_us),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(i: u64, max_us: u64) -> Second {
        Second { start_ms: i as f64 * 1e3, ok: 10, failed: 0, unknown: 0, p50_us: 1, p99_us: 2, max_us }
    }

    #[test]
    fn joining_keeps_the_worst_second() {
        let seconds: Vec<Second> =
            (0..100).map(|i| second(i, if i == 57 { 2_000_000 } else { 900 })).collect();
        let joined = buckets(&seconds, 0.0, 100_000.0, 10);
        assert_eq!(joined.len(), 10);
        assert_eq!(joined[5].max_us, 2_000_000.0);
        assert_eq!((joined[0].ok, joined[0].end_ms), (10.0, 10_000.0));
        assert_eq!(buckets(&seconds, 20_000.0, 30_000.0, 100).len(), 10);
        assert!(buckets(&[], 0.0, 1.0, 10).is_empty());
    }
}
