//! One container: made, started, signalled, looked at, its output followed.

use super::limits::endpoint;
use super::{DockerError, Engine, Owner};
use bollard::container::LogOutput;
use bollard::models::{
    ContainerCreateBody, HostConfig, HostConfigLogConfig, Mount, MountType, NetworkingConfig,
};
use bollard::query_parameters::{
    CreateContainerOptions, InspectContainerOptions, KillContainerOptions, LogsOptions, StartContainerOptions,
};
use bytes::Bytes;
use futures_util::{Stream, TryStreamExt};
use std::net::Ipv4Addr;
use std::path::PathBuf;

/// Something of this machine in a container, at the same path.
#[derive(Clone, Debug)]
pub struct Bind {
    pub path: PathBuf,
    pub read_only: bool,
}

impl Bind {
    pub(super) fn mount(&self) -> Mount {
        let path = Some(self.path.display().to_string());
        Mount {
            typ: Some(MountType::BIND),
            source: path.clone(),
            target: path,
            read_only: Some(self.read_only),
            ..Mount::default()
        }
    }
}

/// What a container is to be.
#[derive(Clone, Debug)]
pub struct ContainerPlan {
    pub name: String,
    pub image: String,
    /// The program, looked up in the image's PATH, and its arguments.
    pub command: Vec<String>,
    /// `uid:gid`.
    pub user: String,
    pub working_dir: Option<PathBuf>,
    pub env: Vec<String>,
    pub binds: Vec<Bind>,
    /// The network, and the fixed address there; none has no network at all.
    pub network: Option<(String, Ipv4Addr)>,
}

/// What the engine says of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerState {
    /// 64 hexadecimal digits.
    pub id: String,
    pub running: bool,
    /// Frozen; it counts as running.
    pub paused: bool,
    /// Of its first process, as the engine's machine numbers it; while it runs.
    pub pid: Option<u32>,
    /// Of the last end.
    pub exit_code: i64,
    pub out_of_memory: bool,
    /// Why it could not be started.
    pub error: String,
}

impl ContainerState {
    /// As `docker ps` shortens it.
    pub fn short_id(&self) -> &str {
        self.id.get(..12).unwrap_or(&self.id)
    }
}

/// The output of a container, standard output and standard error as they came.
pub type Followed = Box<dyn Stream<Item = Result<Bytes, DockerError>> + Send + Unpin>;

impl Engine {
    /// Makes it, and does not start it. No limits on memory or processors, never restarted, never removed by
    /// the engine itself.
    pub async fn create_container(&self, owner: &Owner, plan: &ContainerPlan) -> Result<(), DockerError> {
        let ContainerPlan { name, image, command, user, working_dir, env, binds, network } = plan;
        let (entrypoint, arguments) = command.split_at(command.len().min(1));
        let endpoints = network.iter().map(|(network, address)| (network.clone(), endpoint(*address)));
        let mode = network.as_ref().map_or("none", |(network, _)| network.as_str());
        let host = HostConfig {
            mounts: Some(binds.iter().map(Bind::mount).collect()),
            network_mode: Some(mode.to_owned()),
            // Readable through the engine and never rotated, whatever the engine does by default.
            log_config: Some(HostConfigLogConfig { typ: Some("json-file".to_owned()), config: None }),
            ..HostConfig::default()
        };
        let body = ContainerCreateBody {
            image: Some(image.clone()),
            entrypoint: Some(entrypoint.to_vec()),
            cmd: Some(arguments.to_vec()),
            user: Some(user.clone()),
            working_dir: working_dir.as_ref().map(|folder| folder.display().to_string()),
            env: Some(env.clone()),
            labels: Some(owner.labels()),
            host_config: Some(host),
            networking_config: Some(NetworkingConfig { endpoints_config: Some(endpoints.collect()) }),
            ..ContainerCreateBody::default()
        };
        let options =
            CreateContainerOptions { name: Some(name.clone()), ..CreateContainerOptions::default() };
        let made = self.api.create_container(Some(options), body).await;
        made.map(drop).map_err(DockerError::failed(format!("make the container {name}"))).map_err(|error| {
            match error.status() {
                Some(409) => DockerError::NameTaken { kind: "container", name: name.clone() },
                _ => error,
            }
        })
    }

    pub async fn start_container(&self, name: &str) -> Result<(), DockerError> {
        let started = self.api.start_container(name, None::<StartContainerOptions>).await;
        started.map_err(DockerError::failed(format!("start {name}")))
    }

    /// Sends a signal such as `SIGKILL` to its first process. After SIGKILL the engine answers when it ended.
    pub async fn signal_container(&self, name: &str, signal: &str) -> Result<(), DockerError> {
        let options = KillContainerOptions { signal: signal.to_owned() };
        let sent = self.api.kill_container(name, Some(options)).await;
        sent.map_err(DockerError::failed(format!("send {signal} to {name}")))
    }

    /// Freezes every process in it.
    pub async fn pause_container(&self, name: &str) -> Result<(), DockerError> {
        self.api.pause_container(name).await.map_err(DockerError::failed(format!("pause {name}")))
    }

    pub async fn unpause_container(&self, name: &str) -> Result<(), DockerError> {
        self.api.unpause_container(name).await.map_err(DockerError::failed(format!("unpause {name}")))
    }

    pub async fn inspect_container(&self, name: &str) -> Result<ContainerState, DockerError> {
        let seen = self.api.inspect_container(name, None::<InspectContainerOptions>).await;
        let seen = seen.map_err(DockerError::failed(format!("look at {name}")))?;
        let state = seen.state.unwrap_or_default();
        Ok(ContainerState {
            id: seen.id.unwrap_or_default(),
            running: state.running.unwrap_or_default(),
            paused: state.paused.unwrap_or_default(),
            pid: state.pid.and_then(|pid| u32::try_from(pid).ok()).filter(|pid| *pid > 0),
            exit_code: state.exit_code.unwrap_or_default(),
            out_of_memory: state.oom_killed.unwrap_or_default(),
            error: state.error.unwrap_or_default(),
        })
    }

    /// Everything that the container has printed since it was made, and, while it runs and `follow` is asked
    /// for, what it goes on to print. Ends when the container does.
    pub fn output(&self, name: &str, follow: bool) -> Followed {
        let options = LogsOptions { follow, stdout: true, stderr: true, ..LogsOptions::default() };
        let doing = format!("read the output of {name}");
        let output = self.api.logs(name, Some(options));
        Box::new(Box::pin(
            output
                .map_ok(LogOutput::into_bytes)
                .map_err(move |error| DockerError::failed(doing.clone())(error)),
        ))
    }
}
