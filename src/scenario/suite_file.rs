//! Suite files: reads and checks them, and says whether the paths in them lead anywhere. Reads no scenario.

use super::checker::Checker;
use super::diagnostic::FileErrors;
use super::find::find_scenarios;
use super::raw_suite::{RawGroup, RawSuite, RawUpgradePair};
use super::source::Source;
use super::yaml::{self, Text, shorten};
use crate::model::{Group, Span, Suite, SuiteBackend, UpgradePair};
use std::path::{Path, PathBuf};

/// Longer is a typing mistake, or no night.
const WITHIN_MAX: Span = Span::from_secs(24 * 3600);

/// Whether the path is a file that says `kind: suite`.
pub fn is_suite(path: &Path) -> bool {
    let kind = Source::read(path).ok().and_then(|source| yaml::declared_kind(&source));
    kind.is_some_and(|kind| kind.value == "suite")
}

/// Reads a suite file.
///
/// # Errors
/// Everything that is wrong with it; not what is wrong with its scenarios.
pub fn load_suite(path: &Path) -> Result<Suite, FileErrors> {
    resolve(&Source::read(path)?, Paths::LookedUp)
}

/// The same from text; `path` is named in errors. Paths are relative to its folder and not looked up.
pub fn suite_from_text(path: &Path, text: &str) -> Result<Suite, FileErrors> {
    resolve(&Source::from_bytes(path, text.as_bytes().to_vec())?, Paths::AsWritten)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Paths {
    LookedUp,
    AsWritten,
}

fn resolve(source: &Source, paths: Paths) -> Result<Suite, FileErrors> {
    let raw: RawSuite = yaml::parse(source)?;
    let mut checker = Checker::new(source);
    let suite = check(&mut checker, &raw, paths);
    checker.finish(suite)
}

fn check(checker: &mut Checker, raw: &RawSuite, paths: Paths) -> Option<Suite> {
    checker.one_of(&raw.kind, "kind", [("suite", ())]);
    let name = checker.kebab_case(&raw.name, "name");
    let summary = checker.not_blank(&raw.summary, "summary");
    let within = checker.positive_span(&raw.within, "nothing runs in no time");
    if within.is_some_and(|within| within > WITHIN_MAX) {
        let help = format!("at most {WITHIN_MAX}");
        checker.error(&raw.within, "this is longer than a night can be", help);
    }
    checker.not_empty(&raw.groups, "groups", "a group is `{ name: failover, scenarios: [failover] }`");
    checker.no_duplicates(raw.groups.value.iter().map(|group| &group.value.name), "group");
    let groups: Vec<_> = raw.groups.value.iter().map(|raw| group(checker, &raw.value, paths)).collect();
    Some(Suite {
        name: name?,
        summary: summary?,
        within: within?,
        groups: groups.into_iter().collect::<Option<_>>()?,
    })
}

fn group(checker: &mut Checker, raw: &RawGroup, paths: Paths) -> Option<Group> {
    let name = checker.kebab_case(&raw.name, "name");
    checker.not_empty(&raw.scenarios, "scenarios", "name files or folders, such as `[failover]`");
    checker.no_duplicates(&raw.scenarios.value, "path");
    let scenarios: Vec<_> = raw.scenarios.value.iter().map(|text| path(checker, text, paths)).collect();
    let backends = match &raw.backends {
        None => Some(vec![SuiteBackend::Process]),
        Some(texts) => {
            checker.not_empty(texts, "backends", "name `process`, `docker` or both, or remove the key");
            checker.no_duplicates(&texts.value, "backend");
            let known = SuiteBackend::ALL.map(|backend| (backend.name(), backend));
            texts.value.iter().map(|text| checker.one_of(text, "backend", known)).collect()
        }
    };
    let upgrades = match &raw.upgrades {
        None => Some(Vec::new()),
        Some(pairs) => {
            let help = "name pairs such as `{ from: openbao@2.7.1, to: openbao@2.7.2 }`, or remove the key";
            checker.not_empty(pairs, "upgrades", help);
            let pairs: Vec<_> = pairs.value.iter().map(|raw| pair(checker, &raw.value)).collect();
            pairs.into_iter().collect()
        }
    };
    let repeat = raw.repeat.as_ref().map_or(Some(1), |text| checker.number(text, 1..=100));
    let a_night = match &raw.a_night {
        None => Some(None),
        Some(text) => checker.number(text, 1..=1000).map(Some),
    };
    Some(Group {
        name: name?,
        scenarios: scenarios.into_iter().collect::<Option<_>>()?,
        backends: backends?,
        upgrades: upgrades?,
        repeat: repeat?,
        a_night: a_night?,
    })
}

/// Must lead to a scenario, so that a folder that was renamed is noticed and not silently left out of every night.
fn path(checker: &mut Checker, text: &Text, paths: Paths) -> Option<PathBuf> {
    let folder = checker.source.path.parent().unwrap_or(Path::new(""));
    let path = folder.join(text.value.trim());
    if paths == Paths::AsWritten {
        return Some(path);
    }
    match find_scenarios(std::slice::from_ref(&path)) {
        Ok(_) => Some(path),
        Err(errors) => {
            for error in errors.diagnostics {
                checker.error(text, format!("`{}`: {}", shorten(&text.value), error.message), error.help);
            }
            None
        }
    }
}

fn pair(checker: &mut Checker, raw: &RawUpgradePair) -> Option<UpgradePair> {
    let from = server(checker, &raw.from);
    let to = server(checker, &raw.to);
    if from.is_some() && from == to {
        checker.error(&raw.to, "nothing is upgraded here", "name two versions");
    }
    Some(UpgradePair { from: from?, to: to? })
}

fn server(checker: &mut Checker, text: &Text) -> Option<String> {
    let word = |word: &str| {
        !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+'))
    };
    let fine = text.value.split_once('@').is_some_and(|(product, version)| word(product) && word(version));
    if !fine {
        let message = format!("`{}` is no version of a server", shorten(&text.value));
        checker.error(text, message, "write product and version, such as `openbao@2.7.2`");
    }
    fine.then(|| text.value.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_whole_with_its_defaults_and_paths_beside_it() {
        let text = "kind: suite\nname: nightly\nsummary: All of it.\nwithin: 60m\ngroups:\n\
                    - { name: failover, scenarios: [failover] }\n\
                    - name: upgrades\n  scenarios: [upgrade/rolling.yaml]\n  backends: [process, docker]\n  \
                    upgrades: [{ from: openbao@2.6.1, to: openbao@2.7.2 }]\n  repeat: 2\n  a_night: 1\n";
        let suite =
            suite_from_text(Path::new("scenarios/x.yaml"), text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(suite.within, Span::from_secs(3600));
        let [failover, upgrades] = &suite.groups[..] else { panic!("{suite:?}") };
        assert_eq!(failover.scenarios, [Path::new("scenarios/failover")]);
        assert_eq!(
            (failover.backends.as_slice(), failover.repeat, failover.a_night),
            (&[SuiteBackend::Process][..], 1, None)
        );
        assert_eq!((upgrades.backends.len(), upgrades.repeat, upgrades.a_night), (2, 2, Some(1)));
        assert_eq!(upgrades.upgrades[0].to, "openbao@2.7.2");
        assert!(is_suite(Path::new("scenarios/nightly.yaml")) && !is_suite(Path::new("scenarios/failover")));
    }
}
