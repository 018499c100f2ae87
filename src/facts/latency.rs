//! Latency distributions: HDR histograms of three significant digits, so that a figure is the same wherever
//! it is printed or judged.

use crate::model::LatencySummary;
use hdrhistogram::Histogram;

/// Longer than any deadline; what is above is counted as this.
const HIGHEST_US: u64 = 3_600_000_000;

pub struct Latencies {
    histogram: Histogram<u64>,
}

impl Default for Latencies {
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(1, HIGHEST_US, 3).expect("constant bounds are valid");
        Self { histogram }
    }
}

impl Latencies {
    pub fn of(values_us: impl IntoIterator<Item = u64>) -> Self {
        let mut latencies = Self::default();
        for value_us in values_us {
            latencies.record(value_us);
        }
        latencies
    }

    pub fn record(&mut self, value_us: u64) {
        self.histogram.saturating_record(value_us);
    }

    pub fn clear(&mut self) {
        self.histogram.reset();
    }

    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// `quantile` in 0..=1; 0 when nothing was recorded.
    pub fn quantile_us(&self, quantile: f64) -> u64 {
        self.histogram.value_at_quantile(quantile).min(self.max_us())
    }

    /// The value of the given 1-based rank.
    pub fn at_rank_us(&self, rank: u64) -> u64 {
        // The library turns a quantile into a rank by rounding up; half a rank less lands on it exactly.
        self.quantile_us((rank as f64 - 0.5) / self.count().max(1) as f64)
    }

    pub fn max_us(&self) -> u64 {
        self.histogram.max()
    }

    pub fn summary(&self) -> LatencySummary {
        LatencySummary {
            p50: self.quantile_us(0.5),
            p90: self.quantile_us(0.9),
            p99: self.quantile_us(0.99),
            p999: self.quantile_us(0.999),
            max: self.max_us(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_true_to_three_digits() {
        let latencies = Latencies::of(1..=1000);
        assert_eq!(
            latencies.summary(),
            LatencySummary { p50: 500, p90: 900, p99: 990, p999: 999, max: 1000 }
        );
        assert_eq!(latencies.at_rank_us(1), 1);
        assert_eq!(latencies.at_rank_us(984), 984);
        assert_eq!(latencies.at_rank_us(1000), 1000);
        assert_eq!(Latencies::default().summary(), LatencySummary::default());
        let long = Latencies::of([5_000_000]).quantile_us(0.99);
        assert!((4_995_000..=5_005_000).contains(&long), "{long}");
    }
}
