//! What a conformance suite found: one outcome a case, for each server that was asked.

use super::{Server, Verdict};
use serde::{Deserialize, Serialize};

/// `conformance.json`, version 1: a public contract. Fields may be added, never renamed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConformanceResult {
    pub version: u32,
    pub started_at: jiff::Timestamp,
    pub duration_ms: f64,
    /// Fail when anything was unexpected; inconclusive when a case was not judged, or there was none.
    pub verdict: Verdict,
    pub command: String,
    /// In the order in which they were asked for.
    pub servers: Vec<ServerConformance>,
}

/// One server's column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerConformance {
    pub server: Server,
    /// `process`, `docker`, or the address that was asked.
    pub backend: String,
    /// In the order of the catalogue.
    pub cases: Vec<CaseResult>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseResult {
    pub id: String,
    /// One line: what is documented.
    pub meaning: String,
    /// The document.
    pub source: String,
    #[serde(flatten)]
    pub outcome: CaseOutcome,
    /// Why a divergence is no surprise; from the committed file of known divergences.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    pub took_ms: f64,
}

/// What became of one case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum CaseOutcome {
    Conforms,
    /// A divergence: both texts.
    Differs {
        documented: String,
        observed: String,
    },
    /// The server does not have it.
    NotApplicable {
        found_out: String,
    },
    /// Something that the case needs is missing here.
    NotJudged {
        missing: String,
    },
    /// The harness could not carry the case out: our trouble, nothing about the server.
    Broken {
        why: String,
    },
}

/// How a case's outcome stands to what was expected of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    Conforms,
    /// Differs, and the committed file says so.
    KnownDivergence,
    /// Differs, and nobody said so.
    Unexpected,
    /// The committed file says that it differs, and it does not.
    Vanished,
    NotApplicable,
    NotJudged,
    Broken,
}

impl CaseResult {
    pub fn standing(&self) -> Standing {
        match (&self.outcome, &self.expected) {
            (CaseOutcome::Conforms, None) => Standing::Conforms,
            (CaseOutcome::Differs { .. }, Some(_)) => Standing::KnownDivergence,
            (CaseOutcome::Differs { .. }, None) => Standing::Unexpected,
            (CaseOutcome::Conforms | CaseOutcome::NotApplicable { .. }, Some(_)) => Standing::Vanished,
            (CaseOutcome::NotApplicable { .. }, None) => Standing::NotApplicable,
            (CaseOutcome::NotJudged { .. }, _) => Standing::NotJudged,
            (CaseOutcome::Broken { .. }, _) => Standing::Broken,
        }
    }
}

impl Standing {
    pub const ALL: [Standing; 7] = [
        Standing::Conforms,
        Standing::KnownDivergence,
        Standing::Unexpected,
        Standing::Vanished,
        Standing::NotApplicable,
        Standing::NotJudged,
        Standing::Broken,
    ];

    pub fn words(self) -> &'static str {
        match self {
            Standing::Conforms => "conforms",
            Standing::KnownDivergence => "differs, as known",
            Standing::Unexpected => "differs unexpectedly",
            Standing::Vanished => "no longer differs",
            Standing::NotApplicable => "not applicable",
            Standing::NotJudged => "not judged",
            Standing::Broken => "harness trouble",
        }
    }
}

impl ServerConformance {
    pub fn count(&self, standing: Standing) -> usize {
        self.cases.iter().filter(|case| case.standing() == standing).count()
    }
}

impl ConformanceResult {
    pub const VERSION: u32 = 1;

    /// Of all servers: a surprise is a fail; what was not judged, or nothing at all, is inconclusive.
    pub fn verdict_of(servers: &[ServerConformance]) -> Verdict {
        let any = |standing| servers.iter().any(|server| server.count(standing) > 0);
        let empty = servers.iter().all(|server| server.cases.is_empty());
        if any(Standing::Unexpected) || any(Standing::Vanished) {
            Verdict::Fail
        } else if empty || any(Standing::NotJudged) || any(Standing::Broken) {
            Verdict::Inconclusive
        } else {
            Verdict::Pass
        }
    }
}
