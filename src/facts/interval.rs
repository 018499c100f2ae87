//! 95 % intervals: Wilson for ratios, binomial ranks of order statistics for percentiles; and how many
//! samples would narrow them down to an answer.

const Z: f64 = 1.959_963_984_540_054;
const TAIL: f64 = 0.025;
/// More samples than any run will ever have.
const SAMPLES_MAX: u64 = 1 << 40;

/// Wilson's interval of a ratio, both ends in 0..=1.
pub fn wilson(successes: f64, samples: f64) -> [f64; 2] {
    if samples <= 0.0 {
        return [0.0, 1.0];
    }
    let (p, z2) = (successes / samples, Z * Z);
    let centre = p + z2 / (2.0 * samples);
    let half = Z * (p * (1.0 - p) / samples + z2 / (4.0 * samples * samples)).sqrt();
    let scale = 1.0 + z2 / samples;
    // At the very ends the formula is exact and only its rounding is not.
    let low = if successes <= 0.0 { 0.0 } else { ((centre - half) / scale).max(0.0) };
    let high = if successes >= samples { 1.0 } else { ((centre + half) / scale).min(1.0) };
    [low, high]
}

/// The 1-based ranks between which the true `quantile` lies, among `samples` sorted values. `None` where even
/// the smallest or largest value cannot vouch for that side.
pub fn quantile_ranks(quantile: f64, samples: u64) -> [Option<u64>; 2] {
    let n = samples as f64;
    let odds = quantile / (1.0 - quantile);
    let mode = ((n + 1.0) * quantile).floor().min(n) as u64;
    // The binomial weights around the mode, relative to it; what is left out is below 1e-18 of it.
    let negligible = 1e-18;
    let mut weights = vec![1.0];
    let mut lowest = mode;
    let mut weight = 1.0;
    while lowest > 0 && weight > negligible {
        weight *= lowest as f64 / ((n - lowest as f64 + 1.0) * odds);
        weights.push(weight);
        lowest -= 1;
    }
    weights.reverse();
    let mut highest = mode;
    weight = 1.0;
    while highest < samples && weight > negligible {
        weight *= (n - highest as f64) * odds / (highest as f64 + 1.0);
        weights.push(weight);
        highest += 1;
    }

    let total: f64 = weights.iter().sum();
    let mut below = None;
    let mut above = None;
    let mut cumulated = 0.0;
    for (k, weight) in (lowest..).zip(weights) {
        cumulated += weight / total;
        if cumulated <= TAIL {
            below = Some(k + 1);
        }
        if above.is_none() && cumulated >= 1.0 - TAIL {
            above = Some(k + 1);
        }
    }
    [below, above.filter(|rank| *rank <= samples)]
}

/// How many samples decide whether the `quantile` keeps a bound, when `share` of the samples keep it.
pub fn samples_for_quantile(quantile: f64, share: f64) -> Option<u64> {
    let distance = share - quantile;
    let by_distance = (Z * Z * quantile * (1.0 - quantile) / (distance * distance)).ceil();
    let at_least = (TAIL.ln() / quantile.ln()).ceil();
    let needed = by_distance.max(at_least);
    (needed.is_finite() && needed < SAMPLES_MAX as f64).then_some(needed as u64)
}

/// The smallest number of samples for which `decided`, given Wilson's interval of the same ratio, says yes.
pub fn samples_for_ratio(ratio: f64, decided: impl Fn([f64; 2]) -> bool) -> Option<u64> {
    let at = |samples: u64| decided(wilson(ratio * samples as f64, samples as f64));
    let mut enough = 1;
    while !at(enough) {
        enough *= 2;
        if enough > SAMPLES_MAX {
            return None;
        }
    }
    let mut too_few = enough / 2;
    while enough - too_few > 1 {
        let middle = too_few + (enough - too_few) / 2;
        *(if at(middle) { &mut enough } else { &mut too_few }) = middle;
    }
    Some(enough)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn near(got: [f64; 2], expected: [f64; 2]) {
        for (got, expected) in got.into_iter().zip(expected) {
            assert!((got - expected).abs() < 5e-5, "{got} is not {expected}");
        }
    }

    #[test]
    fn wilson_has_its_published_values() {
        near(wilson(8.0, 10.0), [0.4902, 0.9433]);
        near(wilson(10.0, 10.0), [0.7225, 1.0]);
        near(wilson(0.0, 10.0), [0.0, 0.2775]);
        near(wilson(81.0, 263.0), [0.2553, 0.3662]);
        assert_eq!(wilson(0.0, 0.0), [0.0, 1.0]);
    }

    #[test]
    fn ranks_of_the_median_are_those_of_the_tables() {
        // Conover, Practical Nonparametric Statistics: n = 16 and n = 100.
        assert_eq!(quantile_ranks(0.5, 16), [Some(4), Some(13)]);
        assert_eq!(quantile_ranks(0.5, 100), [Some(40), Some(61)]);
        assert_eq!(quantile_ranks(0.5, 5), [None, None]);
    }

    #[test]
    fn a_99th_percentile_needs_368_samples_for_its_upper_end() {
        // 0.99^367 = 0.02501, 0.99^368 = 0.02476
        assert_eq!(quantile_ranks(0.99, 367)[1], None);
        assert_eq!(quantile_ranks(0.99, 368)[1], Some(368));
        assert_eq!(samples_for_quantile(0.99, 1.0), Some(381));
    }

    #[test]
    fn many_samples_agree_with_the_normal_approximation() {
        let [low, high] = quantile_ranks(0.99, 500_000).map(Option::unwrap);
        let half = Z * (500_000.0_f64 * 0.99 * 0.01).sqrt();
        assert!((low as f64 - (495_000.0 - half)).abs() < 2.0, "{low}");
        assert!((high as f64 - (495_000.0 + half)).abs() < 3.0, "{high}");
    }

    #[test]
    fn four_nines_without_a_failure_need_38_411_requests() {
        // n / (n + z²) ≥ 0.9999
        assert_eq!(samples_for_ratio(1.0, |[low, _]| low >= 0.9999), Some(38_411));
        assert_eq!(samples_for_ratio(0.9999, |[low, high]| low >= 0.9999 || high < 0.9999), None);
        assert_eq!(samples_for_quantile(0.99, 0.99), None);
    }
}
