//! One node's part of the whole network: what its own agent has to do.
//!
//! What comes from another node is disturbed where it arrives: the sender's kernel then knows nothing of it, as with a
//! real cable (what is dropped on its way out is reported to the sender). Only a refusal is made where it is sent,
//! because its sender is to be told. Clients have no agent, so both ways of theirs are done at the node.

use crate::model::{Impairment, LinkMap, NodeId, Party};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// What is done to the two ways between the node and one other party.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ways {
    pub incoming: Impairment,
    pub outgoing: Impairment,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Peer {
    pub address: IpAddr,
    pub ways: Ways,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Part {
    pub peers: Vec<Peer>,
    pub clients: Ways,
}

impl Part {
    /// The part of `node`; `addresses` are those of all nodes.
    pub fn of(map: &LinkMap, node: &NodeId, addresses: &BTreeMap<NodeId, IpAddr>) -> Self {
        let here = Party::Node(node.clone());
        let ways = |other: Party| Ways {
            incoming: map.between(&other, &here),
            outgoing: map.between(&here, &other),
        };
        let others = addresses.iter().filter(|(id, _)| *id != node);
        Self {
            peers: others
                .map(|(id, address)| Peer { address: *address, ways: ways(Party::Node(id.clone())) })
                .collect(),
            clients: ways(Party::Clients),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Cut, Grudge};
    use std::collections::BTreeSet;

    #[test]
    fn each_node_gets_its_own_side() {
        let [n1, n2] = ["n1", "n2"].map(NodeId::new);
        let address = |last| IpAddr::from([10, 0, 0, last]);
        let addresses = BTreeMap::from([(n1.clone(), address(1)), (n2.clone(), address(2))]);
        let map =
            LinkMap::of_grudge(&Grudge::from([(n1.clone(), BTreeSet::from([n2.clone()]))]), Cut::BlackHole);
        let deaf = Part::of(&map, &n1, &addresses);
        let silenced = Part::of(&map, &n2, &addresses);
        assert_eq!(deaf.peers.len(), 1);
        assert_eq!(deaf.peers[0].address, address(2));
        assert_eq!(deaf.peers[0].ways.incoming.cut, Some(Cut::BlackHole));
        assert!(deaf.peers[0].ways.outgoing.is_none());
        assert_eq!(silenced.peers[0].ways.outgoing.cut, Some(Cut::BlackHole));
        assert!(silenced.peers[0].ways.incoming.is_none());
        assert_eq!(deaf.clients, Ways::default());
    }
}
