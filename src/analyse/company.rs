//! Whether the servers had the machine to themselves: how fast they recover says little where others used it.

use super::excuse_the_server;
use crate::facts::Facts;
use crate::model::{Event, ObjectiveRow};

/// More than this share of all cores used by processes that are none of the run's.
const OTHERS_SHARE_MAX: f64 = 0.5;

/// What depends on how fast the servers could work.
const OF_TIME: [&str; 8] = [
    "availability",
    "auth.success",
    "failover.rto",
    "failover.mttr",
    "recovery.redundancy",
    "upgrade.rolling",
    "cluster.init",
    "node.join",
];

/// A promise of time that was missed while others had most of the machine is not known to be broken.
pub(super) fn excuse_for_company(facts: &Facts, rows: &mut [ObjectiveRow]) {
    let Some(why) = others_had_the_machine(facts) else { return };
    for row in rows.iter_mut().filter(|row| OF_TIME.contains(&row.id.as_str())) {
        excuse_the_server(row, &why);
    }
}

/// Of clusters of ours only: the CPU of somebody else's servers is not told apart from others'.
fn others_had_the_machine(facts: &Facts) -> Option<String> {
    let info = &facts.run.info;
    if info.backend == "attach" {
        return None;
    }
    let from_ms = facts.disturbing_faults().map(|fault| fault.requested_ms).reduce(f64::min).unwrap_or(0.0);
    let (mut seconds, mut others) = (0.0, 0.0);
    for (t_ms, event) in facts.events() {
        if let Event::Cpu { window_ms, other, steal, .. } = event
            && t_ms > from_ms
        {
            seconds += window_ms / 1e3;
            others += other + steal;
        }
    }
    (others > seconds * f64::from(info.machine.cores) * OTHERS_SHARE_MAX).then(|| {
        format!(
            "not kept, but others had the machine: {others:.0} s of CPU in {seconds:.0} s on {} cores",
            info.machine.cores
        )
    })
}
