//! The packets that are held back, and what becomes of each: in order of when they are due.

use super::part::{Part, Ways};
use super::shape::{Fate, Shape};
use crate::model::Impairment;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// One way of a link as the node sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    From(IpAddr),
    FromClients,
    ToClients,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Pass,
    Drop,
}

#[derive(Default)]
pub struct Held {
    peers: BTreeSet<IpAddr>,
    shapes: BTreeMap<Way, Shape>,
    /// By the moment when they are due, then as they came.
    waiting: BTreeMap<(u64, u64), (u32, Way)>,
    came: u64,
}

impl Held {
    /// The network is as `part` says from now on. What waits on a way that is cut now is lost, what waits on one
    /// that is slow no more goes on at once. Tells these verdicts.
    pub fn set(&mut self, part: &Part) -> Vec<(u32, Verdict)> {
        self.peers = part.peers.iter().map(|peer| peer.address).collect();
        let Ways { incoming, outgoing } = &part.clients;
        let peers = part.peers.iter().map(|peer| (Way::From(peer.address), &peer.ways.incoming));
        let clients = [(Way::FromClients, incoming), (Way::ToClients, outgoing)];
        let asked: BTreeMap<Way, &Impairment> =
            peers.chain(clients).filter(|(_, impairment)| !impairment.is_none()).collect();
        self.shapes.retain(|way, _| asked.contains_key(way));
        for (way, impairment) in asked {
            let shape = self.shapes.entry(way).or_insert_with(|| Shape::new(impairment.clone()));
            shape.change(impairment.clone());
        }
        let mut verdicts = Vec::new();
        self.waiting.retain(|_, (packet, way)| {
            let verdict = match self.shapes.get(way) {
                None => Verdict::Pass,
                Some(shape) if shape.impairment().cut.is_some() => Verdict::Drop,
                Some(_) => return true,
            };
            verdicts.push((*packet, verdict));
            false
        });
        verdicts
    }

    /// Which way a packet goes: `from` is its source when it arrives here, `None` when it leaves.
    pub fn way(&self, from: Option<IpAddr>) -> Way {
        match from {
            Some(address) if self.peers.contains(&address) => Way::From(address),
            Some(_) => Way::FromClients,
            None => Way::ToClients,
        }
    }

    /// A packet came. `None`: it waits, and [`Held::due`] will tell.
    pub fn take(
        &mut self,
        packet: u32,
        way: Way,
        bytes: usize,
        now_ns: u64,
        dice: [f64; 2],
    ) -> Option<Verdict> {
        let Some(shape) = self.shapes.get_mut(&way) else { return Some(Verdict::Pass) };
        match shape.fate(now_ns, bytes, dice) {
            Fate::Lost => Some(Verdict::Drop),
            Fate::Due(at_ns) => {
                self.came += 1;
                self.waiting.insert((at_ns, self.came), (packet, way));
                None
            }
        }
    }

    /// The next packet that is due by now.
    pub fn due(&mut self, now_ns: u64) -> Option<u32> {
        let first = self.waiting.first_entry()?;
        (first.key().0 <= now_ns).then(|| first.remove().0)
    }

    /// When to look again; `None` when nothing waits.
    pub fn next_ns(&self) -> Option<u64> {
        self.waiting.keys().next().map(|(at_ns, _)| *at_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::super::part::Peer;
    use super::*;
    use crate::model::{Cut, Span};

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));
    const DICE: [f64; 2] = [0.5; 2];

    fn part(incoming: Impairment) -> Part {
        let peers = vec![Peer { address: PEER, ways: Ways { incoming, outgoing: Impairment::default() } }];
        Part { peers, clients: Ways::default() }
    }

    fn slow(ms: u64) -> Part {
        part(Impairment { delay: Span::from_ms(ms), ..Impairment::default() })
    }

    #[test]
    fn a_packet_waits_for_its_moment() {
        let mut held = Held::default();
        held.set(&slow(1));
        let way = held.way(Some(PEER));
        assert_eq!(held.take(1, way, 100, 0, DICE), None);
        assert_eq!(held.take(2, way, 100, 0, DICE), None);
        assert_eq!((held.due(999_999), held.next_ns()), (None, Some(1_000_000)));
        assert_eq!([held.due(1_000_000), held.due(1_000_000), held.due(1_000_000)], [Some(1), Some(2), None]);
        assert_eq!(held.next_ns(), None);
    }

    #[test]
    fn others_pass_at_once() {
        let mut held = Held::default();
        held.set(&slow(1));
        for way in [held.way(Some(IpAddr::from([10, 0, 0, 9]))), held.way(None)] {
            assert_eq!(held.take(1, way, 100, 0, DICE), Some(Verdict::Pass));
        }
    }

    #[test]
    fn a_heal_frees_what_waits_and_a_cut_loses_it() {
        let cut = part(Impairment { cut: Some(Cut::BlackHole), ..Impairment::default() });
        for (next, verdict) in
            [(Part::default(), Some(Verdict::Pass)), (cut, Some(Verdict::Drop)), (slow(9), None)]
        {
            let mut held = Held::default();
            held.set(&slow(1));
            let way = held.way(Some(PEER));
            held.take(7, way, 100, 0, DICE);
            assert_eq!(held.set(&next).first().copied(), verdict.map(|verdict| (7, verdict)));
            assert_eq!(held.next_ns().is_none(), verdict.is_some());
        }
    }
}
