//! Puts a Prometheus with the blueprint's alerts in front of the cluster, where a scenario says what it expects of them.

use super::{Ground, RunError, RunRequest};
use crate::helper::{Prometheus, SCRAPE_EVERY, Watched};
use crate::model::{AlertRule, LoadedRule, Span, scaled_expression};
use crate::observe::AlertObserver;
use crate::record::{Journal, RunFolder};
use std::path::{Path, absolute};

/// A rate needs several samples.
const WINDOW_MIN: Span = Span(SCRAPE_EVERY.0.saturating_mul(4));

pub(super) async fn watch(
    request: &RunRequest,
    ground: &Ground,
    folder: &RunFolder,
    token: &str,
    journal: &Journal,
) -> Result<Option<AlertObserver>, RunError> {
    let scenario = &request.scenario;
    let Some(expected) = &scenario.alerts else { return Ok(None) };
    let none = || RunError::SetUp("no Prometheus was looked for".to_owned());
    let program = request.prometheus.as_deref().ok_or_else(none)?;
    let rules = scenario.blueprint.alerts.iter().map(|rule| loaded(rule, expected.scale));
    let rules: Vec<_> = rules.collect::<Result<Vec<_>, _>>()?.concat();
    let nodes = ground.cluster.nodes().iter();
    let (ca_file, client) = ground.trust();
    let watched = Watched {
        nodes: nodes.map(|node| (node.id.as_str().to_owned(), node.endpoint.url.clone())).collect(),
        ca_file: ca_file.as_deref(),
        client: client.as_ref().map(|(certificate, key)| (certificate.as_path(), key.as_path())),
        token: (!scenario.server.open_metrics).then_some(token),
        rules: &rules,
    };
    let private = absolute(folder.private()).map_err(|error| RunError::SetUp(error.to_string()))?;
    let started = Prometheus::start(program, Path::new(&private), &watched).await;
    let prometheus = started.map_err(|error| RunError::SetUp(error.to_string()))?;
    Ok(Some(AlertObserver::start(prometheus, rules, expected.scale, journal.clone())))
}

/// Each form of a rule, with its times scaled.
fn loaded(rule: &AlertRule, scale: f64) -> Result<Vec<LoadedRule>, RunError> {
    let one = |(form, expr): (_, &str)| {
        let expr = scaled_expression(expr, scale, WINDOW_MIN)
            .map_err(|why| RunError::SetUp(format!("alert {}: {why}", rule.name)))?;
        let documented_wait_ms = rule.wait.as_ms();
        let wait_ms = documented_wait_ms * scale;
        Ok(LoadedRule { alert: rule.name.clone(), form, expr, wait_ms, documented_wait_ms })
    };
    rule.forms().map(one).collect()
}
