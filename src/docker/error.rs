//! What can go wrong with the engine, each with the way out.

use bollard::errors::Error as Api;
use std::error::Error;
use std::io;

#[derive(Debug, thiserror::Error)]
pub enum DockerError {
    #[error(
        "no container engine answers: {why}; start it (`systemctl start docker`), install it (Debian: apt \
         install docker.io) or point DOCKER_HOST at its unix socket; `--backend process` needs none"
    )]
    Unreachable { why: String },
    #[error(
        "the container engine may not be used: {why}; join the group that may (`usermod -aG docker $USER`, then \
         log in again), or use `--backend process`, which needs no engine"
    )]
    Denied { why: String },
    /// It answers, and cannot do what a run needs.
    #[error(
        "this container engine cannot be used: {why}; use one that runs on this machine as root, or `--backend process`"
    )]
    Unsuitable { why: String },
    #[error(
        "there is no image `{reference}` here, and it cannot be pulled: {why}; see `docker images` for what there \
         is, load it with `docker load`, or build one with `vaultquake server image openbao@VERSION`"
    )]
    NoImage { reference: String, why: String },
    #[error(
        "{path} needs a dynamic linker and libraries, which an image made from it alone has not; use a static \
         build (`openbao@VERSION` is one), or an image of your own with `--server image:REF`"
    )]
    NotStatic { path: String },
    #[error(
        "the name `{name}` is taken on this engine by a {kind} that is not of this run; `vaultquake clean` \
         removes it if a killed run left it, `docker {kind} rm {name}` whatever it is"
    )]
    NameTaken { kind: &'static str, name: String },
    #[error(
        "no subnet is free for the run's network: {tried} were tried, and each overlaps with a network of the \
         engine or a route of this machine; remove networks that nobody needs (`docker network prune`)"
    )]
    NoSubnet { tried: usize },
    #[error("the container engine: cannot {doing}: {why}")]
    Failed { doing: String, why: String, status: Option<u16> },
    #[error("cannot read {path}: {source}")]
    Read { path: String, source: io::Error },
}

impl DockerError {
    pub(super) fn failed(doing: impl Into<String>) -> impl FnOnce(Api) -> Self {
        let doing = doing.into();
        move |error| {
            let status = match &error {
                Api::DockerResponseServerError { status_code, .. } => Some(*status_code),
                _ => None,
            };
            Self::Failed { doing, why: Self::why(error), status }
        }
    }

    pub(super) fn why(error: Api) -> String {
        match error {
            Api::DockerResponseServerError { message, .. } => message,
            error => chain(&error),
        }
    }

    /// For the first words with the engine.
    pub(super) fn no_connection(error: &Api) -> Self {
        let mut source: Option<&(dyn Error + 'static)> = Some(error);
        while let Some(cause) = source {
            let denied = cause
                .downcast_ref::<io::Error>()
                .is_some_and(|error| error.kind() == io::ErrorKind::PermissionDenied);
            if denied {
                return Self::Denied { why: chain(error) };
            }
            source = cause.source();
        }
        Self::Unreachable { why: chain(error) }
    }

    /// The engine's HTTP status, when it answered.
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Self::Failed { status, .. } => *status,
            _ => None,
        }
    }

    /// What was named is not there.
    pub fn is_gone(&self) -> bool {
        self.status() == Some(404)
    }
}

/// An error with its causes: the outermost alone says too little.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = cause.source();
    }
    text
}
