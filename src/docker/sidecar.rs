//! A container that shares the network of another and that we talk with, line by line.

use super::{Bind, DockerError, Engine, Owner};
use bollard::container::LogOutput;
use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::{AttachContainerOptions, CreateContainerOptions};
use futures_util::StreamExt;
use std::time::Duration;
use tokio::io::{AsyncBufRead, AsyncWrite, AsyncWriteExt, BufReader};

/// What waits between the engine and who reads.
const WAITING_BYTES: usize = 64 << 10;
const GONE_WITHIN: Duration = Duration::from_secs(5);

/// What a sidecar is to be.
#[derive(Clone, Debug)]
pub struct SidecarPlan {
    pub name: String,
    /// Nothing in it is used but its being there: the program and its libraries are bound in.
    pub image: String,
    pub command: Vec<String>,
    pub binds: Vec<Bind>,
    /// The running container whose network it shares.
    pub beside: String,
    /// Such as `NET_ADMIN`; it has no others.
    pub capabilities: Vec<String>,
}

/// Both ends. When the input is closed, or we die, the engine closes it inside as well; when the program then ends
/// the engine removes the container.
pub struct Sidecar {
    pub input: Box<dyn AsyncWrite + Send + Unpin>,
    pub output: Box<dyn AsyncBufRead + Send + Unpin>,
}

impl Engine {
    /// Makes and starts it, in place of an earlier one of that name.
    pub async fn start_sidecar(&self, owner: &Owner, plan: &SidecarPlan) -> Result<Sidecar, DockerError> {
        let SidecarPlan { name, image, command, binds, beside, capabilities } = plan;
        // Mostly there is none. One that ended by itself is being removed by the engine, which goes on holding its name
        // for a while; a name that stays taken is told below.
        let _ = self.remove("container", name, GONE_WITHIN).await;
        let (entrypoint, arguments) = command.split_at(command.len().min(1));
        let host = HostConfig {
            mounts: Some(binds.iter().map(Bind::mount).collect()),
            network_mode: Some(format!("container:{beside}")),
            cap_drop: Some(vec!["ALL".to_owned()]),
            cap_add: Some(capabilities.clone()),
            readonly_rootfs: Some(true),
            auto_remove: Some(true),
            ..HostConfig::default()
        };
        let body = ContainerCreateBody {
            image: Some(image.clone()),
            entrypoint: Some(entrypoint.to_vec()),
            cmd: Some(arguments.to_vec()),
            user: Some("0:0".to_owned()),
            env: Some(vec!["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned()]),
            labels: Some(owner.labels()),
            host_config: Some(host),
            open_stdin: Some(true),
            stdin_once: Some(true),
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            ..ContainerCreateBody::default()
        };
        let options =
            CreateContainerOptions { name: Some(name.clone()), ..CreateContainerOptions::default() };
        let made = self.api.create_container(Some(options), body).await;
        made.map_err(DockerError::failed(format!("make the container {name}")))?;
        // Before it starts, so that its first words are heard.
        let attach = AttachContainerOptions {
            stream: true,
            stdin: true,
            stdout: true,
            ..AttachContainerOptions::default()
        };
        let attached = self.api.attach_container(name, Some(attach)).await;
        let attached = attached.map_err(DockerError::failed(format!("talk with {name}")))?;
        self.start_container(name).await?;
        let (mut near, far) = tokio::io::duplex(WAITING_BYTES);
        let mut said = attached.output;
        tokio::spawn(async move {
            while let Some(Ok(output)) = said.next().await {
                if let LogOutput::StdOut { message } = output
                    && near.write_all(&message).await.is_err()
                {
                    break;
                }
            }
        });
        Ok(Sidecar { input: Box::new(attached.input), output: Box::new(BufReader::new(far)) })
    }
}
