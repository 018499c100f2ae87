//! Scenario files as people meet them: each bad one is answered with a message that a newcomer can act on
//! (the snapshot is the message), and each shipped one has a plan. Starts no server.

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use vaultquake::model::{Blueprint, Scenario};
use vaultquake::scenario::{
    attach_file_from_text, blueprint_from_text, built_in_blueprints, find_blueprint, find_scenarios,
    load_scenario, load_suite, plan,
};

/// The files of a folder, sorted; paths relative to the package, which is where tests run.
fn files(folder: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}

fn shipped() -> Vec<(PathBuf, Scenario)> {
    let paths =
        find_scenarios(&["scenarios".into(), "examples".into()]).unwrap_or_else(|errors| panic!("{errors}"));
    paths
        .into_iter()
        .map(|path| {
            let scenario = load_scenario(&path).unwrap_or_else(|errors| panic!("{errors}"));
            (path, scenario)
        })
        .collect()
}

/// What is written about every file of a folder; a file without an error fails.
fn check_bad_files(folder: &str, files_min: usize, parse: impl Fn(&Path) -> Result<(), String>) {
    let files = files(folder);
    assert!(files.len() >= files_min, "{folder} holds only {} files", files.len());
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_snapshot_path(Path::new("snapshots").join(Path::new(folder).file_name().unwrap()));
    for path in files {
        let message = parse(&path).expect_err(&format!("{} was accepted", path.display()));
        for word in ["Raw", "serde", "Spanned", "Option<", "struct ", "enum ", "u8", "u64", "::"] {
            assert!(!message.contains(word), "`{word}` is no word for people:\n{message}");
        }
        settings.bind(|| insta::assert_snapshot!(stem(&path), message));
    }
}

#[test]
fn every_bad_scenario_is_answered_with_its_message() {
    check_bad_files("tests/bad-scenarios", 40, |path| {
        load_scenario(path).map(drop).map_err(|errors| errors.to_string())
    });
}

#[test]
fn every_bad_blueprint_is_answered_with_its_message() {
    check_bad_files("tests/bad-blueprints", 5, |path| {
        let text = fs::read_to_string(path).unwrap();
        blueprint_from_text(path, &text).map(drop).map_err(|errors| errors.to_string())
    });
}

#[test]
fn every_bad_attach_file_is_answered_with_its_message_and_no_secret() {
    check_bad_files("tests/bad-attach-files", 5, |path| {
        let text = fs::read_to_string(path).unwrap();
        let message = attach_file_from_text(path, &text).map(drop).map_err(|errors| errors.to_string());
        // Every secret in these files is spelled this way.
        assert!(!format!("{message:?}").contains("hunter2"), "{message:?}");
        message
    });
}

#[test]
fn every_bad_suite_is_answered_with_its_message() {
    check_bad_files("tests/bad-suites", 10, |path| {
        load_suite(path).map(drop).map_err(|errors| errors.to_string())
    });
}

/// Every command of a workflow, wherever it stands in it.
fn commands(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::String(text) if key == "run" => found.push(text.clone()),
                    Value::Array(lines) if key == "script" || key == "after_script" => {
                        found.extend(lines.iter().filter_map(|line| line.as_str().map(str::to_owned)));
                    }
                    _ => commands(value, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| commands(value, found)),
        _ => {}
    }
}

#[test]
fn the_workflows_of_ci_services_are_yaml_whose_commands_a_shell_understands() {
    for (path, schedule) in [
        ("examples/ci/.github/workflows/nightly.yml", "/on/schedule/0/cron"),
        ("examples/ci/.gitlab-ci.yml", "/nightly/rules/0/if"),
    ] {
        let text = fs::read_to_string(path).unwrap();
        let workflow: Value = serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert!(workflow.pointer(schedule).is_some_and(Value::is_string), "{path} has no schedule");
        let mut found = Vec::new();
        commands(&workflow, &mut found);
        let suite = found.iter().filter(|command| command.contains("run scenarios/nightly.yaml")).count();
        assert_eq!(suite, 1, "{path}");
        assert!(found.iter().any(|command| command.contains("summary.md")), "{path}");
        for command in found {
            let checked = Command::new("bash").args(["-n", "-c", &command]).output().unwrap();
            assert!(
                checked.status.success(),
                "{path}: {command}\n{}",
                String::from_utf8_lossy(&checked.stderr)
            );
        }
    }
}

