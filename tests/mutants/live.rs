//! One mutant, live: proxies with its bug in front of the real nodes, and a run against them.

use crate::audit;
use crate::catalogue::Mutant;
use crate::front::front;
use crate::ground::{Ground, Quiet, runtime};
use crate::lab::Lab;
use crate::proxy;
use jiff::Timestamp;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use vaultquake::cluster::attach::nodes_of;
use vaultquake::cluster::capabilities::{Capability, of_attach};
use vaultquake::fault::of_step;
use vaultquake::model::{AttachFile, KnownFinding, Scenario, Server};
use vaultquake::record::{RunFolder, SavedRun, read_run};
use vaultquake::runner::{self, BackendChoice, RunRequest, Siblings, Stop};
use vaultquake::scenario::{load_known_findings, load_scenario};
use vaultquake::server::ServerBinary;

pub fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mutants")
}

pub fn scenario(name: &str) -> Result<Scenario, String> {
    let path = here().join("scenarios").join(format!("{name}.yaml"));
    let mut scenario = load_scenario(&path).map_err(|error| error.to_string())?;
    // How far a standby may be behind is promised of a cluster that is left alone: one that was sealed comes back with
    // old data.
    if !scenario.timeline.is_empty() || scenario.random.is_some() {
        scenario.blueprint.objectives.clear();
    }
    Ok(scenario)
}

/// What the server is known to do.
fn known_findings() -> Result<Vec<KnownFinding>, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/known-findings.yaml");
    load_known_findings(&path).map_err(|error| error.to_string())
}

/// Whether it takes a cluster of the run's own, for what an attach file has no means to do.
pub fn takes_its_own(mutant: &Mutant) -> Result<bool, String> {
    let scenario = scenario(mutant.scenario)?;
    let is_beyond = |ability| matches!(of_attach(ability), Capability::No(_));
    let needs = scenario.timeline.iter().flat_map(|step| of_step(step).needs());
    // Nobody upgrades the cluster that all share.
    let is_alone = scenario.expects("snapshot-equal") || scenario.replaces_versions();
    Ok(is_alone || needs.into_iter().any(is_beyond))
}

/// Runs it on the cluster that all share, and reads back what the run left.
pub fn run(ground: &Ground, mutant: &Mutant) -> Result<(RunFolder, SavedRun), String> {
    run_with(mutant, &ground.runs(), None, async |folder| {
        let exe = std::env::current_exe().map_err(|error| error.to_string())?;
        let file = behind_proxies(&ground.file, mutant, &folder.private()).await?;
        Ok(BackendChoice::Attach { file: Box::new(file), exe, upgrade_to: None })
    })
}

/// The same on a cluster of its own. The run's folder goes below `out`.
pub fn run_alone(
    server: &ServerBinary,
    before: &ServerBinary,
    mutant: &'static Mutant,
    out: &Path,
) -> Result<(RunFolder, SavedRun), String> {
    let is_upgraded = scenario(mutant.scenario)?.replaces_versions();
    let (binary, upgrade_to) = match is_upgraded {
        true => (before.path.clone(), Some(server.path.clone())),
        false => (server.path.clone(), None),
    };
    let backend = Box::new(BackendChoice::Process { binary, upgrade_to });
    run_with(mutant, out, is_upgraded.then(|| about(server)), async |_| {
        Ok(BackendChoice::Behind { backend, front: front(mutant) })
    })
}

fn about(server: &ServerBinary) -> Server {
    Server { product: server.product.to_string(), version: server.version.clone() }
}

fn run_with(
    mutant: &Mutant,
    out: &Path,
    upgraded_to: Option<Server>,
    backend: impl AsyncFnOnce(&RunFolder) -> Result<BackendChoice, String>,
) -> Result<(RunFolder, SavedRun), String> {
    let scenario = scenario(mutant.scenario)?;
    let folder =
        RunFolder::create(out, Timestamp::now(), mutant.name, 1).map_err(|error| error.to_string())?;
    let runtime = runtime().map_err(|error| error.to_string())?;
    let ended = runtime.block_on(async {
        let request = RunRequest {
            scenario,
            overrides: vec![],
            seed: 1,
            backend: backend(&folder).await?,
            server: Server { product: "openbao".into(), version: "unknown".into() },
            upgraded_to,
            out: out.to_owned(),
            command: "VQ_MUTANTS=live cargo test --test mutants".into(),
            known_findings: known_findings()?,
            saved_states: None,
            siblings: Siblings::none(),
            prometheus: None,
            postgres: None,
        };
        let (now, zero) = (Timestamp::now(), Instant::now());
        let run = runner::run(request, folder.clone(), now, zero, Arc::new(Quiet), Stop::default());
        run.await.map_err(|error| error.to_string())
    });
    ended?;
    let saved = read_run(&folder).map_err(|error| error.to_string())?;
    Ok((folder, saved))
}

/// The same cluster as seen through proxies.
async fn behind_proxies(file: &AttachFile, mutant: &Mutant, private: &Path) -> Result<AttachFile, String> {
    let nodes = nodes_of(file).map_err(|error| error.to_string())?;
    let token = std::fs::read_to_string(&file.token_file).map_err(|error| error.to_string())?;
    let lab = Lab::new(&nodes).map_err(|error| error.to_string())?;
    let lab = Arc::new(lab.of_operator(token.trim()));
    let mut behind = AttachFile { ca_cert: None, ..file.clone() };
    for (index, node) in behind.nodes.iter_mut().enumerate() {
        let url = proxy::start(index, lab.clone(), mutant.play).await;
        node.api_addr = url.map_err(|error| error.to_string())?;
        if let (Some(line), Some(original)) = (mutant.audit, &node.audit_file) {
            let copy = private.join(format!("audit-{}.log", node.id));
            audit::copy(original, &copy, line, lab.clone()).map_err(|error| error.to_string())?;
            node.audit_file = Some(copy);
        }
    }
    Ok(behind)
}
