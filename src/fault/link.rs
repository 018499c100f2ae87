//! Faults of the network: cuts of every shape, slow, narrow and lossy links. The whole network is set at once, and
//! packets of our own show that it is as it was meant to be, before, during and after.

use super::link_evidence::{Sightings, add, asked_of, delay_ms, leaks, shows, ways};
use super::{Applied, Fault, FaultContext, FaultError, Injected};
use crate::cluster::{Ability, Cluster, ClusterError, Links};
use crate::model::{Between, Event, LinkFault, LinkMap, NodeId, ProbeWhen, Role};
use crate::record::Journal;
use async_trait::async_trait;
use futures_util::future::join_all;
use std::sync::Mutex;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;

pub struct Link {
    /// Never absent in a scenario that was checked.
    fault: Option<LinkFault>,
    flapping: Mutex<Option<Flapping>>,
}

/// Cuts and makes whole in turn. Told to stop rather than torn off: a network must not be left half set.
struct Flapping {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// Rounds of packets until they show what they should: a loss may need many, and a single packet may be lost by
/// chance.
const ROUNDS_MAX: usize = 5;
/// Until clients see a node that was cut off from them, or see it again.
const SEEN_WITHIN: Duration = Duration::from_secs(10);

#[async_trait]
impl Fault for Link {
    fn needs(&self) -> Vec<Ability> {
        self.fault.as_ref().map(needs).unwrap_or_default()
    }

    async fn inject(&self, context: &FaultContext, id: &str, nodes: &[NodeId]) -> Injected {
        let untouched = |why: String| Injected { hit: Vec::new(), applied: Err(why) };
        let (fault, links) = match (&self.fault, context.cluster.links()) {
            (Some(fault), Some(links)) => (fault, links),
            _ => return untouched("this cluster has no network that could be disturbed".into()),
        };
        let network = Network { context, id, links, between: fault.between };
        let all = context.view.ids();
        let map = fault.map(all, nodes);
        if map.0.is_empty() {
            return untouched(format!("there is no link to disturb among {} nodes", all.len()));
        }
        let before =
            match network.proven(ProbeWhen::Before, &LinkMap::default(), &Sightings::new(), ROUNDS_MAX).await
            {
                Ok((_, seen)) => seen,
                Err(why) => return untouched(format!("the network was not whole before: {why}")),
            };
        let applied = async {
            let at_ms = set(&context.journal, id, links, &map).await.map_err(|error| error.to_string())?;
            let began = Instant::now();
            // What flaps must be shown before its first half is over.
            let rounds = if fault.flap.is_some() { 1 } else { ROUNDS_MAX };
            let (seen, _) = network.proven(ProbeWhen::During, &map, &before, rounds).await?;
            let clients = network.clients_see(fault, nodes, false).await?;
            Ok((at_ms, began, parts([fault.words(), format!("by {}", links.way()), seen, clients])))
        };
        let applied = match applied.await {
            Ok((at_ms, began, evidence)) => {
                if let Some(flap) = fault.flap {
                    let flapping = flap_on(context, id, map, flap.0 / 2, began);
                    *self.flapping.lock().unwrap() = Some(flapping);
                }
                Ok(Applied { at_ms, evidence })
            }
            Err(why) => Err(why),
        };
        Injected { hit: nodes.to_vec(), applied }
    }

