//! What belongs to a database: its engine in a blueprint, and in a scenario the faults that need one.

use super::checker::Checker;
use super::raw::RawStep;
use super::raw_blueprint::RawDatabaseRole;
use super::yaml::Text;
use crate::model::{Blueprint, DatabaseEngine, DatabaseRole, Load, Span, Target};
use serde_saphyr::Spanned;

const LEASE_TTL_MAX: Span = Span::from_secs(5 * 60);

pub(super) struct RawDatabase<'r> {
    pub connection: &'r Text,
    pub default_ttl: &'r Text,
    pub max_ttl: &'r Text,
    pub roles: &'r Spanned<Vec<RawDatabaseRole>>,
}

pub(super) fn engine(checker: &mut Checker, raw: &RawDatabase) -> Option<DatabaseEngine> {
    let dead = "such credentials would be dead at once";
    let connection = checker.kebab_case(raw.connection, "name");
    let default_ttl = checker.positive_span(raw.default_ttl, dead);
    let max_ttl = checker.positive_span(raw.max_ttl, dead);
    let help = "name at least one: `- { name: app-readonly, grants: SELECT ON ALL TABLES IN SCHEMA public }`";
    if !checker.not_empty(raw.roles, "roles", help) {
        return None;
    }
    checker.no_duplicates(raw.roles.value.iter().map(|role| &role.name), "role");
    let roles: Vec<Option<DatabaseRole>> = raw
        .roles
        .value
        .iter()
        .map(|role| {
            let name = checker.kebab_case(&role.name, "name");
            let grants = match &role.grants {
                None => Some(None),
                Some(text) => checker.not_blank(text, "grants").map(Some),
            };
            Some(DatabaseRole { name: name?, grants: grants? })
        })
        .collect();
    let (default_ttl, max_ttl) = (default_ttl?, max_ttl?);
    if max_ttl < default_ttl {
        let message = format!("{max_ttl} at most is shorter than the {default_ttl} that credentials get");
        checker.error(raw.max_ttl, message, "make it at least as long");
        return None;
    }
    let roles = roles.into_iter().collect::<Option<_>>()?;
    Some(DatabaseEngine { connection: connection?, default_ttl, max_ttl, roles })
}

/// Faults of a database that the blueprint does not have.
pub(super) fn needs_one(
    checker: &mut Checker,
    blueprint: Option<&Blueprint>,
    raw_steps: &[Spanned<RawStep>],
) {
    let Some(blueprint) = blueprint.filter(|blueprint| blueprint.database().is_none()) else { return };
    let help = "take a blueprint with a database engine, such as `workflow`";
    let message = format!("`database` needs a database, and the blueprint `{}` has none", blueprint.name);
    for raw in raw_steps {
        for text in [&raw.value.kill, &raw.value.stop].into_iter().flatten() {
            if Target::from(text.value.as_str()) == Target::Database {
                checker.error(text, message.clone(), help);
            }
        }
    }
}

/// Outer `None`: an error was found.
pub(super) fn lease_ttl(
    checker: &mut Checker,
    raw: Option<&Text>,
    loads: Option<&[Load]>,
) -> Option<Option<Span>> {
    let Some(text) = raw else { return Some(None) };
    if loads.is_some_and(|loads| !loads.iter().any(|load| load.workload.is_of_the_database())) {
        let help = "add a load such as `{ workload: database.creds, route: any, rate: 5/s }`, or remove it";
        checker.error(text, "`lease_ttl` in a scenario that asks for no credentials", help);
        return None;
    }
    let ttl = checker.quantity::<Span>(text)?;
    let is_whole = ttl.0.subsec_nanos() == 0 && !ttl.0.is_zero();
    if !is_whole || ttl > LEASE_TTL_MAX {
        let help = format!("write whole seconds, from 1s to {LEASE_TTL_MAX}: servers count in seconds");
        checker.error(text, format!("a time to live of {ttl} cannot be tested"), help);
        return None;
    }
    Some(Some(ttl))
}
