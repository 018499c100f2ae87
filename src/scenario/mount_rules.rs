//! What a blueprint's secret engines must be: known ones, each with what belongs to it and nothing else.

use super::checker::Checker;
use super::database_rules::{self, RawDatabase};
use super::raw_blueprint::RawMount;
use super::yaml::{Text, shorten};
use crate::model::{DatabaseEngine, Engine, Kv, Mount, Pki, Writer};
use serde_saphyr::{Location, Spanned};

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Kv,
    Transit,
    Pki,
    Database,
}

pub(super) fn check(checker: &mut Checker, raw: &Spanned<Vec<RawMount>>) -> Option<Vec<Mount>> {
    let help = "the load needs a KV version 2 engine: `- { path: secret, engine: kv, version: 2 }`";
    if !checker.not_empty(raw, "mounts", help) {
        return None;
    }
    checker.no_duplicates(raw.value.iter().map(|mount| &mount.path), "mount");
    let mounts: Vec<Option<Mount>> = raw.value.iter().map(|mount| one(checker, mount)).collect();
    let mounts: Vec<Mount> = mounts.into_iter().collect::<Option<_>>()?;
    if !mounts.iter().any(|mount| matches!(mount.engine, Engine::Kv(_))) {
        checker.error(raw, "no KV engine is mounted", help);
        return None;
    }
    Some(mounts)
}

fn one(checker: &mut Checker, raw: &RawMount) -> Option<Mount> {
    let path = path(checker, &raw.path);
    let kinds =
        [("kv", Kind::Kv), ("transit", Kind::Transit), ("pki", Kind::Pki), ("database", Kind::Database)];
    let kind = checker.one_of(&raw.engine, "engine", kinds)?;
    nothing_foreign(checker, raw, kind);
    if let Some(empty) = raw.empty.as_ref().filter(|empty| empty.value) {
        let engine = nothing_in_it(checker, raw, empty, kind)?;
        return Some(Mount { path: path?, empty: true, engine });
    }
    let engine = match kind {
        Kind::Kv => Engine::Kv(kv(checker, raw)?),
        Kind::Transit => {
            let key = needed(checker, raw, raw.key.as_ref(), "key: my-key")?;
            Engine::Transit { key: checker.kebab_case(key, "name")? }
        }
        Kind::Pki => Engine::Pki(pki(checker, raw)?),
        Kind::Database => Engine::Database(database(checker, raw)?),
    };
    Some(Mount { path: path?, empty: false, engine })
}

/// An engine that is only mounted. Nothing that sets it up may stand beside that.
fn nothing_in_it(checker: &mut Checker, raw: &RawMount, empty: &Spanned<bool>, kind: Kind) -> Option<Engine> {
    let engine = match kind {
        Kind::Transit => Engine::Transit { key: String::new() },
        Kind::Pki => Engine::Pki(Pki::default()),
        Kind::Kv | Kind::Database => {
            let message = format!("an engine `{}` cannot be left empty", raw.engine.value);
            checker.error(empty, message, "only `transit` and `pki` can; remove it");
            return None;
        }
    };
    let set_up =
        keys_of(raw).into_iter().filter_map(|(key, at, of)| at.filter(|_| of == kind).map(|at| (key, at)));
    let set_up: Vec<(&str, Location)> = set_up.collect();
    for (key, at) in &set_up {
        let help = "remove it, or remove `empty`";
        checker.error(&Spanned::new((), *at, *at), format!("`{key}` in an engine that is left empty"), help);
    }
    set_up.is_empty().then_some(engine)
}

fn kv(checker: &mut Checker, raw: &RawMount) -> Option<Kv> {
    let version = needed(checker, raw, raw.version.as_ref(), "version: 2");
    let version = version.and_then(|text| checker.number(text, 2..=2));
    let folders = match &raw.folders {
        None => Some(Kv::folders_by_default()),
        Some(raw) => folders(checker, raw),
    };
    let writer = match &raw.writer {
        None => Some(Writer::default()),
        Some(text) => {
            checker.one_of(text, "writer", [("tenant", Writer::Tenant), ("operator", Writer::Operator)])
        }
    };
    Some(Kv { version: version?, folders: folders?, writer: writer? })
}

fn folders(checker: &mut Checker, raw: &Spanned<Vec<Text>>) -> Option<Vec<String>> {
    if !checker.not_empty(raw, "folders", "name at least one, such as `tenants/{tenant_id}`, or remove it") {
        return None;
    }
    checker.no_duplicates(&raw.value, "folder");
    let folders: Vec<Option<String>> = raw.value.iter().map(|text| folder(checker, text)).collect();
    folders.into_iter().collect()
}

fn folder(checker: &mut Checker, text: &Text) -> Option<String> {
    let fine = is_path(&text.value.replace("{tenant_id}", "x"));
    if !fine {
        let help = "letters, digits, `-` and `_`, with slashes only in between, and `{tenant_id}`, such as \
                    `production/{tenant_id}`";
        checker.error(text, format!("`{}` cannot be a folder of secrets", shorten(&text.value)), help);
    }
    fine.then(|| text.value.clone())
}

