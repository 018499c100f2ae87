//! Everything of ours on the engine, found by its label, and its removal. Nothing without that label is touched.

use super::owner::{RUN, standing};
use super::{DockerError, Engine, Standing};
use crate::vault::wait_until;
use bollard::query_parameters::{
    ListContainersOptions, ListNetworksOptions, ListVolumesOptions, RemoveContainerOptions,
    RemoveVolumeOptions,
};
use std::collections::HashMap;
use std::time::Duration;

/// A container, volume or network with our label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ours {
    pub run_id: String,
    /// `container`, `volume` or `network`.
    pub kind: &'static str,
    pub name: String,
    id: String,
    labels: HashMap<String, String>,
}

const GONE_WITHIN: Duration = Duration::from_secs(20);
const EVERY: Duration = Duration::from_millis(50);

impl Ours {
    /// Whether the run that made it is alive.
    pub fn standing(&self) -> Standing {
        standing(&self.labels)
    }
}

impl Engine {
    /// What carries our label, of every run or of one; containers first, networks last: the order of removal.
    pub async fn find_ours(&self, run_id: Option<&str>) -> Result<Vec<Ours>, DockerError> {
        let label = run_id.map_or(RUN.to_owned(), |run_id| format!("{RUN}={run_id}"));
        let filters = Some(HashMap::from([("label".to_owned(), vec![label])]));
        let ours = |kind, name: &str, id: &str, labels: HashMap<String, String>| Ours {
            run_id: labels.get(RUN).cloned().unwrap_or_default(),
            kind,
            name: name.trim_start_matches('/').to_owned(),
            id: id.to_owned(),
            labels,
        };
        let options =
            ListContainersOptions { all: true, filters: filters.clone(), ..ListContainersOptions::default() };
        let containers = self.api.list_containers(Some(options)).await;
        let containers = containers.map_err(DockerError::failed("list its containers"))?;
        let containers = containers.into_iter().map(|found| {
            let name = found.names.unwrap_or_default().into_iter().next().unwrap_or_default();
            let id = found.id.unwrap_or_default();
            ours(
                "container",
                if name.is_empty() { &id } else { &name },
                &id,
                found.labels.unwrap_or_default(),
            )
        });
        let options = ListVolumesOptions { filters: filters.clone() };
        let volumes = self.api.list_volumes(Some(options)).await;
        let volumes = volumes.map_err(DockerError::failed("list its volumes"))?.volumes.unwrap_or_default();
        let volumes = volumes.into_iter().map(|found| ours("volume", &found.name, &found.name, found.labels));
        let options = ListNetworksOptions { filters };
        let networks = self.api.list_networks(Some(options)).await;
        let networks = networks.map_err(DockerError::failed("list its networks"))?;
        let networks = networks.into_iter().map(|found| {
            let (name, id) = (found.name.unwrap_or_default(), found.id.unwrap_or_default());
            ours("network", &name, &id, found.labels.unwrap_or_default())
        });
        Ok(containers.chain(volumes).chain(networks).filter(|ours| !ours.run_id.is_empty()).collect())
    }

    /// Removes these, also what runs. Goes on after a failure; returns the names of what was removed, and what
    /// could not be, a sentence each.
    pub async fn remove_ours(&self, all: &[Ours]) -> (Vec<String>, Vec<String>) {
        let (mut removed, mut trouble) = (Vec::new(), Vec::new());
        // A network with a container on it cannot be removed, so one kind after the other.
        for kind in ["container", "volume", "network"] {
            let of_kind: Vec<_> = all.iter().filter(|ours| ours.kind == kind).collect();
            let removals = of_kind.iter().map(|ours| self.remove(ours.kind, &ours.id, GONE_WITHIN));
            for (ours, done) in of_kind.iter().zip(futures_util::future::join_all(removals).await) {
                let name = format!("{kind} {}", ours.name);
                match done {
                    Ok(()) => removed.push(name),
                    Err(error) => trouble.push(format!("{name} could not be removed: {error}")),
                }
            }
        }
        (removed, trouble)
    }

    /// Removes everything of one run.
    pub async fn remove_run(&self, run_id: &str) -> (Vec<String>, Vec<String>) {
        match self.find_ours(Some(run_id)).await {
            Ok(all) => self.remove_ours(&all).await,
            Err(error) => (Vec::new(), vec![error.to_string()]),
        }
    }

    /// Returns when it is gone.
    pub async fn remove_container(&self, name: &str) -> Result<(), DockerError> {
        let removed = self.remove("container", name, GONE_WITHIN).await;
        removed.map_err(|why| DockerError::Failed { doing: format!("remove {name}"), why, status: None })
    }

    /// `id` may be a name. Returns when it is gone.
    pub(super) async fn remove(&self, kind: &str, id: &str, within: Duration) -> Result<(), String> {
        let removed = wait_until("it is gone", within, EVERY, || async {
            let asked = match kind {
                "container" => {
                    let options =
                        RemoveContainerOptions { force: true, v: true, ..RemoveContainerOptions::default() };
                    self.api.remove_container(id, Some(options)).await
                }
                "volume" => {
                    let options = RemoveVolumeOptions { force: true };
                    self.api.remove_volume(id, Some(options)).await
                }
                _ => self.api.remove_network(id).await,
            };
            match asked.map_err(DockerError::failed("remove it")) {
                Ok(()) => Ok(()),
                Err(error) if error.is_gone() => Ok(()),
                // Another removal is under way, or an end of it is not yet known to the engine.
                Err(error) => Err(error.to_string()),
            }
        });
        removed.await.map_err(|error| error.to_string())
    }
}
