//! Invariants: what must never happen, judged from the saved run alone. Each checker says what it found and
//! how far its evidence reaches; violations are proof, their absence only counts where enough was checked.
//! Nothing live: no clock, no file, no network.

mod audit_complete;
mod audit_or_nothing;
mod cas_exclusive;
mod clients_recover;
mod isolation;
mod known;
mod lease_expiry;
mod linearizable;
mod lost_only_newest;
mod minority_silent;
mod no_lost_writes;
mod no_plaintext;
mod node_agreement;
mod pki_valid;
mod retired_refused;
mod sealed_silent;
mod served_through_every_node;
mod session;
mod silence;
mod single_leader;
mod snapshot_equal;
mod storm_over;
#[cfg(test)]
mod testing;
mod token_expiry;
mod transit_decrypts;

pub use known::{Knowledge, judged};

use crate::facts::Facts;
use crate::model::{InvariantRow, Verdict, Violation};

/// What one checker found.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    /// How many things were checked.
    pub checked: u64,
    /// The verdict if there were no violation: pass, or inconclusive where too little could be checked.
    pub coverage: Verdict,
    pub note: String,
    pub violations: Vec<Violation>,
}

pub struct Checker {
    pub id: &'static str,
    /// Whether the run holds anything for it to judge.
    pub has_data: fn(&Facts) -> bool,
    pub check: fn(&Facts) -> Checked,
}

pub const CHECKERS: [Checker; 22] = [
    Checker { id: "no-lost-writes", has_data: no_lost_writes::has_data, check: no_lost_writes::check },
    Checker { id: "linearizable", has_data: linearizable::has_data, check: linearizable::check },
    Checker { id: "session", has_data: session::has_data, check: session::check },
    Checker { id: "cas-exclusive", has_data: cas_exclusive::has_data, check: cas_exclusive::check },
    Checker { id: "single-leader", has_data: single_leader::has_data, check: single_leader::check },
    Checker { id: "minority-silent", has_data: minority_silent::has_data, check: minority_silent::check },
    Checker { id: "node-agreement", has_data: node_agreement::has_data, check: node_agreement::check },
    Checker { id: "isolation", has_data: isolation::has_data, check: isolation::check },
    Checker { id: "sealed-silent", has_data: sealed_silent::has_data, check: sealed_silent::check },
    Checker { id: "snapshot-equal", has_data: snapshot_equal::has_data, check: snapshot_equal::check },
    Checker { id: "audit-or-nothing", has_data: audit_or_nothing::has_data, check: audit_or_nothing::check },
    Checker { id: "audit-complete", has_data: audit_complete::has_data, check: audit_complete::check },
    Checker { id: "no-plaintext", has_data: no_plaintext::has_data, check: no_plaintext::check },
    Checker { id: "token-expiry", has_data: token_expiry::has_data, check: token_expiry::check },
    Checker { id: "lease-expiry", has_data: lease_expiry::has_data, check: lease_expiry::check },
    Checker { id: "transit-decrypts", has_data: transit_decrypts::has_data, check: transit_decrypts::check },
    Checker { id: "clients-recover", has_data: clients_recover::has_data, check: clients_recover::check },
    Checker { id: "storm-over", has_data: storm_over::has_data, check: storm_over::check },
    Checker { id: "pki-valid", has_data: pki_valid::has_data, check: pki_valid::check },
    Checker {
        id: "served-through-every-node",
        has_data: served_through_every_node::has_data,
        check: served_through_every_node::check,
    },
    Checker { id: "retired-refused", has_data: retired_refused::has_data, check: retired_refused::check },
    Checker { id: "lost-only-newest", has_data: lost_only_newest::has_data, check: lost_only_newest::check },
];

/// The row of an invariant that could not be judged.
pub fn unjudged(id: &str, gating: bool, note: String) -> InvariantRow {
    InvariantRow {
        id: id.into(),
        gating,
        verdict: Verdict::Inconclusive,
        checked: 0,
        note,
        violations: Vec::new(),
    }
}

fn violation(summary: String, evidence: Vec<String>) -> Violation {
    Violation { summary, known: None, evidence }
}

/// A line of the journal or history, as it stands in the run folder.
fn line(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| format!("(cannot be shown: {error})"))
}

/// Joins the sentences of a note that have something to say.
fn sentences(parts: impl IntoIterator<Item = String>) -> String {
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
}
