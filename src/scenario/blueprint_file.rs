//! Blueprint files, and those that are built into the binary: finds and reads them. What a blueprint must be
//! is decided in `blueprint_rules`.

use super::blueprint_rules;
use super::checker::Checker;
use super::diagnostic::{Diagnostic, FileErrors};
use super::nearest::{choice, nearest};
use super::raw_blueprint::RawBlueprint;
use super::source::Source;
use super::yaml::{self, Text, shorten};
use crate::model::Blueprint;
use std::path::Path;

const BUILT_IN: [(&str, &str); 5] = [
    ("alphapulse", include_str!("../../scenarios/blueprints/alphapulse.yaml")),
    ("config-service", include_str!("../../scenarios/blueprints/config-service.yaml")),
    ("consciousness", include_str!("../../scenarios/blueprints/consciousness.yaml")),
    ("voicecore", include_str!("../../scenarios/blueprints/voicecore.yaml")),
    ("workflow", include_str!("../../scenarios/blueprints/workflow.yaml")),
];

/// The names of the blueprints that are built into the binary.
pub fn built_in_blueprints() -> Vec<&'static str> {
    BUILT_IN.iter().map(|(name, _)| *name).collect()
}

/// A built-in blueprint by its name, or a file by its path when `name` contains a slash.
///
/// # Errors
/// The name is unknown, or the file is not in order.
pub fn find_blueprint(name: &str) -> Result<Blueprint, FileErrors> {
    if name.contains('/') {
        return resolve(&Source::read(Path::new(name))?);
    }
    match built_in(name) {
        Some(source) => resolve(&source),
        None => {
            Err(Diagnostic::of_file(name, "there is no built-in blueprint of this name", built_in_help(name))
                .into())
        }
    }
}

/// The same for the word in a scenario; paths are relative to the scenario's file.
pub(super) fn find_blueprint_at(checker: &Checker, text: &Text) -> Result<Blueprint, FileErrors> {
    let name = text.value.as_str();
    if !name.contains('/') {
        return match built_in(name) {
            Some(source) => resolve(&source),
            None => {
                let message = format!("unknown blueprint `{}`", shorten(name));
                Err(checker.source.at(text.referenced, message, built_in_help(name)).into())
            }
        };
    }
    let folder = checker.source.path.parent().unwrap_or(Path::new(""));
    let source = Source::read(&folder.join(name)).map_err(|error| {
        let message = format!("the blueprint `{}`: {}", shorten(name), error.message);
        let help = error.help.replace(&format!("{}/", folder.display()), "");
        checker.source.at(text.referenced, message, help)
    })?;
    resolve(&source)
}

/// A blueprint from text; `path` is named in errors.
pub fn blueprint_from_text(path: &Path, text: &str) -> Result<Blueprint, FileErrors> {
    resolve(&Source::from_bytes(path, text.as_bytes().to_vec())?)
}

fn built_in_help(name: &str) -> String {
    let built_in = choice(built_in_blueprints(), None);
    let near = nearest(name, built_in_blueprints()).map(|near| format!("did you mean `{near}`? "));
    let words =
        format!("{built_in} is built in; a file is named by a path with a slash, such as `./mine.yaml`");
    near.unwrap_or_default() + &words
}

fn built_in(name: &str) -> Option<Source> {
    let (name, text) = BUILT_IN.iter().find(|(known, _)| *known == name)?;
    Some(Source::new(format!("built-in/{name}.yaml"), *text))
}

fn resolve(source: &Source) -> Result<Blueprint, FileErrors> {
    if let Some(kind) = yaml::declared_kind(source)
        && kind.value != "blueprint"
    {
        let message = format!("this file is of kind `{}`, not a blueprint", shorten(&kind.value));
        return Err(source.at(kind.referenced, message, "write `kind: blueprint`".into()).into());
    }
    let raw: RawBlueprint = yaml::parse(source)?;
    let mut checker = Checker::new(source);
    let blueprint = blueprint_rules::check(&mut checker, &raw);
    checker.finish(blueprint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_blueprint_is_in_order_and_bears_its_name() {
        for name in built_in_blueprints() {
            let blueprint = find_blueprint(name).unwrap_or_else(|errors| panic!("{errors}"));
            assert_eq!(blueprint.name, name);
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest() {
        let errors = find_blueprint("alphapuls").unwrap_err();
        assert!(errors.to_string().contains("did you mean `alphapulse`?"), "{errors}");
    }
}
