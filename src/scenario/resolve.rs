//! From a scenario file to a validated scenario with every default filled in.

use super::blueprint_file::find_blueprint_at;
use super::checker::Checker;
use super::diagnostic::{Diagnostic, ScenarioErrors};
use super::raw::{RawAbortWhen, RawRecovery, RawScenario};
use super::source::Source;
use super::yaml::Text;
use super::{
    alert_rules, database_rules, drawn, expect_rules, load_rules, random_rules, seal_rules, timeline_rules,
    yaml,
};
use crate::model::{AbortWhen, Load, Recovery, RestoreInto, Scenario, ServerTuning, Span};
use serde_saphyr::Spanned;
use std::path::{Path, PathBuf};

const WARM_UP_DEFAULT: Span = Span::from_secs(3);
const STEADY_DEFAULT: Span = Span::from_secs(10);
const WITHIN_DEFAULT: Span = Span::from_secs(60);
const HOLD_DEFAULT: Span = Span::from_secs(5);
/// A typing mistake more often than a wish; and the history of a run is read as a whole.
/// As many as the load sizes for itself at most.
const KEYS_MAX: u32 = 20_000;
/// Of metrics on the nodes, as the documents have it.
const RETENTION: Span = Span::from_secs(30);
const RUN_LENGTH_MAX: Span = Span::from_secs(2 * 3600);
const REQUESTS_MAX: f64 = 20e6;

/// Reads a scenario file and the blueprint it names.
///
/// # Errors
/// Everything that is wrong with the two files, as far as it could be read.
pub fn load_scenario(path: &Path) -> Result<Scenario, ScenarioErrors> {
    resolve(&Source::read(path)?)
}

/// The same from text; `path` is named in errors, and a blueprint's path is relative to it.
pub fn scenario_from_text(path: &Path, text: &str) -> Result<Scenario, ScenarioErrors> {
    resolve(&Source::from_bytes(path, text.as_bytes().to_vec())?)
}

fn resolve(source: &Source) -> Result<Scenario, ScenarioErrors> {
    refuse_other_kinds(source)?;
    let raw: RawScenario = yaml::parse(source)?;
    let mut checker = Checker::new(source);
    let scenario = check(&mut checker, &raw);
    checker.finish(scenario)
}

/// Before anything else: in a file of another kind every key would be called unknown.
fn refuse_other_kinds(source: &Source) -> Result<(), Diagnostic> {
    let Some(kind) = yaml::declared_kind(source) else { return Ok(()) };
    let (message, help) = match kind.value.as_str() {
        "scenario" => return Ok(()),
        other @ ("blueprint" | "suite") => {
            (format!("this file is a {other}, not a scenario"), "name a scenario, or a folder of them".into())
        }
        other => {
            let known = ["scenario", "blueprint", "suite"];
            (format!("unknown kind `{}`", yaml::shorten(other)), super::nearest::suggest(other, known))
        }
    };
    Err(source.at(kind.referenced, message, help))
}

