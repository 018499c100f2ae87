//! When requests are due: offsets from the start of the load, from a seeded generator.

use crate::model::{Arrivals, Rate, RatePlan};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::time::Duration;

/// Endless for a constant rate; ends after the last stage of a ramp.
pub struct Schedule {
    rng: StdRng,
    arrivals: Arrivals,
    stages: Vec<(Rate, Duration)>,
    stage: usize,
    stage_began: Duration,
    next: Duration,
}

/// One request to send.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Due {
    pub at: Duration,
    pub stage: usize,
    pub rate: Rate,
    /// For whatever the workload draws: which key, which tenant.
    pub draw: u64,
}

impl Schedule {
    /// `lead_in` is how long a ramp holds its first rate before the first stage is counted.
    pub fn new(plan: &RatePlan, arrivals: Arrivals, lead_in: Duration, seed: u64) -> Self {
        let stages = match plan {
            RatePlan::Constant(rate) => vec![(*rate, Duration::MAX)],
            RatePlan::Ramp { stages, every } => {
                let lead_in = stages.first().map(|rate| (*rate, lead_in));
                lead_in.into_iter().chain(stages.iter().map(|rate| (*rate, every.0))).collect()
            }
        };
        let rng = StdRng::seed_from_u64(seed);
        Self { rng, arrivals, stages, stage: 0, stage_began: Duration::ZERO, next: Duration::ZERO }
    }

    fn gap(&mut self, rate: Rate) -> Duration {
        let mean_s = 1.0 / rate.0;
        Duration::from_secs_f64(match self.arrivals {
            Arrivals::Constant => mean_s,
            Arrivals::Poisson => {
                let uniform: f64 = self.rng.random();
                -mean_s * (1.0 - uniform).ln()
            }
        })
    }
}

impl Iterator for Schedule {
    type Item = Due;

    fn next(&mut self) -> Option<Due> {
        let (mut rate, mut lasts) = *self.stages.get(self.stage)?;
        while self.next.saturating_sub(self.stage_began) >= lasts {
            self.stage_began += lasts;
            self.stage += 1;
            (rate, lasts) = *self.stages.get(self.stage)?;
            self.next = self.next.max(self.stage_began);
        }
        let due = Due { at: self.next, stage: self.stage, rate, draw: self.rng.random() };
        let gap = self.gap(rate);
        self.next += gap;
        Some(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Span;

    #[test]
    fn a_seed_gives_the_same_schedule_and_another_seed_another() {
        let take = |seed| -> Vec<Due> {
            Schedule::new(&RatePlan::Constant(Rate(100.0)), Arrivals::Poisson, Duration::ZERO, seed)
                .take(500)
                .collect()
        };
        assert_eq!(take(7), take(7));
        assert_ne!(take(7), take(8));
    }

    #[test]
    fn poisson_arrivals_have_the_asked_rate_and_its_spread() {
        let plan = RatePlan::Constant(Rate(200.0));
        let times: Vec<_> = Schedule::new(&plan, Arrivals::Poisson, Duration::ZERO, 1)
            .take(20_000)
            .map(|due| due.at.as_secs_f64())
            .collect();
        let gaps: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let deviation = (gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64).sqrt();
        assert!((mean - 0.005).abs() < 0.0002, "mean gap {mean}");
        // An exponential gap spreads as much as its mean; a constant one not at all.
        assert!((deviation / mean - 1.0).abs() < 0.05, "spread {deviation} for mean {mean}");
    }

    #[test]
    fn a_ramp_holds_each_rate_and_ends() {
        let stages = [10.0, 20.0, 30.0].map(Rate).to_vec();
        let plan = RatePlan::Ramp { stages, every: Span::from_secs(2) };
        let dues: Vec<_> = Schedule::new(&plan, Arrivals::Constant, Duration::from_secs(1), 1).collect();
        let in_stage = |stage| dues.iter().filter(|due| due.stage == stage).count();
        for (stage, expected) in [(0, 10), (1, 20), (2, 40), (3, 60)] {
            // One more or less where the gap is no whole number of nanoseconds.
            assert!(in_stage(stage).abs_diff(expected) <= 1, "stage {stage}: {}", in_stage(stage));
        }
        assert!(dues.last().unwrap().at < Duration::from_secs(7));
    }
}
