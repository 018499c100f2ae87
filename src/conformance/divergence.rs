//! The committed file of known divergences: what is expected to differ from a document, of which server, and why.

use crate::model::Server;
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Divergences {
    divergences: Vec<Divergence>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Divergence {
    case: String,
    server: String,
    /// Exactly those it was seen on.
    versions: Vec<String>,
    reason: String,
}

const COMMITTED: &str = include_str!("../../scenarios/known-divergences.yaml");

impl Divergences {
    /// What is built in.
    ///
    /// # Errors
    /// When the file cannot be parsed, which a test excludes.
    pub fn committed() -> Result<Self, String> {
        serde_saphyr::from_str(COMMITTED).map_err(|error| format!("known-divergences.yaml: {error}"))
    }

    /// Why this case is expected to differ on this server.
    pub fn expected(&self, case: &str, server: &Server) -> Option<&str> {
        let fits = |known: &&Divergence| {
            known.case == case && known.server == server.product && known.versions.contains(&server.version)
        };
        self.divergences.iter().find(fits).map(|known| known.reason.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_file_names_cases_that_exist_with_a_reason() {
        let services = crate::conformance::config_service::cases();
        let ids: Vec<_> = super::super::all().iter().chain(&services).map(|case| case.id).collect();
        for known in Divergences::committed().unwrap().divergences {
            assert!(ids.contains(&known.case.as_str()), "there is no case {}", known.case);
            assert!(known.reason.len() > 20 && !known.versions.is_empty(), "{}", known.case);
        }
    }
}
