//! The connection to the engine, and what kind of engine it is.

use super::DockerError;
use bollard::Docker;
use std::time::Duration;

/// A connection to the engine of this machine. Cheap to clone; bound to the async runtime it was made in.
#[derive(Clone)]
pub struct Engine {
    pub(super) api: Docker,
    info: EngineInfo,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineInfo {
    /// Such as `20.10.24`.
    pub version: String,
    pub api_version: String,
    /// What it runs on, by its own word.
    pub os: String,
    /// Why nodes cannot be run on it in a way that measures; `None` when they can.
    pub unsuitable: Option<String>,
}

/// It is on this machine; one that takes longer is not well.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);

impl Engine {
    /// Connects to the unix socket that DOCKER_HOST names, or to the usual one, and asks what it is.
    pub async fn connect() -> Result<Self, DockerError> {
        let asked = async {
            let api = Docker::connect_with_defaults()?.negotiate_version().await?;
            let (version, info) = (api.version().await?, api.info().await?);
            Ok::<_, bollard::errors::Error>((api, version, info))
        };
        let asked = tokio::time::timeout(ANSWERS_WITHIN, asked).await.map_err(|_| {
            let why = format!("it did not answer within {} s", ANSWERS_WITHIN.as_secs());
            DockerError::Unreachable { why }
        })?;
        let (api, version, info) = asked.map_err(|error| DockerError::no_connection(&error))?;
        let os = info.operating_system.unwrap_or_default();
        let options = info.security_options.unwrap_or_default();
        let info = EngineInfo {
            version: version.version.unwrap_or_default(),
            api_version: version.api_version.unwrap_or_default(),
            unsuitable: unsuitable(&os, info.os_type.as_deref(), &options),
            os,
        };
        Ok(Self { api, info })
    }

    pub fn info(&self) -> &EngineInfo {
        &self.info
    }

    /// # Errors
    /// When nodes cannot be run on it.
    pub fn check(&self) -> Result<(), DockerError> {
        match &self.info.unsuitable {
            None => Ok(()),
            Some(why) => Err(DockerError::Unsuitable { why: why.clone() }),
        }
    }
}

/// Nodes are reached at their bridge addresses, without a proxy in between, and share a folder with us.
fn unsuitable(os: &str, os_type: Option<&str>, options: &[String]) -> Option<String> {
    let has = |name: &str| options.iter().any(|option| option.split(',').any(|part| part == name));
    if os.contains("Docker Desktop") || os_type.is_some_and(|kind| kind != "linux") {
        return Some(format!(
            "it runs in a virtual machine ({os}), whose bridge cannot be reached from here"
        ));
    }
    if has("name=rootless") {
        return Some("it is rootless, and its bridge cannot be reached from here".to_owned());
    }
    if has("name=userns") {
        return Some("it maps users (userns-remap), and nodes could not write their folders".to_owned());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_engine_whose_bridge_and_folders_are_ours_will_do() {
        let options = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let plain = options(&["name=apparmor", "name=seccomp,profile=default"]);
        assert_eq!(unsuitable("Debian GNU/Linux 12", Some("linux"), &plain), None);
        assert!(unsuitable("Debian", Some("linux"), &options(&["name=rootless"])).is_some());
        assert!(unsuitable("Debian", Some("linux"), &options(&["name=userns"])).is_some());
        assert!(unsuitable("Docker Desktop", Some("linux"), &plain).is_some());
        assert!(unsuitable("Windows", Some("windows"), &plain).is_some());
    }
}
