//! The network between the nodes, and to their clients, as data: who cannot hear whom, and what slows a link.

use super::{ByteRate, NodeId, Share, Span};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Node → the nodes it cannot hear. One map expresses every partition.
pub type Grudge = BTreeMap<NodeId, BTreeSet<NodeId>>;

/// What becomes of what is cut off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cut {
    /// Nothing arrives and nobody is told, as when a cable is pulled.
    #[default]
    BlackHole,
    /// The sender is told at once: connections are reset and refused, as by a firewall.
    Reject,
}

/// What is done to everything that goes one way over a link. The default does nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Impairment {
    pub cut: Option<Cut>,
    /// How much later it arrives.
    pub delay: Span,
    /// Up to this much is added to or taken from `delay`.
    pub spread: Span,
    /// The share of packets that is lost, 0 to 1.
    pub loss: f64,
    pub bytes_per_s: Option<u64>,
}

impl Impairment {
    pub fn is_none(&self) -> bool {
        *self == Impairment::default()
    }

    /// `cut (black hole)`, `50ms ± 10ms later, 10% lost, at most 1MB/s`, or `untouched`.
    pub fn words(&self) -> String {
        match self.cut {
            Some(Cut::BlackHole) => return "cut (black hole)".to_owned(),
            Some(Cut::Reject) => return "cut (rejected)".to_owned(),
            None => {}
        }
        let mut parts = Vec::new();
        match (self.delay.0.is_zero(), self.spread.0.is_zero()) {
            (true, _) => {}
            (false, true) => parts.push(format!("{} later", self.delay)),
            (false, false) => parts.push(format!("{} ± {} later", self.delay, self.spread)),
        }
        if self.loss > 0.0 {
            parts.push(format!("{} lost", Share(self.loss)));
        }
        parts.extend(self.bytes_per_s.map(|bytes| format!("at most {}", ByteRate(bytes))));
        if parts.is_empty() { "untouched".to_owned() } else { parts.join(", ") }
    }
}

/// One end of a link.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Party {
    Node(NodeId),
    /// Everybody who is not a node: load, observers, operators.
    Clients,
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Party::Node(id) => f.pad(id.as_str()),
            Party::Clients => f.pad("clients"),
        }
    }
}

/// The whole network as it should be, by (from, to). What it does not name passes untouched.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LinkMap(pub BTreeMap<(Party, Party), Impairment>);

impl LinkMap {
    /// Every partition between nodes: who cannot hear whom.
    pub fn of_grudge(grudge: &Grudge, cut: Cut) -> Self {
        let cut = Impairment { cut: Some(cut), ..Impairment::default() };
        let links = grudge.iter().flat_map(|(deaf, silenced)| {
            silenced.iter().map(|speaker| (Party::Node(speaker.clone()), Party::Node(deaf.clone())))
        });
        Self(links.map(|link| (link, cut.clone())).collect())
    }

    /// What is done to the way from one to the other; nothing where the map is silent.
    pub fn between(&self, from: &Party, to: &Party) -> Impairment {
        self.0.get(&(from.clone(), to.clone())).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impairments_are_said_as_they_were_written() {
        let slow = Impairment {
            delay: Span::from_ms(50),
            spread: Span::from_ms(10),
            loss: 0.1,
            bytes_per_s: Some(1_000_000),
            cut: None,
        };
        assert_eq!(slow.words(), "50ms ± 10ms later, 10% lost, at most 1MB/s");
        assert_eq!(Impairment { cut: Some(Cut::Reject), ..slow }.words(), "cut (rejected)");
        assert_eq!(Impairment::default().words(), "untouched");
    }

    #[test]
    fn a_grudge_silences_only_the_way_to_the_deaf() {
        let [n1, n2] = ["n1", "n2"].map(NodeId::new);
        let grudge = Grudge::from([(n1.clone(), BTreeSet::from([n2.clone()]))]);
        let map = LinkMap::of_grudge(&grudge, Cut::Reject);
        let (n1, n2) = (Party::Node(n1), Party::Node(n2));
        assert_eq!(map.between(&n2, &n1).cut, Some(Cut::Reject));
        assert!(map.between(&n1, &n2).is_none());
        assert!(map.between(&Party::Clients, &n1).is_none());
    }
}
