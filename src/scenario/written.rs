//! A scenario as a file of its own, the other way round than reading one.

use super::find_blueprint;
use crate::model::{
    Arrivals, ByteRate, Cut, FaultKind, HandOver, LinkFault, Load, RatePlan, RestoreInto, Scenario, Shape,
    Share, Span, Step, Strain,
};
use std::fmt::{Display, Write};

/// What people read beside what the program does.
#[derive(Default)]
pub struct Notes {
    /// Lines at the top.
    pub head: Vec<String>,
    /// One for each step; what is missing or empty is left out.
    pub steps: Vec<String>,
}

/// The text of a file that is read as this scenario. `blueprint_beside` is the blueprint's file as seen from it; one that is
/// built in needs none. What belongs to `random` is left out: the timeline is what was drawn.
///
/// # Errors
/// The scenario has a part that only its own file says, such as programs beside it.
pub fn as_file(scenario: &Scenario, blueprint_beside: &str, notes: &Notes) -> Result<String, String> {
    if scenario.load.iter().any(|load| load.program.is_some()) {
        return Err("it runs programs of its own folder".into());
    }
    if scenario.blueprint.seal.kind.opens_itself() {
        return Err("it has a seal of its own".into());
    }
    if scenario.alerts.is_some() || scenario.server.open_metrics {
        return Err("its alerts are watched".into());
    }
    let blueprint = &scenario.blueprint;
    let is_built_in = find_blueprint(&blueprint.name).is_ok_and(|built_in| built_in == *blueprint);
    let mut text: String = notes.head.iter().map(|line| format!("# {line}\n")).collect();
    let mut line = |key: &str, value: &dyn Display| {
        let _ = writeln!(text, "{key}: {value}");
    };
    line("name", &scenario.name);
    line("summary", &quoted(&scenario.summary));
    line("blueprint", &if is_built_in { &blueprint.name } else { blueprint_beside });
    if let Some(seed) = scenario.seed {
        line("seed", &seed);
    }
    if let Some(multiplier) = scenario.server.performance_multiplier {
        line("server", &format!("{{ performance_multiplier: {multiplier} }}"));
    }
    text += "load:\n";
    for load in &scenario.load {
        let _ = writeln!(text, "  - {}", load_line(load)?);
    }
    let mut line = |key: &str, value: Option<&dyn Display>| {
        if let Some(value) = value {
            let _ = writeln!(text, "{key}: {value}");
        }
    };
    line("keys", scenario.keys.as_ref().map(|keys| keys as &dyn Display));
    line("lease_ttl", scenario.lease_ttl.as_ref().map(|ttl| ttl as &dyn Display));
    line("warm_up", Some(&scenario.warm_up));
    line("steady", Some(&scenario.steady));
    if !scenario.timeline.is_empty() {
        text += "timeline:\n";
    }
    for (index, step) in scenario.timeline.iter().enumerate() {
        let note = notes.steps.get(index).filter(|note| !note.is_empty());
        let note = note.map(|note| format!(" # {note}")).unwrap_or_default();
        let _ = writeln!(text, "  - {{ {} }}{note}", step_words(step).join(", "));
    }
    let recovery = &scenario.recovery;
    let into = match recovery.restore_into {
        RestoreInto::One => String::new(),
        other => format!(", restore_into: {}", other.name()),
    };
    let _ = writeln!(text, "recovery: {{ within: {}, hold: {}{into} }}", recovery.within, recovery.hold);
    if let Some(abort) = &scenario.abort_when {
        let _ = writeln!(text, "abort_when: {{ outage: {} }}", abort.outage);
    }
    let _ = writeln!(text, "expect: [{}]", scenario.expect.join(", "));
    if !scenario.tags.is_empty() {
        let _ = writeln!(text, "tags: [{}]", scenario.tags.join(", "));
    }
    Ok(text)
}

/// Text that may hold anything; what JSON quotes YAML reads.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn load_line(load: &Load) -> Result<String, String> {
    let RatePlan::Constant(rate) = load.rate else { return Err("its load is a ramp".into()) };
    let arrivals = match load.arrivals {
        Arrivals::Constant => "",
        Arrivals::Poisson => ", arrivals: poisson",
    };
    Ok(format!("{{ workload: {}, route: {}, rate: {rate}{arrivals} }}", load.workload, load.route))
}

