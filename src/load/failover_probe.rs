//! Finds the moment of the first acknowledged write after the active node was hit, finer than the load's own
//! rate: one write every 10 ms toward the surviving nodes, from just before the fault until one that was sent after
//! it is acknowledged; then silence.

use super::engine::LoadEngine;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

pub struct FailoverProbe {
    task: JoinHandle<()>,
    /// Set once the fault has taken hold: from then on an acknowledgement ends the probe.
    took_hold: Arc<AtomicBool>,
}

const EVERY: Duration = Duration::from_millis(10);
/// A standby may hold back a write that it forwards. Given up early, so that the next ones keep the pace within the
/// bound below; what takes longer is seen by the load itself.
const DEADLINE: Duration = Duration::from_millis(500);
const IN_FLIGHT_MAX: usize = 64;

impl FailoverProbe {
    /// `survivors` are the indices of the nodes that may acknowledge.
    pub fn start(engine: Arc<LoadEngine>, survivors: Vec<usize>) -> Self {
        let took_hold = Arc::new(AtomicBool::new(false));
        Self { task: tokio::spawn(probe(engine, survivors, took_hold.clone())), took_hold }
    }

    /// The fault has taken hold.
    pub fn arm(&self) {
        self.took_hold.store(true, Ordering::Relaxed);
    }

    /// Waits until a write was acknowledged, `within` at most, and ends the probe either way.
    pub async fn acknowledged(mut self, within: Duration) {
        let _ = tokio::time::timeout(within, &mut self.task).await;
    }
}

impl Drop for FailoverProbe {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn probe(engine: Arc<LoadEngine>, survivors: Vec<usize>, took_hold: Arc<AtomicBool>) {
    let acknowledged = Arc::new(AtomicBool::new(false));
    let in_flight = Arc::new(AtomicUsize::new(0));
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut turn = 0;
    while !acknowledged.load(Ordering::Relaxed) && !survivors.is_empty() {
        ticks.tick().await;
        if in_flight.load(Ordering::Relaxed) >= IN_FLIGHT_MAX {
            continue;
        }
        let leader = engine.view.leader().filter(|leader| survivors.contains(leader));
        let node = leader.unwrap_or_else(|| {
            turn += 1;
            survivors[turn % survivors.len()]
        });
        let key = engine.next_probe_key();
        let (engine, acknowledged, in_flight) = (engine.clone(), acknowledged.clone(), in_flight.clone());
        let counts = took_hold.load(Ordering::Relaxed);
        in_flight.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(async move {
            if engine.write_directly(node, key, DEADLINE).await && counts {
                acknowledged.store(true, Ordering::Relaxed);
            }
            in_flight.fetch_sub(1, Ordering::Relaxed);
        });
    }
}
