//! What a fault does to the network: a shape over the nodes it hits, and what becomes of each way in it.

use super::{Grudge, Impairment, LinkMap, NodeId, Party, Span};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A network fault beside its kind and target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinkFault {
    pub shape: Shape,
    pub between: Between,
    /// Of every way that the shape names.
    pub impairment: Impairment,
    /// Half of each such period it holds, half of it the network is whole.
    pub flap: Option<Span>,
}

/// Which ways are meant, given the nodes that are hit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// Between the nodes that are hit and the rest, both ways; within, they go on talking.
    Group,
    /// Between each node and every other.
    Apart,
    /// Toward the nodes that are hit: they hear nobody.
    Deaf,
    /// From the nodes that are hit: nobody hears them.
    Mute,
    /// Between all others, so that only the nodes that are hit join them.
    Bridge,
    /// To each node from the one before it in the cluster's order.
    Ring,
    /// As listed: node → the nodes it cannot hear.
    Grudge(Grudge),
    /// Every link of the nodes that are hit, both ways.
    Every,
}

/// Whose links are meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Between {
    /// Between nodes; clients reach all of them.
    #[default]
    Peers,
    /// Between clients and the nodes that are hit; the nodes reach one another.
    Clients,
    Both,
}

impl Between {
    pub fn name(self) -> &'static str {
        match self {
            Between::Peers => "peers",
            Between::Clients => "clients",
            Between::Both => "both",
        }
    }

    pub fn peers(self) -> bool {
        self != Between::Clients
    }

    pub fn clients(self) -> bool {
        self != Between::Peers
    }
}

impl LinkFault {
    /// What it does, without whom: `cut between peers, black-hole, 2s of every 4s`.
    pub fn words(&self) -> String {
        let mut text = match &self.shape {
            Shape::Grudge(map) => {
                let deaf = map.iter().map(|(deaf, silenced)| {
                    let silenced: Vec<_> = silenced.iter().map(NodeId::as_str).collect();
                    format!("{deaf} cannot hear {}", silenced.join(", "))
                });
                format!("{}; ", deaf.collect::<Vec<_>>().join(", "))
            }
            _ => String::new(),
        };
        text += &self.impairment.words();
        text += match self.between {
            Between::Peers => ", between nodes",
            Between::Clients => ", between clients and nodes",
            Between::Both => ", between nodes and to clients",
        };
        if let Some(flap) = self.flap {
            text += &format!(", {} of every {flap}", Span(flap.0 / 2));
        }
        text
    }

    /// The whole network while the fault lasts: `all` are the cluster's nodes in their order, `hit` some of them.
    pub fn map(&self, all: &[NodeId], hit: &[NodeId]) -> LinkMap {
        let mut map = LinkMap::default();
        if self.between.peers() {
            for (deaf, silenced) in self.grudge(all, hit) {
                let ways = silenced.into_iter().map(|from| (Party::Node(from), Party::Node(deaf.clone())));
                map.0.extend(ways.map(|way| (way, self.impairment.clone())));
            }
        }
        if self.between.clients() {
            for node in hit {
                let toward = (Party::Clients, Party::Node(node.clone()));
                let from = (Party::Node(node.clone()), Party::Clients);
                let ways = match self.shape {
                    Shape::Deaf => vec![toward],
                    Shape::Mute => vec![from],
                    _ => vec![toward, from],
                };
                map.0.extend(ways.into_iter().map(|way| (way, self.impairment.clone())));
            }
        }
        map
    }

    /// The nodes that are hit when the shape itself names them.
    pub fn named(&self) -> Option<Vec<NodeId>> {
        match &self.shape {
            Shape::Grudge(map) => Some(map.keys().cloned().collect()),
            _ => None,
        }
    }

