//! What a run folder says, put in order once: phases, faults, roles, loads, outages, failovers, ramp stages.
//! Measures, never judges: bounds and verdicts are the business of `check`, `slo` and `analyse`.
//! Pure: no clock, no file, no network; the same folder gives the same facts.

mod alerts;
mod at_rest;
mod control;
#[cfg(test)]
mod failover_tests;
mod failovers;
mod faults;
pub mod interval;
mod latency;
mod leadership;
mod loads;
mod network;
mod outages;
mod phases;
mod ramp;
mod redundancy;
mod rehearsal;
mod rests;
mod roles;
mod server_log;
mod sessions;
mod stale_reads;
#[cfg(test)]
pub(crate) mod testing;

pub use alerts::AlertsSeen;
pub use at_rest::{audit_doubts, search_doubts};
pub use control::{CONTAMINATED_SHARE_MAX, Contamination, ControlWindow, DEFAULT_CONTAMINATION_MS};
pub use faults::FaultFact;
pub use latency::Latencies;
pub use leadership::Leadership;
pub use loads::{LoadOps, Part, due_within, is_served};
pub use network::NetworkFact;
pub use outages::{LISTED_OUTAGE_MS, longest_outage_ms};
pub use phases::PhaseSpan;
pub use ramp::{MIN_ACHIEVED_SHARE, STAGE_ERROR_PERCENT_MAX, StageFact, sent_too_late};
pub use redundancy::Redundancy;
pub use rests::Rest;
pub use roles::{RoleSegment, RoleTrack};
pub use sessions::{Sessions, StaleRead};
pub use stale_reads::stale_reads;

use crate::model::{Entry, Event, Failover, Operation, Outage, Phase};
use crate::record::SavedRun;
use std::cell::OnceCell;

pub struct Facts<'a> {
    pub run: &'a SavedRun,
    /// In order of time; a phase ends where the next begins.
    pub phases: Vec<PhaseSpan>,
    /// In order of the request.
    pub faults: Vec<FaultFact>,
    /// One per node of the cluster, in its order.
    pub roles: Vec<RoleTrack>,
    pub redundancy: Redundancy,
    pub control: Vec<ControlWindow>,
    /// One per load of the scenario, in its order.
    pub loads: Vec<LoadOps<'a>>,
    /// One per operation and route.
    pub parts: Vec<Part<'a>>,
    /// Every write and compare-and-set of loads and failover probe, by the time it was sent.
    pub writes: Vec<&'a Operation>,
    /// By start; only those of at least [`LISTED_OUTAGE_MS`].
    pub outages: Vec<Outage>,
    /// One per applied fault that hit the active node.
    pub failovers: Vec<Failover>,
    pub stages: Vec<StageFact>,
    /// The last moment that the folder knows of.
    pub end_ms: f64,
    /// When the last operation of a load was answered or given up.
    pub load_end_ms: f64,
    leadership: OnceCell<Leadership>,
    sessions: OnceCell<Sessions<'a>>,
}

impl<'a> Facts<'a> {
    pub fn of(run: &'a SavedRun) -> Self {
        let end_ms = end_ms(run);
        let phases = phases::phases(run, end_ms);
        let faults = faults::faults(run);
        let roles = roles::tracks(run);
        let redundancy = Redundancy::of(run);
        let loads = loads::loads(run);
        let parts = loads::parts(&loads);
        let load_end_ms =
            loads.iter().flat_map(|load| &load.ops).map(|op| op.done_us as f64 / 1e3).fold(0.0, f64::max);
        let mut writes: Vec<_> = run.history.iter().filter(|op| op.op.stores_a_version()).collect();
        writes.sort_by_key(|op| (op.sent_us, op.id));
        let within_ms = run.info.scenario.recovery.within.as_ms();
        let outages = outages::outages(&parts, &faults, within_ms);
        let control = control::windows(run);
        let stages = ramp::stages(run, &loads, &phases, &control, end_ms);
        let mut facts = Self {
            run,
            phases,
            faults,
            roles,
            redundancy,
            control,
            loads,
            parts,
            writes,
            outages,
            failovers: Vec::new(),
            stages,
            end_ms,
            load_end_ms,
            leadership: OnceCell::new(),
            sessions: OnceCell::new(),
        };
        facts.failovers = failovers::failovers(&facts);
        facts
    }

    /// Made when first asked for: who does not judge consistency need not wait for it.
    pub fn leadership(&self) -> &Leadership {
        self.leadership.get_or_init(|| Leadership::of(self))
    }

    /// The same.
    pub fn sessions(&self) -> &Sessions<'a> {
        self.sessions.get_or_init(|| Sessions::of(self))
    }

    pub fn events(&self) -> impl Iterator<Item = (f64, &'a Event)> {
        self.run.journal.iter().map(|Entry { t_ms, event }| (*t_ms, event))
    }

    pub fn phase(&self, phase: Phase) -> Option<&PhaseSpan> {
        self.phases.iter().find(|span| span.phase == phase)
    }

    /// From the end of the warm-up on, operations are judged. Without a steady phase: from the first phase
    /// after the warm-up, or from the start when there was none.
    pub fn judged_from_ms(&self) -> f64 {
        let after = |span: &&PhaseSpan| span.phase > Phase::WarmUp;
        self.phases.iter().find(after).map_or(0.0, |span| span.start_ms)
    }

    /// Load runs, and everything is watched, from here on.
    pub fn loaded_from_ms(&self) -> f64 {
        self.phase(Phase::WarmUp).map_or(self.judged_from_ms(), |span| span.start_ms)
    }

    /// The cluster is no longer watched once collecting begins.
    pub fn watched_until_ms(&self) -> f64 {
        self.phase(Phase::Collect).map_or(self.end_ms, |span| span.start_ms)
    }

    /// The applied faults that the service has to recover from.
    pub fn disturbing_faults(&self) -> impl Iterator<Item = &FaultFact> {
        self.faults.iter().filter(|fault| fault.disturbs())
    }

    /// When the last disturbing fault was over: healed, or applied where nothing is left to heal.
    /// `None` when there was none, or one is not over yet.
    pub fn last_fault_over_ms(&self) -> Option<f64> {
        self.latest(FaultFact::over_ms)
    }

    /// From when on the cluster could recover from all of them.
    pub fn recovers_from_ms(&self) -> Option<f64> {
        self.latest(FaultFact::recovers_from_ms)
    }

    fn latest(&self, of: fn(&FaultFact) -> Option<f64>) -> Option<f64> {
        self.disturbing_faults()
            .map(of)
            .try_fold(f64::NEG_INFINITY, |latest, t_ms| t_ms.map(|t_ms| latest.max(t_ms)))
            .filter(|latest| latest.is_finite())
    }

    /// How many nodes the cluster has.
    pub fn nodes(&self) -> usize {
        self.run.info.nodes.len()
    }
}

fn end_ms(run: &SavedRun) -> f64 {
    let ended = run.journal.iter().find(|entry| matches!(entry.event, Event::Ended)).map(|entry| entry.t_ms);
    ended.unwrap_or_else(|| {
        let journal = run.journal.iter().map(|entry| entry.t_ms).fold(0.0, f64::max);
        let history = run.history.iter().map(|op| op.done_us as f64 / 1e3).fold(0.0, f64::max);
        journal.max(history)
    })
}
