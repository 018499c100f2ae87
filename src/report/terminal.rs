//! The verdict for people at a terminal: at most 100 columns, readable without colour. Control characters
//! are taken out, so that nothing a server said can move the cursor.

use super::plain::visible as clean;
use super::{figure, rehearsal, rows, summary, words};
use crate::model::{Failover, RunResult, Verdict};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

const COLUMNS: usize = 100;
const SCENARIO_COLUMNS: usize = 40;
const VIOLATIONS_MAX: usize = 5;
const EVIDENCE_LINES_MAX: usize = 3;
const LINES_MAX: usize = 20;

/// One run: verdict, sentence, reasons, table, violations, failovers. Ends with a line break.
pub fn terminal(result: &RunResult, colour: bool) -> String {
    let ink = Ink { colour };
    let mut out = Lines::default();
    let scenario = fit(&clean(&result.scenario), SCENARIO_COLUMNS);
    let head = format!("{}  {scenario}", words::verdict_word(result.verdict));
    let rest =
        format!("backend {}, seed {}, {}", result.backend, result.seed, figure::duration(result.duration_ms));
    let rest = fit(&clean(&rest), COLUMNS.saturating_sub(head.width() + 3));
    out.line(format!(
        "{} {}  {}",
        ink.verdict(result.verdict, words::verdict_word(result.verdict)),
        ink.bold(&format!(" {scenario}")),
        ink.dim(&rest)
    ));
    out.wrapped(&summary::sentence(result, None), "  ", "  ", |text| text.to_owned());
    for reason in rows::reasons(result).iter().take(LINES_MAX) {
        out.wrapped(reason, "  - ", "    ", |text| ink.bold(text));
    }
    out.more(rows::reasons(result).len(), LINES_MAX, "reasons");
    steps(&mut out, result, ink);
    out.line(String::new());
    table(&mut out, result, ink);
    violations(&mut out, result, ink);
    for failover in result.failovers.iter().take(LINES_MAX) {
        out.wrapped(&failover_line(failover), "  ", "    ", |text| text.to_owned());
    }
    out.more(result.failovers.len(), LINES_MAX, "failovers");
    out.text
}

/// A line for each step of an upgrade, under the word that decides.
fn steps(out: &mut Lines, result: &RunResult, ink: Ink) {
    let Some(upgrade) = &result.rehearsal else { return };
    out.line(String::new());
    let word = format!("rehearsal: {}", rehearsal::word(upgrade));
    out.line(format!("  {}", ink.verdict(result.verdict, &word)));
    if let Some(snapshot) = &upgrade.snapshot {
        out.wrapped(
            &format!("snapshot before it: {}", rehearsal::said_of(snapshot)),
            "  ",
            "    ",
            str::to_owned,
        );
    }
    for row in rehearsal::step_rows(upgrade).take(LINES_MAX) {
        let [step, node, version, back, whole, outage, served] = &row[..] else { continue };
        let line = format!(
            "{step} {node}: {version}; back after {back}, whole after {whole}; longest outage {outage}; served after \
             that: {served}"
        );
        out.wrapped(&line, "  ", "    ", |text| text.to_owned());
    }
}

/// Several runs, a line each, with a count at the end.
pub fn terminal_many(results: &[RunResult], colour: bool) -> String {
    let ink = Ink { colour };
    let mut out = Lines::default();
    let longest = results.iter().map(|result| clean(&result.scenario).width()).max().unwrap_or(0).min(28);
    for result in results {
        let name = padded(&fit(&clean(&result.scenario), longest), longest);
        let took = padded_left(&figure::duration(result.duration_ms), 9);
        let why = rows::reasons(result).into_iter().next().unwrap_or_else(|| summary::sentence(result, None));
        let room = COLUMNS - 12 - 2 - longest - 2 - 9 - 2;
        let word = padded(words::verdict_word(result.verdict), 12);
        let why = fit(&clean(&why), room);
        out.line(format!("{}  {name}  {took}  {}", ink.verdict(result.verdict, &word), ink.dim(&why)));
    }
    let of = |verdict| results.iter().filter(|result| result.verdict == verdict).count();
    out.line(format!(
        "{}: {} passed, {} failed, {} inconclusive",
        figure::counted(results.len() as u64, "scenario"),
        of(Verdict::Pass),
        of(Verdict::Fail),
        of(Verdict::Inconclusive)
    ));
    out.text
}

