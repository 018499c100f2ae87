//! Exit codes: a public contract, each with its reason.

use crate::model::Verdict;
use crate::server::ServerError;
use std::process::ExitCode;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Pass,
    /// An objective or invariant failed.
    Failed,
    /// Inconclusive, or nothing was judged.
    Inconclusive,
    /// Could not set up, the harness itself failed, or a skip under `--deny-skips`.
    Trouble,
    /// Bad arguments, or a bad scenario.
    Usage,
    Interrupted,
}

impl Exit {
    pub fn code(self) -> u8 {
        match self {
            Exit::Pass => 0,
            Exit::Failed => 1,
            Exit::Inconclusive => 2,
            Exit::Trouble => 3,
            Exit::Usage => 64,
            Exit::Interrupted => 130,
        }
    }

    /// Several scenarios: 3 over 1 over 2 over 0; an interruption stands above all.
    pub fn worst(exits: impl IntoIterator<Item = Exit>) -> Exit {
        let order =
            [Exit::Interrupted, Exit::Usage, Exit::Trouble, Exit::Failed, Exit::Inconclusive, Exit::Pass];
        let rank = |exit: &Exit| order.iter().position(|other| other == exit);
        exits.into_iter().min_by_key(rank).unwrap_or(Exit::Inconclusive)
    }
}

impl From<Verdict> for Exit {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Pass => Exit::Pass,
            Verdict::Fail => Exit::Failed,
            Verdict::Inconclusive => Exit::Inconclusive,
        }
    }
}

impl From<&ServerError> for Exit {
    fn from(error: &ServerError) -> Self {
        match error {
            // No machine could do it: the command has to change (another version, a path, --allow-unpinned).
            ServerError::UnknownVersion { .. } => Exit::Usage,
            _ => Exit::Trouble,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::Exit::*;
    use super::*;

    #[test]
    fn trouble_stands_over_failure_over_inconclusive_over_pass() {
        assert_eq!(Exit::worst([Pass, Inconclusive, Failed, Trouble]), Trouble);
        assert_eq!(Exit::worst([Pass, Inconclusive, Failed]), Failed);
        assert_eq!(Exit::worst([Pass, Inconclusive]), Inconclusive);
        assert_eq!(Exit::worst([Pass, Pass]), Pass);
        assert_eq!(Exit::worst([]), Inconclusive);
        assert_eq!(Exit::worst([Trouble, Interrupted]), Interrupted);
    }
}
