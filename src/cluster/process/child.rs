//! How a server is started as a child process.

use crate::machine::ChildProcess;
use rustix::process::Signal;
use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::process::Command;

/// Starts `binary server -config=…` in the configuration's folder, its output appended to `log`.
pub fn spawn_server(binary: &Path, config: &Path, log: &Path) -> io::Result<ChildProcess> {
    spawn(Command::new(binary), config, log)
}

/// The same for a server that finds `run` where everybody else has /run, and the socket `syslog` in it as the machine's
/// syslog. Needs root; nobody else sees anything of it.
pub fn spawn_server_with_run(
    binary: &Path,
    config: &Path,
    log: &Path,
    run: &Path,
) -> io::Result<ChildProcess> {
    const THERE: &str = r#"if [ -S /dev/log ]; then mount --bind "$0/syslog" /dev/log; fi
        mount --bind "$0" /run && exec "$@""#;
    let mut command = Command::new("/usr/bin/unshare");
    command.args(["--mount", "--", "sh", "-c", THERE]).arg(run).arg(binary);
    spawn(command, config, log)
}

fn spawn(mut command: Command, config: &Path, log: &Path) -> io::Result<ChildProcess> {
    let out = OpenOptions::new().create(true).append(true).open(log)?;
    let folder = config.parent().unwrap_or(Path::new("/"));
    command
        .arg("server")
        .arg(format!("-config={}", config.display()))
        .stdout(out.try_clone()?)
        .stderr(out)
        // Names of the person's environment would stand in the server's log, and proxies would disturb it.
        .env_clear()
        .env("HOME", folder)
        .current_dir(folder)
        .env("TZ", "UTC");
    ChildProcess::spawn(command, Signal::KILL)
}
