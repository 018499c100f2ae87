//! TCP proxies in front of the nodes' ports, for scenarios that disturb the network.

use crate::cluster::{ClusterError, LinkNeeds, LinkSighting, Links, Took};
use crate::machine::ports::{self, ReservedPort};
use crate::model::{LinkMap, NodeId, Party};
use crate::proxy::{Dialers, Front, NodePids, Proxy};
use async_trait::async_trait;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

/// The ports that nodes are known by in place of their own; none where nothing is put in front of them.
pub struct FrontPorts {
    peers: Vec<ReservedPort>,
    clients: Vec<ReservedPort>,
}

impl FrontPorts {
    pub fn reserve(needs: LinkNeeds, nodes: usize) -> io::Result<Self> {
        let reserve = |is_needed: bool| match is_needed {
            true => ports::reserve(nodes).map_err(io::Error::other),
            false => Ok(Vec::new()),
        };
        Ok(Self { peers: reserve(needs.peers)?, clients: reserve(needs.clients)? })
    }

    /// API and cluster port that a node is known by, of those it has itself.
    pub fn known(&self, index: usize, (api_port, cluster_port): (u16, u16)) -> (u16, u16) {
        let known = |fronts: &[ReservedPort], own| fronts.get(index).map_or(own, |reserved| reserved.port());
        (known(&self.clients, api_port), known(&self.peers, cluster_port))
    }
}

pub struct NodeLinks {
    proxy: Proxy,
    nodes: Vec<NodeFronts>,
    _ports: FrontPorts,
}

struct NodeFronts {
    id: NodeId,
    peers: Option<Front>,
    clients: Option<Front>,
}

impl NodeFronts {
    fn ports(&self) -> Vec<SocketAddr> {
        self.peers.iter().chain(&self.clients).map(|front| front.listen).collect()
    }
}

impl NodeLinks {
    /// `nodes` with the API and cluster port that each really has. `None` when no link is needed.
    pub fn start(
        ports: FrontPorts,
        nodes: &[(NodeId, (u16, u16))],
        pids: NodePids,
    ) -> io::Result<Option<Self>> {
        if ports.peers.is_empty() && ports.clients.is_empty() {
            return Ok(None);
        }
        let front = |reserved: &ReservedPort, id: &NodeId, behind: u16, dialers| Front {
            listen: reserved.addr(),
            party: Party::Node(id.clone()),
            behind: SocketAddr::from((Ipv4Addr::LOCALHOST, behind)),
            dialers,
        };
        let fronts = nodes.iter().enumerate().map(|(index, (id, (api_port, cluster_port)))| NodeFronts {
            id: id.clone(),
            peers: ports
                .peers
                .get(index)
                .map(|reserved| front(reserved, id, *cluster_port, Dialers::Nodes(pids.clone()))),
            clients: ports
                .clients
                .get(index)
                .map(|reserved| front(reserved, id, *api_port, Dialers::Clients)),
        });
        Ok(Some(Self { proxy: Proxy::start()?, nodes: fronts.collect(), _ports: ports }))
    }

    /// Told before a node starts.
    pub fn open(&self, id: &NodeId) -> Result<(), ClusterError> {
        let node = self.node(id)?;
        for front in node.peers.iter().chain(&node.clients) {
            self.proxy.open(front).map_err(|error| {
                ClusterError::Failed(format!("cannot listen at {} in front of {id}: {error}", front.listen))
            })?;
        }
        Ok(())
    }

    /// Told when a node has gone down. Clients are refused then as if it were not proxied: a refused request is known
    /// to have had no effect. To its peers refused and reset are the same.
    pub async fn went_down(&self, id: &NodeId) {
        if let Ok(NodeFronts { clients: Some(front), .. }) = self.node(id) {
            self.proxy.close(front.listen).await;
        }
    }

    pub async fn shut_down(&self) {
        // What a cut holds back would otherwise be held for ever.
        let _ = self.proxy.set(LinkMap::default()).await;
        for listen in self.nodes.iter().flat_map(NodeFronts::ports).collect::<Vec<_>>() {
            self.proxy.close(listen).await;
        }
    }

    pub fn disturbs_peers(&self) -> bool {
        self.nodes.iter().any(|node| node.peers.is_some())
    }

    pub fn disturbs_clients(&self) -> bool {
        self.nodes.iter().any(|node| node.clients.is_some())
    }

    fn node(&self, id: &NodeId) -> Result<&NodeFronts, ClusterError> {
        let node = self.nodes.iter().find(|node| &node.id == id);
        node.ok_or_else(|| ClusterError::NotApplicable(format!("there is no node {id}")))
    }

    /// A map that could not be carried out must not be taken for done.
    fn check(&self, map: &LinkMap) -> Result<(), ClusterError> {
        for ((from, to), impairment) in map.0.iter().filter(|(_, impairment)| !impairment.is_none()) {
            if impairment.loss > 0.0 {
                return Err(ClusterError::Failed(CANNOT_LOSE.to_owned()));
            }
            let lies_between = match (from, to) {
                (Party::Node(from), Party::Node(to)) => {
                    self.node(from)?;
                    self.node(to)?.peers.is_some()
                }
                (Party::Node(node), Party::Clients) | (Party::Clients, Party::Node(node)) => {
                    self.node(node)?.clients.is_some()
                }
                (Party::Clients, Party::Clients) => false,
            };
            if !lies_between {
                let problem = format!("no proxy lies between {from} and {to}");
                return Err(ClusterError::Failed(problem));
            }
        }
        Ok(())
    }
}

pub const CANNOT_LOSE: &str = "a TCP proxy cannot lose packets";

#[async_trait]
impl Links for NodeLinks {
    fn way(&self) -> &str {
        "TCP proxies"
    }

    async fn set(&self, map: &LinkMap) -> Result<Took, ClusterError> {
        self.check(map)?;
        let asked = Instant::now();
        let applied =
            self.proxy.set(map.clone()).await.map_err(|error| ClusterError::Failed(error.to_string()))?;
        let ways = map.0.values().filter(|impairment| !impairment.is_none()).count();
        let what = match ways {
            0 => "every way passes untouched".to_owned(),
            1 => "1 way is disturbed".to_owned(),
            _ => format!("{ways} ways are disturbed"),
        };
        let evidence = format!(
            "TCP proxies: {what}, with {} of {} open connections on them, {:.2} ms after it was asked for",
            applied.disturbed,
            applied.open,
            (applied.at - asked).as_secs_f64() * 1e3
        );
        Ok(Took { at: applied.at, evidence })
    }

    async fn probe(&self, from: &NodeId, to: &NodeId) -> Result<LinkSighting, ClusterError> {
        self.node(from)?;
        let Some(front) = &self.node(to)?.peers else {
            return Err(ClusterError::NotApplicable(format!("no proxy lies between {from} and {to}")));
        };
        let sighting = self.proxy.probe(&Party::Node(from.clone()), &front.party, front.listen).await;
        let sighting = sighting
            .map_err(|error| ClusterError::Failed(format!("cannot probe from {from} to {to}: {error}")))?;
        Ok(LinkSighting {
            sent: sighting.sent,
            arrived: sighting.delays_ms.len() as u32,
            delays_ms: sighting.delays_ms,
        })
    }
}