fn pki(checker: &mut Checker, raw: &RawMount) -> Option<Pki> {
    let ca = needed(checker, raw, raw.ca.as_ref(), "ca: { common_name: Example Root CA, ttl: 87600h }");
    let example = "role: { name: service, domain: service.example.com, ttl: 24h, max_ttl: 720h }";
    let role = needed(checker, raw, raw.role.as_ref(), example);
    let (ca, role) = (&ca?.value, &role?.value);
    let dead = "such a certificate would be of no use";
    let ca_name = checker.not_blank(&ca.common_name, "name");
    let ca_ttl = checker.positive_span(&ca.ttl, dead);
    let name = checker.kebab_case(&role.name, "name");
    let domain = domain(checker, &role.domain);
    let ttl = checker.positive_span(&role.ttl, dead);
    let max_ttl = checker.positive_span(&role.max_ttl, dead);
    let (ca_ttl, ttl, max_ttl) = (ca_ttl?, ttl?, max_ttl?);
    if max_ttl < ttl {
        let help = "make it at least as long";
        checker.error(
            &role.max_ttl,
            format!("{max_ttl} at most is shorter than the {ttl} that a certificate gets"),
            help,
        );
        return None;
    }
    Some(Pki { ca_name: ca_name?, ca_ttl, role: name?, domain: domain?, ttl, max_ttl })
}

fn database(checker: &mut Checker, raw: &RawMount) -> Option<DatabaseEngine> {
    let connection = needed(checker, raw, raw.connection.as_ref(), "connection: app-db");
    let default_ttl = needed(checker, raw, raw.default_ttl.as_ref(), "default_ttl: 1h");
    let max_ttl = needed(checker, raw, raw.max_ttl.as_ref(), "max_ttl: 24h");
    let example = "roles: [{ name: app-readonly, grants: SELECT ON ALL TABLES IN SCHEMA public }]";
    let roles = needed(checker, raw, raw.roles.as_ref(), example);
    let raw =
        RawDatabase { connection: connection?, default_ttl: default_ttl?, max_ttl: max_ttl?, roles: roles? };
    database_rules::engine(checker, &raw)
}

/// What an engine cannot do without; `example` is how it is written.
fn needed<'r, T>(
    checker: &mut Checker,
    raw: &RawMount,
    value: Option<&'r T>,
    example: &str,
) -> Option<&'r T> {
    if value.is_none() {
        let key = example.split(':').next().unwrap_or_default();
        let message = format!("`{key}` is missing for the engine `{}`", raw.engine.value);
        checker.error(&raw.engine, message, format!("add `{example}`"));
    }
    value
}

/// What may stand in a mount, where it stands, and for which engine it is.
fn keys_of(raw: &RawMount) -> [(&'static str, Option<Location>, Kind); 10] {
    let at = |text: &Text| text.referenced;
    [
        ("version", raw.version.as_ref().map(at), Kind::Kv),
        ("folders", raw.folders.as_ref().map(|folders| folders.referenced), Kind::Kv),
        ("writer", raw.writer.as_ref().map(at), Kind::Kv),
        ("key", raw.key.as_ref().map(at), Kind::Transit),
        ("ca", raw.ca.as_ref().map(|ca| ca.referenced), Kind::Pki),
        ("role", raw.role.as_ref().map(|role| role.referenced), Kind::Pki),
        ("connection", raw.connection.as_ref().map(at), Kind::Database),
        ("default_ttl", raw.default_ttl.as_ref().map(at), Kind::Database),
        ("max_ttl", raw.max_ttl.as_ref().map(at), Kind::Database),
        ("roles", raw.roles.as_ref().map(|roles| roles.referenced), Kind::Database),
    ]
}

fn nothing_foreign(checker: &mut Checker, raw: &RawMount, kind: Kind) {
    for (key, at, of) in keys_of(raw) {
        if let Some(at) = at.filter(|_| of != kind) {
            let message = format!("`{key}` is not for the engine `{}`", raw.engine.value);
            checker.error(&Spanned::new((), at, at), message, "remove it");
        }
    }
}

pub(super) fn path(checker: &mut Checker, text: &Text) -> Option<String> {
    let fine = is_path(&text.value);
    if !fine {
        let help = "letters, digits, `-` and `_`, with slashes only in between, such as `secret`";
        checker.error(text, format!("`{}` cannot be a mount path", shorten(&text.value)), help);
    }
    fine.then(|| text.value.clone())
}

fn is_path(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    text.split('/').all(|part| !part.is_empty() && part.chars().all(allowed))
}

fn domain(checker: &mut Checker, text: &Text) -> Option<String> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let fine = text.value.split('.').all(|part| !part.is_empty() && part.chars().all(allowed));
    if !fine {
        let help = "a host name in lower case, such as `service.example.com`";
        checker.error(text, format!("`{}` cannot be a host name", shorten(&text.value)), help);
    }
    fine.then(|| text.value.clone())
}
