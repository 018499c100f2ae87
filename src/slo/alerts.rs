//! Whether the documented alerts fire when what they are for happens, and only then.

use super::figure::{Figure, Judged};
use crate::facts::{AlertsSeen, CONTAMINATED_SHARE_MAX, Contamination, DEFAULT_CONTAMINATION_MS, Facts};
use crate::model::{AlertForm, AlertRow, Bound, Unit, Verdict};

/// The share of the alerts that did what they have to do in this scenario. Where the document's expression is known not to
/// do, the alert is judged by the one that works, and the note tells of the other.
pub fn judge(facts: &Facts, bound: Bound) -> Judged {
    if bound.unit != Unit::Percent {
        return Figure::unknown(format!("the promise `{bound}` is no share in %")).into();
    }
    let Some(AlertsSeen { rows, doubts }) = facts.alerts() else {
        return Figure::unknown("Prometheus watched nothing").into();
    };
    let rules = &facts.run.info.scenario.blueprint.alerts;
    let mut breakdown = Vec::new();
    let (mut notes, mut asides) = (Vec::new(), Vec::new());
    let mut kept = 0;
    let mut undecided = false;
    for rule in rules {
        let form = |form: AlertForm| rows.iter().find(|row| row.alert == rule.name && row.form == form);
        let Some(row) = form(rule.judged_form()) else { continue };
        let (mut verdict, mut told) = one(row);
        if verdict == Verdict::Fail && row.firing_ms.is_some() && was_busy(facts) {
            verdict = Verdict::Inconclusive;
            told += " (the machine itself was too busy to tell whose fault that is)";
        }
        // What was seen is proof; what was not seen may have been missed.
        if !doubts.is_empty() && row.firing_ms.is_none() {
            verdict = Verdict::Inconclusive;
        }
        let aside = form(AlertForm::Documented).filter(|_| rule.judged_form() == AlertForm::Working);
        if let Some(aside) = aside.and_then(|documented| beside(documented, row)) {
            asides.push(aside.text);
            if aside.contradicts && doubts.is_empty() {
                verdict = Verdict::Fail;
                told = asides.pop().unwrap_or_default();
            }
        }
        kept += u64::from(verdict == Verdict::Pass);
        undecided |= verdict == Verdict::Inconclusive;
        let share = if verdict == Verdict::Pass { 100.0 } else { 0.0 };
        breakdown.push(Figure { verdict, ..Figure::exact(&bound, share) }.breakdown(&told));
        if verdict != Verdict::Pass || row.firing_ms.is_some() {
            notes.push(told);
        }
    }
    if breakdown.is_empty() {
        return Figure::unknown("no rule of the blueprint was loaded").into();
    }
    let samples = breakdown.len() as u64;
    let mut figure = Figure { samples, ..Figure::exact(&bound, kept as f64 * 100.0 / samples as f64) };
    let failed = breakdown.iter().any(|part| part.verdict == Verdict::Fail);
    if undecided && !failed {
        figure.verdict = Verdict::Inconclusive;
        notes.extend(doubts);
    }
    notes.extend(asides);
    figure.note = notes.join("; ");
    Judged { figure, breakdown }
}

/// A machine that keeps servers waiting makes scrapes time out and answers late: what fires then may be its doing.
fn was_busy(facts: &Facts) -> bool {
    let (from_ms, to_ms) = (facts.loaded_from_ms(), facts.watched_until_ms());
    let seen = Contamination::of(&facts.control, from_ms, to_ms, DEFAULT_CONTAMINATION_MS);
    seen.bad_ms > seen.covered_ms * CONTAMINATED_SHARE_MAX
}

/// What an alert did, against what it has to do.
fn one(row: &AlertRow) -> (Verdict, String) {
    let seconds = |ms: f64| format!("{:.1} s", ms / 1e3);
    let name = &row.alert;
    let about = if row.instance.is_empty() { String::new() } else { format!(" for {}", row.instance) };
    let Some(firing_ms) = row.firing_ms else {
        return match (row.within_ms, row.fault_ms) {
            (None, _) => (Verdict::Pass, format!("{name} stayed silent")),
            (Some(_), None) => (Verdict::Inconclusive, format!("{name} had no reason: no fault took hold")),
            (Some(within_ms), Some(_)) => {
                let why = because(row);
                (Verdict::Fail, format!("{name} never fired, and had to within {}{why}", seconds(within_ms)))
            }
        };
    };
    let Some(took_ms) = row.fault_ms.map(|fault_ms| firing_ms - fault_ms).filter(|took_ms| *took_ms >= 0.0)
    else {
        return (Verdict::Fail, format!("{name} fired{about} before anything had happened"));
    };
    let mut told = format!("{name} fired{about} {} after the fault", seconds(took_ms));
    if let Some(resolved_ms) = row.resolved_ms {
        told += &format!(" for {}", seconds(resolved_ms - firing_ms));
    }
    match row.within_ms {
        None => (Verdict::Fail, format!("{told}, and was not for this")),
        Some(within_ms) if took_ms > within_ms => {
            (Verdict::Fail, format!("{told}, later than {}", seconds(within_ms)))
        }
        Some(_) => (Verdict::Pass, told),
    }
}

