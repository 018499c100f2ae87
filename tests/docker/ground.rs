//! What the tests share: the engine as the tests see it themselves, the image of the default server, and things of
//! other people.

use bollard::Docker;
use bollard::query_parameters::{ListContainersOptions, ListNetworksOptions, ListVolumesOptions};
use std::collections::BTreeSet;
use std::path::PathBuf;
use vaultquake::docker::{Engine, Image, ImageSource, Owner};
use vaultquake::server::ServerBinary;

pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().unwrap().block_on(work)
}

pub fn source(binary: &ServerBinary) -> ImageSource {
    ImageSource {
        product: binary.product.to_string(),
        version: binary.version.clone(),
        binary: binary.path.clone(),
        sha256: binary.sha256.clone(),
        program: binary.product.binary().to_owned(),
    }
}

pub async fn image(binary: &ServerBinary) -> Image {
    let engine = Engine::connect().await.unwrap();
    engine.build_image(&source(binary), &mut |said| eprintln!("{said}")).await.unwrap()
}

/// A run of ours, by name; `place` has its lock file.
pub fn owner(place: PathBuf) -> Owner {
    Owner { run_id: format!("{:06x}", rand::random_range(0..1u32 << 24)), lock: place.join("lock") }
}

pub fn client() -> Docker {
    Docker::connect_with_defaults().unwrap()
}

/// Containers, volumes and networks of which none carries another run's label: other tests may run beside.
pub async fn everything(but_of_runs_other_than: &str) -> BTreeSet<String> {
    let docker = client().negotiate_version().await.unwrap();
    let is_ours_or_theirs = |labels: Option<&String>| labels.is_none_or(|run| run == but_of_runs_other_than);
    let mut all = BTreeSet::new();
    let options = ListContainersOptions { all: true, ..ListContainersOptions::default() };
    for container in docker.list_containers(Some(options)).await.unwrap() {
        let labels = container.labels.unwrap_or_default();
        if is_ours_or_theirs(labels.get("vaultquake.run")) {
            all.insert(format!("container {}", container.names.unwrap_or_default().join(",")));
        }
    }
    for network in docker.list_networks(None::<ListNetworksOptions>).await.unwrap() {
        let labels = network.labels.unwrap_or_default();
        if is_ours_or_theirs(labels.get("vaultquake.run")) {
            all.insert(format!("network {}", network.name.unwrap_or_default()));
        }
    }
    let volumes = docker.list_volumes(None::<ListVolumesOptions>).await.unwrap().volumes;
    for volume in volumes.unwrap_or_default() {
        if is_ours_or_theirs(volume.labels.get("vaultquake.run")) {
            all.insert(format!("volume {}", volume.name));
        }
    }
    all
}

/// What this run has on the engine.
pub async fn of_run(run_id: &str) -> Vec<String> {
    let engine = Engine::connect().await.unwrap();
    let found = engine.find_ours(Some(run_id)).await.unwrap();
    found.into_iter().map(|ours| format!("{} {}", ours.kind, ours.name)).collect()
}
