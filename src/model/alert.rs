//! Alerts as data: the documented rules, what a scenario expects of them, and what Prometheus said.

use super::Span;
use serde::{Deserialize, Serialize};

/// An alert that a document asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlertRule {
    pub name: String,
    /// As the document has it; `None` where it only says what is to be told of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documented: Option<String>,
    /// What tells of the same on a real server, where the document says nothing or what never fires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working: Option<WorkingExpression>,
    /// How long it holds before the alert fires.
    pub wait: Span,
    pub source: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkingExpression {
    pub expr: String,
    pub why: String,
}

/// Which of the two expressions of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertForm {
    Documented,
    Working,
}

impl AlertForm {
    pub fn name(self) -> &'static str {
        match self {
            AlertForm::Documented => "documented",
            AlertForm::Working => "working",
        }
    }
}

impl AlertRule {
    /// Each form that there is, with its expression.
    pub fn forms(&self) -> impl Iterator<Item = (AlertForm, &str)> {
        let documented = self.documented.as_deref().map(|expr| (AlertForm::Documented, expr));
        let working = self.working.as_ref().map(|working| (AlertForm::Working, working.expr.as_str()));
        documented.into_iter().chain(working)
    }

    /// The form by which the alert is judged.
    pub fn judged_form(&self) -> AlertForm {
        match self.working {
            Some(_) => AlertForm::Working,
            None => AlertForm::Documented,
        }
    }
}

/// What a scenario expects of its blueprint's alerts; those that it does not name must stay silent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlertWatch {
    /// Waiting times, windows of expressions and the server's retention of metrics are this much of the documented.
    pub scale: f64,
    pub fires: Vec<ExpectedAlert>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExpectedAlert {
    pub alert: String,
    /// From the first fault on, in real time.
    pub within: Span,
}

/// A rule as Prometheus was given it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadedRule {
    pub alert: String,
    pub form: AlertForm,
    /// With its windows scaled.
    pub expr: String,
    pub wait_ms: f64,
    pub documented_wait_ms: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    Inactive,
    Pending,
    Firing,
}

impl AlertState {
    pub fn name(self) -> &'static str {
        match self {
            AlertState::Inactive => "inactive",
            AlertState::Pending => "pending",
            AlertState::Firing => "firing",
        }
    }
}

/// What became of one rule in a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlertRow {
    pub alert: String,
    pub form: AlertForm,
    pub expr: String,
    pub wait_ms: f64,
    pub documented_wait_ms: f64,
    /// After which time at the latest it had to fire; null where it had to stay silent.
    pub within_ms: Option<f64>,
    /// Times of the run; null when it never was so.
    pub fault_ms: Option<f64>,
    pub pending_ms: Option<f64>,
    pub firing_ms: Option<f64>,
    pub resolved_ms: Option<f64>,
    /// Of the first alert that fired, such as `n2`; empty where an expression has none.
    pub instance: String,
    /// Metrics of the expression that no node had at any time of the run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing_metrics: Vec<String>,
}

/// The expression with each window, such as `[5m]`, scaled; never shorter than `shortest`.
///
/// # Errors
/// A window is no duration.
pub fn scaled_expression(expr: &str, scale: f64, shortest: Span) -> Result<String, String> {
    let mut scaled = String::new();
    let mut rest = expr;
    while let Some((before, after)) = rest.split_once('[') {
        let (window, after) = after.split_once(']').ok_or("a `[` is never closed")?;
        let window: Span = window.trim().parse().map_err(|_| format!("`[{window}]` is no window"))?;
        let window = Span(window.0.mul_f64(scale).max(shortest.0));
        scaled += &format!("{before}[{window}]");
        rest = after;
    }
    Ok(scaled + rest)
}

/// The server's metrics that an expression names.
pub fn metrics_of(expr: &str) -> Vec<String> {
    let mut names: Vec<String> = expr
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':')
        .filter(|word| word.starts_with("vault_"))
        .map(str::to_owned)
        .collect();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_scaled_and_metrics_are_found() {
        let scaled = |expr| scaled_expression(expr, 0.1, Span::from_secs(4));
        assert_eq!(scaled("rate(a[5m]) > 0").unwrap(), "rate(a[30s]) > 0");
        assert_eq!(scaled("max(a[1m]) > min(b[10s])").unwrap(), "max(a[6s]) > min(b[4s])");
        assert_eq!(scaled("up{job=\"vault\"} == 0").unwrap(), "up{job=\"vault\"} == 0");
        assert!(scaled("rate(a[soon])").is_err() && scaled("rate(a[5m").is_err());
        let expr = "rate(vault_a[5m]) > vault_b{quantile=\"0.99\"} or vault_a == up";
        assert_eq!(metrics_of(expr), ["vault_a", "vault_b"]);
    }
}
