//! What the page's templates see: texts already in words, charts already drawn. Nothing here is escaped; only
//! charts are marked as safe, because their own writer escapes.

use super::chart::{self, Size};
use super::rows::{self, Row};
use super::{figure, summary, words};
use crate::model::{Failover, FaultRow, InvariantRow, Outcome, Picture, RampStage, RunResult};
use minijinja::Value;
use serde::Serialize;

/// Longest lists on the page; what is beyond stands in `result.json`.
const ROWS_MAX: usize = 200;
const EVIDENCE_LINES_MAX: usize = 60;

#[derive(Serialize)]
pub struct View {
    scenario: String,
    about: String,
    verdict: &'static str,
    word: &'static str,
    verdict_meaning: &'static str,
    reasons: Vec<String>,
    sentence: String,
    facts: Vec<(&'static str, String)>,
    nothing_judged: bool,
    objectives: Vec<Row>,
    sources: Vec<String>,
    invariants: Vec<Invariant>,
    timeline: Option<Chart>,
    timeline_note: Option<String>,
    percentiles: Vec<Titled>,
    faults: Table,
    failovers: Vec<FailoverView>,
    outages: Table,
    errors: Table,
    load: Table,
    ramps: Vec<Ramp>,
    budget: Option<BudgetView>,
    deviations: Vec<crate::model::Deviation>,
    overrides: Vec<String>,
    environment: Vec<(&'static str, String)>,
    command: String,
    generator: &'static str,
}

/// A chart in both widths.
#[derive(Serialize)]
struct Chart {
    wide: Value,
    narrow: Value,
}

#[derive(Serialize)]
struct Titled {
    title: String,
    chart: Chart,
}

/// A list for a table, and how many rows were left out.
#[derive(Default, Serialize)]
struct Table {
    rows: Vec<Vec<String>>,
    more: usize,
}

#[derive(Serialize)]
struct Invariant {
    id: String,
    title: String,
    meaning: &'static str,
    gating: bool,
    verdict: &'static str,
    checked: String,
    line: String,
    note: String,
    violations: Vec<ViolationView>,
    more: usize,
}

#[derive(Serialize)]
struct ViolationView {
    summary: String,
    known: Option<String>,
    evidence: Vec<String>,
    more: usize,
}

#[derive(Serialize)]
struct FailoverView {
    title: String,
    chart: Option<Chart>,
    steps: Vec<(&'static str, String)>,
    resolution: String,
}

#[derive(Serialize)]
struct Ramp {
    load: String,
    knee: Option<String>,
    chart: Option<Chart>,
    stages: Table,
}

#[derive(Serialize)]
struct BudgetView {
    chart: Chart,
    target: String,
    month: String,
    burned: String,
    share: String,
    failures: String,
    projected: String,
    kept: bool,
}

pub fn view(result: &RunResult, picture: &Picture) -> View {
    let nodes = (!picture.lanes.is_empty()).then_some(picture.lanes.len());
    let mut sources: Vec<String> = result.objectives.iter().map(|row| row.source.clone()).collect();
    sources.sort();
    sources.dedup();
    View {
        scenario: result.scenario.clone(),
        about: result.summary.clone(),
        verdict: result.verdict.name(),
        word: words::verdict_word(result.verdict),
        verdict_meaning: words::verdict_meaning(result.verdict),
        reasons: rows::reasons(result),
        sentence: summary::sentence(result, nodes),
        facts: facts(result),
        nothing_judged: rows::nothing_was_judged(result),
        objectives: rows::objectives(result),
        sources,
        invariants: rows::invariants(result).into_iter().map(invariant).collect(),
        timeline: both(|size| chart::timeline(result, picture, size)),
        timeline_note: chart::seconds_per_point(result, picture, Size::Wide).map(|seconds| {
            format!("Each point joins {seconds} seconds; latencies are those of the worst second in it.")
        }),
        percentiles: percentiles(result, picture),
        faults: table(&result.faults, |fault| fault_row(fault)),
        failovers: result
            .failovers
            .iter()
            .take(ROWS_MAX)
            .enumerate()
            .map(|(i, f)| failover(result, f, i))
            .collect(),
        outages: table(&result.outages, |outage| {
            vec![
                outage.operation.clone(),
                outage.route.clone(),
                figure::moment(outage.start_ms),
                figure::moment(outage.end_ms),
                figure::duration(summary::length_ms(outage)),
                outage.fault.clone().unwrap_or_else(|| "none".to_owned()),
            ]
        }),
        errors: table(&picture.errors, |error| {
            let outcome = match error.outcome {
                Outcome::Ok => "acknowledged",
                Outcome::Failed => "failed",
                Outcome::Unknown => "unknown",
            };
            vec![
                error.load.clone(),
                error.node.clone(),
                error.error.clone(),
                outcome.to_owned(),
                figure::count(error.count),
                figure::moment(error.first_ms),
                figure::moment(error.last_ms),
            ]
        }),
        load: table(&result.load, |row| {
            let mut cells = vec![row.name.clone(), row.phase.clone()];
            cells.extend([row.planned, row.sent, row.ok, row.failed, row.unknown].map(figure::count));
            let latency = &row.latency_us;
            cells.extend(
                [latency.p50, latency.p90, latency.p99, latency.p999, latency.max].map(figure::latency),
            );
            cells.push(figure::latency(row.send_lag_p99_us));
            cells
        }),
        ramps: ramps(result, picture),
        budget: budget(result),
        deviations: picture.deviations.clone(),
        overrides: result.overrides.clone(),
        environment: environment(result, picture),
        command: result.command.clone(),
        generator: concat!("Vaultquake ", env!("CARGO_PKG_VERSION")),
    }
}

fn both(draw: impl Fn(Size) -> Option<String>) -> Option<Chart> {
    Some(Chart {
        wide: Value::from_safe_string(draw(Size::Wide)?),
        narrow: Value::from_safe_string(draw(Size::Narrow)?),
    })
}

fn percentiles(result: &RunResult, picture: &Picture) -> Vec<Titled> {
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

fn table<T>(items: &[T], cells: impl Fn(&T) -> Vec<String>) -> Table {
    Table {
        rows: items.iter().take(ROWS_MAX).map(cells).collect(),
        more: items.len().saturating_sub(ROWS_MAX),
    }
}

fn facts(result: &RunResult) -> Vec<(&'static str, String)> {
    vec![
        ("Server", words::server_name(&result.server)),
        ("Backend", result.backend.clone()),
        ("Started", result.started_at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()),
        ("Took", figure::duration(result.duration_ms)),
        ("Seed", result.seed.to_string()),
    ]
}

fn invariant(row: &InvariantRow) -> Invariant {
    let violations = row.violations.iter().take(ROWS_MAX).map(|violation| ViolationView {
        summary: violation.summary.clone(),
        known: violation.known.clone(),
        evidence: violation.evidence.iter().take(EVIDENCE_LINES_MAX).cloned().collect(),
        more: violation.evidence.len().saturating_sub(EVIDENCE_LINES_MAX),
    });
    Invariant {
        id: row.id.clone(),
        title: words::title(&row.id).to_owned(),
        meaning: words::meaning(&row.id),
        gating: row.gating,
        verdict: row.verdict.name(),
        checked: figure::count(row.checked),
        line: rows::invariant_line(row),
        note: row.note.clone(),
        violations: violations.collect(),
        more: row.violations.len().saturating_sub(ROWS_MAX),
    }
}

fn fault_row(fault: &FaultRow) -> Vec<String> {
    let moment = |ms: Option<f64>, without: &str| ms.map_or_else(|| without.to_owned(), figure::moment);
    let healed = if fault.kind.is_one_shot() { "not applicable" } else { "never" };
    vec![
        fault.id.clone(),
        words::capitalised(&words::fault_phrase(fault)),
        moment(fault.applied_ms, "had no effect"),
        fault.evidence.clone(),
        moment(fault.healed_ms, healed),
        fault.heal_evidence.clone(),
    ]
}

fn failover(result: &RunResult, failover: &Failover, index: usize) -> FailoverView {
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

fn ramps(result: &RunResult, picture: &Picture) -> Vec<Ramp> {
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

fn budget(result: &RunResult) -> Option<BudgetView> {
    let budget = result.budget.as_ref()?;
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
        kept: budget.projected_month_percent >= budget.target_percent,
    })
}

fn environment(result: &RunResult, picture: &Picture) -> Vec<(&'static str, String)> {
    let mut facts = vec![];
    if let Some(machine) = &picture.machine {
        facts.push((
            "Machine",
            format!("{}, {} cores, {} MiB", machine.cpu, machine.cores, figure::count(machine.memory_mib)),
        ));
        facts.push(("System", format!("{}, kernel {}", machine.os, machine.kernel)));
    }
    facts.push(("Server", words::server_name(&result.server)));
    if !picture.lanes.is_empty() {
        facts.push((
            "Nodes",
            picture.lanes.iter().map(|lane| lane.node.to_string()).collect::<Vec<_>>().join(", "),
        ));
    }
    facts.push(("Backend", result.backend.clone()));
    facts.push(("Seed", result.seed.to_string()));
    let control = &result.control;
    if control.windows > 0 {
        let share = figure::percent(control.contaminated_windows as f64 / control.windows as f64 * 100.0);
        let (disturbed, windows) =
            (figure::count(control.contaminated_windows), figure::count(control.windows));
        facts.push((
            "Disturbed seconds",
            format!("{disturbed} of {windows} ({share}); above 10 % latency is not judged"),
        ));
        facts.push((
            "Control probe",
            format!(
                "longest timer stall {}, p99 of a local echo {}",
                figure::duration(control.stall_max_ms),
                figure::duration(control.echo_p99_ms)
            ),
        ));
    }
    let cpu = &control.cpu_s;
    let used = [cpu.servers, cpu.harness, cpu.other, cpu.steal];
    if used.iter().any(|seconds| *seconds > 0.0) {
        let [servers, harness, other, steal] = used.map(|seconds| figure::duration(seconds * 1e3));
        let text =
            format!("servers {servers}, harness {harness}, others {other}, stolen by the host {steal}");
        facts.push(("CPU time", text));
    }
    facts
}
