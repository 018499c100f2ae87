//! A suite file as it is written, before anything is checked. The doc comments become the descriptions of the JSON
//! Schema, so they speak to people who write suites.

use super::words::*;
use super::yaml::Text;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_saphyr::Spanned;

/// What a night goes through: groups of scenarios, a time for all of them, and who has a turn when.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `kind: suite`, `name`, `within` and `groups`")]
#[schemars(rename = "suite")]
pub(super) struct RawSuite {
    /// `suite`.
    #[schemars(with = "String", extend("enum" = ["suite"]))]
    pub kind: Text,
    /// How reports call it.
    #[schemars(with = "NameText")]
    pub name: Text,
    /// What it is for, in a sentence.
    #[schemars(with = "String")]
    pub summary: Text,
    /// The time that all runs of a night have together. What would not end in it does not begin, and is listed.
    #[schemars(with = "DurationText")]
    pub within: Text,
    /// In the order in which they run: what stands first is the last to be left out.
    #[schemars(with = "Vec<RawGroup>", length(min = 1))]
    pub groups: Spanned<Vec<Spanned<RawGroup>>>,
}

/// Scenarios that belong together. It unfolds to each scenario with each pair of versions on each backend, in this order.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping such as `{ name: failover, scenarios: [failover] }`")]
#[schemars(rename = "group")]
pub(super) struct RawGroup {
    /// How lists call it.
    #[schemars(with = "NameText")]
    pub name: Text,
    /// Scenario files and folders of them, relative to this file.
    #[schemars(with = "Vec<String>", length(min = 1))]
    pub scenarios: Spanned<Vec<Text>>,
    /// How nodes run. `[process]` when absent.
    #[serde(default)]
    #[schemars(with = "Option<Vec<SuiteBackendText>>")]
    pub backends: Option<Spanned<Vec<Text>>>,
    /// From which version to which nodes are upgraded, for scenarios that do so. When absent: from the known version before
    /// the one under test.
    #[serde(default)]
    #[schemars(with = "Option<Vec<RawUpgradePair>>")]
    pub upgrades: Option<Spanned<Vec<Spanned<RawUpgradePair>>>>,
    /// How many times each is run, with the seeds counted up. 1 when absent.
    #[serde(default)]
    #[schemars(with = "Option<u16>", range(min = 1, max = 100))]
    pub repeat: Option<Text>,
    /// So many of what it unfolds to have their turn each night, one after the other; all when absent.
    #[serde(default)]
    #[schemars(with = "Option<u16>", range(min = 1, max = 1000))]
    pub a_night: Option<Text>,
}

/// From which version to which.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping such as `{ from: openbao@2.7.1, to: openbao@2.7.2 }`")]
#[schemars(rename = "upgrade-pair")]
pub(super) struct RawUpgradePair {
    /// `product@version` that nodes begin with.
    #[schemars(with = "VersionText")]
    pub from: Text,
    /// `product@version` that nodes end with.
    #[schemars(with = "VersionText")]
    pub to: Text,
}
