//! What a fault did to the network, as the journal has it: when it held, whom it cut off, what packets met.

use crate::model::{Event, LinkFault, LinkRow, NetworkRow, NodeId, ProbeRow, ProbeWhen};

/// One fault of the network.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkFact {
    asked: LinkFault,
    /// The nodes that no longer talk with a majority while it holds.
    pub without_quorum: Vec<NodeId>,
    /// These, and those that clients do not reach.
    pub takes_out: Vec<NodeId>,
    /// Each time that it held: from the moment of effect to when the network was asked to be whole again.
    pub held_ms: Vec<(f64, Option<f64>)>,
    way: String,
    effect_ms: f64,
    heal_ms: Option<f64>,
    links: Vec<LinkRow>,
}

impl NetworkFact {
    pub(super) fn of(asked: &LinkFault, all: &[NodeId], hit: &[NodeId]) -> Self {
        Self {
            asked: asked.clone(),
            without_quorum: asked.without_quorum(all, hit).into_iter().collect(),
            takes_out: asked.takes_out(all, hit).into_iter().collect(),
            held_ms: Vec::new(),
            way: String::new(),
            effect_ms: 0.0,
            heal_ms: None,
            links: Vec::new(),
        }
    }

    /// Takes in what the journal says of it at `t_ms`.
    pub(super) fn take(&mut self, t_ms: f64, event: &Event) {
        match event {
            Event::LinksSet { disturbed: true, requested_ms, way, .. } => {
                self.held_ms.push((t_ms, None));
                self.effect_ms = self.effect_ms.max(t_ms - requested_ms);
                self.way.clone_from(way);
            }
            Event::LinksSet { disturbed: false, requested_ms, .. } => {
                if let Some((_, until @ None)) = self.held_ms.last_mut() {
                    *until = Some(*requested_ms);
                }
                self.heal_ms = Some(self.heal_ms.unwrap_or(0.0).max(t_ms - requested_ms));
            }
            Event::LinkProbe { when, from, to, asked, sent, arrived, delay_ms, .. } => {
                let at = self.links.iter().position(|row| row.from == *from && row.to == *to);
                let at = at.unwrap_or_else(|| {
                    let (from, to, asked) = (from.clone(), to.clone(), Default::default());
                    self.links.push(LinkRow { from, to, asked, before: None, during: None, after: None });
                    self.links.len() - 1
                });
                let row = &mut self.links[at];
                let seen = Some(ProbeRow { sent: *sent, arrived: *arrived, delay_ms: *delay_ms });
                match when {
                    ProbeWhen::Before => row.before = seen,
                    ProbeWhen::During => {
                        row.asked.clone_from(asked);
                        row.during = seen;
                    }
                    ProbeWhen::After => row.after = seen,
                }
            }
            _ => {}
        }
    }

    pub(super) fn row(&self) -> Option<NetworkRow> {
        let digits = |ms: f64| (ms * 1e3).round() / 1e3;
        (!self.held_ms.is_empty()).then(|| NetworkRow {
            asked: self.asked.words(),
            way: self.way.clone(),
            effect_ms: digits(self.effect_ms),
            heal_ms: self.heal_ms.map(digits),
            times: self.held_ms.len() as u32,
        })
    }

    pub(super) fn link_rows(&self) -> Vec<LinkRow> {
        self.links.clone()
    }

    /// The times in which `node` was cut off from the majority. One that was never healed lasts to `end_ms`.
    pub fn cut_off_ms(&self, node: &NodeId, end_ms: f64) -> Vec<(f64, f64)> {
        if !self.without_quorum.contains(node) {
            return Vec::new();
        }
        self.held_ms.iter().map(|(from_ms, until_ms)| (*from_ms, until_ms.unwrap_or(end_ms))).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::facts::Facts;
    use crate::facts::testing::*;
    use crate::model::{Cut, DelayMs, Event, Impairment, ProbeWhen};

    #[test]
    fn a_network_that_flaps_cuts_off_only_while_it_is_cut() {
        let probe = |when, arrived| Event::LinkProbe {
            fault: "f1".into(),
            when,
            from: node("n1"),
            to: node("n2"),
            asked: Impairment { cut: (arrived == 0).then_some(Cut::BlackHole), ..Impairment::default() },
            sent: 20,
            arrived,
            delay_ms: (arrived > 0).then_some(DelayMs { min: 0.1, median: 0.2, max: 0.3 }),
        };
        let run = isolated_run()
            .links_set(14_000.0, "f1", false)
            .links_set(16_000.0, "f1", true)
            .event(11_000.0, probe(ProbeWhen::Before, 20))
            .event(12_500.0, probe(ProbeWhen::During, 0))
            .event(41_000.0, probe(ProbeWhen::After, 20))
            .build();
        let facts = Facts::of(&run);
        let network = facts.faults[0].network.as_ref().unwrap();
        let cut_off = network.cut_off_ms(&node("n1"), 99e3);
        assert_eq!(cut_off, [(12_000.0, 13_990.0), (16_000.0, 39_990.0)]);
        assert_eq!(network.cut_off_ms(&node("n2"), 99e3), []);
        let row = facts.faults[0].row();
        let done = row.network.unwrap();
        assert_eq!((done.times, done.effect_ms, done.heal_ms), (2, 10.0, Some(10.0)));
        assert_eq!(row.links.len(), 1);
        assert_eq!(row.links[0].asked.cut, Some(Cut::BlackHole));
        assert_eq!(row.links[0].during.as_ref().unwrap().arrived, 0);
        assert_eq!(row.links[0].after.as_ref().unwrap().delay_ms.unwrap().median, 0.2);
    }
}
