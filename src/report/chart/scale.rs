//! Scales and ticks: from values to pixels, with round numbers at the ticks.

/// Values to pixels, linearly. An empty domain maps everything to its start.
#[derive(Clone, Copy)]
pub struct Linear {
    pub from: f64,
    pub to: f64,
    pub start_px: f64,
    pub end_px: f64,
}

impl Linear {
    pub fn at(&self, value: f64) -> f64 {
        if self.to <= self.from {
            return self.start_px;
        }
        self.start_px + (value - self.from) / (self.to - self.from) * (self.end_px - self.start_px)
    }

    /// The same, held within the plot.
    pub fn clamped(&self, value: f64) -> f64 {
        self.at(value.clamp(self.from, self.to.max(self.from)))
    }
}

/// Positive values to pixels, by their logarithm; a value below the domain lies at its start.
#[derive(Clone, Copy)]
pub struct Log {
    scale: Linear,
}

impl Log {
    /// Covers `low..=high`, rounded outwards to 1, 2 or 5 times a power of ten.
    pub fn covering(low: f64, high: f64, start_px: f64, end_px: f64) -> Self {
        let low = if low > 0.0 && low.is_finite() { low } else { 1.0 };
        let high = if high.is_finite() { high.max(low) } else { low };
        let (from, mut to) = (round_down(low), round_up(high));
        if to <= from {
            to = from * 10.0;
        }
        Self { scale: Linear { from: from.log10(), to: to.log10(), start_px, end_px } }
    }

    pub fn at(&self, value: f64) -> f64 {
        self.scale.clamped(value.max(f64::MIN_POSITIVE).log10())
    }

    /// Powers of ten within the domain; over less than two of them also 2 and 5 times.
    pub fn ticks(&self) -> Vec<f64> {
        let (from, to) = (self.scale.from, self.scale.to);
        let factors: &[f64] = if to - from < 2.0 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let mut ticks = vec![];
        for exponent in (from.floor() as i32)..=(to.ceil() as i32) {
            for factor in factors {
                let value = factor * 10f64.powi(exponent);
                if (from - 1e-9..=to + 1e-9).contains(&value.log10()) {
                    ticks.push(value);
                }
            }
        }
        ticks
    }
}

fn round_down(value: f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    [5.0, 2.0, 1.0]
        .iter()
        .map(|factor| factor * power)
        .find(|nice| *nice <= value * 1.000_001)
        .unwrap_or(power)
}

fn round_up(value: f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    let nice =
        [1.0, 2.0, 5.0, 10.0].iter().map(|factor| factor * power).find(|nice| *nice >= value * 0.999_999);
    nice.unwrap_or(power * 10.0)
}

/// Round values from `from` to `to`, about `most` of them: multiples of 1, 2 or 5 times a power of ten.
pub fn ticks(from: f64, to: f64, most: usize) -> Vec<f64> {
    ticks_of(from, to, most, &[1.0, 2.0, 5.0, 10.0])
}

/// Round moments in seconds: below a minute as [`ticks`], then minutes and hours.
pub fn time_ticks_s(from: f64, to: f64, most: usize) -> Vec<f64> {
    let wanted = (to - from) / most.max(2) as f64;
    let steps = [15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 21_600.0, 43_200.0, 86_400.0];
    match steps.iter().find(|step| **step >= wanted) {
        Some(step) if wanted > 10.0 => multiples(from, to, *step),
        _ => ticks(from, to, most),
    }
}

fn ticks_of(from: f64, to: f64, most: usize, factors: &[f64]) -> Vec<f64> {
    if !(from.is_finite() && to.is_finite()) || to <= from {
        return vec![];
    }
    let wanted = (to - from) / most.max(2) as f64;
    let power = 10f64.powf(wanted.log10().floor());
    let step = factors.iter().map(|factor| factor * power).find(|step| *step >= wanted * 0.999);
    multiples(from, to, step.unwrap_or(power * 10.0))
}

fn multiples(from: f64, to: f64, step: f64) -> Vec<f64> {
    let first = (from / step - 1e-9).ceil() as i64;
    let last = (to / step + 1e-9).floor() as i64;
    (first..=last).map(|i| i as f64 * step).collect()
}

/// Moves positions apart that are closer than `gap`, within `low..=high`, and keeps their order.
pub fn apart(wanted: &[f64], gap: f64, low: f64, high: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|a, b| wanted[*a].total_cmp(&wanted[*b]));
    let mut placed = wanted.to_vec();
    let mut least = low;
    for i in &order {
        placed[*i] = placed[*i].max(least);
        least = placed[*i] + gap;
    }
    let mut most = high;
    for i in order.iter().rev() {
        placed[*i] = placed[*i].min(most);
        most = placed[*i] - gap;
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        assert_eq!(ticks(0.0, 170.0, 4), [0.0, 50.0, 100.0, 150.0]);
        assert_eq!(ticks(13.2, 41.9, 6), [15.0, 20.0, 25.0, 30.0, 35.0, 40.0]);
        assert_eq!(time_ticks_s(0.0, 400.0, 8), [0.0, 60.0, 120.0, 180.0, 240.0, 300.0, 360.0]);
        assert!(ticks(1.0, 1.0, 5).is_empty() && ticks(0.0, f64::NAN, 5).is_empty());
    }

    #[test]
    fn a_log_scale_covers_its_values_and_marks_powers_of_ten() {
        let log = Log::covering(0.8, 11_300.0, 0.0, 100.0);
        assert_eq!(log.ticks(), [1.0, 10.0, 100.0, 1_000.0, 10_000.0]);
        assert!(log.at(0.8) < log.at(11_300.0) && log.at(11_300.0) <= 100.0);
        assert_eq!(Log::covering(2.0, 9.0, 0.0, 100.0).ticks(), [2.0, 5.0, 10.0]);
        assert_eq!(log.at(0.0), 0.0, "no latency at all lies on the axis");
    }

    #[test]
    fn labels_do_not_overlap() {
        assert_eq!(apart(&[10.0, 12.0, 50.0], 11.0, 0.0, 100.0), [10.0, 21.0, 50.0]);
        assert_eq!(apart(&[99.0, 98.0], 11.0, 0.0, 100.0), [100.0, 89.0]);
    }
}
