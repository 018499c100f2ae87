//! Runs the loads of a scenario: one thread decides when, the runtime's tasks send.

use super::keyspace::Keyspace;
use super::outcome::Done;
use super::ramp::StageMeter;
use super::route::Router;
use super::schedule::{Due, Schedule};
use super::work::{DEADLINE, Work};
use super::{approle_login, kv2_cas, kv2_read, kv2_write};
use crate::cluster::ClusterView;
use crate::model::{ErrorKind, Event, Load, Operation, Outcome, Rate, RatePlan, Route, Workload};
use crate::record::Journal;
use crate::vault::Wire;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::watch;

/// What the load needs to know of the run.
pub struct LoadPlan {
    pub loads: Vec<Load>,
    pub seed: u64,
    /// A ramp's first stage begins this long after the load does.
    pub warm_up: Duration,
    /// What a ramp's p99 is compared with while it runs.
    pub ramp_objective_us: u64,
    pub approle_mount: String,
}

/// Shared by the loads and the failover probe.
pub struct LoadEngine {
    pub view: Arc<ClusterView>,
    pub keys: Arc<Keyspace>,
    pub journal: Journal,
    wires: Vec<Arc<Wire>>,
    history: Mutex<Option<mpsc::Sender<Operation>>>,
    next_id: AtomicU64,
    /// Goes on over all failover probes of a run, so that no key is written twice.
    probe_attempts: AtomicU32,
    in_flight: AtomicUsize,
    /// Keys with at least one acknowledged write.
    written: Mutex<BTreeSet<u32>>,
    last_write_ack_us: AtomicU64,
}

/// Loads that are being sent; dropping it stops them.
pub struct RunningLoad {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    ramp_ended: watch::Receiver<bool>,
}

struct Lane {
    index: u16,
    op: Workload,
    route: Route,
    router: Router,
    work: Arc<dyn Work>,
    meter: Option<StageMeter>,
}

impl LoadEngine {
    pub fn new(
        view: Arc<ClusterView>,
        keys: Arc<Keyspace>,
        journal: Journal,
        wires: Vec<Arc<Wire>>,
        history: mpsc::Sender<Operation>,
    ) -> Arc<Self> {
        Arc::new(Self {
            view,
            keys,
            journal,
            wires,
            history: Mutex::new(Some(history)),
            next_id: AtomicU64::new(0),
            probe_attempts: AtomicU32::new(0),
            in_flight: AtomicUsize::new(0),
            written: Mutex::new(BTreeSet::new()),
            last_write_ack_us: AtomicU64::new(0),
        })
    }

    /// Writes every key once, so that there is something to read. Returns how many could not be written.
    pub async fn seed_keys(self: &Arc<Self>, leader: usize) -> usize {
        const AT_ONCE: usize = 16;
        let keys: Vec<u32> = self.keys.shared().chain(self.keys.cas()).collect();
        let mut failed = 0;
        for batch in keys.chunks(AT_ONCE) {
            let writes = batch.iter().map(|&key| self.write_directly(leader, key, DEADLINE));
            failed += futures_util::future::join_all(writes).await.into_iter().filter(|ok| !ok).count();
        }
        failed
    }

    /// One write outside of any load, recorded without one. Whether it was acknowledged.
    pub async fn write_directly(&self, node: usize, key: u32, deadline: Duration) -> bool {
        let due = Instant::now();
        let done = kv2_write::write(&self.keys, &self.wires[node], key, None, deadline).await;
        let ok = done.outcome == Outcome::Ok;
        self.record(None, Workload::Kv2Write, Route::Leader, Some(node), due, due, done);
        ok
    }

