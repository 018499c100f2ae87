//! A Markdown summary for a pull-request comment. Always below one megabyte: long lists are cut and say by
//! how much. Text from outside is escaped, so that it can neither format nor mention anybody.

use super::{alerts, figure, network, plain, rehearsal, rows, summary, words};
use crate::model::{Failover, RunResult, Verdict};
use std::fmt::Write;

const ROWS_MAX: usize = 50;
const VIOLATIONS_MAX: usize = 10;
const EVIDENCE_LINES_MAX: usize = 5;
/// One cell or line; with the limits above it keeps the whole far below a megabyte.
const CHARACTERS_MAX: usize = 300;
const COMMAND_CHARACTERS_MAX: usize = 4_000;

/// The run's summary in GitHub-flavoured Markdown, shorter than 1 MB whatever the result holds.
pub fn markdown(result: &RunResult) -> String {
    let mut text = String::new();
    let icon = icon(result.verdict);
    push(
        &mut text,
        format_args!("## {icon} {} {}\n", words::verdict_word(result.verdict), escape(&result.scenario)),
    );
    push(&mut text, format_args!("{}\n", escape(&summary::sentence(result, None))));
    for reason in rows::reasons(result).iter().take(ROWS_MAX) {
        push(&mut text, format_args!("- {}", escape(reason)));
    }
    push_more(&mut text, rows::reasons(result).len(), ROWS_MAX, "reasons");
    rehearsal_rows(&mut text, result);
    alert_rows(&mut text, result);
    promises(&mut text, result);
    invariants(&mut text, result);
    outages(&mut text, result);
    failovers(&mut text, result);
    network_rows(&mut text, result);
    push(&mut text, format_args!("\nRepeat it:\n\n```sh\n{}\n```\n", fenced(&result.command)));
    push(
        &mut text,
        format_args!(
            "{} · backend {} · seed {} · started {} · took {}",
            escape(&words::servers_name(&result.server)),
            escape(&result.backend),
            result.seed,
            started(result),
            figure::duration(result.duration_ms)
        ),
    );
    text
}

fn promises(text: &mut String, result: &RunResult) {
    let objectives = rows::objectives(result);
    if objectives.is_empty() {
        push(text, format_args!("\nNo objective was judged."));
        return;
    }
    push(text, format_args!("\n| | Objective | Promised | Measured | Samples | Verdict |"));
    push(text, format_args!("|---|---|---|---|---|---|"));
    for row in objectives.iter().take(ROWS_MAX) {
        let decides = if row.gating { "**decides**" } else { "" };
        let interval =
            if row.interval.is_empty() { String::new() } else { format!(" ({})", escape(&row.interval)) };
        let note = if row.note.is_empty() { String::new() } else { format!("<br>{}", escape(&row.note)) };
        push(
            text,
            format_args!(
                "| {decides} | {} `{}` | {} | {}{interval} | {} | {}{note} |",
                escape(&row.title),
                code(&row.id),
                escape(&row.promised),
                escape(&row.measured),
                escape(row.samples.split(' ').next().unwrap_or_default()),
                row.verdict,
            ),
        );
    }
    push_more(text, objectives.len(), ROWS_MAX, "objectives");
    unexercised(text, result);
}

fn unexercised(text: &mut String, result: &RunResult) {
    let unexercised = rows::unexercised(result);
    if unexercised.is_empty() {
        return;
    }
    push(text, format_args!("\nNot exercised by this scenario:\n"));
    for (id, reason) in unexercised.iter().take(ROWS_MAX) {
        push(text, format_args!("- `{}`: {}", code(id), escape(reason)));
    }
    push_more(text, unexercised.len(), ROWS_MAX, "of them");
}

fn invariants(text: &mut String, result: &RunResult) {
    let invariants = rows::invariants(result);
    if invariants.is_empty() {
        return;
    }
    push(text, format_args!("\n**Invariants**\n"));
    for row in invariants.iter().take(ROWS_MAX) {
        let decides = if row.gating { "decides" } else { "for information" };
        let note = if row.note.is_empty() { String::new() } else { format!(". {}", escape(&row.note)) };
        push(
            text,
            format_args!(
                "- {} {} `{}` ({decides}): **{}**, {}{note}",
                icon(row.verdict),
                escape(words::title(&row.id)),
                code(&row.id),
                row.verdict,
                escape(&rows::invariant_line(row)),
            ),
        );
        for violation in row.violations.iter().take(VIOLATIONS_MAX) {
            let known =
                violation.known.as_ref().map(|id| format!(" (known: `{}`)", code(id))).unwrap_or_default();
            push(text, format_args!("  - {}{known}", escape(&violation.summary)));
            for line in violation.evidence.iter().take(EVIDENCE_LINES_MAX) {
                push(text, format_args!("    - `{}`", code(line)));
            }
            let more = violation.evidence.len().saturating_sub(EVIDENCE_LINES_MAX);
            if more > 0 {
                push(text, format_args!("    - … {more} more lines of evidence in result.json"));
            }
        }
        let more = row.violations.len().saturating_sub(VIOLATIONS_MAX);
        if more > 0 {
            push(text, format_args!("  - … {more} more violations in result.json"));
        }
    }
    push_more(text, invariants.len(), ROWS_MAX, "invariants");
}

