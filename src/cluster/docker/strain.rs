//! Less of something for a container: what it took, and how we know.

use super::evidence::{connecting, in_words};
use super::nodes::{DockerCluster, Slot};
use crate::cluster::{ClusterError, Node, Took};
use crate::machine::DiskThrottle;
use crate::model::{Disk, Strain};
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Ten of the kernel's periods, of which a container that wants more is held back in most.
const CPU_WATCHED_FOR: Duration = Duration::from_secs(1);
/// More than was allowed, by the grain of the kernel's accounts.
const CPU_SLACK: f64 = 1.3;
/// A kernel with control groups of the second version ends who uses more than its new limit. One of the first version
/// takes back what it can and refuses a limit below the rest; there the limit goes down in steps of this factor as far as
/// it can be had, until what is wanted next is too much.
const MEMORY_STEP: f64 = 1.02;
const SQUEEZED_FOR: Duration = Duration::from_secs(20);
const SQUEEZE_EVERY: Duration = Duration::from_millis(50);
/// How engines tell of it.
const IN_USE: [&str; 2] = ["unable to set memory limit", "busy"];
/// A throttled disk takes at least this share of the time that its limit makes a write wait.
const DISK_SHARE: f64 = 0.5;

fn is_of_no_node(strain: &Strain) -> ClusterError {
    ClusterError::NotApplicable(format!("no node can be given {}", strain.words()))
}

impl DockerCluster {
    pub(super) async fn take_away(
        &self,
        node: &Node,
        slot: &Slot,
        strain: &Strain,
    ) -> Result<Took, ClusterError> {
        let name = &slot.container;
        let state = self.engine.inspect_container(name).await?;
        if !state.running {
            return Err(ClusterError::NotApplicable(format!("{} is down: {}", node.id, in_words(&state))));
        }
        let at = Instant::now();
        let evidence = match strain {
            Strain::FullDisk(disk) => return slot.folder.fill(*disk).await,
            Strain::SlowDisk { writes } => return self.slow_disk(slot, writes.0).await,
            Strain::Cpu { cores } => self.limit_cpu(name, *cores).await?,
            Strain::Memory { limit } => self.limit_memory(name, limit.0).await?,
            Strain::NoNetwork => {
                self.engine.disconnect_container(name, &self.network).await?;
                match connecting(node).await {
                    answer @ ("still accepts connections" | "refuses connections") => {
                        let why = format!("{} is off its network, and {answer}", node.endpoint.address);
                        return Err(ClusterError::Failed(why));
                    }
                    answer => format!("it is off its network, and {} {answer}", node.endpoint.address),
                }
            }
            Strain::SlowAnswers { .. } => return Err(is_of_no_node(strain)),
        };
        Ok(Took { at, evidence })
    }

    pub(super) async fn give_back(
        &self,
        node: &Node,
        slot: &Slot,
        strain: &Strain,
    ) -> Result<String, ClusterError> {
        let name = &slot.container;
        match strain {
            Strain::FullDisk(disk) => slot.folder.free(*disk).await,
            Strain::SlowDisk { .. } => {
                let Some(pid) = *slot.pid.lock().unwrap() else {
                    return Ok("its container ended, and the limit with it".to_owned());
                };
                let data = slot.folder.on(Disk::Data);
                let throttle = DiskThrottle::of(pid, &data).map_err(ClusterError::Failed)?;
                throttle.set(None).map_err(|error| ClusterError::Failed(error.to_string()))?;
                let after = throttle.try_out(&data).await.map_err(ClusterError::Failed)?;
                Ok(format!("the limit is lifted: {}", per_write(after)))
            }
            Strain::Cpu { .. } => {
                self.engine.limit_cpu(name, None).await?;
                Ok("the limit is lifted".to_owned())
            }
            Strain::Memory { .. } => {
                self.engine.limit_memory(name, None).await?;
                Ok("the limit is lifted".to_owned())
            }
            Strain::NoNetwork => {
                let IpAddr::V4(address) = node.endpoint.address.ip() else {
                    return Err(ClusterError::Failed(format!("{} has no IPv4 address", node.id)));
                };
                self.engine.reconnect_container(name, &self.network, address).await?;
                Ok(format!(
                    "it is on its network again; {} {}",
                    node.endpoint.address,
                    connecting(node).await
                ))
            }
            Strain::SlowAnswers { .. } => Err(is_of_no_node(strain)),
        }
    }

