//! What a scenario changes of the server's defaults or of the document's figures, in words for reports.

use super::seal_rules;
use crate::model::{FaultKind, Scenario, Target};

const PERFORMANCE_MULTIPLIER_DEFAULT: u8 = 5;

/// One sentence each; empty when nothing is changed.
pub fn overrides(scenario: &Scenario) -> Vec<String> {
    let mut overrides = Vec::new();
    if let Some(multiplier) = scenario.server.performance_multiplier
        && multiplier != PERFORMANCE_MULTIPLIER_DEFAULT
    {
        overrides.push(format!(
            "performance_multiplier {multiplier}, the server's default is {PERFORMANCE_MULTIPLIER_DEFAULT}"
        ));
    }
    if scenario.blueprint.seal.kind.opens_itself() {
        overrides.push(seal_rules::words(scenario.blueprint.seal.kind).to_owned());
    }
    for step in scenario.timeline.iter().filter(|step| step.fault == FaultKind::Expire) {
        if let (Some(ttl), Target::Credential(credential)) = (step.ttl, &step.target)
            && credential.is_documented()
        {
            let documented = scenario.blueprint.approle.token_ttl;
            let sentence = format!("{} TTL {documented}, tested at {ttl}", step.target);
            if ttl != documented && !overrides.contains(&sentence) {
                overrides.push(sentence);
            }
        }
    }
    if let (Some(ttl), Some((_, database))) = (scenario.lease_ttl, scenario.blueprint.database())
        && ttl != database.default_ttl
    {
        overrides.push(format!("credentials of the database TTL {}, tested at {ttl}", database.default_ttl));
    }
    if scenario.server.open_metrics {
        let told = "metrics are given to everybody (unauthenticated_metrics_access), the server's default asks for a token";
        overrides.push(told.to_owned());
    }
    if let Some(watch) = &scenario.alerts {
        if watch.scale < 1.0 {
            overrides.push(format!(
                "alerts wait, and look back, for {} of the documented time; so long nodes keep metrics: {} of 30s",
                watch.scale, watch.scale
            ));
        }
        for rule in &scenario.blueprint.alerts {
            if let (Some(documented), Some(working)) = (&rule.documented, &rule.working) {
                overrides.push(format!(
                    "alert {}: `{documented}` as documented, judged by `{}`: {}",
                    rule.name, working.expr, working.why
                ));
            }
        }
    }
    overrides
}
