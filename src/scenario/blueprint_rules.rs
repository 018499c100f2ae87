//! What a blueprint must be: known kinds, thresholds that can be met, policies that exist, each promise once.

use super::alert_rules;
use super::checker::Checker;
use super::mount_rules;
use super::raw_blueprint::{RawAppRole, RawBlueprint, RawObjective, RawPolicy, RawSeal, RawTls};
use super::yaml::Text;
use crate::model::{
    AppRole, AuditDevice, Blueprint, Bound, Deviation, OBJECTIVE_IDS, Objective, Policy, Seal, SealKind,
    Span, Tls, Unit,
};
use serde_saphyr::Spanned;

pub(super) fn check(checker: &mut Checker, raw: &RawBlueprint) -> Option<Blueprint> {
    let name = checker.kebab_case(&raw.name, "name");
    let summary = checker.not_blank(&raw.summary, "summary");
    let source = checker.not_blank(&raw.source, "source");
    let nodes = checker.number(&raw.nodes, 1..=9);
    let seal = seal(checker, &raw.seal);
    let tls = tls(checker, &raw.tls);
    checker.no_duplicates(raw.audit.iter().map(|device| &device.name), "audit device");
    let audit: Vec<Option<AuditDevice>> = raw
        .audit
        .iter()
        .map(|device| {
            let kind = checker.one_of(&device.kind, "kind of audit device", [("file", "file")]);
            let name = checker.kebab_case(&device.name, "name");
            Some(AuditDevice { kind: kind?.to_string(), name: name? })
        })
        .collect();
    let tenants = checker.number(&raw.tenants, 1..=1000);
    let mounts = mount_rules::check(checker, &raw.mounts);
    let policies = policies(checker, &raw.policies);
    let approle = approle(checker, raw);
    let objectives = objectives(checker, raw);
    let alerts = alert_rules::of_blueprint(checker, raw);
    let failures = checker.decimal(&raw.assumed_failures_per_month, 0.0..=10_000.0);
    let deviations: Vec<Option<Deviation>> = raw
        .deviations
        .iter()
        .map(|deviation| {
            let documented = checker.not_blank(&deviation.documented, "documented behaviour");
            let tested = checker.not_blank(&deviation.tested, "tested behaviour");
            let why = checker.not_blank(&deviation.why, "reason");
            Some(Deviation { documented: documented?, tested: tested?, why: why? })
        })
        .collect();
    Some(Blueprint {
        name: name?,
        summary: summary?,
        source: source?,
        nodes: nodes?,
        seal: seal?,
        tls: tls?,
        audit: audit.into_iter().collect::<Option<_>>()?,
        tenants: tenants?,
        mounts: mounts?,
        policies: policies?,
        approle: approle?,
        objectives: objectives?,
        alerts: alerts?,
        assumed_failures_per_month: failures?,
        deviations: deviations.into_iter().collect::<Option<_>>()?,
    })
}

fn seal(checker: &mut Checker, raw: &RawSeal) -> Option<Seal> {
    let kind = checker.one_of(&raw.kind, "seal", [("shamir", SealKind::Shamir)]);
    let shares = checker.number(&raw.shares, 1..=10);
    let threshold = checker.number(&raw.threshold, 1..=10);
    let (kind, shares, threshold) = (kind?, shares?, threshold?);
    if threshold > shares || (threshold == 1 && shares > 1) {
        let help = "servers take 2 up to the number of shares; 1 only with a single share";
        checker.error(
            &raw.threshold,
            format!("{threshold} of {shares} shares cannot be the threshold"),
            help,
        );
        return None;
    }
    Some(Seal { kind, shares, threshold })
}

fn tls(checker: &mut Checker, raw: &RawTls) -> Option<Tls> {
    let min_version = match &raw.min_version {
        None => "tls13",
        Some(text) => checker.one_of(text, "TLS version", [("tls12", "tls12"), ("tls13", "tls13")])?,
    };
    Some(Tls { enabled: raw.enabled, min_version: min_version.to_string() })
}

fn policies(checker: &mut Checker, raw: &[RawPolicy]) -> Option<Vec<Policy>> {
    checker.no_duplicates(raw.iter().map(|policy| &policy.name), "policy");
    let policies: Vec<Option<Policy>> = raw
        .iter()
        .map(|policy| {
            let name = template_name(checker, &policy.name, "policy name");
            let rules = checker.not_blank(&policy.rules, "policy");
            Some(Policy { name: name?, rules: rules? })
        })
        .collect();
    policies.into_iter().collect()
}