fn check(checker: &mut Checker, raw: &RawScenario) -> Option<Scenario> {
    let name = checker.kebab_case(&raw.name, "name");
    let summary = checker.not_blank(&raw.summary, "summary");
    let mut blueprint = match find_blueprint_at(checker, &raw.blueprint) {
        Ok(blueprint) => Some(blueprint),
        Err(errors) => {
            checker.absorb(errors);
            None
        }
    };
    let sealed = seal_rules::put_in_place(checker, raw.seal.as_ref(), blueprint.as_mut());
    let nodes = blueprint.as_ref().map(|blueprint| blueprint.nodes);
    let seed = match &raw.seed {
        None => Some(None),
        Some(text) => checker.number(text, 0..=u64::MAX).map(Some),
    };
    let server = server(checker, raw);
    let load = load_rules::check(checker, &raw.load, blueprint.as_ref());
    let keys = match &raw.keys {
        None => Some(None),
        Some(text) => checker.number(text, 1..=KEYS_MAX).map(Some),
    };
    let warm_up = checker.span_or(raw.warm_up.as_ref(), WARM_UP_DEFAULT);
    let steady = steady(checker, raw, load.as_deref());
    let timeline = timeline_rules::check(checker, raw.timeline.as_deref().unwrap_or_default(), nodes);
    let random = random_rules::check(checker, raw.random.as_ref(), raw.timeline.is_some(), nodes);
    // What is drawn is not known yet; what may be drawn is.
    let possible = match &random {
        Some(Some(random)) => Some(drawn::possible(random)),
        Some(None) => timeline.clone(),
        None => None,
    };
    no_faults_beside_a_ramp(checker, raw, load.as_deref());
    let recovery = recovery(checker, raw.recovery.as_ref());
    let abort_when = abort_when(checker, raw.abort_when.as_ref(), load.as_deref());
    let alerts = alert_rules::of_scenario(checker, raw.alerts.as_ref(), blueprint.as_ref());
    let offer = expect_rules::Offer {
        blueprint: blueprint.as_ref(),
        load: load.as_deref(),
        timeline: possible.as_deref(),
        shares_keys: raw.keys.is_some(),
        scales_leases: raw.lease_ttl.is_some(),
        watches_alerts: raw.alerts.is_some(),
    };
    let lease_ttl = database_rules::lease_ttl(checker, raw.lease_ttl.as_ref(), load.as_deref());
    let raw_steps = raw.timeline.as_deref().unwrap_or_default();
    database_rules::needs_one(checker, blueprint.as_ref(), raw_steps);
    // What is wrong with the word itself says nothing about the steps.
    let seal = sealed.and(blueprint.as_ref()).map(|blueprint| blueprint.seal.kind);
    seal_rules::fits(checker, seal, raw_steps, &raw.expect.value);
    let expect = expect_rules::check(checker, &raw.expect, &offer);
    restored_for_something(checker, raw.recovery.as_ref(), expect.as_deref());
    let tags = tags(checker, raw);
    let (alerts, mut server) = (alerts?, sealed.and(server)?);
    server.metrics_retention = alerts.as_ref().map(|watch| Span(RETENTION.0.mul_f64(watch.scale)));
    let scenario = Scenario {
        name: name?,
        summary: summary?,
        blueprint: blueprint?,
        blueprint_file: blueprint_file(checker, &raw.blueprint),
        seed: seed?,
        server,
        load: load?,
        keys: keys?,
        lease_ttl: lease_ttl?,
        warm_up: warm_up?,
        steady: steady?,
        timeline: timeline?,
        random: random?,
        recovery: recovery?,
        alerts,
        abort_when: abort_when?,
        expect: expect?,
        tags: tags?,
    };
    sane_size(checker, raw, &scenario);
    Some(scenario)
}

fn blueprint_file(checker: &Checker, text: &Text) -> Option<PathBuf> {
    let folder = checker.source.path.parent().unwrap_or(Path::new(""));
    text.value.contains('/').then(|| folder.join(&text.value))
}

fn server(checker: &mut Checker, raw: &RawScenario) -> Option<ServerTuning> {
    let text = raw.server.as_ref().and_then(|server| server.performance_multiplier.as_ref());
    let performance_multiplier = match text {
        None => None,
        Some(text) => Some(checker.number(text, 1..=10)?),
    };
    let open_metrics = raw.server.as_ref().and_then(|server| server.open_metrics).unwrap_or_default();
    Some(ServerTuning { performance_multiplier, open_metrics, metrics_retention: None })
}

fn steady(checker: &mut Checker, raw: &RawScenario, load: Option<&[Load]>) -> Option<Span> {
    let ramp = load.and_then(|load| load.iter().find_map(|load| load.rate.ramp_length()));
    match (&raw.steady, ramp) {
        (Some(text), Some(length)) => {
            let help = format!("remove `steady`: the ramp takes its place and lasts up to {length}");
            checker.error(text, "`steady` beside a ramp", help);
            None
        }
        (None, ramp) => Some(ramp.unwrap_or(STEADY_DEFAULT)),
        (Some(text), None) => {
            checker.positive_span(text, "without an undisturbed time there is nothing to compare with")
        }
    }
}

fn no_faults_beside_a_ramp(checker: &mut Checker, raw: &RawScenario, load: Option<&[Load]>) {
    let has_ramp = load.is_some_and(|load| load.iter().any(|line| line.rate.ramp_length().is_some()));
    if !has_ramp {
        return;
    }
    let help = |key: &str| {
        format!("faults need a load whose rate does not change; give it a fixed rate, or remove {key}")
    };
    match (raw.timeline.as_ref().and_then(|steps| steps.first()), &raw.random) {
        (Some(step), _) => checker.error(step, "a fault beside a ramp", help("the timeline")),
        (None, Some(random)) => checker.error(random, "faults beside a ramp", help("`random`")),
        (None, None) => {}
    }
}

