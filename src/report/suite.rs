//! A night's runs together: for a pull request's comment, for people at a terminal, and as the head of an index page. Each run
//! has a report of its own; this says where to look.

use super::markdown::{escape, icon};
use super::{figure, plain, rows, summary, words};
use crate::model::{LeftOut, LeftOutFor, RunResult, SuiteEnd, SuiteReport, SuiteRun, Verdict};
use minijinja::value::Serde;
use minijinja::{Value, context};
use serde::Serialize;
use std::fmt::Write;

/// A comment takes 65,536 characters; these keep it far below.
const RUNS_MAX: usize = 60;
const LEFT_OUT_MAX: usize = 40;
const BYTES_MAX: usize = 60_000;

/// Why a run is no pass, or what was seen in it: one line. What failed is told before what only casts doubt.
pub fn said(result: &RunResult) -> String {
    let objectives = result.objectives.iter().map(|row| (&row.id, row.gating, row.verdict));
    let invariants = result.invariants.iter().map(|row| (&row.id, row.gating, row.verdict));
    let failed =
        objectives.chain(invariants).filter(|(_, gating, verdict)| *gating && *verdict == Verdict::Fail);
    let failed: Vec<_> = failed.map(|(id, ..)| id.as_str()).collect();
    let reasons = rows::reasons(result);
    let gravest = reasons.iter().find(|reason| failed.iter().any(|id| reason.starts_with(id)));
    let told = gravest.or(reasons.first());
    told.map_or_else(|| summary::sentence(result, None), |reason| reason.to_string())
}

/// What the whole night means, by the order of the exit codes: trouble of our own stands above a failure, since it hides some.
fn gravest(report: &SuiteReport) -> (&'static str, &'static str) {
    let any = |verdict| report.count(verdict) > 0;
    if any(None) {
        ("❗", "HARNESS FAILED")
    } else if any(Some(Verdict::Fail)) {
        (icon(Verdict::Fail), "FAIL")
    } else if any(Some(Verdict::Inconclusive)) || report.runs.is_empty() {
        (icon(Verdict::Inconclusive), "INCONCLUSIVE")
    } else {
        (icon(Verdict::Pass), "PASS")
    }
}

/// `34 runs: 30 passed, 1 failed, 3 inconclusive`, and how the night ended.
fn counts(report: &SuiteReport) -> String {
    let of = [
        (Some(Verdict::Pass), "passed"),
        (Some(Verdict::Fail), "failed"),
        (Some(Verdict::Inconclusive), "inconclusive"),
        (None, "in which the harness failed"),
    ];
    let counted = of.map(|(verdict, word)| (report.count(verdict), word));
    let counted: Vec<_> = counted
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    let runs = figure::counted(report.runs.len() as u64, "run");
    let mut text =
        if counted.is_empty() { "nothing ran".to_owned() } else { format!("{runs}: {}", counted.join(", ")) };
    text.push_str(match report.end {
        SuiteEnd::Whole => "",
        SuiteEnd::UnderWay => "; the night goes on, or was killed",
        SuiteEnd::Interrupted => "; the night was ended early",
    });
    text
}

fn about(report: &SuiteReport) -> String {
    let SuiteReport { suite, night, server, within, .. } = report;
    let (took, within) = (figure::duration(report.elapsed_ms), figure::duration(within.as_ms()));
    let started = report.started_at.strftime("%Y-%m-%d %H:%M UTC");
    format!("suite {suite}, night {night}, {server}, began {started}, took {took} of {within}")
}

/// Those first that need somebody to look.
fn by_gravity(report: &SuiteReport) -> Vec<&SuiteRun> {
    let mut runs: Vec<&SuiteRun> = report.runs.iter().collect();
    runs.sort_by_key(|run| match run.verdict {
        Some(Verdict::Fail) => 0,
        None => 1,
        Some(Verdict::Inconclusive) => 2,
        Some(Verdict::Pass) => 3,
    });
    runs
}

fn word(run: &SuiteRun) -> &'static str {
    run.verdict.map_or("HARNESS", words::verdict_word)
}

/// Grouped by why, and what somebody could do something about first.
fn left_out(report: &SuiteReport) -> Vec<(LeftOutFor, Vec<&LeftOut>)> {
    use LeftOutFor::{Budget, Interrupted, NotReached, Rotation, Skipped, Unsupported};
    let reasons = [Budget, Skipped, Interrupted, NotReached, Unsupported, Rotation];
    let of = |reason| report.left_out.iter().filter(|left| left.reason == reason).collect::<Vec<_>>();
    reasons.map(|reason| (reason, of(reason))).into_iter().filter(|(_, left)| !left.is_empty()).collect()
}

/// Where the heading says it all, nothing is said again.
fn line(left: &LeftOut) -> String {
    if left.why.is_empty() { left.item.to_string() } else { format!("{}: {}", left.item, left.why) }
}