    async fn heal(&self, context: &FaultContext, id: &str, nodes: &[NodeId]) -> Result<String, FaultError> {
        let flapping = self.flapping.lock().unwrap().take();
        if let Some(Flapping { stop, task }) = flapping {
            let _ = stop.send(());
            task.await.map_err(|error| FaultError::Failed(format!("what flapped broke: {error}")))?;
        }
        let (Some(fault), Some(links)) = (&self.fault, context.cluster.links()) else {
            return Err(FaultError::Failed("this cluster's network is gone".into()));
        };
        let network = Network { context, id, links, between: fault.between };
        set(&context.journal, id, links, &LinkMap::default()).await?;
        let seen = network.proven(ProbeWhen::After, &LinkMap::default(), &Sightings::new(), ROUNDS_MAX).await;
        let (seen, _) = seen.map_err(FaultError::Failed)?;
        let clients = network.clients_see(fault, nodes, true).await.map_err(FaultError::Failed)?;
        for node in nodes {
            context.cluster.healed(node)?;
        }
        Ok(parts(["the network is whole".to_owned(), seen, clients]))
    }
}

impl Link {
    pub fn new(fault: Option<LinkFault>) -> Self {
        Self { fault, flapping: Mutex::default() }
    }
}

/// What must be possible with the network.
fn needs(fault: &LinkFault) -> Vec<Ability> {
    let LinkFault { between, impairment, .. } = fault;
    let slows = !impairment.delay.0.is_zero() || impairment.bytes_per_s.is_some();
    let needs = [
        (impairment.cut.is_some() && between.peers(), Ability::CutPeers),
        (impairment.cut.is_some() && between.clients(), Ability::CutClients),
        (slows, Ability::SlowPeers),
        (impairment.loss > 0.0, Ability::LosePackets),
    ];
    needs.into_iter().filter(|(needed, _)| *needed).map(|(_, ability)| ability).collect()
}

/// The sentences that have something to say.
fn parts(parts: impl IntoIterator<Item = String>) -> String {
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
}

/// Sets the network and writes down when it held. Returns that moment on the run's clock.
async fn set(journal: &Journal, id: &str, links: &dyn Links, map: &LinkMap) -> Result<f64, ClusterError> {
    let requested_ms = journal.now_ms();
    let took = links.set(map).await?;
    let at_ms = journal.ms_of(took.at);
    let event = Event::LinksSet {
        fault: id.to_owned(),
        disturbed: !map.0.is_empty(),
        requested_ms,
        way: links.way().to_owned(),
        evidence: took.evidence,
    };
    journal.write_at(at_ms, event);
    Ok(at_ms)
}

/// Makes the network whole when half a period has passed since `began`, then as `map` says again, and so on.
fn flap_on(context: &FaultContext, id: &str, map: LinkMap, half: Duration, began: Instant) -> Flapping {
    let (cluster, journal, id) = (context.cluster.clone(), context.journal.clone(), id.to_owned());
    let (stop, mut stopped) = oneshot::channel();
    let task = tokio::spawn(async move {
        let whole = LinkMap::default();
        for (turn, map) in (1u32..).zip([&whole, &map].into_iter().cycle()) {
            tokio::select! {
                () = tokio::time::sleep_until(began + half * turn) => {}
                // Whoever is gone wants no more of it either.
                _ = &mut stopped => return,
            }
            if let Err(why) = turned(cluster.as_ref(), &journal, &id, map).await {
                journal.write(Event::HarnessError { reason: format!("{id} could not flap: {why}") });
                return;
            }
        }
    });
    Flapping { stop, task }
}

async fn turned(cluster: &dyn Cluster, journal: &Journal, id: &str, map: &LinkMap) -> Result<f64, String> {
    let links = cluster.links().ok_or("the network is gone")?;
    set(journal, id, links, map).await.map_err(|error| error.to_string())
}

/// The network while one fault has it.
struct Network<'a> {
    context: &'a FaultContext,
    id: &'a str,
    links: &'a dyn Links,
    between: Between,
}

