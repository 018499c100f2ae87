//! Runs the loads of a scenario: one thread decides when, the runtime's tasks send.

use super::certificates::Certificates;
use super::ciphertexts::Ciphertexts;
use super::database::DatabasePlan;
use super::keyspace::Keyspace;
use super::kv2_write;
use super::mounts::Mounts;
use super::outcome::Done;
use super::program::{self, ProgramPlan};
use super::ramp::StageMeter;
use super::route::Router;
use super::schedule::{Due, Schedule};
use super::work::{DEADLINE, Work};
use super::works::Works;
use crate::cluster::ClusterView;
use crate::machine::priority;
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

/// Logical clients, each of which takes part in every load: what one of them wrote it expects to read. Few, so that
/// it happens often.
const CLIENTS: u64 = 8;

/// What the load needs to know of the run.
pub struct LoadPlan {
    pub loads: Vec<Load>,
    pub seed: u64,
    /// A ramp's first stage begins this long after the load does.
    pub warm_up: Duration,
    /// What a ramp's p99 is compared with while it runs.
    pub ramp_objective_us: u64,
    pub mounts: Mounts,
    /// Always there when a load is of the database.
    pub database: Option<DatabasePlan>,
    /// Always there when a load runs programs.
    pub programs: Option<ProgramPlan>,
}

/// Shared by the loads and the failover probe.
pub struct LoadEngine {
    pub view: Arc<ClusterView>,
    pub keys: Arc<Keyspace>,
    pub ciphertexts: Arc<Ciphertexts>,
    pub certificates: Arc<Certificates>,
    pub journal: Journal,
    wires: Vec<Arc<Wire>>,
    history: Mutex<Option<mpsc::Sender<Operation>>>,
    next_id: AtomicU64,
    /// Goes on over all failover probes of a run, so that no key is written twice.
    probe_attempts: AtomicU32,
    in_flight: AtomicUsize,
    lacks_stock: AtomicBool,
    /// Told once that this machine has no socket left.
    exhausted: AtomicBool,
    /// Keys with at least one acknowledged write.
    written: Mutex<BTreeSet<u32>>,
    last_write_ack_us: AtomicU64,
    counted_from_us: AtomicU64,
    /// Of the loads, due since `counted_from_us`: reads and logins, and writes.
    successes: [AtomicUsize; 2],
}