    /// The ways between nodes that the shape names; nobody is ever cut off from itself.
    fn grudge(&self, all: &[NodeId], hit: &[NodeId]) -> Grudge {
        let is_hit = |node: &NodeId| hit.contains(node);
        let fits = |index: usize, deaf: &NodeId, speaker: &NodeId| match &self.shape {
            Shape::Group => is_hit(deaf) != is_hit(speaker),
            Shape::Apart => true,
            Shape::Deaf => is_hit(deaf),
            Shape::Mute => is_hit(speaker),
            Shape::Bridge => !is_hit(deaf) && !is_hit(speaker),
            Shape::Ring => *speaker == all[(index + all.len() - 1) % all.len()],
            Shape::Grudge(map) => map.get(deaf).is_some_and(|silenced| silenced.contains(speaker)),
            Shape::Every => is_hit(deaf) || is_hit(speaker),
        };
        let of = |(index, deaf): (usize, &NodeId)| {
            let silenced = all.iter().filter(|speaker| *speaker != deaf && fits(index, deaf, speaker));
            (deaf.clone(), silenced.cloned().collect::<BTreeSet<_>>())
        };
        all.iter().enumerate().map(of).filter(|(_, silenced)| !silenced.is_empty()).collect()
    }

    /// The nodes that no longer talk with a majority, themselves counted. To talk takes both ways: what is cut
    /// one way leaves no answer, and TCP no connection.
    pub fn without_quorum(&self, all: &[NodeId], hit: &[NodeId]) -> BTreeSet<NodeId> {
        if self.impairment.cut.is_none() || !self.between.peers() {
            return BTreeSet::new();
        }
        let grudge = self.grudge(all, hit);
        let hears = |deaf: &NodeId, speaker: &NodeId| {
            !grudge.get(deaf).is_some_and(|silenced| silenced.contains(speaker))
        };
        let talks_with =
            |node: &NodeId| all.iter().filter(|other| hears(node, other) && hears(other, node)).count();
        all.iter().filter(|node| talks_with(node) <= all.len() / 2).cloned().collect()
    }

    /// The nodes that clients cannot reach, or not both ways.
    pub fn unreachable(&self, hit: &[NodeId]) -> BTreeSet<NodeId> {
        let cut = self.impairment.cut.is_some() && self.between.clients();
        if cut { hit.iter().cloned().collect() } else { BTreeSet::new() }
    }