fn recovery(checker: &mut Checker, raw: Option<&RawRecovery>) -> Option<Recovery> {
    let within = match raw.and_then(|raw| raw.within.as_ref()) {
        None => Some(WITHIN_DEFAULT),
        Some(text) => checker.positive_span(text, "no cluster is whole again at once"),
    };
    let hold = match raw.and_then(|raw| raw.hold.as_ref()) {
        None => Some(HOLD_DEFAULT),
        Some(text) => {
            checker.positive_span(text, "without requests after the recovery nothing shows that it held")
        }
    };
    let restore_into = match raw.and_then(|raw| raw.restore_into.as_ref()) {
        None => Some(RestoreInto::default()),
        Some(text) => {
            let found = RestoreInto::ALL.into_iter().find(|into| into.name() == text.value);
            if found.is_none() {
                checker.unknown_word(text, "number of nodes", &RestoreInto::ALL.map(RestoreInto::name));
            }
            found
        }
    };
    Some(Recovery { within: within?, hold: hold?, restore_into: restore_into? })
}

fn restored_for_something(checker: &mut Checker, raw: Option<&RawRecovery>, expect: Option<&[String]>) {
    let restored = raw.and_then(|raw| raw.restore_into.as_ref());
    let is_expected = |expect: &[String]| expect.iter().any(|id| id == "snapshot-equal");
    if let (Some(text), Some(expect)) = (restored, expect)
        && !is_expected(expect)
    {
        let help =
            "expect `snapshot-equal`, which takes a snapshot and restores it, or remove `restore_into`";
        checker.error(text, "nothing is restored here", help);
    }
}

/// Outer `None`: an error was found.
fn abort_when(
    checker: &mut Checker,
    raw: Option<&Spanned<RawAbortWhen>>,
    load: Option<&[Load]>,
) -> Option<Option<AbortWhen>> {
    let Some(raw) = raw else { return Some(None) };
    if load.is_some_and(|load| !load.iter().any(|line| line.workload.stores_a_version())) {
        let help = "it counts the time without an acknowledged write; add a write load, or remove it";
        checker.error(raw, "`abort_when` in a scenario that writes nothing", help);
    }
    let outage = checker.positive_span(&raw.value.outage, "every run would stop at once")?;
    Some(Some(AbortWhen { outage }))
}

fn tags(checker: &mut Checker, raw: &RawScenario) -> Option<Vec<String>> {
    let tags = raw.tags.as_deref().unwrap_or_default();
    checker.no_duplicates(tags, "tag");
    let tags: Vec<Option<String>> = tags.iter().map(|tag| checker.kebab_case(tag, "tag")).collect();
    tags.into_iter().collect()
}

/// The run as a whole: how long it takes at most, and how many requests it makes.
fn sane_size(checker: &mut Checker, raw: &RawScenario, scenario: &Scenario) {
    let length = longest_run(scenario);
    if length > RUN_LENGTH_MAX {
        let help = format!(
            "at most {RUN_LENGTH_MAX} is allowed for warm_up, steady, timeline and recovery together; use \
             `vaultquake run --repeat` for more"
        );
        checker.error(&raw.name, format!("this run would take up to {length}"), help);
        return;
    }
    let rate: f64 = scenario.load.iter().map(|load| load.rate.highest()).sum();
    let requests = rate * length.0.as_secs_f64();
    if requests > REQUESTS_MAX {
        let help =
            format!("at most {} million fit into one history; make it shorter or slower", REQUESTS_MAX / 1e6);
        checker.error(
            &raw.load,
            format!("this run would make up to {:.0} million requests", requests / 1e6),
            help,
        );
    }
}

