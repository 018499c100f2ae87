//! The JSON Schema of the files that people write, made from the raw types. Checks nothing.

use super::known_findings::RawKnownFindings;
use super::raw::RawScenario;
use super::raw_attach::RawAttach;
use super::raw_blueprint::RawBlueprint;
use super::raw_suite::RawSuite;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

/// One schema for all files: any of them is valid against it, and each kind has a definition of its own,
/// `#/$defs/scenario`, `blueprint`, `attach`, `known-findings` and `suite`.
pub fn schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let any_of = [
        generator.subschema_for::<RawScenario>(),
        generator.subschema_for::<RawBlueprint>(),
        generator.subschema_for::<RawAttach>(),
        generator.subschema_for::<RawKnownFindings>(),
        generator.subschema_for::<RawSuite>(),
    ];
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Vaultquake files",
        "description": "Scenario, blueprint, attach, known-findings and suite files, by `vaultquake schema`.",
        "anyOf": any_of,
        "$defs": generator.take_definitions(true),
    })
}
