//! Injects the faults of a scenario at their times and heals each of them, also when the run is stopped.

use super::{Progress, Stop};
use crate::bootstrap::wait_for_redundancy;
use crate::fault::{Applied, Fault, FaultContext, Injected, TargetError, of_step, resolve};
use crate::load::{FailoverProbe, LoadEngine};
use crate::model::{Event, FaultKind, LinkFault, NodeId, Step, Target, When};
use crate::vault::Client;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

pub struct Timeline {
    pub faults: Arc<FaultContext>,
    pub engine: Arc<LoadEngine>,
    pub stop: Stop,
    pub progress: Arc<dyn Progress>,
    /// Between two nodes of an `each`, and for a heal to count.
    pub settle_within: Duration,
}

/// One injection to come: a step, and which of its repetitions.
struct Occurrence {
    id: String,
    at: Duration,
    step: Step,
    seed: u64,
}

fn occurrences(steps: &[Step], seed: u64) -> Vec<Occurrence> {
    let mut rng = StdRng::seed_from_u64(seed ^ 0x7157_1a7e);
    let mut all = Vec::new();
    for step in steps {
        for time in 0..u32::from(step.times.max(1)) {
            let jitter = step.jitter.0.mul_f64(rng.random::<f64>());
            let at = step.at.0 + step.every.0 * time + jitter;
            all.push(Occurrence { id: String::new(), at, step: step.clone(), seed: rng.random() });
        }
    }
    all.sort_by_key(|occurrence| occurrence.at);
    for (number, occurrence) in (1..).zip(&mut all) {
        occurrence.id = format!("f{number}");
    }
    all
}

impl Timeline {
    /// Returns when every fault is healed.
    pub async fn run(self: &Arc<Self>, steps: &[Step], seed: u64) {
        let began = tokio::time::Instant::now();
        let mut running = Vec::new();
        for occurrence in occurrences(steps, seed) {
            let until_due =
                move || (began + occurrence.at).saturating_duration_since(tokio::time::Instant::now());
            if !occurrence.step.when.is_due() {
                self.join(&mut running).await;
                if !self.stop.wait(until_due()).await {
                    break;
                }
                if let Err(why) = self.ready(occurrence.step.when).await {
                    // What comes after it waits for the same.
                    self.request(&occurrence.id, &occurrence.step, Vec::new());
                    self.not_applied(&occurrence.id, why);
                    break;
                }
            }
            let timeline = self.clone();
            running.push(tokio::spawn(async move {
                if timeline.stop.wait(until_due()).await {
                    timeline.perform(occurrence).await;
                }
            }));
        }
        self.join(&mut running).await;
    }

    async fn join(&self, running: &mut Vec<JoinHandle<()>>) {
        for task in running.drain(..) {
            if let Err(error) = task.await {
                self.faults
                    .journal
                    .write(Event::HarnessError { reason: format!("a fault's task failed: {error}") });
            }
        }
    }

    /// Waits for the cluster to be as a step wants it. The error is why that did not happen.
    async fn ready(&self, when: When) -> Result<(), String> {
        let (is_ready, what) = match when {
            When::Due => return Ok(()),
            When::Led => (self.wait_for_leader().await, "no node leads"),
            When::Whole => (self.settle().await, "the cluster is not whole again"),
        };
        if is_ready { Ok(()) } else { Err(format!("{what}, as it was to be before this fault")) }
    }

    async fn perform(self: &Arc<Self>, occurrence: Occurrence) {
        let Occurrence { id, step, seed, .. } = occurrence;
        let mut rng = StdRng::seed_from_u64(seed);
        if step.fault.is_of_credentials() {
            self.wait_for_leader().await;
        }
        let nodes = match self.resolve(&step.target, &mut rng).await {
            Ok(nodes) => step.link.as_ref().and_then(LinkFault::named).unwrap_or(nodes),
            Err(error) => {
                self.request(&id, &step, Vec::new());
                self.not_applied(&id, error.to_string());
                return;
            }
        };
        if step.target != Target::Each {
            self.one(&id, &step, nodes).await;
            return;
        }
        for (number, node) in (1..).zip(nodes) {
            if let Some(rest) = step.rest.filter(|_| number > 1) {
                self.stop.wait(rest.0).await;
            }
            if self.stop.is_asked() {
                return;
            }
            let id = format!("{id}.{number}");
            if !self.one(&id, &step, vec![node]).await || !self.settle().await {
                self.progress.note(&format!("no further node is hit: the cluster is not whole after {id}"));
                return;
            }
        }
    }

