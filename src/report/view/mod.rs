//! What the page's templates see: texts already in words, charts already drawn. Nothing here is escaped; only
//! charts are marked as safe, because their own writer escapes.

mod drawn;

use self::drawn::{BudgetView, Chart, FailoverView, Ramp, Titled};
use super::chart::{self, Size};
use super::rows::{self, Row};
use super::{alerts, figure, network, rehearsal, summary, words};
use crate::model::{FaultRow, InvariantRow, Outcome, Picture, RunResult};
use serde::Serialize;

/// Longest lists on the page; what is beyond stands in `result.json`.
const ROWS_MAX: usize = 200;
const EVIDENCE_LINES_MAX: usize = 60;
/// More violations of one invariant look alike.
const DRAWN_VIOLATIONS_MAX: usize = 5;

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
    unexercised: Vec<(String, String)>,
    sources: Vec<String>,
    invariants: Vec<Invariant>,
    timeline: Option<Chart>,
    timeline_note: Option<String>,
    percentiles: Vec<Titled>,
    rehearsal: Option<RehearsalView>,
    alerts: AlertsView,
    faults: Table,
    failovers: Vec<FailoverView>,
    outages: Table,
    network: Vec<String>,
    link_headings: [&'static str; 6],
    links: Table,
    stale_headings: [&'static str; 8],
    stale_reads: Table,
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

/// A list for a table, and how many rows were left out.
#[derive(Default, Serialize)]
struct Table {
    rows: Vec<Vec<String>>,
    more: usize,
}

#[derive(Serialize)]
struct AlertsView {
    headings: [&'static str; 6],
    rows: Vec<Vec<String>>,
}

#[derive(Serialize)]
struct RehearsalView {
    word: &'static str,
    meaning: &'static str,
    headings: [&'static str; 7],
    rows: Vec<Vec<String>>,
    errors: Vec<String>,
    changes: Option<(String, Vec<String>)>,
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
    /// Where the evidence is operations on one secret.
    chart: Option<Chart>,
    evidence: Vec<String>,
    more: usize,
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
        unexercised: rows::unexercised(result),
        sources,
        invariants: rows::invariants(result).into_iter().map(invariant).collect(),
        timeline: drawn::both(|size| chart::timeline(result, picture, size)),
        timeline_note: chart::seconds_per_point(result, picture, Size::Wide).map(|seconds| {
            format!("Each point joins {seconds} seconds; latencies are those of the worst second in it.")
        }),
        percentiles: drawn::percentiles(result, picture),
        rehearsal: result.rehearsal.as_ref().map(|upgrade| RehearsalView {
            word: rehearsal::word(upgrade),
            meaning: rehearsal::meaning(upgrade),
            headings: rehearsal::HEADINGS,
            rows: rehearsal::rows(upgrade),
            errors: rehearsal::errors(upgrade),
            changes: rehearsal::changes(upgrade),
        }),
        alerts: AlertsView { headings: alerts::HEADINGS, rows: alerts::rows(result) },
        faults: table(&result.faults, fault_row),
        failovers: result
            .failovers
            .iter()
            .take(ROWS_MAX)
            .enumerate()
            .map(|(i, f)| drawn::failover(result, f, i))
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
        network: network::sentences(result),
        link_headings: network::LINK_HEADINGS,
        links: table(&network::links(result), Vec::clone),
        stale_headings: network::STALE_HEADINGS,
        stale_reads: table(&network::stale_reads(result), Vec::clone),
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
        ramps: drawn::ramps(result, picture),
        budget: drawn::budget(result),
        deviations: picture.deviations.clone(),
        overrides: result.overrides.clone(),
        environment: environment(result, picture),
        command: result.command.clone(),
        generator: concat!("Vaultquake ", env!("CARGO_PKG_VERSION")),
    }
}

fn table<T>(items: &[T], cells: impl Fn(&T) -> Vec<String>) -> Table {
    Table {
        rows: items.iter().take(ROWS_MAX).map(cells).collect(),
        more: items.len().saturating_sub(ROWS_MAX),
    }
}

fn facts(result: &RunResult) -> Vec<(&'static str, String)> {
    vec![
        ("Server", words::servers_name(&result.server)),
        ("Backend", result.backend.clone()),
        ("Started", result.started_at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()),
        ("Took", figure::duration(result.duration_ms)),
        ("Seed", result.seed.to_string()),
    ]
}

fn invariant(row: &InvariantRow) -> Invariant {
    let violations = row.violations.iter().take(ROWS_MAX).enumerate().map(|(i, violation)| ViolationView {
        summary: violation.summary.clone(),
        known: violation.known.clone(),
        chart: (i < DRAWN_VIOLATIONS_MAX)
            .then(|| drawn::violation(violation, &format!("{}-{i}", row.id)))
            .flatten(),
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

fn environment(result: &RunResult, picture: &Picture) -> Vec<(&'static str, String)> {
    let mut facts = vec![];
    if let Some(machine) = &picture.machine {
        facts.push((
            "Machine",
            format!("{}, {} cores, {} MiB", machine.cpu, machine.cores, figure::count(machine.memory_mib)),
        ));
        facts.push(("System", format!("{}, kernel {}", machine.os, machine.kernel)));
    }
    facts.push(("Server", words::servers_name(&result.server)));
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
            format!(
                "{disturbed} of {windows} ({share}) over the whole run, by the strictest latency promise; a \
                 latency is not judged where its own bound was disturbed for more than 10 % of the steady phase"
            ),
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
    let beside = control.side_by_side > 1;
    if beside {
        let text = format!(
            "up to {} runs went on at once, this one included; latencies and throughput are shown and not judged",
            control.side_by_side
        );
        facts.push(("Side by side", text));
    }
    let cpu = &control.cpu_s;
    let used = [cpu.servers, cpu.harness, cpu.siblings, cpu.other, cpu.steal];
    if used.iter().any(|seconds| *seconds > 0.0) {
        let [servers, harness, siblings, other, steal] = used.map(|seconds| figure::duration(seconds * 1e3));
        let harness = if beside {
            format!("harness {harness} (all runs), servers of the other runs {siblings}")
        } else {
            format!("harness {harness}")
        };
        facts.push((
            "CPU time",
            format!("servers {servers}, {harness}, others {other}, stolen by the host {steal}"),
        ));
    }
    facts
}
