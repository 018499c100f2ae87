//! The parts of the page that carry a chart, each with the words and numbers that belong to it.

use super::{Table, table};
use crate::model::{Failover, Operation, Picture, RampStage, RunResult, Violation};
use crate::report::chart::{self, Size};
use crate::report::{figure, words};
use minijinja::Value;
use serde::Serialize;

/// A chart in both widths.
#[derive(Serialize)]
pub struct Chart {
    wide: Value,
    narrow: Value,
}

#[derive(Serialize)]
pub struct Titled {
    title: String,
    chart: Chart,
}

#[derive(Serialize)]
pub struct FailoverView {
    title: String,
    chart: Option<Chart>,
    steps: Vec<(&'static str, String)>,
    resolution: String,
}

#[derive(Serialize)]
pub struct Ramp {
    load: String,
    knee: Option<String>,
    chart: Option<Chart>,
    stages: Table,
}

#[derive(Serialize)]
pub struct BudgetView {
    chart: Chart,
    target: String,
    month: String,
    burned: String,
    share: String,
    failures: String,
    projected: String,
    kept: bool,
    /// Availability was missed though the faults cost nothing.
    outside: bool,
}

pub fn both(draw: impl Fn(Size) -> Option<String>) -> Option<Chart> {
    Some(Chart {
        wide: Value::from_safe_string(draw(Size::Wide)?),
        narrow: Value::from_safe_string(draw(Size::Narrow)?),
    })
}

pub fn percentiles(result: &RunResult, picture: &Picture) -> Vec<Titled> {
    let (wide, narrow) =
        (chart::percentiles(result, picture, Size::Wide), chart::percentiles(result, picture, Size::Narrow));
    let pairs = wide.into_iter().zip(narrow);
    pairs
        .map(|((title, wide), (_, narrow))| Titled {
            title,
            chart: Chart { wide: Value::from_safe_string(wide), narrow: Value::from_safe_string(narrow) },
        })
        .collect()
}

pub fn failover(result: &RunResult, failover: &Failover, index: usize) -> FailoverView {
    let phases = &failover.phases_ms;
    let fault = result.faults.iter().find(|fault| fault.id == failover.fault);
    let cause = fault.map_or_else(|| failover.fault.clone(), words::fault_phrase);
    let successor =
        failover.new_leader.as_ref().map(|node| format!("; {node} took over")).unwrap_or_default();
    let steps = [
        ("First error", phases.first_error),
        ("New leader elected", phases.elected),
        ("Seen active", phases.active),
        ("First read through a survivor", phases.first_read),
        ("First acknowledged write", phases.first_write),
        ("Ready, by the server's own log", failover.log_ready_ms),
        ("Every voter healthy again", phases.redundant),
    ];
    FailoverView {
        title: words::capitalised(&format!("{cause}{successor}")),
        chart: both(|size| chart::anatomy(failover, index, size)),
        steps: steps
            .map(|(name, ms)| (name, ms.map_or_else(|| "unknown".to_owned(), figure::elapsed)))
            .to_vec(),
        resolution: figure::duration(failover.resolution_ms),
    }
}

/// The operations of a violation's evidence, when there are several on one secret.
pub fn violation(violation: &Violation, id: &str) -> Option<Chart> {
    let lines = violation.evidence.iter();
    let operations: Vec<Operation> = lines.filter_map(|line| serde_json::from_str(line).ok()).collect();
    let first = operations.first()?.key?;
    let one_secret = operations.iter().all(|op| op.key == Some(first));
    one_secret.then(|| both(|size| chart::operations(&operations, id, size))).flatten()
}

pub fn ramps(result: &RunResult, picture: &Picture) -> Vec<Ramp> {
    let mut loads: Vec<&str> = vec![];
    for stage in &picture.ramp {
        if !loads.contains(&stage.load.as_str()) {
            loads.push(&stage.load);
        }
    }
    loads
        .iter()
        .enumerate()
        .map(|(index, load)| {
            let stages: Vec<&RampStage> = picture.ramp.iter().filter(|stage| stage.load == *load).collect();
            Ramp {
                load: (*load).to_owned(),
                knee: chart::knee(&stages).map(|stage| figure::three_digits(stage.rate)),
                chart: both(|size| chart::ramp(result, &stages, index, size)),
                stages: table(&stages, |stage| {
                    vec![
                        figure::three_digits(stage.rate),
                        figure::three_digits(stage.achieved),
                        figure::latency(stage.p99_us),
                        figure::percent(stage.error_percent),
                        if stage.holds { "holds" } else { "broke" }.to_owned(),
                    ]
                }),
            }
        })
        .collect()
}

pub fn budget(result: &RunResult) -> Option<BudgetView> {
    let budget = result.budget.as_ref()?;
    let availability = result.objectives.iter().find(|row| row.id == "availability");
    let missed =
        availability.and_then(|row| row.measured).is_some_and(|measured| measured < budget.target_percent);
    Some(BudgetView {
        chart: both(|size| Some(chart::budget(budget, size)))?,
        target: figure::percent(budget.target_percent),
        month: figure::duration(budget.month_budget_ms),
        burned: figure::duration(budget.burned_ms),
        share: figure::percent(budget.burned_share_percent),
        failures: match budget.assumed_failures_per_month {
            1.0 => "1 such failure".to_owned(),
            several => format!("{} such failures", figure::three_digits(several)),
        },
        projected: figure::percent(budget.projected_month_percent),
        kept: budget.projected_month_percent >= budget.target_percent && !(budget.burned_ms == 0.0 && missed),
        outside: budget.burned_ms == 0.0 && missed,
    })
}