/// Widest each column may grow: mark, id, promised, measured, interval, samples, verdict; with two blanks
/// between them they fill the line.
const WIDTHS_MAX: [usize; 7] = [1, 20, 12, 14, 21, 8, 12];

fn table(out: &mut Lines, result: &RunResult, ink: Ink) {
    if rows::nothing_was_judged(result) {
        out.line("  Nothing was judged: there is no objective and no invariant with data.".to_owned());
        return;
    }
    let heads = ["", "figure", "promised", "measured", "interval", "samples", "verdict"].map(str::to_owned);
    let mut cells = vec![];
    for row in rows::objectives(result) {
        let mark = if row.gating { "*" } else { "" };
        let samples = row.samples.split(' ').next().unwrap_or_default().to_owned();
        let note = if row.verdict == Verdict::Pass { String::new() } else { row.note };
        let line = [
            mark.to_owned(),
            row.id,
            row.promised,
            row.measured,
            row.interval,
            samples,
            row.verdict.name().to_owned(),
        ];
        cells.push((line, row.gating, note));
    }
    for row in rows::invariants(result) {
        let mark = if row.gating { "*" } else { "" };
        let violations = match row.violations.len() {
            0 => "no violation".to_owned(),
            n => figure::counted(n as u64, "violation"),
        };
        let measured = if row.checked == 0 { "no data".to_owned() } else { violations };
        let note = if row.verdict == Verdict::Pass { String::new() } else { row.note.clone() };
        let line = [
            mark.to_owned(),
            row.id.clone(),
            "always".to_owned(),
            measured,
            String::new(),
            figure::count(row.checked),
            row.verdict.name().to_owned(),
        ];
        cells.push((line, row.gating, note));
    }
    cells.sort_by_key(|(_, gating, _)| !gating);
    let mut widths = heads.each_ref().map(|head| head.width());
    for (line, _, _) in &mut cells {
        for (i, cell) in line.iter_mut().enumerate() {
            *cell = fit(&clean(cell), WIDTHS_MAX[i]);
            widths[i] = widths[i].max(cell.width());
        }
    }
    out.line(ink.dim(&joined(&heads, &widths)));
    for (line, gating, note) in &cells {
        let verdict = line[6].clone();
        let text = joined(line, &widths);
        let start = text.strip_suffix(verdict.as_str()).unwrap_or(&text);
        let inked = match verdict.as_str() {
            "pass" => ink.verdict(Verdict::Pass, &verdict),
            "fail" if *gating => ink.verdict(Verdict::Fail, &verdict),
            _ => ink.verdict(Verdict::Inconclusive, &verdict),
        };
        out.line(format!("{}{inked}", if *gating { ink.bold(start) } else { start.to_owned() }));
        if !note.is_empty() {
            out.wrapped(note, "       ", "       ", |text| ink.dim(text));
        }
    }
    out.line(ink.dim("  * decides the verdict; the other rows are shown for information"));
    let unexercised = rows::unexercised(result);
    if !unexercised.is_empty() {
        out.line(ink.dim("  not exercised by this scenario:"));
        for (id, reason) in unexercised.iter().take(LINES_MAX) {
            out.wrapped(&format!("{id}: {reason}"), "    ", "      ", |text| ink.dim(text));
        }
        out.more(unexercised.len(), LINES_MAX, "of them");
    }
}