/// With all the time that recovery may take.
fn longest_run(scenario: &Scenario) -> Span {
    let timeline = match &scenario.random {
        Some(random) => drawn::longest(random),
        None => timeline_rules::length(&scenario.timeline, scenario.blueprint.nodes),
    };
    let recovery = if timeline == Span::default() && scenario.timeline.is_empty() {
        Span::default()
    } else {
        Span(scenario.recovery.within.0 + scenario.recovery.hold.0)
    };
    Span(scenario.warm_up.0 + scenario.steady.0 + timeline.0 + recovery.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Arrivals, FaultKind, RatePlan};
    use crate::scenario::overrides;

    const LOAD: &str = "name: x\nsummary: It holds.\nblueprint: alphapulse\nload:\n  \
                        - { workload: kv2.write, route: leader, rate: 20/s }\nexpect: [no-lost-writes]\n";

    fn parse(more: &str) -> Result<Scenario, ScenarioErrors> {
        scenario_from_text(Path::new("x.yaml"), &format!("{LOAD}{more}"))
    }

    #[test]
    fn every_default_is_filled_in() {
        let scenario = parse("timeline: [{ at: 1s, restart: follower }]\n").unwrap();
        assert_eq!(scenario.warm_up, Span::from_secs(3));
        assert_eq!(scenario.steady, Span::from_secs(10));
        assert_eq!(
            scenario.recovery,
            Recovery {
                within: Span::from_secs(60),
                hold: Span::from_secs(5),
                restore_into: RestoreInto::One
            }
        );
        assert_eq!(scenario.server.performance_multiplier, None);
        assert_eq!((scenario.abort_when, scenario.tags), (None, vec![]));
        assert_eq!(scenario.load[0].arrivals, Arrivals::Constant);
        let step = &scenario.timeline[0];
        assert_eq!((step.heal_after, step.times), (Some(Span::from_secs(1)), 1));
    }

    #[test]
    fn a_ramp_takes_the_place_of_the_steady_phase() {
        let text = LOAD
            .replace("20/s", "{ from: 100/s, to: 300/s, step: 100/s, every: 4s }")
            .replace("no-lost-writes", "throughput.knee");
        let scenario = scenario_from_text(Path::new("x.yaml"), &text).unwrap();
        assert_eq!(scenario.steady, Span::from_secs(12));
        assert!(matches!(scenario.load[0].rate, RatePlan::Ramp { .. }));
    }

    #[test]
    fn steps_come_in_the_order_of_their_times_and_may_overlap_on_different_nodes_only() {
        let step = |at: u8, node: &str| format!("  - {{ at: {at}s, pause: {node}, heal_after: 10s }}\n");
        let two = parse(&format!("timeline:\n{}{}", step(5, "n1"), step(0, "n2"))).unwrap();
        assert_eq!(two.timeline.iter().map(|step| step.at.as_ms() as u32).collect::<Vec<_>>(), [0, 5_000]);
        for (first, second) in [("n1", "n1"), ("leader", "n1"), ("leader", "follower")] {
            let errors = parse(&format!("timeline:\n{}{}", step(0, first), step(5, second))).unwrap_err();
            assert!(errors.to_string().contains("still lasts"), "{errors}");
        }
        // An expiry disturbs no node.
        parse(&format!("timeline:\n{}  - {{ at: 1s, expire: token, ttl: 5s }}\n", step(0, "leader")))
            .unwrap();
    }

    #[test]
    fn what_is_changed_is_said() {
        let more = "server: { performance_multiplier: 1 }\ntimeline: [{ at: 0s, expire: lease, ttl: 5s }]\n";
        let scenario = parse(more).unwrap();
        assert_eq!(scenario.timeline[0].fault, FaultKind::Expire);
        assert_eq!(
            overrides(&scenario),
            ["performance_multiplier 1, the server's default is 5", "lease TTL 1h, tested at 5s"]
        );
        assert_eq!(overrides(&parse("server: { performance_multiplier: 5 }\n").unwrap()), [""; 0]);
    }

    #[test]
    fn files_that_are_too_large_or_no_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("big.yaml");
        std::fs::write(&path, "# x\n".repeat(300_000)).unwrap();
        assert!(load_scenario(&path).unwrap_err().to_string().contains("larger than 1 MiB"));
        assert!(load_scenario(folder.path()).unwrap_err().to_string().contains("not a file"));
        let missing = load_scenario(&folder.path().join("bigg.yaml")).unwrap_err().to_string();
        assert!(missing.contains("there is no such file") && missing.contains("big.yaml`?"), "{missing}");
    }
}