impl Network<'_> {
    /// Sends packets until they show that the network is as `map` says, and writes down what they met. Where only
    /// clients are cut off there are none to send.
    async fn proven(
        &self,
        when: ProbeWhen,
        map: &LinkMap,
        before: &Sightings,
        rounds: usize,
    ) -> Result<(String, Sightings), String> {
        if !self.between.peers() {
            return Ok(Default::default());
        }
        let mut total = Sightings::new();
        let mut shown = Err("no packet was sent".to_owned());
        for _ in 0..rounds {
            let round = self.probe().await.map_err(|error| error.to_string())?;
            // Chance is made up for by more packets; what is open must let all through at least once.
            let loses = map.0.values().any(|asked| asked.loss > 0.0);
            if loses || leaks(map, &round) {
                add(&mut total, round);
            } else {
                total = round;
            }
            shown = shows(map, before, &total);
            if shown.is_ok() || leaks(map, &total) {
                break;
            }
        }
        for (way, seen) in &total {
            let event = Event::LinkProbe {
                fault: self.id.to_owned(),
                when,
                from: way.0.clone(),
                to: way.1.clone(),
                asked: asked_of(map, way),
                sent: seen.sent,
                arrived: seen.arrived,
                delay_ms: delay_ms(seen),
            };
            self.context.journal.write(event);
        }
        shown.map(|words| (words, total))
    }

    async fn probe(&self) -> Result<Sightings, ClusterError> {
        let ways = ways(self.context.view.ids());
        let probes = ways.iter().map(|(from, to)| self.links.probe(from, to));
        let seen: Result<Vec<_>, _> = join_all(probes).await.into_iter().collect();
        Ok(ways.into_iter().zip(seen?).collect())
    }

    /// Waits until the observers, who are clients, reach the nodes or no longer do; nothing when clients are left
    /// alone.
    async fn clients_see(&self, fault: &LinkFault, nodes: &[NodeId], reach: bool) -> Result<String, String> {
        let mut seen = Vec::new();
        for node in fault.unreachable(nodes) {
            let what = if reach { "reached by clients" } else { "out of clients' reach" };
            let fits = |role| (role != Role::Unreachable) == reach;
            let words = self.context.wait_for_role(&node, SEEN_WITHIN, what, fits).await;
            seen.push(format!("{node} {}", words.map_err(|error| error.to_string())?));
        }
        Ok(seen.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::testing::{ScriptedLinks, journal, keep_seeing, networked};
    use crate::model::{Cut, Entry, Impairment, Shape, Span};
    use crate::vault::testing::Scripted;
    use std::sync::Arc;

    fn cut(shape: Shape) -> LinkFault {
        let impairment = Impairment { cut: Some(Cut::BlackHole), ..Impairment::default() };
        LinkFault { shape, between: Between::Peers, impairment, flap: None }
    }

    /// Three nodes whose network obeys so many times, and the fault on the first of them.
    async fn ground(obeys: Option<usize>) -> (Arc<FaultContext>, Arc<ScriptedLinks>, tempfile::TempDir) {
        let node = Scripted::start(|_, _| None).await;
        let links = Arc::new(ScriptedLinks { obeys, ..ScriptedLinks::default() });
        let (context, folder) = networked(&[&node, &node, &node], links.clone());
        (context, links, folder)
    }

    fn n1() -> [NodeId; 1] {
        [NodeId::new("n1")]
    }

    fn disturbed(entries: &[Entry]) -> Vec<bool> {
        let of = |entry: &Entry| match &entry.event {
            Event::LinksSet { disturbed, .. } => Some(*disturbed),
            _ => None,
        };
        entries.iter().filter_map(of).collect()
    }

    #[tokio::test]
    async fn a_cut_is_shown_by_packets_and_written_down_with_them() {
        let (context, links, folder) = ground(None).await;
        let fault = Link::new(Some(cut(Shape::Group)));
        let injected = fault.inject(&context, "f1", &n1()).await;
        assert_eq!(injected.hit, n1());
        let evidence = injected.applied.unwrap_or_else(|why| panic!("{why}")).evidence;
        assert!(evidence.starts_with("cut (black hole), between nodes; by a script; 0 of 400"), "{evidence}");
        let healed = fault.heal(&context, "f1", &n1()).await.unwrap();
        assert!(healed.contains("all 600 arrived on 6 ways"), "{healed}");
        assert_eq!(links.asked.lock().unwrap().last(), Some(&LinkMap::default()));
        let entries = journal(&folder);
        assert_eq!(disturbed(&entries), [true, false]);
        let probes = entries.iter().filter(|entry| matches!(entry.event, Event::LinkProbe { .. }));
        assert_eq!(probes.count(), 18);
    }

    #[tokio::test]
    async fn a_network_that_does_not_obey_is_no_fault_and_one_that_stays_cut_is_not_healed() {
        let fault = Link::new(Some(cut(Shape::Deaf)));
        let (deaf, _links, _folder) = ground(Some(0)).await;
        let injected = fault.inject(&deaf, "f1", &n1()).await;
        let why = injected.applied.map(|applied| applied.evidence).unwrap_err();
        assert!(why.contains("100 of 100 packets arrived, although it is cut"), "{why}");
        assert_eq!(injected.hit, n1(), "it may have half happened");

        let (stuck, _links, _folder) = ground(Some(1)).await;
        assert!(fault.inject(&stuck, "f1", &n1()).await.applied.is_ok());
        let why = fault.heal(&stuck, "f1", &n1()).await.unwrap_err().to_string();
        assert!(why.contains("only 0 of 100 packets arrived"), "{why}");
    }

    #[tokio::test]
    async fn a_network_that_is_not_whole_is_left_as_it_is() {
        let (context, links, _folder) = ground(Some(1)).await;
        links.set(&cut(Shape::Group).map(context.view.ids(), &n1())).await.unwrap();
        let injected = Link::new(Some(cut(Shape::Group))).inject(&context, "f1", &n1()).await;
        assert!(injected.applied.is_err_and(|why| why.starts_with("the network was not whole before")));
        assert!(injected.hit.is_empty() && links.asked.lock().unwrap().len() == 1);
    }

    #[tokio::test]
    async fn a_slow_and_lossy_network_is_measured() {
        let (context, _links, _folder) = ground(None).await;
        let impairment = Impairment { delay: Span::from_ms(50), loss: 0.2, ..Impairment::default() };
        let fault = Link::new(Some(LinkFault { impairment, ..cut(Shape::Every) }));
        assert_eq!(fault.needs(), [Ability::SlowPeers, Ability::LosePackets]);
        let applied = fault.inject(&context, "f1", &n1()).await.applied.unwrap_or_else(|why| panic!("{why}"));
        assert!(applied.evidence.contains("packets came 50.0 to 50.0 ms later"), "{}", applied.evidence);
        assert!(applied.evidence.contains("80 of 400 packets were lost"), "{}", applied.evidence);
    }

    #[tokio::test]
    async fn what_flaps_comes_and_goes_and_ends_whole() {
        let (context, links, folder) = ground(None).await;
        let flap = Some(Span::from_ms(100));
        let fault = Link::new(Some(LinkFault { flap, ..cut(Shape::Group) }));
        assert!(fault.inject(&context, "f1", &n1()).await.applied.is_ok());
        // Bounded by the test's own time: it must turn three times by itself.
        while links.asked.lock().unwrap().len() < 4 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        fault.heal(&context, "f1", &n1()).await.unwrap();
        let seen = disturbed(&journal(&folder));
        assert_eq!(seen[..4], [true, false, true, false]);
        assert_eq!(seen.last(), Some(&false));
        let asked = links.asked.lock().unwrap().len();
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(links.asked.lock().unwrap().len(), asked, "it went on after the heal");
    }

    #[tokio::test]
    async fn clients_show_what_they_no_longer_reach() {
        let (context, _links, _folder) = ground(None).await;
        let fault = Link::new(Some(LinkFault { between: Between::Clients, ..cut(Shape::Group) }));
        assert_eq!(fault.needs(), [Ability::CutClients]);
        keep_seeing(&context, 0, Role::Active);
        let nodes = n1();
        let waiting = fault.inject(&context, "f1", &nodes);
        tokio::pin!(waiting);
        let early = tokio::time::timeout(Duration::from_millis(100), &mut waiting).await;
        assert!(early.is_err(), "a node that answers passed for one that is cut off");
        keep_seeing(&context, 0, Role::Unreachable);
        // The two watchers disagree in turn; a look that finds it gone is enough.
        let injected = waiting.await;
        let evidence = injected.applied.unwrap_or_else(|why| panic!("{why}")).evidence;
        assert!(evidence.contains("n1 seen unreachable"), "{evidence}");
    }

    #[tokio::test]
    async fn without_a_network_nothing_is_done() {
        let node = Scripted::start(|_, _| None).await;
        let (context, _folder) = crate::fault::testing::context(&[&node], None);
        let injected = Link::new(Some(cut(Shape::Group))).inject(&context, "f1", &n1()).await;
        assert!(injected.hit.is_empty() && injected.applied.is_err());
    }
}
