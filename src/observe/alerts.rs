//! Asks Prometheus which alerts are pending or fire, and journals what changed between two looks.

use crate::helper::{ActiveAlert, Prometheus, RulesSeen, SCRAPE_EVERY};
use crate::model::{AlertForm, AlertState, Event, LoadedRule, metrics_of};
use crate::record::Journal;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const EVERY: Duration = Duration::from_millis(200);
/// Different ones; a trouble that repeats itself is told once.
const TROUBLES_MAX: usize = 10;

/// Looks until it is ended.
pub struct AlertObserver {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl AlertObserver {
    pub fn start(prometheus: Prometheus, rules: Vec<LoadedRule>, scale: f64, journal: Journal) -> Self {
        journal.write(Event::AlertRules { scale, scrape_ms: SCRAPE_EVERY.as_ms(), rules: rules.clone() });
        let (stop, stopped) = oneshot::channel();
        Self { stop, task: tokio::spawn(watch(prometheus, rules, journal, stopped)) }
    }

    /// The last look is journalled when this returns.
    pub async fn end(self, journal: &Journal) {
        let _ = self.stop.send(());
        if let Err(error) = self.task.await {
            journal.write(Event::HarnessError { reason: format!("an observer broke: {error}") });
        }
    }
}

/// What is active: by alert, form and instance, whether it fires.
type Active = BTreeMap<(String, AlertForm, String), AlertState>;

async fn watch(
    prometheus: Prometheus,
    rules: Vec<LoadedRule>,
    journal: Journal,
    mut stopped: oneshot::Receiver<()>,
) {
    let mut active = Active::new();
    let mut troubles = BTreeSet::new();
    let (mut looks, mut longest_gap_ms) = (0, 0.0_f64);
    let mut seen_ms = journal.now_ms();
    let tell = |trouble: String, troubles: &mut BTreeSet<String>| {
        if troubles.len() < TROUBLES_MAX {
            troubles.insert(trouble);
        }
    };
    loop {
        let asked_ms = journal.now_ms();
        match prometheus.rules().await {
            Ok(RulesSeen { active: now, broken }) => {
                broken.into_iter().for_each(|trouble| tell(trouble, &mut troubles));
                let now = by_name(now);
                changes(&active, &now, seen_ms).into_iter().for_each(|event| journal.write(event));
                (active, looks) = (now, looks + 1);
                longest_gap_ms = longest_gap_ms.max(asked_ms - seen_ms);
                seen_ms = asked_ms;
            }
            Err(error) => tell(error.to_string(), &mut troubles),
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            _ = &mut stopped => break,
        }
    }
    longest_gap_ms = longest_gap_ms.max(journal.now_ms() - seen_ms);
    let missing = match prometheus.metrics().await {
        Ok(there) => missing(&rules, &there),
        Err(error) => {
            tell(error.to_string(), &mut troubles);
            Vec::new()
        }
    };
    let troubles = troubles.into_iter().collect();
    journal.write(Event::AlertsWatched { looks, longest_gap_ms, missing, troubles });
}

fn by_name(active: Vec<ActiveAlert>) -> Active {
    let mut named = Active::new();
    for ActiveAlert { alert, form, instance, firing } in active {
        let form = match form == AlertForm::Working.name() {
            true => AlertForm::Working,
            false => AlertForm::Documented,
        };
        let state = if firing { AlertState::Firing } else { AlertState::Pending };
        // Alerts that differ in other labels only are one to us: the worst of them.
        let known = named.entry((alert, form, instance)).or_insert(state);
        *known = state.max(*known);
    }
    named
}

fn changes(before: &Active, now: &Active, previous_ms: f64) -> Vec<Event> {
    let gone = before.keys().filter(|key| !now.contains_key(*key)).map(|key| (key, AlertState::Inactive));
    let others = now.iter().filter(|(key, state)| before.get(*key) != Some(*state));
    let others = others.map(|(key, state)| (key, *state));
    gone.chain(others)
        .map(|((alert, form, instance), state)| Event::AlertChanged {
            alert: alert.clone(),
            form: *form,
            instance: instance.clone(),
            state,
            previous_ms,
        })
        .collect()
}

fn missing(rules: &[LoadedRule], there: &[String]) -> Vec<String> {
    let named: BTreeSet<String> = rules.iter().flat_map(|rule| metrics_of(&rule.expr)).collect();
    named.into_iter().filter(|name| !there.contains(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn active(alert: &str, instance: &str, firing: bool) -> ActiveAlert {
        let (alert, form, instance) = (alert.to_owned(), "documented".to_owned(), instance.to_owned());
        ActiveAlert { alert, form, instance, firing }
    }

    #[test]
    fn only_what_changed_is_told() {
        let before = by_name(vec![active("A", "n1", false), active("A", "n2", true), active("B", "", true)]);
        let now = by_name(vec![active("A", "n1", true), active("A", "n2", true), active("C", "", false)]);
        let told: Vec<_> = changes(&before, &now, 1.0)
            .into_iter()
            .filter_map(|event| match event {
                Event::AlertChanged { alert, instance, state, .. } => Some((alert + &instance, state)),
                _ => None,
            })
            .collect();
        let expected = [("B", AlertState::Inactive), ("An1", AlertState::Firing), ("C", AlertState::Pending)];
        assert_eq!(told, expected.map(|(name, state)| (name.to_owned(), state)));
    }
}
