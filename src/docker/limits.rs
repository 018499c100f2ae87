//! What a container may use: processor time, memory, its network. Changed while it runs.

use super::{DockerError, Engine};
use bollard::models::{
    ContainerStatsResponse, ContainerUpdateBody, EndpointIpamConfig, EndpointSettings, NetworkConnectRequest,
    NetworkDisconnectRequest,
};
use bollard::query_parameters::StatsOptions;
use futures_util::StreamExt;
use std::net::Ipv4Addr;

/// The kernel's own period of processor limits, in microseconds.
const PERIOD_US: i64 = 100_000;
/// The engine has no word for "no limit any more" of memory; no machine has as much as this.
const NO_LIMIT_BYTES: i64 = 1 << 50;

/// What a container has used since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CpuUse {
    pub used_s: f64,
    /// Periods in which it was held back, of those in which it wanted to run.
    pub held_back: u64,
    pub periods: u64,
}

impl Engine {
    /// Processor time per time: 0.5 is half of one core; `None` lifts the limit.
    pub async fn limit_cpu(&self, name: &str, cores: Option<f64>) -> Result<(), DockerError> {
        let quota_us = cores.map_or(-1, |cores| (cores * PERIOD_US as f64) as i64);
        let limit = ContainerUpdateBody {
            cpu_period: Some(PERIOD_US),
            cpu_quota: Some(quota_us),
            ..ContainerUpdateBody::default()
        };
        self.update(name, limit, "its processor time").await
    }

    /// Memory without swap; `None` lifts the limit.
    pub async fn limit_memory(&self, name: &str, bytes: Option<u64>) -> Result<(), DockerError> {
        let bytes = bytes.and_then(|bytes| i64::try_from(bytes).ok()).unwrap_or(NO_LIMIT_BYTES);
        let limit = ContainerUpdateBody {
            memory: Some(bytes),
            memory_swap: Some(bytes),
            ..ContainerUpdateBody::default()
        };
        self.update(name, limit, "its memory").await
    }

    async fn update(&self, name: &str, limit: ContainerUpdateBody, of: &str) -> Result<(), DockerError> {
        let updated = self.api.update_container(name, limit).await;
        updated.map_err(DockerError::failed(format!("limit {of} of {name}")))
    }

    pub async fn cpu_use(&self, name: &str) -> Result<CpuUse, DockerError> {
        let cpu = self.stats(name).await?.cpu_stats.unwrap_or_default();
        let throttling = cpu.throttling_data.unwrap_or_default();
        Ok(CpuUse {
            used_s: cpu.cpu_usage.and_then(|usage| usage.total_usage).unwrap_or_default() as f64 / 1e9,
            held_back: throttling.throttled_periods.unwrap_or_default(),
            periods: throttling.periods.unwrap_or_default(),
        })
    }

    /// Bytes in use now, what the kernel could take back among them.
    pub async fn memory_use(&self, name: &str) -> Result<u64, DockerError> {
        let memory = self.stats(name).await?.memory_stats.unwrap_or_default();
        Ok(memory.usage.unwrap_or_default())
    }

    async fn stats(&self, name: &str) -> Result<ContainerStatsResponse, DockerError> {
        let doing = || format!("look at what {name} uses");
        let once = StatsOptions { stream: false, one_shot: true };
        let answer = self.api.stats(name, Some(once)).next().await;
        let nothing = || DockerError::Failed { doing: doing(), why: "no answer".to_owned(), status: None };
        answer.ok_or_else(nothing)?.map_err(DockerError::failed(doing()))
    }

    /// Takes it off `network`.
    pub async fn disconnect_container(&self, name: &str, network: &str) -> Result<(), DockerError> {
        let request = NetworkDisconnectRequest { container: name.to_owned(), force: Some(true) };
        let done = self.api.disconnect_network(network, request).await;
        done.map_err(DockerError::failed(format!("take {name} off its network")))
    }

    /// Puts it back, at its address.
    pub async fn reconnect_container(
        &self,
        name: &str,
        network: &str,
        address: Ipv4Addr,
    ) -> Result<(), DockerError> {
        let request =
            NetworkConnectRequest { container: name.to_owned(), endpoint_config: Some(endpoint(address)) };
        let done = self.api.connect_network(network, request).await;
        done.map_err(DockerError::failed(format!("put {name} back on its network")))
    }
}

/// A place on a network with a fixed address.
pub(super) fn endpoint(address: Ipv4Addr) -> EndpointSettings {
    let fixed =
        EndpointIpamConfig { ipv4_address: Some(address.to_string()), ..EndpointIpamConfig::default() };
    EndpointSettings { ipam_config: Some(fixed), ..EndpointSettings::default() }
}
