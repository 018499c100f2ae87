//! The end of `vaultquake conform` on a terminal: counts for each server, and every case that does not simply conform.

use super::detail;
use crate::model::{ConformanceResult, Standing, Verdict};
use crate::report::plain;
use std::fmt::Write;

pub fn terminal(result: &ConformanceResult, colour: bool) -> String {
    let (word, code) = match result.verdict {
        Verdict::Pass => ("PASS", 32),
        Verdict::Fail => ("FAIL", 31),
        Verdict::Inconclusive => ("INCONCLUSIVE", 33),
    };
    let word = if colour { format!("\x1b[1;{code}m{word}\x1b[0m") } else { word.to_owned() };
    let mut text = String::new();
    let _ = writeln!(text, "{word}  conformance, {:.1} s", result.duration_ms / 1e3);
    for server in &result.servers {
        let counts = Standing::ALL.iter().filter_map(|standing| match server.count(*standing) {
            0 => None,
            count => Some(format!("{count} {}", standing.words())),
        });
        let counts = counts.collect::<Vec<_>>().join(", ");
        let name = format!("{} {}", server.server.product, server.server.version);
        let _ = writeln!(text, "  {name} ({}): {} cases: {counts}", server.backend, server.cases.len());
        for case in server.cases.iter().filter(|case| case.standing() != Standing::Conforms) {
            let _ = writeln!(text, "    {:24} {}", case.standing().words(), case.id);
            let _ = writeln!(text, "      {}", detail(case));
        }
    }
    text.chars()
        .map(
            |letter| {
                if letter != '\n' && letter != '\x1b' && plain::is_harmful(letter) { ' ' } else { letter }
            },
        )
        .collect()
}
