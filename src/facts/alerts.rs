//! What became of each alert, in order once.

use super::Facts;
use crate::model::{AlertRow, AlertState, Event, LoadedRule, metrics_of};

/// How the alerts were watched.
pub struct AlertsSeen {
    pub rows: Vec<AlertRow>,
    /// Why what was not seen may have been all the same.
    pub doubts: Vec<String>,
}

/// Longer without a look, and an alert could have come and gone.
const GAP_MAX_MS: f64 = 5_000.0;

impl Facts<'_> {
    /// `None` where nobody watched.
    pub fn alerts(&self) -> Option<AlertsSeen> {
        let rules = self.events().find_map(|(_, event)| match event {
            Event::AlertRules { rules, .. } => Some(rules),
            _ => None,
        })?;
        let mut doubts = Vec::new();
        let watched = self.events().find_map(|(_, event)| match event {
            Event::AlertsWatched { longest_gap_ms, missing, troubles, .. } => {
                Some((*longest_gap_ms, missing, troubles))
            }
            _ => None,
        });
        let missing = match watched {
            None => {
                doubts.push("the alerts were not watched to the end".to_owned());
                None
            }
            Some((longest_gap_ms, missing, troubles)) => {
                if longest_gap_ms > GAP_MAX_MS {
                    let seconds = longest_gap_ms / 1e3;
                    doubts.push(format!("nobody saw Prometheus for {seconds:.1} s"));
                }
                doubts.extend(troubles.iter().cloned());
                Some(missing)
            }
        };
        let no_names = Vec::new();
        let missing = missing.unwrap_or(&no_names);
        let fault_ms = self.faults.iter().filter_map(|fault| fault.applied_ms()).reduce(f64::min);
        let rows = rules.iter().map(|rule| self.alert_row(rule, fault_ms, missing)).collect();
        Some(AlertsSeen { rows, doubts })
    }

    fn alert_row(&self, rule: &LoadedRule, fault_ms: Option<f64>, missing: &[String]) -> AlertRow {
        let changes: Vec<_> = self
            .events()
            .filter_map(|(t_ms, event)| match event {
                Event::AlertChanged { alert, form, instance, state, .. }
                    if *alert == rule.alert && *form == rule.form =>
                {
                    Some((t_ms, instance, *state))
                }
                _ => None,
            })
            .collect();
        let first = |wanted: AlertState| changes.iter().find(|(_, _, state)| *state == wanted);
        let firing = first(AlertState::Firing);
        // The same alert: another node's may have come and gone.
        let resolved = firing.and_then(|(fired_ms, node, _)| {
            changes.iter().find(|(t_ms, instance, state)| {
                t_ms > fired_ms && instance == node && *state == AlertState::Inactive
            })
        });
        let watch = self.run.info.scenario.alerts.as_ref();
        let expected = watch.and_then(|watch| watch.fires.iter().find(|fires| fires.alert == rule.alert));
        AlertRow {
            alert: rule.alert.clone(),
            form: rule.form,
            expr: rule.expr.clone(),
            wait_ms: rule.wait_ms,
            documented_wait_ms: rule.documented_wait_ms,
            within_ms: expected.map(|expected| expected.within.as_ms()),
            fault_ms,
            pending_ms: first(AlertState::Pending).map(|(t_ms, ..)| *t_ms),
            firing_ms: firing.map(|(t_ms, ..)| *t_ms),
            resolved_ms: resolved.map(|(t_ms, ..)| *t_ms),
            instance: firing.map(|(_, instance, _)| (*instance).clone()).unwrap_or_default(),
            missing_metrics: metrics_of(&rule.expr)
                .into_iter()
                .filter(|name| missing.contains(name))
                .collect(),
        }
    }
}
