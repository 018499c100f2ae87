//! The agents of all nodes together: one map of links for them all.

use super::clock::instant_of;
use super::connection::{Abilities, Connection, Entrance, unexpected};
use super::part::Part;
use super::protocol::{Answer, Request};
use crate::model::{LinkMap, NodeId, Party};
use futures_util::future::join_all;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// Enough to tell a loss of one in ten from none, in less than half a second.
const PROBE_PACKETS: u32 = 50;
const PROBE_EVERY_MS: u64 = 8;
/// How long a packet may take beyond what the link delays, on a machine that is busy.
const PROBE_GRACE: Duration = Duration::from_millis(350);
const LOOK_EVERY: Duration = Duration::from_millis(20);

#[derive(Debug, thiserror::Error)]
#[error("the network of {node}: {why}")]
pub struct NetnsError {
    pub node: NodeId,
    pub why: String,
}

/// The network is as it was asked to be.
#[derive(Clone, Copy, Debug)]
pub struct Effect {
    /// Since when on every link.
    pub at: Instant,
    /// Read back from the kernel, in all namespaces together.
    pub rules: usize,
    pub namespaces: usize,
    /// From the request to the moment of effect.
    pub took: Duration,
}

/// What packets of our own met on one way.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    pub sent: u32,
    pub arrived: u32,
    /// Of those that arrived, in milliseconds, ascending.
    pub delays_ms: Vec<f64>,
}

#[derive(Clone, Debug)]
pub struct Member {
    pub id: NodeId,
    /// Where the other nodes reach it.
    pub address: IpAddr,
}

struct Agent {
    connection: Connection,
    abilities: Abilities,
    entrance: Arc<dyn Entrance>,
}

struct State {
    map: LinkMap,
    agents: BTreeMap<NodeId, Arc<Agent>>,
}

pub struct Controller {
    addresses: BTreeMap<NodeId, IpAddr>,
    /// Held while the map changes, so that a node that joins gets it whole.
    state: Mutex<State>,
    probes: AtomicU64,
}

impl Controller {
    /// No node has an agent yet: see [`Controller::attend`].
    pub fn new(members: impl IntoIterator<Item = Member>) -> Self {
        Self {
            addresses: members.into_iter().map(|member| (member.id, member.address)).collect(),
            state: Mutex::new(State { map: LinkMap::default(), agents: BTreeMap::new() }),
            probes: AtomicU64::new(0),
        }
    }

    /// Puts an agent into the node's namespace, in place of the one before, and has it take on the map as it stands.
    /// To be called again whenever the node was started anew and has a new namespace. Returns when that held.
    pub async fn attend(&self, node: &NodeId, entrance: Arc<dyn Entrance>) -> Result<Instant, NetnsError> {
        let mut state = self.state.lock().await;
        // The old one first: in the same namespace it would take the new one's rules with it.
        if let Some(old) = state.agents.remove(node) {
            old.connection.close().await;
        }
        let (agent, at_ns, _) = self.begin(node, entrance, &state.map).await?;
        state.agents.insert(node.clone(), agent);
        Ok(instant_of(at_ns))
    }

