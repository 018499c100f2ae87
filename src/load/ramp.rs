//! Watches a ramp's stages while they run, only to stop flogging a server that has clearly broken. What the
//! stages mean is judged later, from the history.

use crate::model::{Operation, Rate};
use hdrhistogram::Histogram;
use std::sync::Mutex;

/// A stage has clearly broken when its p99 is this many times the objective: beyond doubt, and beyond noise.
const BROKEN_FACTOR: u64 = 5;
const BROKEN_ERROR_SHARE: f64 = 0.05;

pub struct StageMeter {
    objective_us: u64,
    state: Mutex<State>,
}

struct State {
    latency_us: Histogram<u64>,
    errors: u64,
}

impl StageMeter {
    pub fn new(objective_us: u64) -> Self {
        let latency_us = Histogram::new_with_bounds(1, 60_000_000, 2).expect("bounds are in order");
        Self { objective_us, state: Mutex::new(State { latency_us, errors: 0 }) }
    }

    pub fn record(&self, operation: &Operation) {
        let mut state = self.state.lock().unwrap();
        state.latency_us.saturating_record(operation.latency_us().max(1));
        state.errors += u64::from(!operation.is_ok());
    }

    /// Ends a stage: why it has clearly broken, if it has. `in_flight` requests are still unanswered.
    pub fn close(&self, rate: Rate, in_flight: usize) -> Option<String> {
        let mut state = self.state.lock().unwrap();
        let total = state.latency_us.len().max(1);
        let p99_us = state.latency_us.value_at_quantile(0.99);
        let error_share = state.errors as f64 / total as f64;
        state.latency_us.reset();
        state.errors = 0;
        if error_share > BROKEN_ERROR_SHARE {
            return Some(format!("{:.1} % of the requests failed at {rate}", error_share * 100.0));
        }
        if p99_us > self.objective_us * BROKEN_FACTOR {
            return Some(format!("p99 was {:.1} ms at {rate}", p99_us as f64 / 1e3));
        }
        if in_flight as f64 > rate.0 {
            return Some(format!("{in_flight} requests were waiting at {rate}"));
        }
        None
    }
}