    /// The nodes that cannot serve while it lasts.
    pub fn takes_out(&self, all: &[NodeId], hit: &[NodeId]) -> BTreeSet<NodeId> {
        &self.without_quorum(all, hit) | &self.unreachable(hit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Cut;
    use proptest::prelude::*;

    fn nodes(count: usize) -> Vec<NodeId> {
        (1..=count).map(|number| NodeId(format!("n{number}"))).collect()
    }

    fn cut(shape: Shape, between: Between) -> LinkFault {
        let impairment = Impairment { cut: Some(Cut::BlackHole), ..Impairment::default() };
        LinkFault { shape, between, impairment, flap: None }
    }

    fn names(set: &BTreeSet<NodeId>) -> Vec<&str> {
        set.iter().map(NodeId::as_str).collect()
    }

    #[test]
    fn each_shape_takes_away_who_loses_the_majority() {
        let hit = |names: &[&str]| -> Vec<NodeId> { names.iter().map(|name| NodeId::new(*name)).collect() };
        let listed = Grudge::from([(NodeId::new("n1"), BTreeSet::from(["n2", "n3"].map(NodeId::new)))]);
        for (shape, on, gone_of_3, gone_of_5) in [
            (Shape::Group, &["n1"][..], &["n1"][..], &["n1"][..]),
            (Shape::Group, &["n1", "n2"], &["n3"], &["n1", "n2"]),
            (Shape::Apart, &["n1"], &["n1", "n2", "n3"], &["n1", "n2", "n3", "n4", "n5"]),
            (Shape::Deaf, &["n2"], &["n2"], &["n2"]),
            (Shape::Mute, &["n2"], &["n2"], &["n2"]),
            (Shape::Bridge, &["n1"], &[], &["n2", "n3", "n4", "n5"]),
            // In a ring of three each pair lacks one way; of five each node keeps two others.
            (Shape::Ring, &[], &["n1", "n2", "n3"], &[]),
            (Shape::Grudge(listed), &["n1"], &["n1"], &[]),
            (Shape::Every, &["n3"], &["n3"], &["n3"]),
        ] {
            let fault = cut(shape, Between::Peers);
            for (count, gone) in [(3, gone_of_3), (5, gone_of_5)] {
                let found = fault.without_quorum(&nodes(count), &hit(on));
                assert_eq!(names(&found), gone, "{:?} of {count}", fault.shape);
            }
        }
    }

    #[test]
    fn clients_are_cut_off_only_when_they_are_meant_and_only_the_way_that_is_meant() {
        let (all, hit) = (nodes(3), vec![NodeId::new("n2")]);
        let n2 = Party::Node(hit[0].clone());
        let map = cut(Shape::Group, Between::Peers).map(&all, &hit);
        assert!(map.between(&Party::Clients, &n2).is_none());
        for (shape, hears, speaks) in
            [(Shape::Group, false, false), (Shape::Deaf, false, true), (Shape::Mute, true, false)]
        {
            let fault = cut(shape, Between::Clients);
            let map = fault.map(&all, &hit);
            assert_eq!(map.between(&Party::Clients, &n2).is_none(), hears, "{:?}", fault.shape);
            assert_eq!(map.between(&n2, &Party::Clients).is_none(), speaks, "{:?}", fault.shape);
            assert!(fault.without_quorum(&all, &hit).is_empty());
            assert_eq!(names(&fault.takes_out(&all, &hit)), ["n2"]);
        }
    }

    #[test]
    fn a_slow_link_takes_nobody_out() {
        let (all, hit) = (nodes(3), vec![NodeId::new("n1")]);
        let impairment = Impairment { delay: Span::from_ms(50), ..Impairment::default() };
        let fault = LinkFault { shape: Shape::Every, between: Between::Peers, impairment, flap: None };
        assert!(fault.takes_out(&all, &hit).is_empty());
        assert_eq!(fault.map(&all, &hit).0.len(), 4);
    }

    proptest! {
        #[test]
        fn shapes_keep_what_they_promise(count in 1usize..8, mask in any::<u8>()) {
            let all = nodes(count);
            let hit: Vec<NodeId> =
                all.iter().enumerate().filter(|(i, _)| mask >> i & 1 == 1).map(|(_, id)| id.clone()).collect();
            let one: Vec<NodeId> = all.iter().skip(usize::from(mask) % count).take(1).cloned().collect();
            let grudge = |shape, hit: &[NodeId]| cut(shape, Between::Peers).grudge(&all, hit);
            let hears = |grudge: &Grudge, deaf: &NodeId, speaker: &NodeId| {
                !grudge.get(deaf).is_some_and(|silenced| silenced.contains(speaker))
            };
            for shape in [Shape::Group, Shape::Apart, Shape::Bridge, Shape::Every] {
                let grudge = grudge(shape, &hit);
                for (a, b) in all.iter().flat_map(|a| all.iter().map(move |b| (a, b))) {
                    prop_assert_eq!(hears(&grudge, a, b), hears(&grudge, b, a), "symmetric");
                }
            }
            for shape in [Shape::Group, Shape::Apart, Shape::Deaf, Shape::Mute, Shape::Bridge, Shape::Ring, Shape::Every] {
                for (deaf, silenced) in grudge(shape, &hit) {
                    prop_assert!(!silenced.contains(&deaf), "nobody is cut off from itself");
                    prop_assert!(!silenced.is_empty());
                }
            }
            // Deaf and mute are each other's mirror image, and one way only.
            let (deaf, mute) = (grudge(Shape::Deaf, &one), grudge(Shape::Mute, &one));
            for other in all.iter().filter(|other| **other != one[0]) {
                prop_assert!(!hears(&deaf, &one[0], other) && hears(&deaf, other, &one[0]));
                prop_assert!(hears(&mute, &one[0], other) && !hears(&mute, other, &one[0]));
            }
            // The bridge talks with everybody; around a ring each hears a majority, no two the same.
            let bridge = grudge(Shape::Bridge, &one);
            prop_assert!(all.iter().all(|other| hears(&bridge, &one[0], other) && hears(&bridge, other, &one[0])));
            if count >= 3 {
                let ring = grudge(Shape::Ring, &all);
                let heard = |node: &NodeId| -> Vec<&NodeId> {
                    all.iter().filter(|other| hears(&ring, node, other)).collect()
                };
                prop_assert!(all.iter().all(|node| heard(node).len() > count / 2));
                let different: BTreeSet<_> = all.iter().map(heard).collect();
                prop_assert_eq!(different.len(), count);
            }
        }
    }
}