    /// Makes the network just as `map` says, on all nodes at once. When a node fails the others have it all the same.
    pub async fn set(&self, map: &LinkMap) -> Result<Effect, NetnsError> {
        let began = Instant::now();
        let mut state = self.state.lock().await;
        state.map = map.clone();
        let all = join_all(state.agents.iter().map(|(node, agent)| self.set_one(node, agent, map))).await;
        let mut done = Vec::new();
        let mut failed = None;
        let nodes: Vec<NodeId> = state.agents.keys().cloned().collect();
        for (node, one) in nodes.into_iter().zip(all) {
            match one {
                Ok((replaced, at_ns, rules)) => {
                    state.agents.extend(replaced.map(|agent| (node, agent)));
                    done.push((at_ns, rules));
                }
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        if let Some(error) = failed {
            return Err(error);
        }
        let at = done.iter().map(|(at_ns, _)| *at_ns).max().map_or(began, instant_of);
        Ok(Effect {
            at,
            rules: done.iter().map(|(_, rules)| rules).sum(),
            namespaces: done.len(),
            took: at.saturating_duration_since(began),
        })
    }

    /// Sends a few packets from node to node and counts what arrives.
    pub async fn probe(&self, from: &NodeId, to: &NodeId) -> Result<Seen, NetnsError> {
        let (sender, receiver, link) = {
            let state = self.state.lock().await;
            let agent = |node: &NodeId| {
                state.agents.get(node).cloned().ok_or_else(|| wrong(node)("it has no link agent".to_owned()))
            };
            let link = state.map.between(&Party::Node(from.clone()), &Party::Node(to.clone()));
            (agent(from)?, agent(to)?, link)
        };
        let address = self.addresses.get(to).ok_or_else(|| wrong(to)("it is no node of ours".to_owned()))?;
        let to_address = SocketAddr::new(*address, receiver.abilities.probe_port);
        let probe = self.probes.fetch_add(1, Ordering::Relaxed);
        receiver.connection.ask(Request::ProbeListen { probe }).await.map_err(wrong(to))?;
        let send =
            Request::ProbeSend { probe, to: to_address, packets: PROBE_PACKETS, every_ms: PROBE_EVERY_MS };
        sender.connection.ask(send).await.map_err(wrong(from))?;
        let sending = Duration::from_millis(u64::from(PROBE_PACKETS) * PROBE_EVERY_MS);
        let until = Instant::now() + sending + link.delay.0 + link.spread.0 + PROBE_GRACE;
        loop {
            let packets = match receiver.connection.ask(Request::ProbeSeen { probe }).await {
                Ok(Answer::Seen { packets }) => packets,
                Ok(other) => return Err(wrong(to)(unexpected(&other))),
                Err(why) => return Err(wrong(to)(why)),
            };
            if packets.len() >= PROBE_PACKETS as usize || Instant::now() >= until {
                return Ok(seen(&packets));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// The rules in the node's namespace, as the kernel has them.
    pub async fn show(&self, node: &NodeId) -> Result<String, NetnsError> {
        let agent = self.state.lock().await.agents.get(node).cloned();
        let agent = agent.ok_or_else(|| wrong(node)("it has no link agent".to_owned()))?;
        match agent.connection.ask(Request::Show).await.map_err(wrong(node))? {
            Answer::Table(text) => Ok(text),
            other => Err(wrong(node)(unexpected(&other))),
        }
    }

    /// By what means packets are held back on every node, or why they cannot be.
    pub async fn holds(&self) -> Result<String, String> {
        let state = self.state.lock().await;
        let mut means = Err("no node has a link agent".to_owned());
        for agent in state.agents.values() {
            means = agent.abilities.holds.clone();
            means.as_ref().map_err(String::clone)?;
        }
        means
    }

    /// Ends all agents; their rules go with them.
    pub async fn leave(&self) {
        let agents = std::mem::take(&mut self.state.lock().await.agents);
        join_all(agents.values().map(|agent| agent.connection.close())).await;
    }

    async fn begin(
        &self,
        node: &NodeId,
        entrance: Arc<dyn Entrance>,
        map: &LinkMap,
    ) -> Result<(Arc<Agent>, u64, usize), NetnsError> {
        let (connection, abilities) = Connection::open(&*entrance).await.map_err(wrong(node))?;
        let agent = Agent { connection, abilities, entrance };
        let (at_ns, rules) = self.tell(node, &agent, map).await?;
        Ok((Arc::new(agent), at_ns, rules))
    }

    async fn tell(&self, node: &NodeId, agent: &Agent, map: &LinkMap) -> Result<(u64, usize), NetnsError> {
        let part = Part::of(map, node, &self.addresses);
        match agent.connection.ask(Request::Set(part)).await.map_err(wrong(node))? {
            Answer::Set { at_ns, rules } => Ok((at_ns, rules)),
            other => Err(wrong(node)(unexpected(&other))),
        }
    }

    /// An agent that has died is replaced once. Also returns the new one.
    async fn set_one(
        &self,
        node: &NodeId,
        agent: &Arc<Agent>,
        map: &LinkMap,
    ) -> Result<(Option<Arc<Agent>>, u64, usize), NetnsError> {
        match self.tell(node, agent, map).await {
            Ok((at_ns, rules)) => Ok((None, at_ns, rules)),
            Err(error) if !agent.connection.is_lost() => Err(error),
            Err(_) => {
                let (agent, at_ns, rules) = self.begin(node, agent.entrance.clone(), map).await?;
                Ok((Some(agent), at_ns, rules))
            }
        }
    }
}

fn wrong(node: &NodeId) -> impl Fn(String) -> NetnsError {
    let node = node.clone();
    move |why| NetnsError { node: node.clone(), why }
}

fn seen(packets: &[(u64, u64)]) -> Seen {
    let delay_ms = |(sent_ns, arrived_ns): &(u64, u64)| arrived_ns.saturating_sub(*sent_ns) as f64 / 1e6;
    let mut delays_ms: Vec<f64> = packets.iter().map(delay_ms).collect();
    delays_ms.sort_by(f64::total_cmp);
    Seen { sent: PROBE_PACKETS, arrived: delays_ms.len() as u32, delays_ms }
}
