//! `program`: somebody else's client, run once for each operation with the routed node's address and a tenant's token.
//!
//! The token stands in its environment alone; arguments can be read by everybody on the machine. What it is to write it
//! finds on its standard input. What it prints may hold secrets, so it is kept in the private folder, and only so much.

use super::keyspace::Keyspace;
use super::outcome::{Done, concluded};
use super::work::Work;
use crate::machine::{ProgramEnd, run_program};
use crate::model::{ErrorKind, Event, Outcome, Program};
use crate::record::Journal;
use crate::vault::{Wire, request};
use async_trait::async_trait;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How many secrets programs share; no checker follows them.
const SECRETS: u32 = 16;
/// Of what one invocation prints.
const KEPT_BYTES: usize = 2 << 10;
/// Of what all of them print.
const KEPT_BYTES_TOTAL: usize = 1 << 20;

/// What the programs of a run are given of its cluster.
#[derive(Clone)]
pub struct ProgramPlan {
    /// The API address by where a connection goes.
    urls: BTreeMap<SocketAddr, String>,
    /// Whom to trust there.
    ca: Option<PathBuf>,
    /// Certificate and key of a client, where the nodes ask for them.
    identity: Option<(PathBuf, PathBuf)>,
    said: Arc<Mutex<Said>>,
    home: PathBuf,
    /// Told once that a program could not be started.
    unstartable: Arc<AtomicBool>,
}

struct Said {
    file: File,
    left: usize,
}

impl ProgramPlan {
    /// `private` is the run's own folder for what may hold secrets.
    pub fn new(private: &Path, urls: BTreeMap<SocketAddr, String>) -> io::Result<Self> {
        let home = private.join("home-of-programs");
        std::fs::create_dir_all(&home)?;
        let path = private.join("programs.log");
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
        let said = Arc::new(Mutex::new(Said { file, left: KEPT_BYTES_TOTAL }));
        Ok(Self { urls, ca: None, identity: None, said, home, unstartable: Arc::default() })
    }

    pub fn trusting(self, ca: Option<PathBuf>, identity: Option<(PathBuf, PathBuf)>) -> Self {
        Self { ca, identity, ..self }
    }

    /// What it printed, with how it ended above it.
    fn keep(&self, at_ms: f64, what: &str, how: &str, output: &[u8]) {
        let mut said = self.said.lock().unwrap();
        let mut text = format!("--- {at_ms:.0} ms, {what}: {how}\n").into_bytes();
        text.extend_from_slice(output);
        if text.last() != Some(&b'\n') {
            text.push(b'\n');
        }
        if text.len() <= said.left {
            said.left -= text.len();
            // Only for people: nothing is judged by it.
            let _ = said.file.write_all(&text);
        }
    }
}

pub struct ProgramWork {
    pub keys: Arc<Keyspace>,
    pub program: Program,
    pub plan: ProgramPlan,
    pub journal: Journal,
}

fn name_of(number: u32) -> String {
    format!("client-{number}")
}

/// Writes what programs read. Returns how many were not written.
pub async fn seed(keys: &Keyspace, wire: &Wire, deadline: Duration) -> usize {
    let mut unwritten = 0;
    for number in 0..SECRETS {
        let path = keys.path_beside("data", number, &name_of(number));
        let body = json!({ "data": secret(keys, number) }).to_string();
        let asked = request("POST", &path, Some(keys.writer_token(number)), body.into());
        unwritten += usize::from(concluded(wire.send(asked, deadline).await).outcome != Outcome::Ok);
    }
    unwritten
}

fn secret(keys: &Keyspace, number: u32) -> serde_json::Value {
    json!({ "api_key": name_of(number), "api_secret": keys.fresh_value() })
}

impl ProgramWork {
    fn command(&self, url: &str, number: u32) -> Command {
        let path = self.keys.below_mount(number, &name_of(number));
        let server = self.program.server.as_deref().unwrap_or(Path::new("")).to_string_lossy();
        let filled = |word: &String| {
            word.replace("{mount}", self.keys.mount()).replace("{path}", &path).replace("{server}", &server)
        };
        let program = self.program.found.as_deref().unwrap_or(Path::new(""));
        let mut command = Command::new(program);
        command.args(self.program.command.iter().skip(1).map(filled)).current_dir(self.folder());
        // Nothing of the person's own: a token or a proxy there would make it another client.
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", &self.plan.home).env("LANG", "C.UTF-8").env("TZ", "UTC");
        command.env("VQ_MOUNT", self.keys.mount()).env("VQ_PATH", &path);
        let token = &self.keys.tenant(number).token;
        let files = |prefix: &str| {
            let identity = self.plan.identity.as_ref();
            [
                (format!("{prefix}_CACERT"), self.plan.ca.clone()),
                (format!("{prefix}_CLIENT_CERT"), identity.map(|(certificate, _)| certificate.clone())),
                (format!("{prefix}_CLIENT_KEY"), identity.map(|(_, key)| key.clone())),
            ]
        };
        for prefix in ["VAULT", "BAO"] {
            command.env(format!("{prefix}_ADDR"), url).env(format!("{prefix}_TOKEN"), token);
            command.envs(files(prefix).into_iter().filter_map(|(name, file)| Some((name, file?))));
        }
        command
    }

    fn folder(&self) -> &Path {
        match self.program.folder.as_str() {
            "" => Path::new("."),
            folder => Path::new(folder),
        }
    }
}