/// Loads that are being sent; dropping it stops them.
pub struct RunningLoad {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    ramp_ended: watch::Receiver<bool>,
    journal: Journal,
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
            ciphertexts: Arc::default(),
            certificates: Arc::default(),
            journal,
            wires,
            history: Mutex::new(Some(history)),
            next_id: AtomicU64::new(0),
            probe_attempts: AtomicU32::new(0),
            in_flight: AtomicUsize::new(0),
            lacks_stock: AtomicBool::new(false),
            exhausted: AtomicBool::new(false),
            written: Mutex::new(BTreeSet::new()),
            last_write_ack_us: AtomicU64::new(0),
            counted_from_us: AtomicU64::new(0),
            successes: Default::default(),
        })
    }

    /// Writes every key once, so that there is something to read. Returns how many were not written; it gives up
    /// after a batch in which none could be.
    pub async fn seed_keys(self: &Arc<Self>, leader: usize) -> usize {
        const AT_ONCE: usize = 16;
        let keys: Vec<u32> = self.keys.shared().chain(self.keys.cas()).collect();
        let mut written = 0;
        for batch in keys.chunks(AT_ONCE) {
            let writes = batch.iter().map(|&key| self.write_directly(leader, key, DEADLINE));
            let ok = futures_util::future::join_all(writes).await.into_iter().filter(|ok| *ok).count();
            written += ok;
            if ok == 0 {
                break;
            }
        }
        keys.len() - written
    }

    /// Encrypts and issues before the load what its first requests are done to. Returns how many requests for that were
    /// not acknowledged.
    pub async fn seed_stock(&self, plan: &LoadPlan, leader: usize) -> usize {
        let works = self.works(plan);
        let mut missing = 0;
        if plan.loads.iter().any(|load| load.program.is_some()) {
            missing += program::seed(&self.keys, &self.wires[leader], DEADLINE).await;
        }
        for (op, count) in stock(&plan.loads) {
            let work = works.of(op);
            for number in 0..count {
                let due = Instant::now();
                let Some(done) = work.run(&self.wires[leader], number, DEADLINE).await else { continue };
                missing += usize::from(done.outcome != Outcome::Ok);
                self.record(None, None, op, Route::Leader, Some(leader), due, due, done);
            }
        }
        missing
    }

    fn works(&self, plan: &LoadPlan) -> Works {
        let (ciphertexts, certificates) = (self.ciphertexts.clone(), self.certificates.clone());
        Works::new(self.keys.clone(), ciphertexts, certificates, plan, self.journal.clone())
    }

    /// One write outside of any load, recorded without one. Whether it was acknowledged.
    pub async fn write_directly(&self, node: usize, key: u32, deadline: Duration) -> bool {
        let due = Instant::now();
        let done = kv2_write::write(&self.keys, &self.wires[node], key, None, deadline).await;
        let ok = done.outcome == Outcome::Ok;
        self.record(None, None, Workload::Kv2Write, Route::Leader, Some(node), due, due, done);
        ok
    }

    pub fn start(self: &Arc<Self>, plan: &LoadPlan) -> RunningLoad {
        let works = self.works(plan);
        let lanes = plan.loads.iter().zip(0u16..).map(|(load, index)| {
            let is_ramp = matches!(load.rate, RatePlan::Ramp { .. });
            let seed = plan.seed.wrapping_add(u64::from(index).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let lane = Lane {
                index,
                op: load.workload,
                route: load.route.clone(),
                router: Router::new(load.route.clone(), self.view.clone()),
                work: works.of_load(load),
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
        RunningLoad { stop, thread: Some(thread), ramp_ended, journal: self.journal.clone() }
    }

    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// When the newest write was acknowledged, on the run's clock.
    pub fn count_successes_from_now(&self) {
        self.successes.iter().for_each(|count| count.store(0, Ordering::Relaxed));
        self.counted_from_us.store(self.us(Instant::now()), Ordering::Relaxed);
    }

    /// Operations of the loads that were due since `count_successes_from_now` and succeeded: writes, or all others.
    pub fn successes(&self, writes: bool) -> usize {
        self.successes[usize::from(writes)].load(Ordering::Relaxed)
    }

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
            None => Some(Done::new(Outcome::Failed, Some(ErrorKind::NoNode))),
        };
        if let Some(done) = done {
            // From the half of the draw that decides over no key.
            let client = ((draw >> 32) % CLIENTS) as u16;
            let operation = self.record(
                Some(lane.index),
                Some(client),
                lane.op,
                lane.route.clone(),
                node,
                due_at,
                sent,
                done,
            );
            if let Some(meter) = &lane.meter {
                meter.record(&operation);
            }
        } else if lane.work.is_trouble_to_leave_out() && !self.lacks_stock.swap(true, Ordering::Relaxed) {
            let reason = format!("{} was left out: everything that it may be done to is in use", lane.op);
            self.journal.write(Event::HarnessError { reason });
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
        client: Option<u16>,
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
            client,
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
            expected: done.expected,
            index: done.index,
            subject: done.subject,
            request: done.request,
            ttl_s: done.ttl_s,
        };
        if operation.is_ok()
            && load.is_some()
            && operation.due_us >= self.counted_from_us.load(Ordering::Relaxed)
        {
            self.successes[usize::from(op.stores_a_version())].fetch_add(1, Ordering::Relaxed);
        }
        if operation.is_ok() && op.stores_a_version() {
            if let Some(key) = operation.key {
                self.written.lock().unwrap().insert(key);
            }
            self.last_write_ack_us.fetch_max(operation.done_us, Ordering::Relaxed);
        }
        if operation.error == Some(ErrorKind::Exhausted) && !self.exhausted.swap(true, Ordering::Relaxed) {
            let reason = "this machine had no socket or port left for the load".to_owned();
            self.journal.write(Event::HarnessError { reason });
        }
        if let Some(history) = &*self.history.lock().unwrap() {
            // The writer ends only after every sender is gone.
            let _ = history.send(operation.clone());
        }
        operation
    }
}

impl RunningLoad {
    /// Resolves when every ramp has ended, or nothing is sent any more; never with a fixed rate alone.
    pub async fn ramp_ended(&mut self) {
        // An error means that the thread is gone. What broke it is told when it is stopped.
        let _ = self.ramp_ended.wait_for(|ended| *ended).await;
    }

    /// No further request is sent. Those in flight go on.
    pub fn stop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            if thread.join().is_err() {
                let reason = "the thread that sends the load broke".into();
                self.journal.write(Event::HarnessError { reason });
            }
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
        priority::be_prompt();
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

/// How many of what must be there before the load begins. Revocations go on in an outage that lets nothing be issued, and
/// each takes one certificate.
fn stock(loads: &[Load]) -> Vec<(Workload, u64)> {
    const CIPHERTEXTS: u64 = 8;
    const OUTAGE_S: f64 = 20.0;
    let rate_of = |op| -> f64 {
        let of_op = loads.iter().filter(|load| load.workload == op);
        of_op.map(|load| load.rate.highest()).sum()
    };
    let opened = rate_of(Workload::TransitDecrypt) + rate_of(Workload::TransitRewrap);
    let revoked = rate_of(Workload::PkiRevoke);
    let mut stock = Vec::new();
    if opened > 0.0 {
        stock.push((Workload::TransitEncrypt, CIPHERTEXTS));
    }
    if revoked > 0.0 {
        stock.push((Workload::PkiIssue, (revoked * OUTAGE_S).ceil() as u64));
    }
    stock
}

fn earliest(heads: &[Option<Due>]) -> Option<(usize, Due)> {
    let due = heads.iter().enumerate().filter_map(|(index, due)| due.map(|due| (index, due)));
    due.min_by_key(|(_, due)| due.at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::TenantAccess;
    use crate::load::KeyspacePlan;
    use crate::model::{Arrivals, NodeId};
    use crate::vault::testing::Scripted;
    use serde_json::json;

    fn engine(
        server: &Scripted,
        plan: KeyspacePlan,
    ) -> (Arc<LoadEngine>, mpsc::Receiver<Operation>, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::create(&folder.path().join("journal.jsonl"), Instant::now()).unwrap();
        let tenant = TenantAccess {
            tenant_id: "t1".into(),
            role_id: String::new(),
            secret_id: String::new(),
            token: String::new(),
        };
        let keys = Arc::new(Keyspace::new(plan, "secret".into(), vec![tenant], "canary".into()));
        let view = Arc::new(ClusterView::new(vec![NodeId::new("n1")]));
        let (sender, receiver) = mpsc::channel();
        let wires = vec![Arc::new(Wire::new(&server.endpoint).unwrap())];
        (LoadEngine::new(view, keys, journal, wires, sender), receiver, folder)
    }

    fn journal(folder: &tempfile::TempDir) -> String {
        std::fs::read_to_string(folder.path().join("journal.jsonl")).unwrap()
    }

    #[tokio::test]
    async fn seeding_gives_up_after_a_batch_that_failed_altogether() {
        let server = Scripted::start(|_, _| Some((503, json!({})))).await;
        let (engine, history, _folder) = engine(&server, KeyspacePlan { shared: 100, cas: 0 });
        assert_eq!(engine.seed_keys(0).await, 100);
        assert_eq!(history.try_iter().count(), 16);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn loads_share_the_keys_of_check_and_set_and_blame_no_server_for_their_want() {
        // Every write is taken once in half a second, of three that are due in it.
        let mut versions = 1;
        let server = Scripted::start(move |_, body| {
            std::thread::sleep(Duration::from_millis(200));
            assert_eq!(body["options"]["cas"], versions, "two loads used one key at once");
            versions += 1;
            Some((200, json!({ "data": { "version": versions } })))
        })
        .await;
        let (engine, history, folder) = engine(&server, KeyspacePlan { shared: 0, cas: 1 });
        let load = |route| Load {
            workload: Workload::Kv2Cas,
            route,
            rate: RatePlan::Constant(Rate(10.0)),
            arrivals: Arrivals::Constant,
            program: None,
        };
        let mut running = engine.start(&LoadPlan {
            loads: vec![load(Route::Leader), load(Route::Any)],
            seed: 1,
            warm_up: Duration::ZERO,
            ramp_objective_us: 10_000,
            mounts: Mounts::default(),
            database: None,
            programs: None,
        });
        tokio::time::sleep(Duration::from_millis(500)).await;
        running.stop();
        while engine.in_flight() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let operations: Vec<_> = history.try_iter().collect();
        assert!(!operations.is_empty() && operations.iter().all(Operation::is_ok), "{operations:?}");
        assert_eq!(journal(&folder).matches("everything that it may be done to is in use").count(), 1);
    }

    #[tokio::test]
    async fn a_thread_that_breaks_ends_the_ramp_and_is_told_of() {
        let server = Scripted::start(|_, _| None).await;
        let (engine, _history, folder) = engine(&server, KeyspacePlan { shared: 1, cas: 0 });
        let (sender, ramp_ended) = watch::channel(false);
        let thread = std::thread::spawn(move || {
            let _sender = sender;
            panic!("the thread breaks, as this test wants");
        });
        let stop = Arc::default();
        let mut load =
            RunningLoad { stop, thread: Some(thread), ramp_ended, journal: engine.journal.clone() };
        tokio::time::timeout(Duration::from_secs(5), load.ramp_ended()).await.unwrap();
        load.stop();
        assert!(journal(&folder).contains("the thread that sends the load broke"));
    }
}
