//! The phases of a run, in order.

use super::collect::Collecting;
use super::extent::{faults_for, is_ramp, keyspace_plan, longest, ramp_objective_us, steady_for};
use super::key_keeper::keep_in;
use super::load_plan::{database_plan, program_plan};
use super::recovery::{end_of_watches, hold, redundant_again};
use super::renewal::keep_alive;
use super::restore::{Restoring, take_snapshot};
use super::snapshot_first::snapshot_first;
use super::timeline::Timeline;
use super::{BackendChoice, Ground, Progress, Stop, StopReason, alerts, at_rest};
use crate::bootstrap::BootstrapError;
use crate::cluster::{Access, Cluster, ClusterView, Siblings};
use crate::fault::{FaultContext, of_step};
use crate::helper::{Database, Installation};
use crate::load::{Keyspace, LoadEngine, LoadPlan, Mounts, RunningLoad};
use crate::machine::{self, FileLock, drawn_mark};
use crate::model::{
    Event, KnownFinding, NodeInfo, Phase, Route, RunInfo, Scenario, Server, Span, Target, Versions,
};
use crate::observe::{self, Configuration, Observers, Remains};
use crate::record::{HistoryWriter, Journal, RecordError, RunFolder};
use crate::vault::{Client, ClientError, EndpointError, Wire};
use rand::RngExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub struct RunRequest {
    pub scenario: Scenario,
    pub overrides: Vec<String>,
    pub seed: u64,
    pub backend: BackendChoice,
    pub server: Server,
    /// What nodes are upgraded to, where they are.
    pub upgraded_to: Option<Server>,
    pub out: PathBuf,
    pub command: String,
    pub known_findings: Vec<KnownFinding>,
    /// Where first nodes' stores are kept for later runs; `None` begins from nothing.
    pub saved_states: Option<PathBuf>,
    /// The runs that share the machine with this one.
    pub siblings: Siblings,
    /// For scenarios that use a database of ours.
    pub postgres: Option<Installation>,
    /// For scenarios with alerts: the program.
    pub prometheus: Option<PathBuf>,
}

/// How a run came to its end. What it found is judged from the folder.
pub struct RunEnd {
    pub folder: RunFolder,
    pub stopped: Option<StopReason>,
}

