//! The part of `vaultquake conform` that is about a service in front of a cluster.

use super::args::{ConformArgs, ServiceArgs};
use super::subject::{NoSubject, usage};
use crate::conformance::config_service::{self, ServiceChoice};
use crate::conformance::{Case, all};
use crate::helper::{RedisAddress, find_redis};
use crate::server::ProvisionOptions;
use std::time::Duration;

/// The document's own.
const KV_MOUNT: &str = "secret";
/// A cluster is killed and comes back within the first case that looks at it.
const CASE_WITHIN: Duration = Duration::from_secs(300);

/// The cases of whom is asked: of the server, or of a service.
pub fn catalogue(args: &ConformArgs) -> Vec<Case> {
    if is_about_a_service(&args.service) {
        return config_service::cases();
    }
    // Who wants a list wants to know what there is.
    let of_services = if args.list { config_service::cases() } else { Vec::new() };
    all().into_iter().chain(of_services).collect()
}

pub fn is_about_a_service(args: &ServiceArgs) -> bool {
    args.config_service.is_some() || args.config_service_command.is_some()
}

/// No case takes longer; `None` where the ordinary limit holds.
pub fn case_within(args: &ServiceArgs) -> Option<Duration> {
    is_about_a_service(args).then_some(CASE_WITHIN)
}

/// How the service is reached or started; `None` where none was asked for.
pub fn choice(args: &ConformArgs) -> Result<Option<ServiceChoice>, NoSubject> {
    let service = &args.service;
    if let Some(command) = &service.config_service_command {
        let options = ProvisionOptions::from_env()?;
        let redis = find_redis(&options.search_path)
            .map_err(|error| NoSubject { missing: true, ..NoSubject::trouble(error) })?;
        return Ok(Some(ServiceChoice::Command { command: command.clone(), redis }));
    }
    let Some(url) = &service.config_service else { return Ok(None) };
    let password = match &service.redis_password_file {
        None => None,
        Some(file) => Some(
            std::fs::read_to_string(file)
                .map_err(|error| usage(format!("--redis-password-file {}: {error}", file.display())))?,
        ),
    };
    let redis = match &service.redis {
        None => None,
        Some(url) => Some(
            RedisAddress::new(url, password.as_deref().map(str::trim))
                .map_err(|error| usage(error.to_string()))?,
        ),
    };
    Ok(Some(ServiceChoice::Url {
        url: url.clone(),
        redis,
        // Without an address of the cluster nothing behind the service can be looked at.
        kv_mount: args.addr.as_ref().map(|_| service.kv_mount.as_deref().unwrap_or(KV_MOUNT).to_owned()),
        events_in_redis: service.events_in_redis,
    }))
}