/// A name that may contain `{tenant_id}`.
fn template_name(checker: &mut Checker, text: &Text, what: &str) -> Option<String> {
    let plain = Spanned::new(text.value.replace("{tenant_id}", "x"), text.referenced, text.defined);
    checker.kebab_case(&plain, what).map(|_| text.value.clone())
}

fn approle(checker: &mut Checker, blueprint: &RawBlueprint) -> Option<AppRole> {
    let raw: &RawAppRole = &blueprint.approle;
    let mount = match &raw.mount {
        None => Some("approle".to_string()),
        Some(text) => mount_rules::path(checker, text),
    };
    let role = template_name(checker, &raw.role, "role name");
    let known: Vec<&str> = blueprint.policies.iter().map(|policy| policy.name.value.as_str()).collect();
    for text in &raw.policies {
        if !known.contains(&text.value.as_str()) {
            checker.unknown_word(text, "policy", &known);
        }
    }
    let token_ttl = checker.positive_span(&raw.token_ttl, "such a token would be dead at once");
    let token_max_ttl = match &raw.token_max_ttl {
        None => Some(None),
        Some(text) => checker.positive_span(text, "such a token would be dead at once").map(Some),
    };
    let (token_ttl, token_max_ttl): (Span, Option<Span>) = (token_ttl?, token_max_ttl?);
    if let (Some(max), Some(text)) = (token_max_ttl, &raw.token_max_ttl)
        && max < token_ttl
    {
        let help = "make it at least as long, or remove it";
        checker.error(text, format!("{max} at most is shorter than the {token_ttl} that a token gets"), help);
    }
    let policies = raw.policies.iter().map(|text| text.value.clone()).collect();
    Some(AppRole { mount: mount?, role: role?, policies, token_ttl, token_max_ttl })
}

fn objectives(checker: &mut Checker, raw: &RawBlueprint) -> Option<Vec<Objective>> {
    let help = "name at least one promise, such as `- { id: read.p99, target: \"< 5 ms\" }`";
    if !checker.not_empty(&raw.objectives, "objectives", help) {
        return None;
    }
    let lines = &raw.objectives.value;
    checker.no_duplicates(lines.iter().map(|objective| &objective.id), "objective");
    let objectives: Vec<Option<Objective>> =
        lines.iter().map(|line| objective(checker, line, raw.source.value.trim())).collect();
    objectives.into_iter().collect()
}

fn objective(checker: &mut Checker, raw: &RawObjective, document: &str) -> Option<Objective> {
    let id = checker.one_of(&raw.id, "objective", OBJECTIVE_IDS.map(|(id, _)| (id, id)));
    let target = checker.quantity::<Bound>(&raw.target);
    let source = match &raw.source {
        None => Some(document.to_string()),
        Some(text) => checker.not_blank(text, "source"),
    };
    let words = match &raw.words {
        None => Some(None),
        Some(text) => checker.not_blank(text, "document's words").map(Some),
    };
    let (id, target) = (id?, target?);
    let fitting = fitting_units(id);
    if !fitting.contains(&target.unit) {
        let units: Vec<&str> = fitting.iter().map(|unit| unit.name()).collect();
        let help = match units[..] {
            [""] => "it is a plain number, without a unit".to_string(),
            _ => format!("it is measured in {}", super::nearest::list(units)),
        };
        checker.error(&raw.target, format!("`{id}` cannot be `{target}`"), help);
        return None;
    }
    Some(Objective { id: id.to_string(), target, source: source?, words: words? })
}

/// In which units a figure can be promised.
fn fitting_units(id: &str) -> &'static [Unit] {
    match id {
        "availability" | "auth.success" | "audit.coverage" | "audit.fields" | "alerts" | "metrics" => {
            &[Unit::Percent]
        }
        "throughput.node" | "throughput.cluster" | "throughput.knee" => &[Unit::PerSecond],
        "failover.rpo" | "tls.min" | "quorum" | "audit.secrecy" | "backup.encrypted" => &[Unit::Count],
        "token.renewal" | "unseal.keys" | "unseal.auto" | "resources" => &[Unit::Count],
        _ => &[Unit::Ms, Unit::S, Unit::Minutes, Unit::Hours],
    }
}
