//! The cluster that most mutants share, kept by `up` on a thread of this process, and the database beside it.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;
use tempfile::TempDir;
use vaultquake::helper::{Database, Installation};
use vaultquake::model::{AttachFile, AttachPostgres, Phase, ServerTuning};
use vaultquake::runner::{self, Stop, StopReason};
use vaultquake::up::{UpFolder, UpRequest};

pub struct Ground {
    pub file: AttachFile,
    folder: TempDir,
    stop: Stop,
    owner: Option<JoinHandle<Result<(), String>>>,
    // Gone last: the servers end leases in it.
    _database: Database,
}

pub struct Quiet;

impl vaultquake::bootstrap::Progress for Quiet {
    fn step(&self, _: &str, _: Duration) {}
}

impl runner::Progress for Quiet {
    fn phase(&self, _: Phase, _: Option<Duration>) {}
    fn note(&self, _: &str) {}
}

pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

impl Ground {
    pub fn up(binary: &Path, postgres: &Installation) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let (database, access) = database(postgres, folder.path())?;
        let up = UpFolder::at(folder.path(), "ground").map_err(|error| error.to_string())?;
        let blueprint = crate::live::scenario("contended")?.blueprint;
        // The server's default timing: no bug is planted in elections, and a stall of this machine must not cause one.
        let request = UpRequest { blueprint, tuning: ServerTuning::default(), binary: binary.to_owned() };
        let stop = Stop::default();
        let (sender, receiver) = mpsc::channel();
        let owner = std::thread::spawn({
            let stop = stop.clone();
            move || {
                let sender = Mutex::new(sender);
                let ready = |_: &_| {
                    let _ = sender.lock().unwrap().send(());
                };
                let up = vaultquake::up::run(&request, &up, &Quiet, &ready, &stop);
                runtime().map_err(|error| error.to_string())?.block_on(up).map_err(|error| error.to_string())
            }
        });
        if receiver.recv().is_err() {
            let ended = owner.join().unwrap_or_else(|_| Err("bringing the cluster up broke".into()));
            return Err(ended.err().unwrap_or_else(|| "the cluster ended by itself".into()));
        }
        let text = std::fs::read_to_string(folder.path().join("ground/attach.yaml"));
        let file = text.map_err(|error| error.to_string()).and_then(|text| {
            serde_saphyr::from_str::<AttachFile>(&text).map_err(|error| error.to_string())
        })?;
        let file = AttachFile { postgres: Some(access), ..file };
        Ok(Self { file, folder, stop, owner: Some(owner), _database: database })
    }

    /// Where the runs' folders go.
    pub fn runs(&self) -> PathBuf {
        self.folder.path().join("runs")
    }

    pub fn down(&mut self) {
        self.stop.ask(StopReason::Interrupted("the tests are over".into()));
        if let Some(Ok(Err(error))) = self.owner.take().map(JoinHandle::join) {
            eprintln!("the cluster could not be taken down: {error}");
        }
    }
}

/// One of ours, and how an attach file names it: as the server's user, who sees all roles and may make some.
fn database(installation: &Installation, folder: &Path) -> Result<(Database, AttachPostgres), String> {
    let starting = Database::start(installation, folder, None);
    let runtime = runtime().map_err(|error| error.to_string())?;
    let database = runtime.block_on(starting).map_err(|error| error.to_string())?;
    let access = database.server_access();
    let password_file = folder.join("database-password");
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(&password_file);
    let written = file.and_then(|mut file| file.write_all(access.password.as_bytes()));
    written.map_err(|error| error.to_string())?;
    let url = access.connection_url.replace("{{username}}:{{password}}", &access.username);
    let access = AttachPostgres { url: url.clone(), server_url: url, password_file };
    Ok((database, access))
}
