//! Under what a run was made, apart from the server: what must be the same before two figures mean the same.

use crate::model::{PastRun, RunInfo};
use std::collections::BTreeSet;

const SCENARIO: &str = "the scenario";

/// One line that is the same for all runs of one machine and backend.
pub fn line(info: &RunInfo) -> String {
    let machine = &info.machine;
    format!("{}, {} cores of {}", info.backend, machine.cores, machine.cpu)
}

/// What differs between the two sets, or within one of them, in a sentence each.
pub fn differing(a: &[PastRun], b: &[PastRun]) -> Vec<String> {
    let mut found = Vec::new();
    type Said = fn(&RunInfo) -> String;
    let aspects: [(&str, Said); 6] = [
        ("the machine", |info| {
            let machine = &info.machine;
            let (cores, cpu, mib, kernel) =
                (machine.cores, &machine.cpu, machine.memory_mib, &machine.kernel);
            format!("{cores} cores of {cpu}, {} GiB, kernel {kernel}", mib / 1024)
        }),
        ("the backend", |info| info.backend.clone()),
        ("how many runs went on at once", |info| info.side_by_side.to_string()),
        ("what was overridden", |info| info.overrides.join("; ")),
        ("the harness", |info| info.vaultquake.clone()),
        (SCENARIO, |info| serde_json::to_string(&info.scenario).unwrap_or_default()),
    ];
    for (what, said) in aspects {
        let of = |runs: &[PastRun]| runs.iter().map(|run| said(&run.info)).collect::<BTreeSet<_>>();
        let (in_a, in_b) = (of(a), of(b));
        if in_a.len() == 1 && in_a == in_b {
            continue;
        }
        // A whole scenario would fill the screen.
        if what == SCENARIO {
            found
                .push("the scenario: its load, faults or promises are others under the same name".to_owned());
            continue;
        }
        let told = |set: BTreeSet<String>| set.into_iter().collect::<Vec<_>>().join(" and ");
        found.push(format!("{what}: {} in A, {} in B", told(in_a), told(in_b)));
    }
    found
}
