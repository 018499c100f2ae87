//! A run's own network: a bridge with a subnet of ours, so that nodes can have fixed addresses.

use super::subnet::routed;
use super::{DockerError, Engine, Owner, Subnet};
use bollard::models::{Ipam, IpamConfig, NetworkCreateRequest};
use bollard::query_parameters::ListNetworksOptions;
use ipnet::Ipv4Net;

impl Engine {
    /// Makes the network on the first of `candidates` that is free.
    pub async fn create_network(
        &self,
        owner: &Owner,
        name: &str,
        candidates: &[Subnet],
    ) -> Result<Subnet, DockerError> {
        let mut taken = self.subnets_of(name).await?;
        taken.extend(routed(&std::fs::read_to_string("/proc/net/route").unwrap_or_default()));
        for subnet in candidates.iter().filter(|subnet| subnet.is_free(&taken)) {
            let range = IpamConfig {
                subnet: Some(subnet.text()),
                gateway: Some(subnet.gateway().to_string()),
                ..IpamConfig::default()
            };
            let request = NetworkCreateRequest {
                name: name.to_owned(),
                driver: Some("bridge".to_owned()),
                labels: Some(owner.labels()),
                ipam: Some(Ipam { config: Some(vec![range]), ..Ipam::default() }),
                ..NetworkCreateRequest::default()
            };
            let made = self.api.create_network(request).await;
            match made.map_err(DockerError::failed(format!("make the network {name}"))) {
                Ok(_) => return Ok(*subnet),
                // Somebody was faster: the next one may still be free.
                Err(DockerError::Failed { why, .. }) if why.contains("overlaps") => {}
                Err(error) => return Err(error),
            }
        }
        Err(DockerError::NoSubnet { tried: candidates.len() })
    }

    /// The subnets of the engine's networks, all of them; the name must not be among them. (The engine itself
    /// would make a second network of that name.)
    async fn subnets_of(&self, name: &str) -> Result<Vec<Ipv4Net>, DockerError> {
        let networks = self.api.list_networks(None::<ListNetworksOptions>).await;
        let networks = networks.map_err(DockerError::failed("list its networks"))?;
        if networks.iter().any(|network| network.name.as_deref() == Some(name)) {
            return Err(DockerError::NameTaken { kind: "network", name: name.to_owned() });
        }
        let configs = networks.into_iter().filter_map(|network| network.ipam?.config).flatten();
        // IPv6 subnets do not parse, and do not matter here.
        Ok(configs.filter_map(|config| config.subnet?.parse().ok()).collect())
    }
}