    /// Tokens and the like are made by the active node: an election that takes a second round is waited for.
    /// Whether there is one.
    async fn wait_for_leader(&self) -> bool {
        let began = Instant::now();
        while self.faults.view.leader().is_none() && began.elapsed() < ELECTED_WITHIN && !self.stop.is_asked()
        {
            self.stop.wait(Duration::from_millis(20)).await;
        }
        self.faults.view.leader().is_some()
    }

    /// A leader that a busy machine kept from answering a poll is waited for.
    async fn resolve(&self, target: &Target, rng: &mut StdRng) -> Result<Vec<NodeId>, TargetError> {
        let began = Instant::now();
        loop {
            match resolve(target, &self.faults.view, rng) {
                Err(TargetError::NoLeader) if began.elapsed() < LEADER_WITHIN && !self.stop.is_asked() => {
                    self.stop.wait(Duration::from_millis(20)).await;
                }
                resolved => return resolved,
            }
        }
    }

    /// Injects on `nodes` at once, holds, heals. Whether nothing is left to heal.
    async fn one(self: &Arc<Self>, id: &str, step: &Step, nodes: Vec<NodeId>) -> bool {
        let fault = of_step(step);
        self.request(id, step, nodes.clone());
        let leader_before = self.faults.view.leader().map(|index| self.faults.view.id(index).clone());
        let requested = Instant::now();
        // From before the fault: a stop in good order has handed over long before its evidence is complete.
        let probe = self.probe_failover(step, &nodes, leader_before.as_ref());
        let hit = self.inject(fault.as_ref(), id, &nodes, step.fault.is_of_credentials()).await;
        if hit.is_empty() && !nodes.is_empty() {
            return true;
        }
        if let Some(probe) = &probe {
            probe.arm();
        }
        let mut whole = true;
        if let Some(heal_after) = step.heal_after {
            // Counted from the request, as the scenario's author would read it; an earlier stop heals at once.
            self.stop.wait(heal_after.0.saturating_sub(requested.elapsed())).await;
            whole = self.heal(fault.as_ref(), id, &hit).await;
        }
        if let Some(probe) = probe {
            tokio::select! {
                () = probe.acknowledged(PROBE_FOR) => {}
                () = self.stop.asked() => {}
            }
        }
        whole
    }

    /// The nodes on which something was done, which are those to heal.
    async fn inject(
        &self,
        fault: &dyn Fault,
        id: &str,
        nodes: &[NodeId],
        may_break_off: bool,
    ) -> Vec<NodeId> {
        let injected = tokio::select! {
            injected = fault.inject(&self.faults, id, nodes) => injected,
            // Where something has to be healed it is done to the end first.
            () = self.stop.asked(), if may_break_off => {
                Injected { hit: Vec::new(), applied: Err("the run was stopped before it was there".to_owned()) }
            }
        };
        let Injected { hit, applied } = injected;
        match applied {
            Ok(Applied { at_ms, evidence }) => {
                self.progress.note(&format!("{id} took hold: {evidence}"));
                self.faults.journal.write_at(at_ms, Event::FaultApplied { fault: id.to_owned(), evidence });
            }
            Err(why) => self.not_applied(id, why),
        }
        hit
    }

    /// Whether every node was healed.
    async fn heal(&self, fault: &dyn Fault, id: &str, nodes: &[NodeId]) -> bool {
        self.faults.journal.write(Event::HealRequested { fault: id.to_owned() });
        let healed = fault.heal(&self.faults, id, nodes).await;
        let fault = id.to_owned();
        let whole = healed.is_ok();
        match healed {
            Ok(evidence) => {
                self.progress.note(&format!("{id} healed"));
                self.faults.journal.write(Event::Healed { fault, evidence });
            }
            Err(error) => {
                self.progress.note(&format!("{id} could not be healed: {error}"));
                self.faults.journal.write(Event::HealFailed { fault, reason: error.to_string() });
            }
        }
        whole
    }

