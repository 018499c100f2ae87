//! Runs in the order of time: for people at a terminal, and as an index page of a folder of runs.

use super::chart::trend_line;
use super::{chart, figure, plain, words};
use crate::model::{Change, FigureTrend, PastRun, ScenarioTrend, SuiteReport};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, Value, context};
use serde::Serialize;
use std::fmt::Write;

const TEMPLATE: &str = include_str!("templates/trend.html");
const MACROS: &str = include_str!("templates/macros.html");
const STYLE: &str = include_str!("templates/style.css");

/// A line a figure. Ends with a line break.
pub fn trends(trends: &[ScenarioTrend]) -> String {
    let mut text = String::new();
    for trend in trends {
        let _ = writeln!(text, "\n{} ({})", trend.scenario, trend.conditions);
        let _ = writeln!(
            text,
            "  {:<20} {:>5} {:>14} {:>27}",
            "figure", "runs", "last", "where earlier ones lie"
        );
        for row in &trend.figures {
            let last = row.points.last().map_or(f64::NAN, |point| point.value);
            let _ = writeln!(
                text,
                "  {:<20} {:>5} {:>14} {:>27}  {}",
                row.id,
                row.points.len(),
                format!("{} {}", figure::three_digits(last), row.unit),
                band(row),
                row.change.words()
            );
        }
    }
    plain::visible_lines(&text)
}

fn band(row: &FigureTrend) -> String {
    row.band.map_or_else(
        || "–".to_owned(),
        |band| format!("{} to {}", figure::three_digits(band.low), figure::three_digits(band.high)),
    )
}

#[derive(Serialize)]
struct RunRow {
    folder: String,
    started: String,
    scenario: String,
    backend: String,
    verdict: &'static str,
    sentence: String,
}

#[derive(Serialize)]
struct TrendRow {
    id: String,
    title: String,
    runs: usize,
    last: String,
    band: String,
    change: &'static str,
    class: &'static str,
    chart: Value,
}

#[derive(Serialize)]
struct TrendSection {
    scenario: String,
    conditions: String,
    rows: Vec<TrendRow>,
}

/// The index of a folder of runs: the last suite that ran there, every run with its verdict and report, and every figure over
/// time.
pub fn index(runs: &[PastRun], trends: &[ScenarioTrend], suite: Option<&SuiteReport>) -> String {
    let style = format!("{}{STYLE}", chart::style_sheet());
    let sections: Vec<_> = trends.iter().enumerate().map(|(number, trend)| section(number, trend)).collect();
    let rows: Vec<_> = runs.iter().rev().map(run_row).collect();
    let suite = suite.map(super::suite::page);
    let style = Value::from_safe_string(style);
    let page = context! { style => style, suite => suite, runs => Serde(rows), sections => Serde(sections) };
    let page = render(&page)
        // The template is compiled in and a test renders it; should it fail all the same, the reader is told.
        .unwrap_or_else(|problem| {
            format!(
                "<!doctype html>\n<title>runs</title>\n<p>The page could not be laid out: {problem}.</p>\n"
            )
        });
    plain::visible_lines(&page)
}

fn render(context: &Value) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.add_template("macros.html", MACROS)?;
    environment.add_template("trend.html", TEMPLATE)?;
    environment.get_template("trend.html")?.render(context)
}

fn run_row(run: &PastRun) -> RunRow {
    let result = &run.result;
    RunRow {
        folder: run.folder.clone(),
        started: result.started_at.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        scenario: result.scenario.clone(),
        backend: result.backend.clone(),
        verdict: result.verdict.name(),
        sentence: super::summary::sentence(result, None),
    }
}

fn section(number: usize, trend: &ScenarioTrend) -> TrendSection {
    let rows = trend.figures.iter().enumerate().map(|(place, row)| {
        let last = row.points.last().map_or(f64::NAN, |point| point.value);
        TrendRow {
            id: row.id.clone(),
            title: words::title(&row.id).to_owned(),
            runs: row.points.len(),
            last: format!("{} {}", figure::three_digits(last), row.unit),
            band: band(row),
            change: row.change.words(),
            class: match row.change {
                Change::Better => "pass",
                Change::Worse => "fail",
                Change::Other => "inconclusive",
                Change::NoneShown | Change::TooFewRuns | Change::NotCounted => "quiet",
            },
            chart: Value::from_safe_string(trend_line(&format!("t{number}-{place}"), row)),
        }
    });
    TrendSection {
        scenario: trend.scenario.clone(),
        conditions: trend.conditions.clone(),
        rows: rows.collect(),
    }
}
