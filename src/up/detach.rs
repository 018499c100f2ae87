//! `up --detach`: this program again, as the owner of the cluster, in a session of its own.

use super::owner::run_locked;
use super::{UpCluster, UpError, UpFolder, UpRequest, UpState};
use crate::bootstrap::Progress;
use crate::runner::{Stop, StopReason};
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};

const READY_WITHIN: Duration = Duration::from_secs(90);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Starts `exe up --owner <name>` with `$XDG_STATE_HOME` as it is here, and waits until the cluster is ready,
/// 90 s at most. Blocks the calling thread.
///
/// # Errors
/// When the name is taken, or the owner ends or is not ready in time; then it is ended, and its log is named.
/// When `stop` comes first; then it is ended too, and nothing remains.
pub fn detach(exe: &Path, folder: &UpFolder, request: &UpRequest, stop: &Stop) -> Result<UpCluster, UpError> {
    {
        let lock = folder.try_lock()?;
        let _lock = lock.ok_or_else(|| UpError::AlreadyUp { name: folder.name().to_owned() })?;
        folder.make_empty()?;
        folder.set_request(request)?;
    }
    let io = |what, path: &Path, source| UpError::Io { what, path: path.to_owned(), source };
    let path = folder.owner_log();
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&path)
        .map_err(|error| io("cannot write", &path, error))?;
    let mut command = Command::new(exe);
    command
        .args(["up", "--owner", folder.name()])
        .stdin(Stdio::null())
        .stdout(log.try_clone().map_err(|error| io("cannot write", &path, error))?)
        .stderr(log);
    // SAFETY: between fork and exec only one system call is made and nothing is allocated.
    unsafe {
        command.pre_exec(|| rustix::process::setsid().map(drop).map_err(Into::into));
    }
    let mut owner = command.spawn().map_err(|error| io("cannot start the owner process", exe, error))?;
    let ready = wait_until_ready(folder, &mut owner, stop);
    if ready.is_err() {
        // Its servers die with it.
        let _ = owner.kill();
        let _ = owner.wait();
    }
    if matches!(ready, Err(UpError::Interrupted)) {
        folder.remove()?;
    }
    ready
}

fn wait_until_ready(folder: &UpFolder, owner: &mut Child, stop: &Stop) -> Result<UpCluster, UpError> {
    let began = Instant::now();
    let log = folder.owner_log();
    loop {
        match folder.state() {
            Some(UpState::Ready(up)) => return Ok(up),
            Some(UpState::Failed { reason }) => return Err(UpError::Failed(reason)),
            Some(UpState::Starting) | None => {}
        }
        if stop.is_asked() {
            return Err(UpError::Interrupted);
        }
        if let Ok(Some(status)) = owner.try_wait() {
            let why = format!("the owner process ended with {status}; see {}", log.display());
            return Err(UpError::Failed(why));
        }
        if began.elapsed() >= READY_WITHIN {
            let s = READY_WITHIN.as_secs();
            return Err(UpError::Failed(format!("not ready after {s} s; see {}", log.display())));
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// What the hidden `up --owner <name>` does: brings up what `detach` asked for and keeps it until SIGTERM,
/// SIGINT or SIGHUP.
pub async fn own(folder: &UpFolder, progress: &dyn Progress) -> Result<(), UpError> {
    let request = folder.request().ok_or_else(|| {
        UpError::Failed(format!("{} holds no request; start it with `up --detach`", folder.root().display()))
    })?;
    let stop = Stop::default();
    for (kind, name) in [
        (SignalKind::terminate(), "SIGTERM"),
        (SignalKind::interrupt(), "SIGINT"),
        (SignalKind::hangup(), "SIGHUP"),
    ] {
        let mut signals = signal(kind).map_err(|error| UpError::Failed(format!("{name}: {error}")))?;
        let stop = stop.clone();
        tokio::spawn(async move {
            signals.recv().await;
            stop.ask(StopReason::Interrupted(name.to_owned()));
        });
    }
    let lock = folder.try_lock()?;
    let lock = lock.ok_or_else(|| UpError::AlreadyUp { name: folder.name().to_owned() })?;
    run_locked(&request, folder, lock, progress, &|_| {}, &stop).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AppRole, Blueprint, Seal, SealKind, ServerTuning, Span, Tls};
    use std::os::unix::fs::PermissionsExt;

    fn request() -> UpRequest {
        let blueprint = Blueprint {
            name: "small".into(),
            summary: String::new(),
            source: String::new(),
            nodes: 1,
            seal: Seal { kind: SealKind::Shamir, shares: 1, threshold: 1 },
            tls: Tls { enabled: true, min_version: "tls13".into() },
            audit: vec![],
            tenants: 1,
            mounts: vec![],
            policies: vec![],
            approle: AppRole {
                mount: "approle".into(),
                role: "r".into(),
                policies: vec![],
                token_ttl: Span::from_secs(60),
                token_max_ttl: None,
            },
            objectives: vec![],
            alerts: vec![],
            assumed_failures_per_month: 1.0,
            deviations: vec![],
        };
        UpRequest { blueprint, tuning: ServerTuning::default(), binary: "bao".into() }
    }

    #[test]
    fn an_interruption_ends_the_owner_too_and_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        let (exe, pid) = (root.path().join("exe"), root.path().join("pid"));
        std::fs::write(&exe, format!("#!/bin/sh\necho $$ > '{}'\nexec sleep 60\n", pid.display())).unwrap();
        std::fs::set_permissions(&exe, std::fs::Permissions::from_mode(0o755)).unwrap();
        let folder = UpFolder::at(&root.path().join("up"), "play").unwrap();
        let stop = Stop::default();
        let asking = std::thread::spawn({
            let (stop, pid) = (stop.clone(), pid.clone());
            move || {
                let until = Instant::now() + Duration::from_secs(10);
                while !std::fs::read_to_string(&pid).is_ok_and(|text| text.ends_with('\n')) {
                    assert!(Instant::now() < until, "the owner did not begin");
                    std::thread::sleep(Duration::from_millis(5));
                }
                stop.ask(StopReason::Interrupted("SIGINT".into()));
            }
        });
        let error = detach(&exe, &folder, &request(), &stop).unwrap_err();
        asking.join().unwrap();
        assert!(matches!(error, UpError::Interrupted), "{error}");
        assert!(!folder.root().exists());
        let pid = std::fs::read_to_string(&pid).unwrap();
        assert!(!Path::new("/proc").join(pid.trim()).exists(), "the owner is still alive");
    }
}