    /// Looks for the first acknowledged write, when the node that led was hit.
    fn probe_failover(
        &self,
        step: &Step,
        nodes: &[NodeId],
        leader: Option<&NodeId>,
    ) -> Option<FailoverProbe> {
        let view = &self.faults.view;
        if step.fault.only_hampers() || step.fault.disturbs_nobody() {
            return None;
        }
        // Who is cut off takes part in nothing, though its process lives.
        let hit: Vec<NodeId> = match &step.link {
            Some(link) => link.takes_out(view.ids(), nodes).into_iter().collect(),
            None => nodes.to_vec(),
        };
        if !hit.iter().any(|node| Some(node) == leader) {
            return None;
        }
        // After a step-down the old leader is as alive as any other.
        let gone = |index: usize| !step.fault.is_one_shot() && hit.contains(view.id(index));
        let survivors: Vec<_> = (0..view.ids().len()).filter(|&index| !gone(index)).collect();
        // Nobody can acknowledge anything before the repair, and a storm of attempts would only hold it up.
        if step.fault == FaultKind::Lose && survivors.len() <= view.ids().len() / 2 {
            return None;
        }
        Some(FailoverProbe::start(self.engine.clone(), survivors))
    }

    /// Waits for full redundancy, so that the next fault does not take the quorum. Whether it is there.
    async fn settle(&self) -> bool {
        let began = Instant::now();
        while began.elapsed() < self.settle_within && !self.stop.is_asked() {
            let Some(leader) = self.faults.view.leader() else {
                self.stop.wait(Duration::from_millis(50)).await;
                continue;
            };
            let nodes = self.faults.cluster.nodes();
            let Ok(client) = Client::new(&nodes[leader].endpoint) else { return false };
            let operator = client.with_token(&self.faults.access.root_token);
            let left = self.settle_within.saturating_sub(began.elapsed()).min(Duration::from_secs(5));
            if wait_for_redundancy(&operator, nodes.len(), left).await.is_ok() {
                return true;
            }
        }
        false
    }

    fn request(&self, id: &str, step: &Step, nodes: Vec<NodeId>) {
        let names: Vec<_> = nodes.iter().map(NodeId::as_str).collect();
        self.progress.note(&format!("{id}: {} {} {}", step.fault, step.target, names.join(" ")));
        self.faults.journal.write(Event::FaultRequested {
            fault: id.to_owned(),
            kind: step.fault,
            target: step.target.clone(),
            nodes,
            link: step.link.clone(),
            strain: step.strain,
        });
    }

    fn not_applied(&self, id: &str, reason: String) {
        self.progress.note(&format!("{id} did not take hold: {reason}"));
        self.faults.journal.write(Event::FaultNotApplied { fault: id.to_owned(), reason });
    }
}