fn because(row: &AlertRow) -> String {
    match &row.missing_metrics[..] {
        [] => String::new(),
        missing => format!(": no node has {}", missing.join(", ")),
    }
}

struct Beside {
    text: String,
    /// The blueprint says that the document's expression does not do, and it does.
    contradicts: bool,
}

/// What the document's own expression did, beside the one that works. Nothing to tell where neither had to fire.
fn beside(documented: &AlertRow, working: &AlertRow) -> Option<Beside> {
    let name = &documented.alert;
    match (working.within_ms.is_some(), documented.firing_ms) {
        (true, None) => {
            let text = format!("{name} as documented never fired{}", because(documented));
            Some(Beside { text, contradicts: false })
        }
        (true, Some(_)) => {
            let text =
                format!("{name} fired as documented after all: the blueprint's `working` is not needed");
            Some(Beside { text, contradicts: true })
        }
        (false, Some(_)) => {
            let text = format!("{name} as documented fired, and was not for this");
            Some(Beside { text, contradicts: true })
        }
        (false, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::*;
    use crate::model::*;

    const DOWN: &str = "Down";
    const ERRORS: &str = "Errors";

    fn rule(name: &str, documented: Option<&str>, working: Option<&str>) -> AlertRule {
        let working =
            working.map(|expr| WorkingExpression { expr: expr.to_owned(), why: "so it is".to_owned() });
        let documented = documented.map(str::to_owned);
        let (name, source) = (name.to_owned(), "a-document.txt".to_owned());
        AlertRule { name, documented, working, wait: Span::from_secs(60), source }
    }

    /// A run with a fault at 12 s in which these alerts have to fire within 20 s, and those do.
    fn judged(
        fires: &[&str],
        seen: &[(&str, AlertForm, f64)],
        watched: Event,
    ) -> (Verdict, Option<f64>, String) {
        let rules = vec![
            rule(DOWN, Some("up == 0"), None),
            rule(ERRORS, Some("vault_none > 0"), Some("vault_some > 0")),
        ];
        let loaded = |rule: &AlertRule| -> Vec<LoadedRule> {
            let form = |(form, expr): (AlertForm, &str)| {
                let (alert, expr) = (rule.name.clone(), expr.to_owned());
                LoadedRule { alert, form, expr, wait_ms: 6e3, documented_wait_ms: 60e3 }
            };
            rule.forms().map(form).collect()
        };
        let all = rules.iter().flat_map(loaded).collect();
        let mut run = kill_run().event(1.0, Event::AlertRules { scale: 0.1, scrape_ms: 1e3, rules: all });
        for (alert, form, t_ms) in seen {
            for (t_ms, state) in [(t_ms - 6e3, AlertState::Pending), (*t_ms, AlertState::Firing)] {
                let (alert, instance) = ((*alert).to_owned(), "n1".to_owned());
                let previous_ms = t_ms - 200.0;
                run =
                    run.event(t_ms, Event::AlertChanged { alert, form: *form, instance, state, previous_ms });
            }
        }
        let mut run = run.event(40e3, watched).build();
        let fires = fires
            .iter()
            .map(|alert| ExpectedAlert { alert: (*alert).to_owned(), within: Span::from_secs(20) });
        run.info.scenario.alerts = Some(AlertWatch { scale: 0.1, fires: fires.collect() });
        run.info.scenario.blueprint.alerts = rules;
        let figure = judge(&Facts::of(&run), ">= 100 %".parse().unwrap()).figure;
        (figure.verdict, figure.measured, figure.note)
    }

    #[test]
    fn a_false_alarm_on_a_machine_that_is_too_busy_is_nobodys() {
        let window = |stall_p99_ms| Event::Control {
            window_ms: 20e3,
            stall_p99_ms,
            stall_max_ms: stall_p99_ms,
            echo_p99_ms: 1.0,
            echo_max_ms: 1.0,
        };
        let of = |stall_ms| {
            let run = kill_run().event(30e3, window(stall_ms)).build();
            was_busy(&Facts::of(&run))
        };
        assert!(of(9.0) && !of(1.0));
    }

    fn watched(troubles: &[&str]) -> Event {
        let troubles = troubles.iter().map(|trouble| (*trouble).to_owned()).collect();
        let missing = vec!["vault_none".to_owned()];
        Event::AlertsWatched { looks: 100, longest_gap_ms: 210.0, missing, troubles }
    }

    fn fault_ms() -> f64 {
        Facts::of(&kill_run().build()).faults[0].applied_ms().unwrap()
    }

    #[test]
    fn an_alert_fires_in_time_late_or_never() {
        let fired = |after_ms: f64| {
            judged(&[DOWN], &[(DOWN, AlertForm::Documented, fault_ms() + after_ms)], watched(&[]))
        };
        let (verdict, measured, note) = fired(7.5e3);
        assert_eq!((verdict, measured), (Verdict::Pass, Some(100.0)), "{note}");
        assert!(note.contains("Down fired for n1 7.5 s after the fault"), "{note}");
        let (verdict, measured, note) = fired(20.1e3);
        assert_eq!((verdict, measured), (Verdict::Fail, Some(50.0)), "{note}");
        let (verdict, _, note) = judged(&[DOWN], &[], watched(&[]));
        assert_eq!(verdict, Verdict::Fail);
        assert!(note.contains("never fired"), "{note}");
    }

    #[test]
    fn an_alert_that_is_not_for_this_or_too_early_is_a_false_alarm() {
        let silent = |seen: &[(&str, AlertForm, f64)]| judged(&[], seen, watched(&[]));
        assert_eq!(silent(&[]).0, Verdict::Pass);
        let after = fault_ms() + 9e3;
        let (verdict, measured, note) = silent(&[(DOWN, AlertForm::Documented, after)]);
        assert_eq!((verdict, measured), (Verdict::Fail, Some(50.0)));
        assert!(note.contains("was not for this"), "{note}");
        let early = [(DOWN, AlertForm::Documented, fault_ms() - 1e3)];
        let (verdict, _, note) = judged(&[DOWN], &early, watched(&[]));
        assert_eq!(verdict, Verdict::Fail);
        assert!(note.contains("before anything"), "{note}");
    }

    #[test]
    fn a_documented_expression_that_cannot_fire_is_told_of_beside_the_one_that_does() {
        let after = fault_ms() + 9e3;
        let works = (ERRORS, AlertForm::Working, after);
        let (verdict, _, note) = judged(&[ERRORS], &[works], watched(&[]));
        assert_eq!(verdict, Verdict::Pass);
        assert!(note.contains("Errors as documented never fired: no node has vault_none"), "{note}");
        let both = [works, (ERRORS, AlertForm::Documented, after)];
        let (verdict, _, note) = judged(&[ERRORS], &both, watched(&[]));
        assert_eq!(verdict, Verdict::Fail);
        assert!(note.contains("after all"), "{note}");
        let (verdict, _, _) = judged(&[], &[(ERRORS, AlertForm::Documented, after)], watched(&[]));
        assert_eq!(verdict, Verdict::Fail, "a false alarm of the document's own rule");
    }

    #[test]
    fn what_nobody_saw_is_no_silence() {
        let (verdict, _, note) = judged(&[], &[], watched(&["it does not answer"]));
        assert_eq!(verdict, Verdict::Inconclusive);
        assert!(note.contains("it does not answer"), "{note}");
        let gap = Event::AlertsWatched { looks: 2, longest_gap_ms: 9e3, missing: vec![], troubles: vec![] };
        assert_eq!(judged(&[DOWN], &[], gap).0, Verdict::Inconclusive);
        assert_eq!(judged(&[], &[], Event::Ended).0, Verdict::Inconclusive);
        let fired = [(DOWN, AlertForm::Documented, fault_ms() + 9e3)];
        assert_eq!(judged(&[], &fired, watched(&["it does not answer"])).0, Verdict::Fail, "seen is seen");
        let unwatched = judge(&Facts::of(&kill_run().build()), ">= 100 %".parse().unwrap()).figure;
        assert_eq!(unwatched.verdict, Verdict::Inconclusive);
    }
}