/// `key: value`, in the order in which people write them.
fn step_words(step: &Step) -> Vec<String> {
    let mut words = vec![format!("at: {}", step.at)];
    let mut word = |key: &str, value: &dyn Display| words.push(format!("{key}: {value}"));
    if !step.jitter.0.is_zero() {
        word("jitter", &step.jitter);
    }
    match step.link.as_ref().map(|link| &link.shape) {
        Some(Shape::Grudge(map)) => {
            let deaf = map.iter().map(|(deaf, silenced)| {
                let silenced: Vec<_> = silenced.iter().map(|node| node.as_str()).collect();
                format!("{deaf}: [{}]", silenced.join(", "))
            });
            word("partition", &format!("{{ {} }}", deaf.collect::<Vec<_>>().join(", ")));
        }
        _ => word(step.fault.name(), &step.target),
    }
    if let Some(link) = &step.link {
        link_words(link, &mut word);
    }
    match step.strain {
        Some(Strain::SlowDisk { writes }) => word("writes", &writes),
        Some(Strain::Cpu { cores }) => word("cpus", &cores),
        Some(Strain::Memory { limit }) => word("memory", &limit),
        Some(Strain::SlowAnswers { delay }) => word("delay", &delay),
        Some(Strain::FullDisk(_) | Strain::NoNetwork) | None => {}
    }
    if let Some(ttl) = step.ttl.filter(|_| step.fault != FaultKind::Revoke) {
        word("ttl", &ttl);
    }
    if let Some(count) = step.count {
        word("count", &count);
    }
    if let Some(heal_after) = step.heal_after {
        word("heal_after", &heal_after);
    }
    if let Some(rest) = step.rest {
        word("rest", &rest);
    }
    if step.hand_over == Some(HandOver::StepDown) {
        word("hand_over", &HandOver::StepDown.name());
    }
    if step.times > 1 {
        word("times", &step.times);
        word("every", &step.every);
    }
    if !step.when.is_due() {
        word("when", &step.when.name());
    }
    words
}

fn link_words(link: &LinkFault, word: &mut impl FnMut(&str, &dyn Display)) {
    if link.between.clients() {
        word("between", &link.between.name());
    }
    let impairment = &link.impairment;
    if impairment.cut == Some(Cut::Reject) {
        word("how", &"reject");
    }
    if let Some(flap) = link.flap {
        word("flap", &flap);
    }
    for (key, span) in [("delay", impairment.delay), ("spread", impairment.spread)] {
        if span != Span::default() {
            word(key, &span);
        }
    }
    if impairment.loss > 0.0 {
        word("loss", &Share(impairment.loss));
    }
    if let Some(bytes_per_s) = impairment.bytes_per_s {
        word("bandwidth", &ByteRate(bytes_per_s));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{find_scenarios, load_scenario, scenario_from_text, with_faults_drawn};
    use std::path::Path;

    /// What was written is read as what it was, for every scenario that is shipped and can be written.
    #[test]
    fn what_is_written_is_read_as_the_same_scenario() {
        let mut written = 0;
        for path in find_scenarios(&["scenarios".into(), "tests/mutants/scenarios".into()]).unwrap() {
            let scenario = with_faults_drawn(&load_scenario(&path).unwrap(), 42);
            let notes = Notes { head: vec!["Once more.".into()], steps: vec![String::new(), "n2".into()] };
            let Ok(text) = as_file(&scenario, "./small.yaml", &notes) else {
                let of_its_own = |load: &Load| load.program.is_some() || load.rate.ramp_length().is_some();
                let watched = scenario.alerts.is_some() || scenario.server.open_metrics;
                let sealed = scenario.blueprint.seal.kind.opens_itself();
                assert!(scenario.load.iter().any(of_its_own) || watched || sealed, "{path:?}");
                continue;
            };
            // A blueprint of a folder is read from there.
            let beside = Path::new("tests/mutants/scenarios/again.yaml");
            let uses_small = scenario.blueprint_file.is_none()
                || path.starts_with("tests") && scenario.blueprint.name == "small";
            if !uses_small {
                continue;
            }
            let read = scenario_from_text(beside, &text).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
            let same = |scenario| Scenario { blueprint_file: None, random: None, ..scenario };
            assert_eq!(same(read), same(scenario), "{text}");
            written += 1;
        }
        assert!(written > 30, "only {written}");
    }
}