fn outages(text: &mut String, result: &RunResult) {
    if result.outages.is_empty() {
        return;
    }
    push(text, format_args!("\n**Outages**\n\n| Operation | Route | From | To | Lasted | Fault |"));
    push(text, format_args!("|---|---|---|---|---|---|"));
    for outage in result.outages.iter().take(ROWS_MAX) {
        push(
            text,
            format_args!(
                "| {} | {} | {} | {} | **{}** | {} |",
                escape(&outage.operation),
                escape(&outage.route),
                figure::moment(outage.start_ms),
                figure::moment(outage.end_ms),
                figure::duration(summary::length_ms(outage)),
                escape(outage.fault.as_deref().unwrap_or("none")),
            ),
        );
    }
    push_more(text, result.outages.len(), ROWS_MAX, "outages");
}

fn failovers(text: &mut String, result: &RunResult) {
    if result.failovers.is_empty() {
        return;
    }
    push(text, format_args!("\n**Failover**, from the moment the fault took hold\n"));
    push(
        text,
        format_args!(
            "| Fault | First error | Elected | Active | First read | First write | Redundant | Log: ready |"
        ),
    );
    push(text, format_args!("|---|---|---|---|---|---|---|---|"));
    for failover in result.failovers.iter().take(ROWS_MAX) {
        push(text, format_args!("{}", failover_row(failover)));
    }
    push_more(text, result.failovers.len(), ROWS_MAX, "failovers");
}

fn rehearsal_rows(text: &mut String, result: &RunResult) {
    let Some(upgrade) = &result.rehearsal else { return };
    let (word, meaning) = (rehearsal::word(upgrade), rehearsal::meaning(upgrade));
    push(text, format_args!("\n**Rehearsal of the upgrade: {word}.** {meaning}\n"));
    table(text, &rehearsal::HEADINGS, &rehearsal::rows(upgrade));
    for sentence in rehearsal::errors(upgrade).iter().take(ROWS_MAX) {
        push(text, format_args!("\n{}", escape(sentence)));
    }
    if let Some((heading, lines)) = rehearsal::changes(upgrade) {
        push(text, format_args!("\n{heading}\n"));
        for line in lines {
            push(text, format_args!("- `{}`", code(&line)));
        }
    }
}

fn alert_rows(text: &mut String, result: &RunResult) {
    let rows = alerts::rows(result);
    if !rows.is_empty() {
        push(text, format_args!("\n**Alerts** of a Prometheus that scraped every node\n"));
        table(text, &alerts::HEADINGS, &rows);
    }
}

fn network_rows(text: &mut String, result: &RunResult) {
    let sentences = network::sentences(result);
    if !sentences.is_empty() {
        push(text, format_args!("\n**Network**, asked and measured with packets of our own\n"));
        for sentence in sentences.iter().take(ROWS_MAX) {
            push(text, format_args!("- {}", escape(sentence)));
        }
        table(text, &network::LINK_HEADINGS, &network::links(result));
    }
    if !result.stale_reads.is_empty() {
        push(text, format_args!("\n**Reads of nodes that were cut off**"));
        table(text, &network::STALE_HEADINGS, &network::stale_reads(result));
    }
}

fn table(text: &mut String, headings: &[&str], rows: &[Vec<String>]) {
    if rows.is_empty() {
        return;
    }
    push(text, format_args!("\n| {} |", headings.join(" | ")));
    push(text, format_args!("|{}", "---|".repeat(headings.len())));
    for row in rows.iter().take(ROWS_MAX) {
        let cells: Vec<String> = row.iter().map(|cell| escape(cell)).collect();
        push(text, format_args!("| {} |", cells.join(" | ")));
    }
    push_more(text, rows.len(), ROWS_MAX, "rows");
}

fn failover_row(failover: &Failover) -> String {
    let phases = &failover.phases_ms;
    let cells = [
        phases.first_error,
        phases.elected,
        phases.active,
        phases.first_read,
        phases.first_write,
        phases.redundant,
        failover.log_ready_ms,
    ];
    let cells = cells.map(|ms| ms.map_or_else(|| "unknown".to_owned(), figure::elapsed)).join(" | ");
    format!("| {} | {cells} |", escape(&failover.fault))
}

fn started(result: &RunResult) -> String {
    result.started_at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

pub(super) fn icon(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "✅",
        Verdict::Fail => "❌",
        Verdict::Inconclusive => "⚠️",
    }
}

fn push(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = text.write_fmt(line);
    text.push('\n');
}

fn push_more(text: &mut String, total: usize, shown: usize, what: &str) {
    if total > shown {
        push(text, format_args!("\n… {} more {what} in result.json", total - shown));
    }
}

fn shortened(text: &str, characters_max: usize) -> String {
    let mut letters = text.chars().map(|letter| if plain::is_harmful(letter) { ' ' } else { letter });
    let mut short: String = letters.by_ref().take(characters_max).collect();
    if letters.next().is_some() {
        short.push('…');
    }
    short
}

/// Text outside of code: nothing in it formats, links, mentions or closes a table cell.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in shortened(text, CHARACTERS_MAX).chars() {
        match letter {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '@' => escaped.push_str("&#64;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '!' => {
                escaped.push('\\');
                escaped.push(letter);
            }
            _ => escaped.push(letter),
        }
    }
    escaped
}

/// Text inside a code span, in a table or out of it.
fn code(text: &str) -> String {
    shortened(text, CHARACTERS_MAX).replace('`', "'").replace('|', "\\|")
}

/// Text inside a fenced block.
fn fenced(text: &str) -> String {
    shortened(text, COMMAND_CHARACTERS_MAX).replace("```", "'''")
}
