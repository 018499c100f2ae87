//! Into a network namespace of this machine, as root: the agent is a child of ours that was moved there.

use super::connection::{Entrance, Pipe};
use async_trait::async_trait;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use tokio::io::BufReader;
use tokio::process::Command;

/// The network namespace that a process is in. It is kept, also when the process ends and its number becomes
/// another's.
pub struct NamespaceOf {
    namespace: Arc<File>,
    exe: PathBuf,
}

impl NamespaceOf {
    /// `exe` is this program. Our own namespace is refused: it is the machine's, and not a node's.
    pub fn process(pid: u32, exe: &Path) -> Result<Self, String> {
        let path = format!("/proc/{pid}/ns/net");
        let open = || -> io::Result<(File, bool)> {
            let namespace = File::open(&path)?;
            let ours = std::fs::metadata("/proc/self/ns/net")?.ino() == namespace.metadata()?.ino();
            Ok((namespace, ours))
        };
        match open() {
            Ok((namespace, false)) => Ok(Self { namespace: Arc::new(namespace), exe: exe.to_owned() }),
            Ok((_, true)) => {
                Err(format!("process {pid} shares our own network, which is not a node's to disturb"))
            }
            Err(error) => Err(format!("cannot enter the network namespace {path}: {error}")),
        }
    }
}

#[async_trait]
impl Entrance for NamespaceOf {
    async fn open(&self) -> Result<Pipe, String> {
        let mut command = Command::new(&self.exe);
        command.arg("link-agent").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        // What a terminal sends to us must not end it: we heal first.
        command.process_group(0);
        let namespace = self.namespace.clone();
        // SAFETY: between fork and exec only one system call is made and nothing is allocated.
        unsafe {
            command.pre_exec(move || {
                let entered = move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network));
                entered.map_err(io::Error::from)
            });
        }
        let mut child = command.spawn().map_err(|error| match error.kind() {
            io::ErrorKind::PermissionDenied => {
                format!("entering a node's network namespace needs root: {error}")
            }
            _ => format!("cannot start the link agent {}: {error}", self.exe.display()),
        })?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(input), Some(output)) => Ok(Pipe {
                input: Box::new(input),
                output: Box::new(BufReader::new(output)),
                keep: Box::new(child),
            }),
            _ => Err("the link agent has no pipes".to_owned()),
        }
    }
}
