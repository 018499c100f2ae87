//! Alerts: rules of a blueprint that Prometheus can be given, and what a scenario expects of them.

use super::checker::Checker;
use super::raw::RawAlerts;
use super::raw_blueprint::{RawAlert, RawBlueprint};
use super::yaml::Text;
use crate::model::{
    AlertRule, AlertWatch, Blueprint, ExpectedAlert, Span, WorkingExpression, scaled_expression,
};
use serde_saphyr::Spanned;

/// Below it windows hold too few samples.
const SCALE_MIN: f64 = 0.05;
const NAME_CHARS_MAX: usize = 64;

pub(super) fn of_blueprint(checker: &mut Checker, raw: &RawBlueprint) -> Option<Vec<AlertRule>> {
    checker.no_duplicates(raw.alerts.iter().map(|alert| &alert.value.name), "alert");
    let document = raw.source.value.trim();
    let rules: Vec<_> = raw.alerts.iter().map(|alert| rule(checker, alert, document)).collect();
    rules.into_iter().collect()
}

fn rule(checker: &mut Checker, line: &Spanned<RawAlert>, document: &str) -> Option<AlertRule> {
    let raw = &line.value;
    let name = name(checker, &raw.name);
    let wait = checker.quantity::<Span>(&raw.wait);
    let documented = expression(checker, raw.expr.as_ref());
    let working = expression(checker, raw.working.as_ref());
    let why = match &raw.why {
        None => Some(None),
        Some(text) => checker.not_blank(text, "reason").map(Some),
    };
    let source = match &raw.source {
        None => Some(document.to_owned()),
        Some(text) => checker.not_blank(text, "source"),
    };
    let (documented, working, why) = (documented?, working?, why?);
    let working = match (working, why) {
        (Some(expr), Some(why)) => Some(WorkingExpression { expr, why }),
        (Some(_), None) => {
            let help = "say in `why` what is wrong with the document's, or how its words were read";
            checker.error(line, "a `working` expression without a reason", help);
            return None;
        }
        (None, Some(_)) => {
            checker.error(line, "a `why` without `working`", "say what works instead, or remove it");
            return None;
        }
        (None, None) => None,
    };
    if documented.is_none() && working.is_none() {
        let help = "give the document's `expr`, or what tells of it as `working`, with `why`";
        checker.error(line, "this alert has no expression", help);
        return None;
    }
    Some(AlertRule { name: name?, documented, working, wait: wait?, source: source? })
}

fn name(checker: &mut Checker, text: &Text) -> Option<String> {
    let name = text.value.trim();
    let fine = (1..=NAME_CHARS_MAX).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric());
    if !fine {
        let help = format!("use letters and digits, at most {NAME_CHARS_MAX}, such as `VaultSealed`");
        checker.error(text, "this cannot be an alert's name", help);
    }
    fine.then(|| name.to_owned())
}

/// Outer `None`: an error was found. What Prometheus itself refuses it says when it starts.
fn expression(checker: &mut Checker, text: Option<&Text>) -> Option<Option<String>> {
    let Some(text) = text else { return Some(None) };
    let expr = checker.not_blank(text, "expression")?;
    if let Err(why) = scaled_expression(&expr, 1.0, Span::default()) {
        checker.error(text, why, "write windows such as `[5m]`");
        return None;
    }
    Some(Some(expr))
}

/// Outer `None`: an error was found.
pub(super) fn of_scenario(
    checker: &mut Checker,
    raw: Option<&Spanned<RawAlerts>>,
    blueprint: Option<&Blueprint>,
) -> Option<Option<AlertWatch>> {
    let Some(line) = raw else { return Some(None) };
    let raw = &line.value;
    let scale = match &raw.scale {
        None => Some(1.0),
        Some(text) => checker.decimal(text, SCALE_MIN..=1.0),
    };
    if blueprint.is_some_and(|blueprint| blueprint.alerts.is_empty()) {
        let help = "take a blueprint with `alerts`, or remove them here";
        checker.error(line, "the blueprint has no alerts", help);
        return None;
    }
    checker.no_duplicates(raw.fires.iter().map(|expected| &expected.value.alert), "alert");
    let known: Option<Vec<&str>> =
        blueprint.map(|blueprint| blueprint.alerts.iter().map(|rule| rule.name.as_str()).collect());
    let fires: Vec<Option<ExpectedAlert>> = raw
        .fires
        .iter()
        .map(|expected| {
            let text = &expected.value.alert;
            if let Some(known) = &known
                && !known.contains(&text.value.as_str())
            {
                checker.unknown_word(text, "alert", known);
                return None;
            }
            let within = checker.positive_span(&expected.value.within, "no alert fires at once")?;
            Some(ExpectedAlert { alert: text.value.clone(), within })
        })
        .collect();
    let fires = fires.into_iter().collect::<Option<_>>()?;
    Some(Some(AlertWatch { scale: scale?, fires }))
}
