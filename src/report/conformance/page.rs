//! The matrix as one HTML page: cases down, servers across, with both texts of every divergence.

use super::detail;
use crate::model::{CaseResult, ConformanceResult, Standing};
use crate::report::plain;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, context};
use serde::Serialize;

const TEMPLATE: &str = include_str!("../templates/conformance.html");
const STYLE: &str = include_str!("../templates/conformance.css");

/// The cases of one engine.
#[derive(Serialize)]
struct Group {
    name: String,
    rows: Vec<Row>,
}

#[derive(Clone, Serialize)]
struct Row {
    id: String,
    meaning: String,
    source: String,
    cells: Vec<Cell>,
    /// What is worth telling, a line a server.
    details: Vec<String>,
}

#[derive(Clone, Serialize)]
struct Cell {
    class: &'static str,
    words: &'static str,
}

pub fn html(result: &ConformanceResult) -> String {
    let page = render(result)
        // The template is compiled in and tests render it; should it fail all the same, the reader is told.
        .unwrap_or_else(|problem| format!("<!doctype html>\n<title>conformance</title>\n<p>The page could not be laid out: {problem}; conformance.json has everything.</p>\n"));
    plain::visible_lines(&page)
}

fn render(result: &ConformanceResult) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.add_template("conformance.html", TEMPLATE)?;
    let servers: Vec<_> = result
        .servers
        .iter()
        .map(|server| {
            let counts =
                Standing::ALL.map(|standing| (standing.words(), class(standing), server.count(standing)));
            context! {
                name => format!("{} {}", server.server.product, server.server.version),
                backend => &server.backend,
                cases => server.cases.len(),
                counts => counts.into_iter().filter(|(.., count)| *count > 0).collect::<Vec<_>>(),
            }
        })
        .collect();
    let mut groups = groups(result);
    let remarkable = remarkable(&mut groups);
    environment.get_template("conformance.html")?.render(context! {
        style => minijinja::Value::from_safe_string(STYLE.to_owned()),
        verdict => result.verdict.to_string(),
        started => result.started_at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
        seconds => format!("{:.1}", result.duration_ms / 1e3),
        command => &result.command,
        servers,
        remarkable => usize::from(remarkable.is_some()),
        groups => Serde(remarkable.into_iter().chain(groups).collect::<Vec<_>>()),
    })
}

/// All cases that some server was asked, in the order of the catalogue, by engine.
fn groups(result: &ConformanceResult) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let Some(first) = result.servers.first() else { return groups };
    for case in &first.cases {
        let name = case.id.split('/').next().unwrap_or_default().to_owned();
        if groups.last().is_none_or(|group| group.name != name) {
            groups.push(Group { name, rows: Vec::new() });
        }
        let same: Vec<_> = result
            .servers
            .iter()
            .map(|server| (&server.server.version, server.cases.iter().find(|other| other.id == case.id)))
            .collect();
        let cells =
            same.iter().map(|(_, case)| case.map_or(Cell { class: "none", words: "not asked" }, cell));
        let several = result.servers.len() > 1;
        let details = same.iter().filter_map(|(version, case)| {
            let text = detail((*case)?);
            let text = if several { format!("{version}: {text}") } else { text };
            (!detail((*case)?).is_empty()).then_some(text)
        });
        let row = Row {
            id: case.id.clone(),
            meaning: case.meaning.clone(),
            source: case.source.clone(),
            cells: cells.collect(),
            details: details.collect(),
        };
        if let Some(group) = groups.last_mut() {
            group.rows.push(row);
        }
    }
    groups
}

/// The rows that say more than that a case conforms, taken together as what is read first; in the whole list they keep
/// their marks only.
fn remarkable(groups: &mut [Group]) -> Option<Group> {
    let mut rows = Vec::new();
    for row in groups.iter_mut().flat_map(|group| &mut group.rows) {
        if !row.details.is_empty() {
            rows.push(row.clone());
            row.details.clear();
        }
    }
    (!rows.is_empty()).then(|| Group { name: "What does not simply conform".to_owned(), rows })
}

fn cell(case: &CaseResult) -> Cell {
    Cell { class: class(case.standing()), words: case.standing().words() }
}

fn class(standing: Standing) -> &'static str {
    match standing {
        Standing::Conforms => "conforms",
        Standing::KnownDivergence => "known",
        Standing::Unexpected | Standing::Vanished => "bad",
        Standing::NotApplicable => "none",
        Standing::NotJudged | Standing::Broken => "open",
    }
}
