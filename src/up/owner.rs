//! Brings the cluster up, writes where everything is, and keeps it until it is told to stop.

use super::attach_file::{attach_file, pid_file, start_request_file};
use super::{UpCluster, UpError, UpFolder, UpRequest, UpState};
use crate::bootstrap::{self, BootstrapError, Progress};
use crate::cluster::process::{ProcessCluster, ProcessOptions};
use crate::cluster::{Cluster, LinkNeeds};
use crate::machine::{FileLock, ports};
use crate::runner::Stop;
use crate::vault::Client;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How often the owner looks for nodes that ended and for requests to start one.
const TEND_EVERY: Duration = Duration::from_millis(25);

/// Brings it up, tells `ready`, and waits for `stop`; then nothing of it remains. After a failure the folder
/// keeps what the servers printed.
///
/// # Errors
/// When the name is taken, when the cluster could not be brought up, or when `stop` came before it was.
pub async fn run(
    request: &UpRequest,
    folder: &UpFolder,
    progress: &dyn Progress,
    ready: &(dyn Fn(&UpCluster) + Sync),
    stop: &Stop,
) -> Result<(), UpError> {
    let lock = folder.try_lock()?;
    let lock = lock.ok_or_else(|| UpError::AlreadyUp { name: folder.name().to_owned() })?;
    folder.make_empty()?;
    run_locked(request, folder, lock, progress, ready, stop).await
}

/// The same in a folder that is already prepared.
pub(super) async fn run_locked(
    request: &UpRequest,
    folder: &UpFolder,
    _lock: FileLock,
    progress: &dyn Progress,
    ready: &(dyn Fn(&UpCluster) + Sync),
    stop: &Stop,
) -> Result<(), UpError> {
    folder.set_state(&UpState::Starting)?;
    match keep(request, folder, progress, ready, stop).await {
        Ok(()) => folder.remove(),
        Err(UpError::Interrupted) => folder.remove().and(Err(UpError::Interrupted)),
        Err(error) => {
            folder.set_state(&UpState::Failed { reason: error.to_string() })?;
            Err(error)
        }
    }
}

async fn keep(
    request: &UpRequest,
    folder: &UpFolder,
    progress: &dyn Progress,
    ready: &(dyn Fn(&UpCluster) + Sync),
    stop: &Stop,
) -> Result<(), UpError> {
    let failed = |error: &dyn std::fmt::Display| UpError::Failed(error.to_string());
    let count = usize::from(request.blueprint.nodes) * 2;
    let ports = ports::reserve(count).map_err(|error| failed(&error))?;
    let pairs: Vec<_> = ports.chunks(2).map(|pair| (pair[0].port(), pair[1].port())).collect();
    let cluster = ProcessCluster::prepare(ProcessOptions {
        binary: request.binary.clone(),
        upgrade_to: None,
        blueprint: &request.blueprint,
        tuning: &request.tuning,
        folder: &folder.nodes(),
        logs: &folder.logs(),
        ports: &pairs,
        links: LinkNeeds::default(),
        disks: &[],
        seal: None,
    })
    .map_err(|error| UpError::Failed(format!("cannot prepare the nodes: {error}")))?;
    let cluster = Arc::new(cluster);
    let brought_up = tokio::select! {
        brought_up = bring_up(request, folder, &cluster, progress) => brought_up,
        () = stop.asked() => Err(UpError::Interrupted),
    };
    let kept = match brought_up {
        Ok(up) => {
            ready(&up);
            tend(&cluster, folder, stop).await
        }
        Err(error) => Err(error),
    };
    cluster.shut_down().await;
    kept
}

async fn bring_up(
    request: &UpRequest,
    folder: &UpFolder,
    cluster: &Arc<ProcessCluster>,
    progress: &dyn Progress,
) -> Result<UpCluster, UpError> {
    let blueprint = &request.blueprint;
    let ca_file = cluster.ca_file();
    let formed = bootstrap::form(cluster.as_ref(), &blueprint.seal, ca_file, None, progress).await?;
    let mut access = formed.access;
    let api = |error| UpError::Bootstrap(BootstrapError::Api(error));
    let client = Client::new(&cluster.nodes()[0].endpoint).map_err(api)?;
    let operator = client.with_token(&access.root_token);
    bootstrap::apply(&operator, blueprint, "", None, &mut access, progress).await?;
    let health = client.get("sys/health").await.map_err(api)?;
    let cluster_id = health.body["cluster_id"].as_str().unwrap_or_default().to_owned();

    folder.write(&folder.token_file(), access.root_token.as_bytes())?;
    let keys = access.unseal_keys.iter().map(|key| format!("{key}\n"));
    folder.write(&folder.unseal_keys_file(), keys.collect::<String>().as_bytes())?;
    let attach = attach_file(folder, cluster.nodes(), ca_file, blueprint, &cluster_id);
    let yaml = serde_saphyr::to_string(&attach).map_err(|error| UpError::Failed(error.to_string()))?;
    folder.write(&folder.attach_file(), yaml.as_bytes())?;
    write_pids(cluster, folder, &mut BTreeMap::new())?;
    let endpoints = cluster.nodes().iter().map(|node| (node.id.clone(), node.endpoint.url.clone()));
    let up = UpCluster {
        name: folder.name().to_owned(),
        pid: std::process::id(),
        cluster_id,
        endpoints: endpoints.collect(),
        ca_file: ca_file.map(Path::to_owned),
        token_file: folder.token_file(),
        attach_file: folder.attach_file(),
    };
    folder.set_state(&UpState::Ready(up.clone()))?;
    Ok(up)
}

/// Keeps the pid files true and starts nodes on request.
async fn tend(cluster: &Arc<ProcessCluster>, folder: &UpFolder, stop: &Stop) -> Result<(), UpError> {
    let mut known = BTreeMap::new();
    while stop.wait(TEND_EVERY).await {
        write_pids(cluster, folder, &mut known)?;
        for node in cluster.nodes() {
            if std::fs::remove_file(start_request_file(folder, &node.id)).is_err() {
                continue;
            }
            let (cluster, id) = (cluster.clone(), node.id.clone());
            // It waits until the node answers; the others are tended meanwhile.
            tokio::spawn(async move {
                if let Err(error) = cluster.start(&id).await {
                    eprintln!("{id} was to be started: {error}");
                }
            });
        }
    }
    Ok(())
}

/// A pid file that outlived its process could hit somebody else's: it goes as soon as the end is seen.
fn write_pids(
    cluster: &ProcessCluster,
    folder: &UpFolder,
    known: &mut BTreeMap<String, Option<u32>>,
) -> Result<(), UpError> {
    for node in cluster.nodes() {
        let pid = cluster.pid(&node.id);
        if known.insert(node.id.to_string(), pid) == Some(pid) {
            continue;
        }
        let path = pid_file(folder, &node.id);
        match pid {
            Some(pid) => folder.write(&path, format!("{pid}\n").as_bytes())?,
            None => drop(std::fs::remove_file(&path)),
        }
    }
    Ok(())
}
