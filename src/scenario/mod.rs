//! Files people write: scenarios, blueprints, attach files, known findings. Reads and checks them, with
//! errors that point at the place and name the way out. Starts nothing and touches no cluster.

mod alert_rules;
mod attach_file;
mod blueprint_file;
mod blueprint_rules;
mod checker;
mod database_rules;
mod diagnostic;
mod expect_rules;
mod find;
mod known_findings;
mod link_rules;
mod load_rules;
mod mount_rules;
mod nearest;
mod overrides;
pub mod plan;
mod program_rules;
mod raw;
mod raw_attach;
mod raw_blueprint;
mod resolve;
mod schema;
mod source;
mod strain_rules;
mod timeline_rules;
mod words;
mod yaml;

pub use attach_file::{attach_file_from_text, load_attach_file};
pub use blueprint_file::{blueprint_from_text, built_in_blueprints, find_blueprint};
pub use diagnostic::{Diagnostic, FileErrors, ScenarioErrors};
pub use find::find_scenarios;
pub use known_findings::{find_known_findings, known_findings_from_text, load_known_findings};
pub use overrides::overrides;
pub use resolve::{load_scenario, scenario_from_text};
pub use schema::schema;