    pub fn start(self: &Arc<Self>, plan: &LoadPlan) -> RunningLoad {
        let lanes = plan.loads.iter().zip(0u16..).map(|(load, index)| {
            let work: Arc<dyn Work> = match load.workload {
                Workload::Kv2Read => Arc::new(kv2_read::Kv2Read { keys: self.keys.clone() }),
                Workload::Kv2Write => Arc::new(kv2_write::Kv2Write::new(self.keys.clone())),
                Workload::Kv2Cas => Arc::new(kv2_cas::Kv2Cas::new(self.keys.clone(), 1)),
                Workload::ApproleLogin => Arc::new(approle_login::ApproleLogin {
                    keys: self.keys.clone(),
                    mount: plan.approle_mount.clone(),
                }),
            };
            let is_ramp = matches!(load.rate, RatePlan::Ramp { .. });
            let seed = plan.seed.wrapping_add(u64::from(index).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let lane = Lane {
                index,
                op: load.workload,
                route: load.route.clone(),
                router: Router::new(load.route.clone(), self.view.clone()),
                work,
                meter: is_ramp.then(|| StageMeter::new(plan.ramp_objective_us)),
            };
            (Arc::new(lane), Schedule::new(&load.rate, load.arrivals, plan.warm_up, seed))
        });
        let lanes: Vec<_> = lanes.collect();
        let (ramp_sender, ramp_ended) = watch::channel(false);
        let stop = Arc::new(AtomicBool::new(false));
        let ticker = Ticker {
            engine: self.clone(),
            stop: stop.clone(),
            runtime: Handle::current(),
            ramp: ramp_sender,
        };
        let thread = std::thread::Builder::new()
            .name("ticker".into())
            .spawn(move || ticker.run(lanes))
            .expect("a thread can be started");
        RunningLoad { stop, thread: Some(thread), ramp_ended }
    }

    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// When the newest write was acknowledged, on the run's clock.
    pub fn last_write_ack_us(&self) -> u64 {
        self.last_write_ack_us.load(Ordering::Relaxed)
    }

    pub fn written_keys(&self) -> Vec<u32> {
        self.written.lock().unwrap().iter().copied().collect()
    }

    pub(super) fn next_probe_key(&self) -> u32 {
        self.keys.probe(self.probe_attempts.fetch_add(1, Ordering::Relaxed))
    }

    /// Lets the history end: operations that finish later are no longer recorded.
    pub fn close(&self) {
        *self.history.lock().unwrap() = None;
    }

    fn us(&self, instant: Instant) -> u64 {
        instant.saturating_duration_since(self.journal.zero()).as_micros() as u64
    }

    async fn perform(self: Arc<Self>, lane: Arc<Lane>, due_at: Instant, draw: u64) {
        let sent = Instant::now();
        let node = lane.router.pick();
        // The deadline counts from the intended start, like the latency.
        let deadline = DEADLINE.saturating_sub(sent.saturating_duration_since(due_at));
        let done = match node {
            Some(node) => lane.work.run(&self.wires[node], draw, deadline).await,
            None => Done::new(Outcome::Failed, Some(ErrorKind::NoNode)),
        };
        let operation = self.record(Some(lane.index), lane.op, lane.route.clone(), node, due_at, sent, done);
        if let Some(meter) = &lane.meter {
            meter.record(&operation);
        }
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one call site per kind of operation, all fields of one record"
    )]
    fn record(
        &self,
        load: Option<u16>,
        op: Workload,
        route: Route,
        node: Option<usize>,
        due: Instant,
        sent: Instant,
        done: Done,
    ) -> Operation {
        let operation = Operation {
            id: self.next_id.fetch_add(1, Ordering::Relaxed),
            load,
            op,
            route,
            node: node.map(|index| self.view.id(index).clone()),
            due_us: self.us(due),
            sent_us: self.us(sent),
            done_us: self.us(Instant::now()),
            outcome: done.outcome,
            error: done.error,
            status: done.status.filter(|_| done.error.is_some()),
            key: done.key,
            version: done.version,
            digest: done.digest,
            index: done.index,
        };
        if operation.is_ok() && op.stores_a_version() {
            if let Some(key) = operation.key {
                self.written.lock().unwrap().insert(key);
            }
            self.last_write_ack_us.fetch_max(operation.done_us, Ordering::Relaxed);
        }
        if let Some(history) = &*self.history.lock().unwrap() {
            // The writer ends only after every sender is gone.
            let _ = history.send(operation.clone());
        }
        operation
    }
}

impl RunningLoad {
    /// Resolves when every ramp has ended; never without one.
    pub async fn ramp_ended(&mut self) {
        if self.ramp_ended.wait_for(|ended| *ended).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// No further request is sent. Those in flight go on.
    pub fn stop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

impl Drop for RunningLoad {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The thread that decides when. Tokio's own timer has a grain of a millisecond.
struct Ticker {
    engine: Arc<LoadEngine>,
    stop: Arc<AtomicBool>,
    runtime: Handle,
    ramp: watch::Sender<bool>,
}

impl Ticker {
    fn run(self, mut lanes: Vec<(Arc<Lane>, Schedule)>) {
        // The kernel's default slack would add 50 µs to every wake-up.
        let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1_000));
        let began = Instant::now();
        let mut heads: Vec<Option<Due>> = lanes.iter_mut().map(|(_, schedule)| schedule.next()).collect();
        let mut stages = vec![0; lanes.len()];
        let mut ramping = lanes.iter().filter(|(lane, _)| lane.meter.is_some()).count();
        let ramps = ramping > 0;
        while let Some((index, due)) = earliest(&heads) {
            let due_at = began + due.at;
            while let Some(left) =
                due_at.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
            {
                if self.stop.load(Ordering::Relaxed) {
                    return;
                }
                std::thread::park_timeout(left);
            }
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            let (lane, schedule) = &mut lanes[index];
            if due.stage != stages[index] {
                stages[index] = due.stage;
                if let Some(reason) = self.begin_stage(lane, due.stage, due.rate) {
                    self.engine.journal.write(Event::RampEnded { load: lane.index, reason });
                    heads[index] = None;
                }
            }
            if heads[index].is_some() {
                self.engine.in_flight.fetch_add(1, Ordering::Relaxed);
                self.runtime.spawn(self.engine.clone().perform(lane.clone(), due_at, due.draw));
                heads[index] = schedule.next();
            }
            if heads[index].is_none() && lane.meter.is_some() {
                ramping -= 1;
            }
            if ramps && ramping == 0 {
                self.ramp.send_replace(true);
            }
        }
    }

    /// Why the stage before has clearly broken, so that this one is not begun.
    fn begin_stage(&self, lane: &Lane, stage: usize, rate: Rate) -> Option<String> {
        let meter = lane.meter.as_ref()?;
        // What was measured in the lead-in is thrown away with this close.
        let broken = meter.close(rate, self.engine.in_flight());
        if stage > 1 && broken.is_some() {
            return broken;
        }
        self.engine.journal.write(Event::Stage { load: lane.index, rate: rate.0 });
        None
    }
}

fn earliest(heads: &[Option<Due>]) -> Option<(usize, Due)> {
    let due = heads.iter().enumerate().filter_map(|(index, due)| due.map(|due| (index, due)));
    due.min_by_key(|(_, due)| due.at)
}