    async fn limit_cpu(&self, name: &str, cores: f64) -> Result<String, ClusterError> {
        let before = self.engine.cpu_use(name).await?;
        self.engine.limit_cpu(name, Some(cores)).await?;
        let began = Instant::now();
        tokio::time::sleep(CPU_WATCHED_FOR).await;
        let after = self.engine.cpu_use(name).await?;
        let used = (after.used_s - before.used_s) / began.elapsed().as_secs_f64();
        if used > cores * CPU_SLACK {
            return Err(ClusterError::Failed(format!(
                "it used {used:.2} of a core, and {cores} are allowed"
            )));
        }
        let (held_back, periods) = (after.held_back - before.held_back, after.periods - before.periods);
        Ok(format!(
            "in the second after, it used {used:.2} of a core and was held back in {held_back} of {periods} periods"
        ))
    }

    /// Takes away what can be taken, again and again, until the kernel ends the container or it has as little as asked.
    async fn limit_memory(&self, name: &str, limit: u64) -> Result<String, ClusterError> {
        let megabytes = |bytes: u64| bytes as f64 / 1e6;
        let used = megabytes(self.engine.memory_use(name).await?);
        let mut given = None;
        let mut trying = limit;
        let began = Instant::now();
        while given != Some(limit) && began.elapsed() < SQUEEZED_FOR {
            match self.engine.limit_memory(name, Some(trying)).await {
                Ok(()) => {
                    given = Some(trying);
                    trying = limit.max((trying as f64 / MEMORY_STEP) as u64);
                }
                Err(_) if !self.engine.inspect_container(name).await?.running => break,
                Err(error) if !IN_USE.iter().any(|words| error.to_string().contains(words)) => {
                    return Err(error.into());
                }
                Err(_) if given.is_none() => trying = (trying as f64 * MEMORY_STEP) as u64,
                Err(_) => tokio::time::sleep(SQUEEZE_EVERY).await,
            }
        }
        match given {
            Some(given) => Ok(format!("it used {used:.0} MB and may have {:.1} MB", megabytes(given))),
            None => Err(ClusterError::Failed(format!(
                "the kernel could not take back enough of its {used:.0} MB"
            ))),
        }
    }

    async fn slow_disk(&self, slot: &Slot, writes_per_s: f64) -> Result<Took, ClusterError> {
        let failed = ClusterError::Failed;
        let pid = *slot.pid.lock().unwrap();
        let pid = pid.ok_or_else(|| failed("its process cannot be seen from here".to_owned()))?;
        let data = slot.folder.on(Disk::Data);
        let throttle = DiskThrottle::of(pid, &data).map_err(failed)?;
        let before = throttle.try_out(&data).await.map_err(failed)?;
        let at = Instant::now();
        throttle.set(Some(writes_per_s as u64)).map_err(|error| failed(error.to_string()))?;
        let during = throttle.try_out(&data).await.map_err(failed)?;
        if during.as_secs_f64() < DISK_SHARE / writes_per_s {
            let _ = throttle.set(None);
            return Err(failed(format!("{}, which is no slower than it was", per_write(during))));
        }
        let before_ms = before.as_secs_f64() * 1e3;
        Ok(Took { at, evidence: format!("{}, and {before_ms:.1} ms before", per_write(during)) })
    }
}

fn per_write(took: Duration) -> String {
    format!("a write of ours takes {:.1} ms to reach the disk", took.as_secs_f64() * 1e3)
}