#[test]
fn every_shipped_scenario_has_a_plan() {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_snapshot_path("snapshots/plans");
    for (path, scenario) in shipped() {
        assert_eq!(scenario.name, stem(&path), "a shipped scenario bears its file's name");
        settings.bind(|| insta::assert_snapshot!(scenario.name.clone(), plan::describe(&scenario)));
    }
}

#[test]
fn the_scenarios_of_every_change_are_tagged() {
    let tagged: Vec<String> = shipped()
        .into_iter()
        .filter(|(_, scenario)| scenario.tags.iter().any(|tag| tag == "ci"))
        .map(|(_, scenario)| scenario.name)
        .collect();
    assert_eq!(tagged, ["token-under-leader-kill", "leader-kill", "step-down", "leader-isolated"]);
}

#[test]
fn the_committed_schema_is_current() {
    let current = serde_json::to_string_pretty(&vaultquake::scenario::schema()).unwrap() + "\n";
    let committed = fs::read_to_string("docs/schema.json").unwrap_or_default();
    assert!(
        current == committed,
        "docs/schema.json is not what the program says; renew it with `vaultquake schema > docs/schema.json`"
    );
}

/// Which documents promise which figure: what a blueprint leaves out would look as if it had not been promised.
const PROMISED: [(&str, &[&str]); 33] = [
    ("read.p50", &["alphapulse"]),
    ("read.p99", &["alphapulse", "consciousness"]),
    ("write.p99", &["alphapulse"]),
    ("throughput.node", &["alphapulse"]),
    ("throughput.cluster", &["consciousness"]),
    ("availability", &["alphapulse", "consciousness"]),
    ("failover.rto", &["alphapulse"]),
    ("failover.mttr", &["alphapulse"]),
    ("failover.rpo", &["alphapulse"]),
    ("quorum", &["alphapulse"]),
    ("cluster.init", &["alphapulse"]),
    ("node.join", &["alphapulse"]),
    ("health.latency", &["alphapulse"]),
    ("token.ttl", &["alphapulse", "workflow"]),
    ("auth.success", &["consciousness"]),
    ("token.renewal", &["consciousness"]),
    ("audit.coverage", &["alphapulse", "config-service", "consciousness", "voicecore", "workflow"]),
    ("audit.secrecy", &["alphapulse", "workflow"]),
    ("audit.retention", &["alphapulse"]),
    ("backup.interval", &["alphapulse", "consciousness", "workflow"]),
    ("tls.min", &["alphapulse", "workflow"]),
    ("db.ttl", &["voicecore", "workflow"]),
    ("pki.ttl", &["workflow"]),
    ("rotation", &["workflow"]),
    ("unseal.keys", &["workflow"]),
    ("unseal.auto", &["alphapulse", "consciousness", "voicecore", "workflow"]),
    ("backup.encrypted", &["alphapulse"]),
    ("resources", &["workflow"]),
    ("audit.fields", &["alphapulse"]),
    ("upgrade.rolling", &["alphapulse"]),
    ("alerts", &["alphapulse", "workflow"]),
    ("metrics", &["alphapulse", "workflow"]),
    // Nobody promises it; the server's own standbys are measured against what a scenario's blueprint bounds.
    ("staleness", &[]),
];

#[test]
fn every_blueprint_carries_what_its_document_promises() {
    let blueprints: Vec<Blueprint> =
        built_in_blueprints().iter().map(|name| find_blueprint(name).unwrap()).collect();
    for (id, by) in PROMISED {
        let carry: Vec<&str> = blueprints
            .iter()
            .filter(|blueprint| blueprint.objectives.iter().any(|objective| objective.id == id))
            .map(|blueprint| blueprint.name.as_str())
            .collect();
        assert_eq!(carry, by, "{id}");
    }
    let known = |id: &str| PROMISED.iter().any(|(promised, _)| *promised == id);
    for blueprint in &blueprints {
        for objective in &blueprint.objectives {
            assert!(known(&objective.id), "{}: {} is promised by nobody", blueprint.name, objective.id);
        }
    }
}