#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
    #[error(transparent)]
    Api(#[from] ClientError),
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    #[error("{0}")]
    SetUp(String),
    /// A backend cannot do what the scenario needs, by design.
    #[error("unsupported on the {backend} backend: {what}")]
    Unsupported { backend: &'static str, what: String },
}

/// For what happens before and after the load.
const SPARE_TOKEN_LIFE: Duration = Duration::from_secs(60);
/// Setting up on a healthy cluster takes a second or two.
const UNFINISHED_WITHIN: Duration = Duration::from_secs(10);
const SNAPSHOT_EQUAL: &str = "snapshot-equal";
/// The objective that a saved store would spoil.
const FROM_NOTHING: &str = "cluster.init";

/// Runs one scenario. An error means that it could not be set up; whatever the folder holds by then stays.
pub async fn run(
    request: RunRequest,
    folder: RunFolder,
    started_at: jiff::Timestamp,
    zero: Instant,
    progress: Arc<dyn Progress>,
    stop: Stop,
) -> Result<RunEnd, RunError> {
    // Held until the run is over: whoever finds it free knows that nobody will clean up any more.
    let lock = FileLock::try_acquire(&folder.lock()).map_err(|error| RunError::SetUp(error.to_string()))?;
    let _lock = lock.ok_or_else(|| {
        RunError::SetUp(format!("{} belongs to a run that is alive", folder.root().display()))
    })?;
    let journal = Journal::create(&folder.journal(), zero)?;
    let history = HistoryWriter::create(&folder.history())?;
    let ended = set_up_and_run(&request, &folder, started_at, &journal, &history, progress, &stop).await;
    if let Err(error) = &ended {
        journal.write(Event::HarnessError { reason: error.to_string() });
    }
    if let Some(trouble) = history.finish() {
        journal.write(Event::HarnessError { reason: trouble });
    }
    if let Ok(remains) = &ended
        && let Err(error) = at_rest::look(&request.scenario, &folder, remains.clone(), &journal, &stop).await
    {
        journal.write(Event::HarnessError { reason: format!("what is left could not be read: {error}") });
    }
    // Since the load stopped nobody has looked.
    if let Some(trouble) = journal.trouble() {
        stop.ask(StopReason::Trouble(trouble.clone()));
        if stop.reason() != Some(StopReason::Trouble(trouble.clone())) {
            journal.write(Event::HarnessError { reason: trouble });
        }
    }
    match stop.reason() {
        Some(StopReason::Interrupted(signal)) => journal.write(Event::Interrupted { signal }),
        Some(StopReason::Aborted(reason)) => journal.write(Event::Aborted { reason }),
        Some(StopReason::Trouble(reason)) => journal.write(Event::HarnessError { reason }),
        None => {}
    }
    journal.write(Event::Ended);
    ended.map(|_| RunEnd { folder, stopped: stop.reason() })
}

async fn set_up_and_run(
    request: &RunRequest,
    folder: &RunFolder,
    started_at: jiff::Timestamp,
    journal: &Journal,
    history: &HistoryWriter,
    progress: Arc<dyn Progress>,
    stop: &Stop,
) -> Result<Remains, RunError> {
    let scenario = &request.scenario;
    journal.write(Event::Phase { phase: Phase::Setup });
    progress.phase(Phase::Setup, None);
    let run_id = drawn_mark();
    let mut ground = Ground::prepare(&request.backend, scenario, folder, &run_id).await?;
    // What a run has to show from nothing it does from nothing.
    if let Some(root) = &request.saved_states
        && !scenario.expects(FROM_NOTHING)
        // The next run has another key.
        && !scenario.blueprint.seal.kind.opens_itself()
    {
        ground = ground.with_saved_states(root, &request.backend, &request.server, &scenario.blueprint);
    }
    request.siblings.join(&ground.cluster);
    let result =
        on_ground(request, folder, started_at, journal, history, &ground, run_id, progress.clone(), stop)
            .await;
    let remains = at_rest::remains(&ground, scenario);
    let torn_down = ground.tear_down().await;
    if let Err(left) = &torn_down {
        progress.note(&left.to_string());
    }
    graver(result, torn_down, journal).map(|()| remains)
}

/// The error that the run ends with. What was left behind is never lost: it is the run's error, unless the run
/// had failed before, and then it stands in the journal beside that failure.
fn graver(
    result: Result<(), RunError>,
    torn_down: Result<(), RunError>,
    journal: &Journal,
) -> Result<(), RunError> {
    match (result, torn_down) {
        (result, Ok(())) => result,
        (Ok(()) | Err(RunError::Unsupported { .. }), Err(left)) => Err(left),
        (Err(error), Err(left)) => {
            journal.write(Event::HarnessError { reason: left.to_string() });
            Err(error)
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "one call site; each is another part of the run")]
async fn on_ground(
    request: &RunRequest,
    folder: &RunFolder,
    started_at: jiff::Timestamp,
    journal: &Journal,
    history: &HistoryWriter,
    ground: &Ground,
    run_id: String,
    progress: Arc<dyn Progress>,
    stop: &Stop,
) -> Result<(), RunError> {
    let scenario = &request.scenario;
    check_abilities(scenario, ground.cluster.as_ref())?;
    check_tokens(scenario)?;
    let info = describe(request, run_id, started_at, ground);
    folder.write_whole("run.json", &serde_json::to_vec_pretty(&info).expect("model types serialise"))?;
    scenario.blueprint_file.as_deref().map_or(Ok(()), |file| folder.keep_blueprint(file))?;

    let bring_up = ground.bring_up(scenario, request.postgres.as_ref(), journal, progress.as_ref());
    tokio::pin!(bring_up);
    let brought_up = tokio::select! {
        result = &mut bring_up => Some(result),
        () = stop.asked() => {
            // A request that is cut off could still make something after the cluster was left as it was.
            if ground.is_attached() {
                let _ = tokio::time::timeout(UNFINISHED_WITHIN, bring_up).await;
            }
            None
        }
    };
    match brought_up {
        None => Ok(()),
        Some(Err(error)) => Err(error),
        Some(Ok((access, database))) => {
            shake(request, folder, journal, history, ground, access, database, progress.clone(), stop).await
        }
    }
}

fn check_abilities(scenario: &Scenario, cluster: &dyn Cluster) -> Result<(), RunError> {
    let aims = scenario.timeline.iter().filter_map(|step| match &step.target {
        Target::Node(id) => Some((format!("`{}`", step.fault), id)),
        _ => None,
    });
    let routes = scenario.load.iter().filter_map(|load| match &load.route {
        Route::Node(id) => Some((format!("the load `{}`", load.workload), id)),
        _ => None,
    });
    if let Some((what, id)) = aims.chain(routes).find(|(_, id)| cluster.node(id).is_none()) {
        let ids: Vec<_> = cluster.nodes().iter().map(|node| node.id.as_str()).collect();
        let ids = ids.join(", ");
        return Err(RunError::SetUp(format!("{what} is for node {id}, and this cluster has {ids}")));
    }
    for step in scenario.possible_steps() {
        for ability in of_step(&step).needs() {
            if let Some(why) = cluster.lacks(ability) {
                let what = format!("`{}` needs to {}: {why}", step.fault, ability.name());
                return Err(RunError::Unsupported { backend: cluster.backend(), what });
            }
        }
    }
    Ok(())
}

/// A token can be renewed, but not beyond the most that its role allows.
fn check_tokens(scenario: &Scenario) -> Result<(), RunError> {
    let needed = longest(scenario) + SPARE_TOKEN_LIFE;
    match scenario.blueprint.approle.token_max_ttl {
        Some(max) if max.0 < needed => Err(RunError::SetUp(format!(
            "the tenants' tokens live {max} at most (token_max_ttl), and this run may take {}: shorten the run",
            Span(Duration::from_secs(needed.as_secs()))
        ))),
        _ => Ok(()),
    }
}

/// What nodes are at first: of somebody else's cluster as it says itself.
fn server(request: &RunRequest, ground: &Ground) -> Server {
    let version = ground.server_version().unwrap_or(&request.server.version).to_owned();
    Server { version, ..request.server.clone() }
}

fn describe(request: &RunRequest, run_id: String, started_at: jiff::Timestamp, ground: &Ground) -> RunInfo {
    let cluster = ground.cluster.as_ref();
    let nodes = cluster.nodes().iter();
    RunInfo {
        version: 1,
        run_id,
        scenario: request.scenario.clone(),
        seed: request.seed,
        backend: cluster.backend().to_owned(),
        server: server(request, ground),
        upgraded_to: request.upgraded_to.clone(),
        nodes: nodes
            .map(|node| NodeInfo { id: node.id.clone(), api_addr: node.endpoint.url.clone() })
            .collect(),
        started_at,
        machine: machine::facts(),
        command: request.command.clone(),
        vaultquake: env!("CARGO_PKG_VERSION").to_owned(),
        known_findings: request.known_findings.clone(),
        overrides: request.overrides.clone(),
        side_by_side: request.siblings.at_most(),
    }
}

/// From the first request of the load to the last line of the read-back.
#[expect(clippy::too_many_arguments, reason = "one call site; each is another part of the run")]
async fn shake(
    request: &RunRequest,
    folder: &RunFolder,
    journal: &Journal,
    history: &HistoryWriter,
    ground: &Ground,
    access: Access,
    database: Option<Arc<Database>>,
    progress: Arc<dyn Progress>,
    stop: &Stop,
) -> Result<(), RunError> {
    let scenario = &request.scenario;
    let cluster = ground.cluster.clone();
    let canary = format!("vqc{:012x}", rand::rng().random_range(0..1u64 << 48));
    let keep_keys = keep_in(folder, &canary);
    keep_keys(&access).map_err(RunError::SetUp)?;

    let view = Arc::new(ClusterView::new(cluster.nodes().iter().map(|node| node.id.clone()).collect()));
    let wires = cluster.nodes().iter().map(|node| Wire::new(&node.endpoint).map(Arc::new));
    let wires: Vec<_> = wires
        .collect::<Result<_, _>>()
        .map_err(|error| RunError::SetUp(format!("TLS of the load: {error}")))?;
    let siblings = request.siblings.clone();
    let observers = Observers::start(
        cluster.clone(),
        siblings,
        view.clone(),
        journal.clone(),
        Some(&access.root_token),
        database.clone(),
    )
    .map_err(|error| RunError::SetUp(format!("TLS of the observers: {error}")))?;
    for node in cluster.nodes() {
        observe::probe_tls(node, journal).await;
    }
    let leader = wait_for_leader(&view).await?;
    if let Some(tenant) = access.tenants.first() {
        let client = Client::new(&cluster.nodes()[leader].endpoint)?;
        observe::look_up_token(&client, &tenant.token, journal).await?;
    }

    let mounts = Mounts::of(&scenario.blueprint, &ground.prefix);
    if !mounts.pki.path.is_empty() {
        let noted = observe::note_authority(&wires[leader], &mounts.pki, journal).await;
        noted.map_err(|why| RunError::SetUp(format!("the certificate authority: {why}")))?;
    }
    let approle_mount = mounts.approle.clone();
    let keyspace = Keyspace::new(keyspace_plan(scenario), mounts.kv.clone(), access.tenants.clone(), canary);
    let keys = Arc::new(keyspace.with_operator(&access.root_token));
    let engine =
        LoadEngine::new(view.clone(), keys.clone(), journal.clone(), wires.clone(), history.sender());
    let unwritten = tokio::select! {
        unwritten = engine.seed_keys(leader) => unwritten,
        () = stop.asked() => return Ok(()),
    };
    if unwritten > 0 {
        return Err(RunError::SetUp(format!("{unwritten} keys could not be written before the load")));
    }

    let plan = LoadPlan {
        loads: scenario.load.clone(),
        seed: request.seed,
        warm_up: scenario.warm_up.0,
        ramp_objective_us: ramp_objective_us(scenario),
        mounts,
        database: database.clone().and_then(|database| database_plan(scenario, ground, database, &access)),
        programs: program_plan(scenario, ground, folder)?,
    };
    let unmade = tokio::select! {
        unmade = engine.seed_stock(&plan, leader) => unmade,
        () = stop.asked() => return Ok(()),
    };
    if unmade > 0 {
        let what = format!("{unmade} ciphertexts or certificates could not be made before the load");
        return Err(RunError::SetUp(what));
    }
    // Before the load: what comes and goes with it is not configured.
    let configured = match scenario.replaces_versions() {
        true => Some(Configuration::read(&cluster.nodes()[leader], &access.root_token).await?),
        false => None,
    };
    let alerts = alerts::watch(request, ground, folder, &access.root_token, journal).await?;
    let mut load = engine.start(&plan);
    let guard = tokio::spawn(watch_for_trouble(
        scenario.clone(),
        cluster.clone(),
        engine.clone(),
        journal.clone(),
        stop.clone(),
    ));
    let renewal = tokio::spawn(keep_alive(
        cluster.clone(),
        view.clone(),
        access.tenants.clone(),
        scenario.blueprint.approle.token_ttl.0,
        journal.clone(),
    ));
    let faults = Arc::new(FaultContext {
        cluster: cluster.clone(),
        view: view.clone(),
        access: Arc::new(access),
        journal: journal.clone(),
        prefix: ground.prefix.clone(),
        approle_mount,
        token_ttl: scenario.blueprint.approle.token_ttl,
        database: database.clone(),
        kms: ground.kms.clone(),
        rekeyed: Default::default(),
        keep_keys,
        versions: request.upgraded_to.clone().map(|to| Versions { from: server(request, ground), to }),
        background: Default::default(),
    });

    let phase = |phase: Phase, about: Option<Duration>| {
        journal.write(Event::Phase { phase });
        progress.phase(phase, about);
    };
    phase(Phase::WarmUp, Some(scenario.warm_up.0));
    stop.wait(scenario.warm_up.0).await;
    if !stop.is_asked() {
        phase(Phase::Steady, Some(steady_for(scenario)));
        steady(scenario, &mut load, stop).await;
    }
    if !stop.is_asked() && scenario.replaces_versions() {
        snapshot_first(&faults, folder, stop).await;
    }
    if !stop.is_asked() && !scenario.timeline.is_empty() {
        phase(Phase::Fault, faults_for(scenario));
        let timeline = Timeline {
            faults: faults.clone(),
            engine: engine.clone(),
            stop: stop.clone(),
            progress: progress.clone(),
            settle_within: scenario.recovery.within.0,
        };
        Arc::new(timeline).run(&scenario.timeline, request.seed).await;
    }
    if let Some(StopReason::Aborted(why) | StopReason::Trouble(why)) = stop.reason() {
        progress.note(&format!("stopping early: {why}"));
    }
    phase(Phase::Recovery, Some(scenario.recovery.hold.0));
    redundant_again(scenario, &faults, &view, stop).await;
    let mut snapshot = None;
    if scenario.expects(SNAPSHOT_EQUAL) && !stop.is_asked() {
        let token = &faults.access.root_token;
        snapshot = take_snapshot(cluster.nodes(), &view, token, folder, journal).await;
    }
    hold(scenario, &engine, stop).await;
    end_of_watches(&faults, stop).await;

    if let Some(alerts) = alerts {
        alerts.end(journal).await;
    }
    load.stop();
    // From here on no write is meant to be acknowledged.
    guard.abort();
    phase(Phase::Collect, None);
    let collecting = Collecting {
        scenario,
        nodes: cluster.nodes(),
        view: &view,
        wires: &wires,
        engine: &engine,
        mounts: &plan.mounts,
        operator_token: &faults.access.root_token,
        leases: plan.database.as_ref(),
        configured,
        journal,
        stop,
    };
    collecting.collect().await;
    if let Some(snapshot) = snapshot {
        let restoring = Restoring {
            backend: &request.backend,
            scenario,
            folder,
            access: &faults.keys(),
            keys: &keys,
            written: &engine.written_keys(),
            journal,
            stop,
        };
        restoring.run(snapshot).await?;
    }
    renewal.abort();
    engine.close();
    observers.stop().await;
    Ok(())
}

async fn wait_for_leader(view: &ClusterView) -> Result<usize, RunError> {
    let within = Duration::from_secs(20);
    let leader = crate::vault::wait_until("a node is active", within, Duration::from_millis(10), || {
        std::future::ready(view.leader().ok_or_else(|| "no node says that it leads".to_owned()))
    });
    Ok(leader.await?)
}

async fn steady(scenario: &Scenario, load: &mut RunningLoad, stop: &Stop) {
    if scenario.load.iter().any(is_ramp) {
        tokio::select! {
            () = load.ramp_ended() => {}
            () = stop.asked() => {}
        }
    } else {
        stop.wait(scenario.steady.0).await;
    }
}

/// Ends the run when an abort condition is met, when nothing can be recorded any more, or when what the nodes run on is
/// gone.
async fn watch_for_trouble(
    scenario: Scenario,
    cluster: Arc<dyn Cluster>,
    engine: Arc<LoadEngine>,
    journal: Journal,
    stop: Stop,
) {
    let writes = scenario.load.iter().any(|load| load.workload.stores_a_version());
    let began_ms = journal.now_ms();
    loop {
        tokio::time::sleep(Duration::from_millis(100)).await;
        if let Some(trouble) = journal.trouble().or_else(|| cluster.trouble()) {
            stop.ask(StopReason::Trouble(trouble));
            return;
        }
        if let Some(abort) = &scenario.abort_when
            && writes
        {
            let since_ms = journal.now_ms() - began_ms.max(engine.last_write_ack_us() as f64 / 1e3);
            if since_ms > abort.outage.as_ms() {
                let reason = format!("no write was acknowledged for {}", abort.outage);
                stop.ask(StopReason::Aborted(reason));
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::RunBuilder;
    use crate::fault::testing::context;
    use crate::vault::testing::Scripted;

    fn refused(result: Result<(), RunError>) -> String {
        match result {
            Err(error @ RunError::SetUp(_)) => error.to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_load_for_a_node_that_is_not_there_is_refused_with_those_that_are() {
        let server = Scripted::start(|_, _| None).await;
        let (faults, _folder) = context(&[&server, &server], None);
        let scenario = |route| RunBuilder::new().load("kv2.read", route, 1.0).build().info.scenario;
        assert!(check_abilities(&scenario("n2"), faults.cluster.as_ref()).is_ok());
        let why = refused(check_abilities(&scenario("vault-3"), faults.cluster.as_ref()));
        assert!(why.contains("vault-3") && why.contains("n1, n2"), "{why}");
    }

    #[test]
    fn a_run_longer_than_its_tokens_may_live_is_refused() {
        let mut scenario = RunBuilder::new().build().info.scenario;
        scenario.blueprint.approle.token_max_ttl = Some(Span::from_secs(3600));
        assert!(check_tokens(&scenario).is_ok());
        scenario.steady = Span::from_secs(3590);
        let why = refused(check_tokens(&scenario));
        assert!(why.contains("token_max_ttl"), "{why}");
    }

    #[test]
    fn what_was_left_behind_is_never_lost() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        let journal = Journal::create(&path, Instant::now()).unwrap();
        let failed = |why: &str| Err(RunError::SetUp(why.to_owned()));
        let unsupported = Err(RunError::Unsupported { backend: "attach", what: "kill".into() });
        for before in [Ok(()), unsupported] {
            assert_eq!(refused(graver(before, failed("left behind"), &journal)), "left behind");
        }
        assert_eq!(refused(graver(failed("first"), failed("left behind"), &journal)), "first");
        assert!(graver(Ok(()), Ok(()), &journal).is_ok());
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.matches("left behind").count(), 1, "{text}");
    }
}