fn joined(cells: &[String; 7], widths: &[usize; 7]) -> String {
    let mut text = String::new();
    for (i, cell) in cells.iter().enumerate() {
        // Samples are numbers: right-aligned, so that they can be compared.
        text.push_str(&if i == 5 { padded_left(cell, widths[i]) } else { padded(cell, widths[i]) });
        text.push_str(if i == 0 { " " } else { "  " });
    }
    text.trim_end().to_owned()
}

fn violations(out: &mut Lines, result: &RunResult, ink: Ink) {
    for row in rows::invariants(result).into_iter().filter(|row| !row.violations.is_empty()) {
        out.line(String::new());
        out.line(format!("  {}", ink.bold(&clean(&format!("{}: {}", row.id, rows::invariant_line(row))))));
        for violation in row.violations.iter().take(VIOLATIONS_MAX) {
            let known = violation.known.as_ref().map(|id| format!(" (known: {id})")).unwrap_or_default();
            out.wrapped(&format!("{}{known}", violation.summary), "  - ", "    ", |text| text.to_owned());
            for line in violation.evidence.iter().take(EVIDENCE_LINES_MAX) {
                out.line(format!("      {}", ink.dim(&fit(&clean(line), COLUMNS - 6))));
            }
            let more = violation.evidence.len().saturating_sub(EVIDENCE_LINES_MAX);
            if more > 0 {
                out.line(format!("      … {more} more lines of evidence in the report"));
            }
        }
        out.more(row.violations.len(), VIOLATIONS_MAX, "violations");
    }
}

/// Service back after a fault, in one line.
fn failover_line(failover: &Failover) -> String {
    let phases = &failover.phases_ms;
    let steps = [
        ("first error", phases.first_error),
        ("elected", phases.elected),
        ("active", phases.active),
        ("first read", phases.first_read),
        ("first write", phases.first_write),
        ("redundant", phases.redundant),
    ];
    let steps = steps.map(|(name, ms)| match ms {
        Some(ms) => format!("{name} {}", figure::elapsed(ms)),
        None => format!("{name} unknown"),
    });
    format!(
        "failover after {}: {} (±{})",
        failover.fault,
        steps.join(" → "),
        figure::duration(failover.resolution_ms)
    )
}

#[derive(Clone, Copy)]
struct Ink {
    colour: bool,
}

impl Ink {
    fn wrap(self, code: &str, text: &str) -> String {
        if self.colour && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }

    fn verdict(self, verdict: Verdict, text: &str) -> String {
        self.wrap(
            match verdict {
                Verdict::Pass => "1;32",
                Verdict::Fail => "1;31",
                Verdict::Inconclusive => "1;33",
            },
            text,
        )
    }
}

#[derive(Default)]
struct Lines {
    text: String,
}

impl Lines {
    fn line(&mut self, line: String) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    /// Wraps raw text at words; `ink` colours what is within the indentation.
    fn wrapped(&mut self, text: &str, first: &str, rest: &str, ink: impl Fn(&str) -> String) {
        let (mut indent, mut line) = (first, String::new());
        for word in clean(text).split_whitespace() {
            let word = fit(word, COLUMNS - indent.width());
            if !line.is_empty() && indent.width() + line.width() + 1 + word.width() > COLUMNS {
                self.line(format!("{indent}{}", ink(&line)));
                (indent, line) = (rest, String::new());
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(&word);
        }
        if !line.is_empty() {
            self.line(format!("{indent}{}", ink(&line)));
        }
    }

    fn more(&mut self, total: usize, shown: usize, what: &str) {
        if total > shown {
            self.line(format!("  … {} more {what} in the report", total - shown));
        }
    }
}

/// Cut to a display width, with `…` where something is missing.
pub(super) fn fit(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut cut = String::new();
    for letter in text.chars() {
        if cut.width() + letter.width().unwrap_or(0) + 1 > columns {
            break;
        }
        cut.push(letter);
    }
    cut.push('…');
    cut
}

fn padded(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(text.width())))
}

fn padded_left(text: &str, columns: usize) -> String {
    format!("{}{text}", " ".repeat(columns.saturating_sub(text.width())))
}
