//! Which checker said what about which mutant, what that means, and the table of it.

use crate::catalogue::{Mutant, mutants};
use std::collections::BTreeMap;
use std::fmt::Write;
use vaultquake::analyse::judge;
use vaultquake::check::CHECKERS;
use vaultquake::model::{RunResult, Verdict};
use vaultquake::record::SavedRun;

/// What each checker said; those that had nothing to judge are missing.
pub type Verdicts = BTreeMap<String, Verdict>;

pub fn verdicts(run: &SavedRun) -> (Verdicts, RunResult) {
    let result = judge(run);
    let verdicts = result.invariants.iter().map(|row| (row.id.clone(), row.verdict)).collect();
    (verdicts, result)
}

/// What is wrong with the checkers, going by one mutant.
pub fn wrong(mutant: &Mutant, verdicts: &Verdicts, result: &RunResult) -> Option<String> {
    let mut wrong = Vec::new();
    for id in mutant.caught_by {
        if verdicts.get(*id) != Some(&Verdict::Fail) {
            wrong.push(format!("{id} does not report it"));
        }
    }
    for (id, _) in verdicts.iter().filter(|(_, verdict)| **verdict == Verdict::Fail) {
        if !mutant.caught_by.contains(&id.as_str()) && !mutant.maybe_by.contains(&id.as_str()) {
            wrong.push(format!("{id} reports it, and must not"));
        }
    }
    if mutant.name.starts_with("clean-") {
        // Not the whole verdict: whether this machine kept its schedule is nothing that a checker says.
        let unsure = result.invariants.iter().filter(|row| row.gating && row.verdict != Verdict::Pass);
        wrong.extend(unsure.map(|row| format!("{} is {} of a clean run", row.id, row.verdict)));
    }
    if wrong.is_empty() {
        return None;
    }
    for row in &result.invariants {
        let summary = row.violations.first().map(|violation| violation.summary.as_str());
        let (id, note) = (&row.id, summary.unwrap_or(&row.note));
        wrong.push(format!("  {id} {} after {}: {note}", row.verdict, row.checked));
    }
    wrong.extend(result.reasons.iter().map(|reason| format!("  {reason}")));
    Some(wrong.join("\n"))
}

/// The checkers that some mutant is for, in their own order.
fn columns() -> Vec<&'static str> {
    let is_meant = |id: &&str| mutants().any(|mutant| mutant.caught_by.contains(id));
    CHECKERS.iter().map(|checker| checker.id).filter(is_meant).collect()
}

/// `docs/planted-bugs.md`.
pub fn page(matrix: &BTreeMap<&'static str, Verdicts>) -> String {
    let legal = mutants().filter(|mutant| mutant.is_legal()).count();
    let bugs = mutants().count() - legal;
    let mut page = format!(
        "# Planted bugs\n\n\
         Does a checker notice what it is for, and is it silent about the rest? Proxies in front of the nodes of a real\n\
         cluster plant one bug a run: {bugs} bugs that a checker must report, and {legal} kinds of behaviour that a client must\n\
         expect of any server behind any network, which none may report. `tests/mutants` holds them, and this page is made\n\
         from the saved runs beside them, which `cargo test` judges again.\n\n\
         Most runs are on one cluster with a database beside it, attached to as if it were somebody else's. Where a leader is\n\
         cut off or cannot audit, or a snapshot is restored, the run has a cluster of its own, behind proxies as well.\n\n\
         `VQ_MUTANTS=live cargo test --test mutants` runs them all; with `save` it also keeps the runs and writes this page.\n\n\
         **FAIL**: reported. pass: looked, and found nothing. ?: looked, and could not tell. Empty: nothing in this run for it\n\
         to judge. A verdict that must be is marked with *; others follow from the same bug.\n"
    );
    table(&mut page, "Bugs", matrix, |mutant| !mutant.is_legal());
    table(&mut page, "No bugs", matrix, Mutant::is_legal);
    page
}

fn table(
    page: &mut String,
    title: &str,
    matrix: &BTreeMap<&'static str, Verdicts>,
    is_in: fn(&Mutant) -> bool,
) {
    let columns = columns();
    let _ = write!(page, "\n## {title}\n\n| mutant | run | what it does | {} |\n", columns.join(" | "));
    let _ = writeln!(page, "|---|---|---|{}", "---|".repeat(columns.len()));
    for mutant in mutants().filter(|mutant| is_in(mutant)) {
        let cells: Vec<_> = columns
            .iter()
            .map(|id| {
                let verdict = matrix.get(mutant.name).and_then(|verdicts| verdicts.get(*id));
                let word = match verdict {
                    None => "",
                    Some(Verdict::Pass) => "pass",
                    Some(Verdict::Inconclusive) => "?",
                    Some(Verdict::Fail) => "**FAIL**",
                };
                let mark = if mutant.caught_by.contains(id) { "*" } else { "" };
                format!("{word}{mark}")
            })
            .collect();
        let Mutant { name, scenario, does, .. } = mutant;
        let _ = writeln!(page, "| {name} | {scenario} | {does} | {} |", cells.join(" | "));
    }
}
