//! Why a case ended before its last line.

use crate::model::CaseOutcome;
use crate::vault::ClientError;

/// What a case returns, and everything in it that may end it.
pub type Checked<T = ()> = Result<T, Stop>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The server does something else than the document says.
    Differs { documented: String, observed: String },
    /// The server does not have what the case is about; how that was found out.
    NotApplicable(String),
    /// A helper or a permission is missing; which.
    NotJudged(String),
    /// The harness could not carry it out.
    Broken(String),
}

impl Stop {
    pub fn differs(documented: impl Into<String>, observed: impl Into<String>) -> Self {
        Self::Differs { documented: documented.into(), observed: observed.into() }
    }

    /// A failure of something of ours, in its own words.
    pub fn broken(error: impl std::fmt::Display) -> Self {
        Self::Broken(error.to_string())
    }
}

impl From<ClientError> for Stop {
    fn from(error: ClientError) -> Self {
        Self::broken(error)
    }
}

impl From<Checked> for CaseOutcome {
    fn from(checked: Checked) -> Self {
        match checked {
            Ok(()) => CaseOutcome::Conforms,
            Err(Stop::Differs { documented, observed }) => CaseOutcome::Differs { documented, observed },
            Err(Stop::NotApplicable(found_out)) => CaseOutcome::NotApplicable { found_out },
            Err(Stop::NotJudged(missing)) => CaseOutcome::NotJudged { missing },
            Err(Stop::Broken(why)) => CaseOutcome::Broken { why },
        }
    }
}
