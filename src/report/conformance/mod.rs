//! A conformance result for people and for CI: terminal, JUnit, Markdown, and one HTML page with the matrix.

mod junit;
mod markdown;
mod page;
mod terminal;

pub use junit::junit;
pub use markdown::markdown;
pub use page::html;
pub use terminal::terminal;

use crate::model::{CaseOutcome, CaseResult};

/// What there is to say beside the outcome's name.
fn detail(case: &CaseResult) -> String {
    let why = case.expected.as_ref().map(|why| format!("; known: {why}")).unwrap_or_default();
    match &case.outcome {
        CaseOutcome::Conforms => why.trim_start_matches("; ").to_owned(),
        CaseOutcome::Differs { documented, observed } => {
            format!("documented: {documented}; observed: {observed}{why}")
        }
        CaseOutcome::NotApplicable { found_out: text } => format!("{text}{why}"),
        CaseOutcome::NotJudged { missing } => format!("missing: {missing}"),
        CaseOutcome::Broken { why } => why.clone(),
    }
}
