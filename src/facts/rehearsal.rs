//! What each step of an upgrade cost.

use super::{Facts, FaultFact, Rest, is_served};
use crate::model::{Edition, ErrorKind, Event, InVain, NodeId, Operation, RestRow, Role, UpgradeStep};
use std::collections::BTreeMap;

impl Facts<'_> {
    /// One for each node's turn, in order of time. Empty where nothing was upgraded.
    pub fn upgrade_steps(&self) -> Vec<UpgradeStep> {
        let rests = &self.rests();
        let turns = self.faults.iter().filter_map(|fault| Some((fault, fault.kind.installs()?)));
        turns
            .flat_map(|(fault, edition)| {
                fault.nodes.iter().map(move |node| self.step(fault, edition, node, rests))
            })
            .collect()
    }

    fn step(&self, fault: &FaultFact, edition: Edition, node: &NodeId, rests: &[Rest]) -> UpgradeStep {
        let info = &self.run.info;
        let later = info.upgraded_to.as_ref().unwrap_or(&info.server);
        let from = match edition {
            Edition::From => &later.version,
            Edition::To => &info.server.version,
        };
        let rest = rests.iter().find(|rest| rest.after.as_ref() == Some(&fault.id));
        let until_ms = rest.map_or(self.load_end_ms, |rest| rest.start_ms);
        let explained = self.outages.iter().filter(|outage| outage.fault.as_ref() == Some(&fault.id));
        let length_ms = |outage: &crate::model::Outage| outage.end_ms - outage.start_ms;
        let worst = explained.max_by(|a, b| length_ms(a).total_cmp(&length_ms(b)));
        UpgradeStep {
            fault: fault.id.clone(),
            node: node.clone(),
            led: self.role_at(node, fault.requested_ms) == Some(Role::Active),
            from: from.clone(),
            to: self.version_said(node, fault.requested_ms),
            back_ms: fault.healed_ms().map(|healed_ms| healed_ms - fault.requested_ms),
            whole_ms: rest.map(|rest| rest.start_ms - fault.requested_ms),
            outage_ms: worst.map_or(0.0, length_ms),
            outage_of: worst.map(|outage| format!("{} via {}", outage.operation, outage.route)),
            unserved: errors(self.sent_within(fault.requested_ms, until_ms)),
            rest: rest.map(|rest| self.rest_row(rest)),
        }
    }

    fn role_at(&self, node: &NodeId, t_ms: f64) -> Option<Role> {
        self.roles.iter().find(|track| &track.node == node)?.at(t_ms)
    }

    /// The first word of it after `from_ms`.
    fn version_said(&self, node: &NodeId, from_ms: f64) -> Option<String> {
        self.events().find_map(|(t_ms, event)| match event {
            Event::NodeVersion { node: of, version } if of == node && t_ms >= from_ms => {
                Some(version.clone())
            }
            _ => None,
        })
    }

    fn sent_within(&self, from_ms: f64, until_ms: f64) -> impl Iterator<Item = &Operation> {
        let all = self.loads.iter().flat_map(|load| load.ops.iter().copied());
        all.filter(move |op| (from_ms..until_ms).contains(&(op.sent_us as f64 / 1e3)))
    }

    fn rest_row(&self, rest: &Rest) -> RestRow {
        let asked: Vec<_> = self.sent_within(rest.start_ms, rest.end_ms).collect();
        RestRow {
            lasted_ms: rest.end_ms - rest.start_ms,
            asked: asked.len() as u64,
            unserved: asked.iter().filter(|op| !is_served(op)).count() as u64,
        }
    }
}

fn errors<'o>(ops: impl Iterator<Item = &'o Operation>) -> Vec<InVain> {
    let mut counted: BTreeMap<String, u64> = BTreeMap::new();
    for op in ops.filter(|op| !is_served(op)) {
        let error = match (op.error, op.status) {
            (Some(ErrorKind::Status), Some(status)) => format!("status {status}"),
            (Some(kind), _) => kind.name().to_owned(),
            (None, _) => "no answer".to_owned(),
        };
        *counted.entry(error).or_default() += 1;
    }
    let mut counted: Vec<_> = counted.into_iter().map(|(error, count)| InVain { error, count }).collect();
    counted.sort_by_key(|counted| std::cmp::Reverse(counted.count));
    counted
}

#[cfg(test)]
mod tests {
    use crate::facts::Facts;
    use crate::facts::testing::*;
    use crate::model::{FaultKind, Server};

    #[test]
    fn a_step_tells_what_it_cost_and_what_followed() {
        let mut run = RunBuilder::new()
            .load("kv2.write", "leader", 20.0)
            .phases(2e3, 12e3, 20e3, 40e3)
            .requested(12_000.0, "f1", FaultKind::Upgrade, "leader", &["n1"])
            .applied(12_100.0, "f1")
            .event(15_000.0, crate::model::Event::NodeVersion { node: node("n1"), version: "9.9.9".into() })
            .healed(15_000.0, "f1")
            .redundancy(13_000.0, 3, 2, 0)
            .redundancy(16_000.0, 3, 3, 1)
            .traffic(0, 0.0, 40e3, |t_ms| match t_ms {
                t_ms if (12e3..13e3).contains(&t_ms) => Answer::refused(1.0),
                _ => Answer::ok(2.0),
            })
            .build();
        run.info.upgraded_to = Some(Server { version: "9.9.9".into(), ..run.info.server.clone() });
        let steps = Facts::of(&run).upgrade_steps();
        let [step] = &steps[..] else { panic!("{steps:?}") };
        assert!(step.led);
        assert_eq!(
            (step.from.as_str(), step.to.as_deref()),
            (run.info.server.version.as_str(), Some("9.9.9"))
        );
        assert_eq!((step.back_ms, step.whole_ms), (Some(3_000.0), Some(4_000.0)));
        assert!((900.0..1_100.0).contains(&step.outage_ms), "{}", step.outage_ms);
        assert_eq!(step.unserved[0].error, "connection refused");
        assert_eq!(step.unserved[0].count, 20);
        let rest = step.rest.unwrap();
        assert_eq!((rest.asked, rest.unserved, rest.lasted_ms), (480, 0, 24_000.0));
        assert!(Facts::of(&kill_run().build()).upgrade_steps().is_empty());
    }
}