/// Short GitHub-flavoured Markdown: the headline, a table, what did not run. Fits a comment whatever the night held.
pub fn suite_markdown(report: &SuiteReport) -> String {
    let mut text = String::new();
    let (sign, word) = gravest(report);
    let _ = writeln!(text, "## {sign} {word}: {}\n", escape(&counts(report)));
    let _ = writeln!(text, "{}.", escape(&about(report)));
    let runs = by_gravity(report);
    let (passed, others): (Vec<_>, Vec<_>) =
        runs.into_iter().partition(|run| run.verdict == Some(Verdict::Pass));
    if !others.is_empty() {
        let _ = writeln!(text);
        table(&mut text, &others);
    }
    if !passed.is_empty() {
        let _ = writeln!(text, "\n<details><summary>{} passed</summary>\n", passed.len());
        table(&mut text, &passed);
        let _ = writeln!(text, "\n</details>");
    }
    for (reason, left) in left_out(report) {
        let heading = format!("Not run, {}: {}", reason.words(), left.len());
        // Turns of other nights are as they should be.
        let is_quiet = reason == LeftOutFor::Rotation;
        let _ = match is_quiet {
            true => writeln!(text, "\n<details><summary>{heading}</summary>\n"),
            false => writeln!(text, "\n**{heading}**\n"),
        };
        for left in left.iter().take(LEFT_OUT_MAX) {
            let _ = writeln!(text, "- {}", escape(&line(left)));
        }
        more(&mut text, left.len(), LEFT_OUT_MAX);
        if is_quiet {
            let _ = writeln!(text, "\n</details>");
        }
    }
    if text.len() > BYTES_MAX {
        let line_end = text.as_bytes()[..BYTES_MAX].iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
        text.truncate(line_end);
        text.push_str("\n\n… the rest stands in suite.json\n");
    }
    text
}

fn table(text: &mut String, runs: &[&SuiteRun]) {
    let _ = writeln!(text, "| | Scenario | Backend | Took | What was seen |\n|---|---|---|---|---|");
    for run in runs.iter().take(RUNS_MAX) {
        let item = &run.item;
        let pair =
            item.upgrade.as_ref().map(|pair| format!("<br>{} → {}", escape(&pair.from), escape(&pair.to)));
        let _ = writeln!(
            text,
            "| {} {} | {}{} | {} | {} | {} |",
            run.verdict.map_or("❗", icon),
            word(run).to_lowercase(),
            escape(&item.scenario),
            pair.unwrap_or_default(),
            item.backend.name(),
            figure::duration(run.took_ms),
            escape(&run.said)
        );
    }
    more(text, runs.len(), RUNS_MAX);
}

fn more(text: &mut String, total: usize, shown: usize) {
    if total > shown {
        let _ = writeln!(text, "\n… {} more in suite.json", total - shown);
    }
}

const COLUMNS: usize = 100;

/// A line a run, those first that need a look, and what did not run. Ends with a line break.
pub fn suite_terminal(report: &SuiteReport, colour: bool) -> String {
    let mut lines = Vec::new();
    for run in by_gravity(report) {
        let line = format!("{}  {}", run.item, run.said);
        let code = match run.verdict {
            Some(Verdict::Pass) => "1;32",
            Some(Verdict::Inconclusive) => "1;33",
            Some(Verdict::Fail) | None => "1;31",
        };
        let padded = format!("{:<12}", word(run));
        let painted = if colour { format!("\x1b[{code}m{padded}\x1b[0m") } else { padded };
        lines.push(format!("{painted}  {}", super::terminal::fit(&plain::visible(&line), COLUMNS - 14)));
    }
    for (reason, left) in left_out(report) {
        lines.push(format!("not run, {}: {}", reason.words(), left.len()));
        let shown = if reason == LeftOutFor::Rotation { 0 } else { left.len() };
        for left in left.iter().take(shown) {
            lines.push(format!("  {}", super::terminal::fit(&plain::visible(&line(left)), COLUMNS - 2)));
        }
    }
    let (_, word) = gravest(report);
    lines.push(format!("\n{word}: {}\n{}", counts(report), about(report)));
    lines.join("\n") + "\n"
}

#[derive(Serialize)]
struct PageRow {
    verdict: &'static str,
    scenario: String,
    upgrade: String,
    backend: &'static str,
    took: String,
    said: String,
    /// Empty where there is no folder.
    folder: String,
}

#[derive(Serialize)]
struct PageLeft {
    heading: String,
    quiet: bool,
    lines: Vec<String>,
}

/// What the template of the index page shows of a night.
pub fn page(report: &SuiteReport) -> Value {
    let rows = by_gravity(report).into_iter().map(|run| PageRow {
        verdict: run.verdict.map_or("harness", Verdict::name),
        scenario: run.item.scenario.clone(),
        upgrade: run
            .item
            .upgrade
            .as_ref()
            .map(|pair| format!("{} → {}", pair.from, pair.to))
            .unwrap_or_default(),
        backend: run.item.backend.name(),
        took: figure::duration(run.took_ms),
        said: run.said.clone(),
        folder: run.folder.clone().unwrap_or_default(),
    });
    let left = left_out(report).into_iter().map(|(reason, left)| PageLeft {
        heading: format!("{} not run: {}", left.len(), reason.words()),
        quiet: reason == LeftOutFor::Rotation,
        lines: left.into_iter().map(line).collect(),
    });
    let (_, word) = gravest(report);
    let class = match word {
        "PASS" => "pass",
        "INCONCLUSIVE" => "inconclusive",
        _ => "fail",
    };
    context! {
        word => word,
        class => class,
        counts => counts(report),
        about => about(report),
        summary => &report.summary,
        rows => Serde(rows.collect::<Vec<_>>()),
        left => Serde(left.collect::<Vec<_>>()),
    }
}
