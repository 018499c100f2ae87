//! What became of each alert, for every medium. Must not format for any one of them.

use super::figure;
use crate::model::{AlertRow, RunResult};

pub const HEADINGS: [&str; 6] = ["Alert", "Rule", "Expression", "Waits", "Has to fire", "Fired"];

/// A row a rule, under the headings.
pub fn rows(result: &RunResult) -> Vec<Vec<String>> {
    result.alerts.iter().map(row).collect()
}

fn row(row: &AlertRow) -> Vec<String> {
    let wait = match row.wait_ms < row.documented_wait_ms {
        true => format!("{} of {}", figure::duration(row.wait_ms), figure::duration(row.documented_wait_ms)),
        false => figure::duration(row.wait_ms),
    };
    let expected = match row.within_ms {
        Some(ms) => format!("within {} after the fault", figure::duration(ms)),
        None => "no".to_owned(),
    };
    vec![row.alert.clone(), row.form.name().to_owned(), row.expr.clone(), wait, expected, fired(row)]
}

fn fired(row: &AlertRow) -> String {
    let Some(firing_ms) = row.firing_ms else {
        return match (&row.missing_metrics[..], row.pending_ms) {
            ([], None) => "never".to_owned(),
            ([], Some(_)) => "never, but it was pending".to_owned(),
            (missing, _) => format!("never: no node has {}", missing.join(", ")),
        };
    };
    let when = match row.fault_ms {
        Some(fault_ms) if firing_ms >= fault_ms => {
            format!("{} after the fault", figure::duration(firing_ms - fault_ms))
        }
        Some(_) => "before the fault".to_owned(),
        None => format!("at {}", figure::moment(firing_ms)),
    };
    let about = if row.instance.is_empty() { String::new() } else { format!("{}: ", row.instance) };
    let lasted = match row.resolved_ms {
        Some(resolved_ms) => format!(", for {}", figure::duration(resolved_ms - firing_ms)),
        None => ", to the end".to_owned(),
    };
    format!("{about}{when}{lasted}")
}
