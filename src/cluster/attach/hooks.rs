//! Runs the shell commands of an attach file. Their output may hold anything, so it is kept in the private
//! folder and never quoted. Decides nothing: whether a hook may run is asked before.

use super::intents::HookProcess;
use crate::model::{HookName, NodeId};
use crate::record::RecordError;
use rustix::process::{Pid, Signal, kill_process_group};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// A hook that takes longer is ended.
pub const HOOK_WITHIN: Duration = Duration::from_secs(30);

pub struct HookRunner {
    /// Where what hooks print is kept.
    folder: PathBuf,
    /// Where hooks run, whoever runs them: their commands may hold relative paths.
    hooks_in: PathBuf,
    /// Given to hooks as VQ_VERSION.
    version: String,
    within: Duration,
}

impl HookRunner {
    pub fn new(folder: PathBuf, hooks_in: PathBuf, version: String) -> Self {
        Self { folder, hooks_in, version, within: HOOK_WITHIN }
    }

    /// The same for hooks that are told another version.
    pub fn with_version(&self, version: &str) -> Self {
        let Self { folder, hooks_in, within, .. } = self;
        Self {
            folder: folder.clone(),
            hooks_in: hooks_in.clone(),
            version: version.to_owned(),
            within: *within,
        }
    }

    /// Runs it to its end. The command begins only when `began` has taken its process down: a hook that
    /// nobody could find and end after our death never begins. The error says which hook failed and how, and where its output is.
    pub async fn run(
        &self,
        hook: HookName,
        command: &str,
        node: &NodeId,
        peers: &[NodeId],
        began_as: impl FnOnce(HookProcess) -> Result<(), RecordError>,
    ) -> Result<Duration, String> {
        let began = Instant::now();
        let name = format!("hook `{}` of {node}", hook.name());
        let (output, path) = self.output_file(hook, node).map_err(|error| {
            format!("{name}: no file for its output in {}: {error}", self.folder.display())
        })?;
        let peers: Vec<_> = peers.iter().map(NodeId::as_str).collect();
        let cannot = |error: &dyn std::fmt::Display| {
            format!("{name} cannot be run in {}: {error}", self.hooks_in.display())
        };
        let mut child = Command::new("sh")
            // The line that lets it go never comes when we die first.
            .args(["-c", r#"read -r go && exec sh -c "$0" </dev/null"#])
            .arg(command)
            .current_dir(&self.hooks_in)
            .env("VQ_NODE", node.as_str())
            .env("VQ_PEERS", peers.join(","))
            .env("VQ_VERSION", &self.version)
            .stdin(Stdio::piped())
            .stdout(output.try_clone().map_err(|error| cannot(&error))?)
            .stderr(output)
            // What it starts is ended with it, and a Ctrl-C at the terminal is not for it.
            .process_group(0)
            .spawn()
            .map_err(|error| cannot(&error))?;
        let group = child.id().and_then(|id| Pid::from_raw(id as i32));
        let mut gate = child.stdin.take();
        let let_go = async {
            let process = HookProcess::of(child.id().unwrap_or_default())?;
            began_as(process).map_err(|error| error.to_string())?;
            match &mut gate {
                Some(gate) => gate.write_all(b"go\n").await.map_err(|error| error.to_string()),
                None => Err("it has no standard input".to_owned()),
            }
        };
        let let_go = let_go.await;
        drop(gate);
        if let Err(error) = let_go {
            let _ = child.wait().await;
            return Err(cannot(&error));
        }
        let where_output = format!("its output is in {}", path.display());
        match tokio::time::timeout(self.within, child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(began.elapsed()),
            Ok(Ok(status)) => Err(format!("{name} failed with {status}; {where_output}")),
            Ok(Err(error)) => Err(format!("{name}: its end was not seen: {error}; {where_output}")),
            Err(_) => {
                if let Some(group) = group {
                    let _ = kill_process_group(group, Signal::KILL);
                }
                let _ = child.wait().await;
                Err(format!("{name} was ended after {} s; {where_output}", self.within.as_secs_f64()))
            }
        }
    }

    fn output_file(&self, hook: HookName, node: &NodeId) -> io::Result<(File, PathBuf)> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let plain = |c: char| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '_' };
        let node: String = node.as_str().chars().map(plain).collect();
        for number in 1u32.. {
            let path = self.folder.join(format!("{node}-{}-{number}.log", hook.name()));
            match OpenOptions::new().append(true).create_new(true).mode(0o600).open(&path) {
                Ok(file) => return Ok((file, path)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }
}

/// Where the hooks of a run write, below its private folder.
pub fn output_folder(private: &Path) -> PathBuf {
    private.join("hooks")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runner(folder: &Path) -> HookRunner {
        HookRunner {
            folder: folder.join("hooks"),
            hooks_in: folder.to_owned(),
            version: "2.7.2".into(),
            within: Duration::from_millis(500),
        }
    }

    async fn run(folder: &Path, command: &str) -> Result<Duration, String> {
        let peers = [NodeId::new("n2"), NodeId::new("n3")];
        runner(folder).run(HookName::Kill, command, &NodeId::new("n1"), &peers, |_| Ok(())).await
    }

    #[tokio::test]
    async fn a_hook_runs_where_it_is_told_to_and_reads_nothing() {
        let folder = tempfile::tempdir().unwrap();
        run(folder.path(), "cat; touch here").await.unwrap();
        assert!(folder.path().join("here").exists());
    }

    #[tokio::test]
    async fn a_hook_that_is_not_on_record_never_begins() {
        let folder = tempfile::tempdir().unwrap();
        let full = RecordError { path: "intents".into(), source: io::ErrorKind::StorageFull.into() };
        let node = NodeId::new("n1");
        let ran = runner(folder.path()).run(HookName::Kill, "touch here", &node, &[], |_| Err(full)).await;
        assert!(ran.unwrap_err().contains("cannot write intents"));
        assert!(!folder.path().join("here").exists());
    }

    #[tokio::test]
    async fn a_hook_on_record_can_be_ended_by_another_and_nobody_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let (sender, receiver) = std::sync::mpsc::channel();
        let node = NodeId::new("n1");
        let slow = HookRunner { within: HOOK_WITHIN, ..runner(folder.path()) };
        let began = Instant::now();
        let ran = slow.run(HookName::Kill, "sleep 60; touch here", &node, &[], |process: HookProcess| {
            sender.send(process).unwrap();
            Ok(())
        });
        let other = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let process = receiver.recv().unwrap();
            // The same number, given to another process since.
            assert!(!HookProcess { started_ticks: process.started_ticks + 1, ..process }.end());
            assert!(process.end());
        };
        let (ran, ()) = tokio::join!(ran, other);
        assert!(ran.unwrap_err().contains("signal: 9"));
        assert!(began.elapsed() < Duration::from_secs(20) && !folder.path().join("here").exists());
    }

    #[tokio::test]
    async fn a_hook_knows_its_node_its_peers_and_the_version() {
        let folder = tempfile::tempdir().unwrap();
        run(folder.path(), "echo $VQ_NODE $VQ_PEERS $VQ_VERSION; echo words >&2").await.unwrap();
        let output = fs::read_to_string(folder.path().join("hooks/n1-kill-1.log")).unwrap();
        assert_eq!(output, "n1 n2,n3 2.7.2\nwords\n");
    }

    #[tokio::test]
    async fn a_failure_names_the_hook_its_exit_code_and_its_output_but_does_not_quote_it() {
        let folder = tempfile::tempdir().unwrap();
        let error = run(folder.path(), "echo hush; exit 7").await.unwrap_err();
        for part in ["hook `kill` of n1", "exit status: 7", "n1-kill-1.log"] {
            assert!(error.contains(part), "{error}");
        }
        assert!(!error.contains("hush"), "{error}");
    }

    #[tokio::test]
    async fn a_hook_that_hangs_is_ended_with_all_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let error = run(folder.path(), "sleep 60 & echo $!; wait").await.unwrap_err();
        assert!(error.contains("was ended after 0.5 s"), "{error}");
        let output = fs::read_to_string(folder.path().join("hooks/n1-kill-1.log")).unwrap();
        let stat = format!("/proc/{}/stat", output.trim());
        let until = Instant::now() + Duration::from_secs(5);
        // Gone, or a zombie that nobody has reaped yet.
        while fs::read_to_string(&stat).is_ok_and(|text| !text.contains(") Z ")) {
            assert!(Instant::now() < until, "the hook's child is still alive");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