#[async_trait]
impl Work for ProgramWork {
    async fn run(&self, wire: &Wire, draw: u64, deadline: Duration) -> Option<Done> {
        let number = (draw % u64::from(SECRETS)) as u32;
        let subject = Some(name_of(number).into());
        let url = self.plan.urls.get(&wire.address()).map_or("", String::as_str);
        let input = secret(&self.keys, number).to_string().into_bytes();
        let within = deadline.min(self.program.timeout.0);
        let (done, how, output) = match run_program(self.command(url, number), input, within, KEPT_BYTES)
            .await
        {
            Ok(end) => {
                let (done, how) = conclude(&end, &self.program.failed);
                (done, how, end.output)
            }
            Err(error) => {
                if !self.plan.unstartable.swap(true, Ordering::Relaxed) {
                    let reason =
                        format!("the program `{}` could not be started: {error}", self.program.command[0]);
                    self.journal.write(Event::HarnessError { reason });
                }
                (Done::new(Outcome::Failed, Some(ErrorKind::Spawn)), error.to_string(), Vec::new())
            }
        };
        self.plan.keep(
            self.journal.now_ms(),
            &format!("{} at {url}", self.program.command[0]),
            &how,
            &output,
        );
        Some(Done { subject, ..done })
    }
}

/// An exit code other than 0 says that the program gave up, not what became of what it had sent.
fn conclude(end: &ProgramEnd, failed: &[u8]) -> (Done, String) {
    let Some(status) = end.status else {
        return (Done::new(Outcome::Unknown, Some(ErrorKind::Timeout)), "ended at its deadline".to_owned());
    };
    let of = |outcome, error, status| Done { status: Some(status), ..Done::new(outcome, Some(error)) };
    let done = match (status.code(), status.signal()) {
        (Some(0), _) => Done::new(Outcome::Ok, None),
        (Some(code), _) if failed.iter().any(|known| i32::from(*known) == code) => {
            of(Outcome::Failed, ErrorKind::Exit, code as u16)
        }
        (Some(code), _) => of(Outcome::Unknown, ErrorKind::Exit, code as u16),
        (None, signal) => of(Outcome::Unknown, ErrorKind::Signal, signal.unwrap_or_default() as u16),
    };
    (done, crate::machine::describe(status))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::TenantAccess;
    use crate::load::KeyspacePlan;
    use crate::model::Span;
    use crate::vault::testing::Scripted;
    use std::time::Instant;

    async fn ran(script: &str, failed: Vec<u8>) -> (Done, String) {
        let folder = tempfile::tempdir().unwrap();
        let server = Scripted::start(|_, _| None).await;
        let tenant = TenantAccess {
            tenant_id: "t1".into(),
            role_id: String::new(),
            secret_id: String::new(),
            token: "s.secret".into(),
        };
        let plan = KeyspacePlan { shared: 1, cas: 0 };
        let keys = Arc::new(Keyspace::new(plan, "secret".into(), vec![tenant], "canary".into()));
        let wire = Wire::new(&server.endpoint).unwrap();
        let urls = BTreeMap::from([(wire.address(), server.endpoint.url.clone())]);
        let command = ["sh", "-c", script, "{mount}", "{path}"].map(str::to_owned).to_vec();
        let timeout = Span::from_ms(1_000);
        let found = Some("/bin/sh".into());
        let program =
            Program { command, folder: String::new(), timeout, failed, requires: None, found, server: None };
        let journal = Journal::create(&folder.path().join("journal.jsonl"), Instant::now()).unwrap();
        let plan = ProgramPlan::new(folder.path(), urls).unwrap();
        let work = ProgramWork { keys, program, plan, journal };
        let done = work.run(&wire, 3, Duration::from_secs(10)).await.unwrap();
        (done, std::fs::read_to_string(folder.path().join("programs.log")).unwrap())
    }

    #[tokio::test]
    async fn a_program_finds_its_node_its_token_and_its_secret() {
        let check = r#"
            [ "$VAULT_TOKEN" = s.secret ] && [ "$BAO_TOKEN" = s.secret ] && [ -z "$CARGO" ] || exit 1
            case "$VAULT_ADDR" in http://127.0.0.1:*) ;; *) exit 2;; esac
            [ "$0" = secret ] && [ "$1" = tenants/t1/exchanges/client-3 ] && [ "$VQ_PATH" = "$1" ] || exit 3
            grep -q '"api_secret":"canary-' || exit 4
            echo read"#;
        let (done, said) = ran(check, vec![]).await;
        assert_eq!((done.outcome, done.subject.as_deref()), (Outcome::Ok, Some("client-3")), "{said}");
        assert!(said.contains("exit code 0") && said.ends_with("read\n"), "{said}");
        assert!(!said.contains("s.secret"));
    }

    #[tokio::test]
    async fn how_it_ends_is_what_may_be_concluded() {
        for (script, failed, outcome, error, status) in [
            ("exit 2", vec![], Outcome::Unknown, ErrorKind::Exit, Some(2)),
            ("exit 2", vec![2], Outcome::Failed, ErrorKind::Exit, Some(2)),
            ("kill -9 $$", vec![2], Outcome::Unknown, ErrorKind::Signal, Some(9)),
            ("sleep 60", vec![2], Outcome::Unknown, ErrorKind::Timeout, None),
        ] {
            let (done, said) = ran(script, failed).await;
            assert_eq!((done.outcome, done.error, done.status), (outcome, Some(error), status), "{said}");
        }
    }
}
