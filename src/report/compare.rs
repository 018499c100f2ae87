//! Two sets of runs side by side, for people at a terminal.

use super::{figure, plain, words};
use crate::model::{
    Change, FigureComparison, FigureSpread, RunComparison, Sample, ScenarioComparison, ScenarioSpread,
    Verdict,
};
use std::fmt::Write;

/// What differs, then a table a scenario. Ends with a line break.
pub fn comparison(compared: &RunComparison) -> String {
    let mut text = String::new();
    for what in &compared.differing {
        let _ = writeln!(text, "not the same: {what}");
    }
    for name in &compared.unpaired {
        let _ = writeln!(text, "in one of the two only: {name}");
    }
    for scenario in &compared.scenarios {
        self::scenario(&mut text, scenario);
    }
    let changed = |change| {
        let figures = compared.scenarios.iter().flat_map(|scenario| &scenario.figures);
        figures.filter(|figure| figure.change == change).count()
    };
    let _ = writeln!(
        text,
        "\n{} worse, {} better, {} different, {} without a difference that shows, {} in too few runs (4 of each are \
         the least)",
        changed(Change::Worse),
        changed(Change::Better),
        changed(Change::Other),
        changed(Change::NoneShown),
        changed(Change::TooFewRuns)
    );
    plain::visible_lines(&text)
}

fn scenario(text: &mut String, scenario: &ScenarioComparison) {
    let [a, b] = &scenario.servers;
    let _ = writeln!(text, "\n{}: A {}, B {}", scenario.scenario, a.join(", "), b.join(", "));
    let [a, b] = &scenario.verdicts;
    let _ = writeln!(text, "  verdicts: A {}; B {}", verdicts(a), verdicts(b));
    if scenario.figures.is_empty() {
        let _ = writeln!(text, "  no figure was measured in both");
        return;
    }
    let _ = writeln!(text, "  {:<20} {:>27} {:>27} {:>8} {:>7}", "figure", "A", "B", "change", "p");
    for row in &scenario.figures {
        let FigureComparison { id, unit, a, b, p, change, not_counted, .. } = row;
        let share = match a.median {
            0.0 => String::new(),
            median if median.is_nan() || b.median.is_nan() => String::new(),
            median => format!("{:+.1} %", (b.median - median) * 100.0 / median.abs()),
        };
        let p = p.map_or_else(|| "–".to_owned(), |p| format!("{p:.3}"));
        let _ = writeln!(
            text,
            "  {id:<20} {:>27} {:>27} {share:>8} {p:>7}  {}",
            lies(a, unit),
            lies(b, unit),
            change.words()
        );
        if not_counted.iter().any(|count| *count > 0) {
            let [a, b] = not_counted;
            let _ = writeln!(text, "  {:<20} inconclusive and not counted: {a} of A, {b} of B", "");
        }
    }
}

/// Where each figure of a repeated scenario lies. Empty where none was repeated; else it ends with a line break.
pub fn spreads(spreads: &[ScenarioSpread]) -> String {
    let mut text = String::new();
    for ScenarioSpread { scenario, runs, figures } in spreads {
        let _ = writeln!(text, "\n{scenario}, {runs} runs: median (least to most), of how many");
        for FigureSpread { id, unit, sample } in figures {
            let _ = writeln!(text, "  {id:<20} {}, {}", lies(sample, unit), sample.runs);
        }
    }
    plain::visible_lines(&text)
}

fn verdicts(verdicts: &[Verdict]) -> String {
    let of = |verdict| verdicts.iter().filter(|other| **other == verdict).count();
    let told = [Verdict::Pass, Verdict::Fail, Verdict::Inconclusive]
        .map(|verdict| (of(verdict), words::verdict_word(verdict)))
        .into_iter()
        .filter(|(count, _)| *count > 0);
    told.map(|(count, word)| format!("{count} {word}")).collect::<Vec<_>>().join(", ")
}

/// `11.3 s (11.2 to 11.9)`: the median, and where all lie.
fn lies(sample: &Sample, unit: &str) -> String {
    let Sample { median, min, max, runs } = sample;
    if *runs == 0 {
        return "none".to_owned();
    }
    let number = |value: f64| figure::three_digits(value);
    format!("{} {unit} ({} to {})", number(*median), number(*min), number(*max))
}
