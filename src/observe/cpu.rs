//! Who used the CPU, second by second: the servers, this harness, the servers of runs beside this one, everybody
//! else, and what the hypervisor took.

use crate::cluster::{Cluster, Siblings};
use crate::machine::cpu;
use crate::model::Event;
use crate::record::Journal;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

const EVERY: Duration = Duration::from_secs(1);

pub async fn watch(cluster: Arc<dyn Cluster>, siblings: Siblings, journal: Journal) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut before: Option<(f64, Reading)> = None;
    loop {
        ticks.tick().await;
        let now_ms = journal.now_ms();
        let now = Reading::take(&cluster, &siblings).map(|reading| (now_ms, reading));
        if let (Some((before_ms, before)), Some((_, now))) = (&before, &now) {
            let servers = now.servers.since(&before.servers);
            let siblings = now.siblings.since(&before.siblings);
            let harness = (now.harness_s - before.harness_s).max(0.0);
            let busy = now.busy_s - before.busy_s;
            journal.write(Event::Cpu {
                window_ms: now_ms - before_ms,
                servers,
                harness,
                siblings,
                other: (busy - servers - siblings - harness).max(0.0),
                steal: (now.steal_s - before.steal_s).max(0.0),
            });
        }
        before = now;
    }
}

/// Cumulative seconds of CPU time.
struct Reading {
    busy_s: f64,
    steal_s: f64,
    harness_s: f64,
    servers: Processes,
    siblings: Processes,
}

impl Reading {
    /// `None` where the kernel does not tell: then nothing is journalled, and the report shows no figures.
    fn take(cluster: &Arc<dyn Cluster>, siblings: &Siblings) -> Option<Self> {
        let machine = cpu::machine().ok()?;
        Some(Self {
            busy_s: machine.total_s - machine.idle_s - machine.steal_s,
            steal_s: machine.steal_s,
            harness_s: cpu::own().ok()?,
            servers: Processes::of(cluster.pids()),
            siblings: Processes::of(siblings.pids_beside(cluster)),
        })
    }
}

/// Cumulative seconds by process id.
struct Processes(BTreeMap<u32, f64>);

impl Processes {
    fn of(pids: Vec<u32>) -> Self {
        Self(pids.into_iter().filter_map(|pid| Some((pid, cpu::process(pid).ok()?))).collect())
    }

    /// A process that was not there before counts in full, one that ended with what was seen of it.
    fn since(&self, before: &Self) -> f64 {
        self.0.iter().map(|(pid, s)| s - before.0.get(pid).copied().unwrap_or(0.0)).sum::<f64>().max(0.0)
    }
}
