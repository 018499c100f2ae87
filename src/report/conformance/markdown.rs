//! The matrix in Markdown, for pull requests and for a project's documents: counts by engine, then every case that does
//! not simply conform, with both texts.

use super::detail;
use crate::model::{CaseResult, ConformanceResult, ServerConformance, Standing};
use crate::report::plain;
use std::fmt::Write;

pub fn markdown(result: &ConformanceResult) -> String {
    let mut text = format!("`{}`, {}\n\n", result.command, result.started_at.strftime("%Y-%m-%d"));
    let names = result.servers.iter().map(name).collect::<Vec<_>>();
    let rule = "---|".repeat(names.len() + 1);
    let _ = writeln!(text, "| conforms, of all cases | {} |\n|{rule}", names.join(" | "));
    for engine in engines(result) {
        let of_engine = |case: &&CaseResult| self::engine(case) == engine;
        let counts = result.servers.iter().map(|server| {
            let cases = server.cases.iter().filter(of_engine);
            let conforming = cases.clone().filter(|case| case.standing() == Standing::Conforms);
            format!("{} of {}", conforming.count(), cases.count())
        });
        let _ = writeln!(text, "| {engine} | {} |", counts.collect::<Vec<_>>().join(" | "));
    }
    let totals = result
        .servers
        .iter()
        .map(|server| format!("{} of {}", server.count(Standing::Conforms), server.cases.len()));
    let _ = writeln!(text, "| all | {} |", totals.collect::<Vec<_>>().join(" | "));
    for server in &result.servers {
        remarkable(&mut text, server);
    }
    text
}

/// Cases of one server that say more than that they conform.
fn remarkable(text: &mut String, server: &ServerConformance) {
    let mut cases = server.cases.iter().filter(|case| case.standing() != Standing::Conforms).peekable();
    if cases.peek().is_none() {
        return;
    }
    let _ = writeln!(text, "\n### {}\n\n| case | documented, and what was seen |\n|---|---|", name(server));
    for case in cases {
        let told = format!("{}: {}. {}", case.standing().words(), case.meaning, detail(case));
        let _ = writeln!(text, "| `{}` | {} |", case.id, cell(&told));
    }
}

fn name(server: &ServerConformance) -> String {
    cell(&format!("{} {}", server.server.product, server.server.version))
}

fn engine(case: &CaseResult) -> &str {
    case.id.split('/').next().unwrap_or_default()
}

/// In the order of the catalogue.
fn engines(result: &ConformanceResult) -> Vec<&str> {
    let mut engines = Vec::new();
    for case in result.servers.iter().flat_map(|server| &server.cases) {
        if !engines.contains(&engine(case)) {
            engines.push(engine(case));
        }
    }
    engines
}

/// What a server said must not become a table's bar, a tag or a mark.
fn cell(text: &str) -> String {
    let plain: String =
        text.chars().map(|letter| if plain::is_harmful(letter) { ' ' } else { letter }).collect();
    plain
        .replace(['\n', '\r'], " ")
        .replace('|', "\\|")
        .replace('<', "&lt;")
        .replace('*', "\\*")
        .replace('_', "\\_")
}
