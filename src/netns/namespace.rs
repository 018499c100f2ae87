//! Into a network namespace of this machine, as root: the agent is a child of ours that was moved there.
//!
//! Or into one that is made for it and ends with it, which shows what agents can do here.

use super::connection::{Connection, Entrance, Pipe};
use async_trait::async_trait;
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe};
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
        let namespace = self.namespace.clone();
        start(&self.exe, move || {
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
        })
    }
}

struct Fresh<'a>(&'a Path);

#[async_trait]
impl Entrance for Fresh<'_> {
    async fn open(&self) -> Result<Pipe, String> {
        // SAFETY: a network namespace is all that is left, and the child has no memory in common with anybody.
        start(self.0, || unsafe { unshare_unsafe(UnshareFlags::NEWNET) })
    }
}

/// Tries an agent in a namespace of its own: whether links can be disturbed by packet here, and by what means packets
/// are held back (the inner error says why they cannot be). Changes nothing that outlives it.
pub async fn try_agent(exe: &Path) -> Result<Result<String, String>, String> {
    let (connection, abilities) = Connection::open(&Fresh(exe)).await?;
    connection.close().await;
    Ok(abilities.holds)
}

/// Starts `exe link-agent`; `enter` is called in the child and must neither allocate nor wait.
fn start(
    exe: &Path,
    enter: impl Fn() -> rustix::io::Result<()> + Send + Sync + 'static,
) -> Result<Pipe, String> {
    let mut command = Command::new(exe);
    command.arg("link-agent").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    // What a terminal sends to us must not end it: we heal first.
    command.process_group(0);
    // SAFETY: between fork and exec only one system call is made and nothing is allocated.
    unsafe {
        command.pre_exec(move || enter().map_err(io::Error::from));
    }
    let mut child = command.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => {
            format!("a node's network namespace may only be entered by root: {error}")
        }
        _ => format!("cannot start the link agent {}: {error}", exe.display()),
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