/// Several polls; an election takes longer.
const LEADER_WITHIN: Duration = Duration::from_secs(1);
/// Two rounds at the server's default timing, and some more.
const ELECTED_WITHIN: Duration = Duration::from_secs(30);
/// So long after the heal (or a one-shot fault) the first acknowledged write is still looked for.
const PROBE_FOR: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::testing::{context, journal};
    use crate::load::{Keyspace, KeyspacePlan};
    use crate::model::{Role, Span};
    use crate::vault::testing::Scripted;
    use serde_json::json;

    struct Silent;

    impl crate::bootstrap::Progress for Silent {
        fn step(&self, _step: &str, _took: Duration) {}
    }

    impl Progress for Silent {
        fn phase(&self, _phase: crate::model::Phase, _about: Option<Duration>) {}
        fn note(&self, _text: &str) {}
    }

    fn timeline(faults: Arc<FaultContext>) -> Arc<Timeline> {
        let plan = KeyspacePlan { shared: 1, cas: 0 };
        let keys = Arc::new(Keyspace::new(plan, "secret".into(), Vec::new(), "canary".into()));
        let history = std::sync::mpsc::channel().0;
        let engine = LoadEngine::new(faults.view.clone(), keys, faults.journal.clone(), Vec::new(), history);
        let settle_within = Duration::from_millis(200);
        Arc::new(Timeline {
            faults,
            engine,
            stop: Stop::default(),
            progress: Arc::new(Silent),
            settle_within,
        })
    }

    #[tokio::test]
    async fn no_further_node_is_hit_when_one_could_not_be_healed() {
        let node = Scripted::start(|_, _| None).await;
        let (faults, folder) = context(&[&node, &node, &node], None);
        faults.view.saw(2, Role::Active);
        let step = Step {
            at: Span::default(),
            jitter: Span::default(),
            fault: FaultKind::Kill,
            target: Target::Each,
            heal_after: Some(Span::from_ms(1)),
            times: 1,
            every: Span::default(),
            ttl: None,
            link: None,
            strain: None,
            rest: None,
            hand_over: None,
            when: Default::default(),
            count: None,
        };
        timeline(faults).run(&[step], 1).await;
        let events: Vec<_> = journal(&folder).into_iter().map(|entry| entry.event).collect();
        let requested = events.iter().filter(|event| matches!(event, Event::FaultRequested { .. }));
        assert_eq!(requested.count(), 1, "{events:?}");
        assert!(
            matches!(events.last(), Some(Event::HealFailed { fault, .. }) if fault == "f1.1"),
            "{events:?}"
        );
    }

    #[tokio::test]
    async fn what_waits_for_a_whole_cluster_is_not_begun_on_one_that_stays_broken_nor_is_what_follows() {
        let node = Scripted::start(|_, _| None).await;
        let (faults, folder) = context(&[&node, &node, &node], None);
        faults.view.saw(2, Role::Active);
        let step = |at, when| {
            let target = Target::Node(NodeId::new("n1"));
            Step { when, ..Step::plain(Span::from_ms(at), FaultKind::Kill, target, Some(Span::from_ms(1))) }
        };
        // The first finds no node to kill, and is over.
        timeline(faults).run(&[step(0, When::Led), step(5, When::Whole), step(10, When::Whole)], 1).await;
        let requested = |event: &Event| match event {
            Event::FaultRequested { fault, .. } => Some(fault.clone()),
            _ => None,
        };
        let events: Vec<_> = journal(&folder).into_iter().map(|entry| entry.event).collect();
        assert_eq!(events.iter().filter_map(requested).collect::<Vec<_>>(), ["f1", "f2"], "{events:?}");
        let Some(Event::FaultNotApplied { fault, reason }) = events.last() else { panic!("{events:?}") };
        assert!(fault == "f2" && reason.contains("not whole again"), "{reason}");
    }

    #[tokio::test]
    async fn a_cluster_has_settled_only_when_it_says_so() {
        for healthy in [true, false] {
            let state = json!({ "data": { "voters": ["n1"], "healthy": healthy, "failure_tolerance": 0 } });
            let node = Scripted::start(move |_, _| Some((200, state.clone()))).await;
            let (faults, _folder) = context(&[&node], None);
            faults.view.saw(0, Role::Active);
            assert_eq!(timeline(faults).settle().await, healthy);
        }
    }

    #[test]
    fn repetitions_are_ordered_numbered_and_the_same_for_the_same_seed() {
        let step = Step {
            at: Span::from_secs(1),
            jitter: Span::from_secs(2),
            fault: FaultKind::Kill,
            target: Target::Leader,
            heal_after: Some(Span::from_secs(1)),
            times: 3,
            every: Span::from_secs(10),
            ttl: None,
            link: None,
            strain: None,
            rest: None,
            hand_over: None,
            when: Default::default(),
            count: None,
        };
        let at = |seed| -> Vec<_> {
            occurrences(std::slice::from_ref(&step), seed).iter().map(|o| o.at).collect()
        };
        assert_eq!(at(1), at(1));
        assert_ne!(at(1), at(2));
        for (time, at) in at(1).iter().enumerate() {
            let earliest = Duration::from_secs(1 + 10 * time as u64);
            assert!(*at >= earliest && *at <= earliest + Duration::from_secs(2));
        }
        let ids: Vec<_> = occurrences(&[step], 1).into_iter().map(|o| o.id).collect();
        assert_eq!(ids, ["f1", "f2", "f3"]);
    }
}
