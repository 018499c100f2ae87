//! One Redis of our own: on a port of its own on loopback, behind a password, in a folder that ends with it.

use super::{RedisAddress, RedisError, RedisSession};
use crate::machine::ports::{self, ReservedPort};
use crate::machine::{ChildProcess, describe, poll_until};
use rand::RngExt;
use rustix::process::Signal;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const ANSWERS_WITHIN: Duration = Duration::from_secs(10);
const ENDED_WITHIN: Duration = Duration::from_secs(10);
const EVERY: Duration = Duration::from_millis(20);

/// Ended and removed when it is dropped.
pub struct Redis {
    program: PathBuf,
    process: Option<ChildProcess>,
    folder: PathBuf,
    password_file: PathBuf,
    port: ReservedPort,
    address: RedisAddress,
}

impl Redis {
    /// Makes one below `private` and waits until it answers.
    pub async fn start(program: &Path, private: &Path) -> Result<Self, RedisError> {
        let folder = private.join("redis");
        let failed = |error: io::Error| RedisError::failed("make its folder", error);
        DirBuilder::new().mode(0o700).create(&folder).map_err(failed)?;
        let reserved = ports::reserve(1).map_err(|error| RedisError::failed("reserve a port", error))?;
        let port = reserved.into_iter().next().ok_or_else(|| RedisError::failed("reserve a port", "none"))?;
        let random: u128 = rand::rng().random();
        let password = format!("{random:032x}");
        let password_file = folder.join("password");
        let url = format!("redis://{}/", port.addr());
        let mut redis = Self {
            program: program.to_owned(),
            process: None,
            address: RedisAddress::new(&url, Some(&password))?,
            password_file,
            folder,
            port,
        };
        redis.write_files(&password).map_err(failed)?;
        redis.bring_back().await?;
        Ok(redis)
    }

    /// How it is reached, password and all.
    pub fn address(&self) -> &RedisAddress {
        &self.address
    }

    /// As it is told to programs that take the password from a file.
    pub fn url(&self) -> String {
        format!("redis://{}/", self.port.addr())
    }

    /// Holds the password, for its owner alone.
    pub fn password_file(&self) -> &Path {
        &self.password_file
    }

    /// Takes it away at once, with all that it held.
    pub async fn kill(&mut self) -> Result<(), RedisError> {
        let Some(process) = self.process.as_mut() else {
            return Err(RedisError::failed("end it", "it is down already"));
        };
        process.signal(Signal::KILL).map_err(|error| RedisError::failed("signal it", error))?;
        if !poll_until(ENDED_WITHIN, || process.ended().is_some()).await {
            return Err(RedisError::failed("end it", "it goes on"));
        }
        self.process = None;
        Ok(())
    }

    /// Starts it, empty, and waits until it answers.
    pub async fn bring_back(&mut self) -> Result<(), RedisError> {
        let mut command = Command::new(&self.program);
        command.arg(self.folder.join("redis.conf")).env_clear().current_dir(&self.folder);
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        let failed = |error: io::Error| RedisError::failed("start it", error);
        let process = self.process.insert(ChildProcess::spawn(command, Signal::KILL).map_err(failed)?);
        let began = Instant::now();
        loop {
            let why = match RedisSession::open(&self.address).await {
                Ok(_) => return Ok(()),
                Err(why) => why,
            };
            if let Some(status) = process.ended() {
                let said = last_words(&self.folder.join("redis.log"));
                return Err(RedisError::failed("start it", format!("{}: {said}", describe(status))));
            }
            if began.elapsed() >= ANSWERS_WITHIN {
                return Err(RedisError::failed("reach it", why));
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    fn write_files(&self, password: &str) -> io::Result<()> {
        let write = |name: &Path, text: &str| {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(name)?;
            file.write_all(text.as_bytes())
        };
        write(&self.password_file, password)?;
        let (port, folder) = (self.port.port(), self.folder.display());
        // It is a cache: what it loses with the machine nobody needs, and values must not reach the disk.
        let settings = format!(
            "bind 127.0.0.1\nport {port}\nrequirepass {password}\nsave \"\"\nappendonly no\ndir \"{folder}\"\n\
             logfile \"{folder}/redis.log\"\ndaemonize no\n"
        );
        write(&self.folder.join("redis.conf"), &settings)
    }
}

/// The end of its log.
fn last_words(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let line = text.lines().rev().map(str::trim).find(|line| !line.is_empty());
    line.unwrap_or("it said nothing").chars().take(300).collect()
}

impl Drop for Redis {
    fn drop(&mut self) {
        // Before its folder.
        drop(self.process.take());
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{RedisWatch, find_redis};
    use super::*;

    /// Of what is at hand, which may be nothing: the tests on real servers skip by name.
    #[tokio::test]
    async fn it_comes_shows_what_it_holds_and_goes() {
        let Ok(program) = find_redis(&std::env::var_os("PATH").unwrap_or_default()) else { return };
        let private = tempfile::tempdir().unwrap();
        let mut redis = Redis::start(&program, private.path()).await.unwrap();
        let without = RedisAddress::new(&redis.url(), None).unwrap();
        assert!(RedisSession::open(&without).await.is_err(), "it asks for a password");
        let watch = RedisWatch::begin(redis.address()).await.unwrap();
        let mut session = RedisSession::open(redis.address()).await.unwrap();
        for command in [
            &["SET", "plain", "first-value"][..],
            &["HSET", "hash", "field", "second-value"],
            &["RPUSH", "list", "third-value"],
            &["SELECT", "3"],
            &["ZADD", "ordered", "1", "fourth-value"],
            &["SET", "short-lived", "fifth-value"],
            &["DEL", "short-lived"],
            &["PUBLISH", "channel", "sixth-value"],
        ] {
            session.send(command).await.unwrap();
        }
        let stored = RedisSession::open(redis.address()).await.unwrap().everything().await.unwrap();
        let holds = |value: &str| stored.iter().any(|stored| stored.holds(value.as_bytes()));
        let values = ["first-value", "second-value", "third-value", "fourth-value", "hash", "field"];
        assert!(values.iter().all(|value| holds(value)), "{stored:?}");
        assert!(!holds("fifth-value"));
        let heard = watch.end().await.unwrap();
        assert!(heard.bytes.windows(11).any(|part| part == b"fifth-value"));
        assert_eq!(heard.published, [("channel".to_owned(), b"sixth-value".to_vec())]);
        redis.kill().await.unwrap();
        assert!(RedisSession::open(redis.address()).await.is_err());
        redis.bring_back().await.unwrap();
        let mut session = RedisSession::open(redis.address()).await.unwrap();
        assert!(session.everything().await.unwrap().is_empty());
        drop(redis);
        assert!(!private.path().join("redis").exists());
    }
}
