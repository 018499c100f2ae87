//! `vaultquake conform`.

use super::args::{ConformArgs, ConformFormat, OwnBackend, ServerChoice};
use super::conform_service;
use super::exit::Exit;
use super::out::{say, tell};
use super::signals::Signals;
use super::subject::{NoSubject, in_containers, server_binary, usage};
use super::terminal::{Part, Terminal, wants_colour};
use crate::conformance::config_service::ServiceChoice;
use crate::conformance::{
    self, Case, Divergences, Limits, Proof, Subject, SubjectChoice, SubjectError, matching,
};
use crate::helper::{self, Installation};
use crate::machine::{self, FileLock};
use crate::model::{
    Blueprint, CaseOutcome, CaseResult, ConformanceResult, Server, ServerConformance, Standing, Verdict,
};
use crate::record::RunFolder;
use crate::report;
use crate::runner::{BackendChoice, Stop};
use crate::scenario::find_blueprint;
use crate::server::ProvisionOptions;
use crate::vault::{Client, Endpoint, EndpointError, TlsMaterial};
use std::sync::Arc;
use std::time::Instant;

/// Whose topology, TLS and audit devices the cluster has; engines and policies are each case's own.
const BLUEPRINT: &str = "alphapulse";

/// One column to fill.
struct Column {
    /// `None`: nothing but a service is known.
    choice: Option<SubjectChoice>,
    server: Server,
}

pub fn conform(args: &ConformArgs) -> Exit {
    let cases = matching(conform_service::catalogue(args), &args.filter);
    if cases.is_empty() {
        tell!(
            "vaultquake: no case has {} in its id; `vaultquake conform --list` names them",
            args.filter.join(" or ")
        );
        return Exit::Usage;
    }
    if args.list {
        for case in &cases {
            say!("{:50} {}", case.id, case.meaning);
        }
        return Exit::Pass;
    }
    let terminal = Terminal::new();
    match judge(args, &cases, &terminal) {
        Ok(exit) => exit,
        Err(none) => {
            tell!("vaultquake: {}", none.why);
            none.exit
        }
    }
}

fn judge(args: &ConformArgs, cases: &[Case], terminal: &Arc<Terminal>) -> Result<Exit, NoSubject> {
    let say = &mut |text: &str| terminal.line(text);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(NoSubject::trouble)?;
    let columns = columns(args, &runtime, say)?;
    let blueprint = find_blueprint(BLUEPRINT).map_err(NoSubject::trouble)?;
    let options = ProvisionOptions::from_env()?;
    let postgres = match &args.addr {
        _ if conform_service::is_about_a_service(&args.service) => Err("a case that needs one".to_owned()),
        None => helper::fetch_or_find(&options, say).map_err(|error| error.to_string()),
        Some(_) => Err("PostgreSQL that the server can reach".to_owned()),
    };
    let divergences = Divergences::committed().map_err(NoSubject::trouble)?;
    let _machine =
        machine::lock::exclusive(&mut |holder| terminal.line(holder)).map_err(NoSubject::trouble)?;
    let started_at = jiff::Timestamp::now();
    let folder = RunFolder::create(&args.out, started_at, "conform", u64::from(std::process::id()))
        .map_err(NoSubject::trouble)?;
    let _lock = FileLock::try_acquire(&folder.lock()).map_err(NoSubject::trouble)?;
    let signals = Signals::listen().map_err(NoSubject::trouble)?;
    let stop = Stop::default();
    let Some(_watched) = signals.watch_over(&stop) else { return Ok(Exit::Interrupted) };

    let began = Instant::now();
    let request =
        Request { args, cases, blueprint: &blueprint, postgres: &postgres, divergences: &divergences };
    let (mut servers, mut proofs) = (Vec::new(), Vec::new());
    let several = columns.len() > 1;
    for (number, column) in columns.into_iter().enumerate() {
        let at =
            if several { folder.root().join(format!("server-{}", number + 1)) } else { folder.root().into() };
        let place = RunFolder::make(at).map_err(NoSubject::trouble)?;
        let part =
            terminal.part(several.then(|| format!("{} {}", column.server.product, column.server.version)));
        match runtime.block_on(request.column(column, &place, &part, &stop))? {
            Some((server, proof)) => {
                servers.push(server);
                proofs.extend(proof);
            }
            None => return Ok(Exit::Interrupted),
        }
    }
    if args.prove {
        return Ok(told_proofs(&proofs));
    }
    let result = ConformanceResult {
        version: ConformanceResult::VERSION,
        started_at,
        duration_ms: began.elapsed().as_secs_f64() * 1e3,
        verdict: ConformanceResult::verdict_of(&servers),
        command: command(args),
        servers,
    };
    publish(&result, &folder).map_err(NoSubject::trouble)?;
    match args.format {
        ConformFormat::Text => {
            say!("{}", report::conformance::terminal(&result, wants_colour()).trim_end());
            say!("report: {}", folder.root().join("report.html").display());
        }
        ConformFormat::Json => say!("{}", json(&result).map_err(NoSubject::trouble)?),
        ConformFormat::Junit => say!("{}", report::conformance::junit(&result)),
        ConformFormat::Markdown => say!("{}", report::conformance::markdown(&result).trim_end()),
        ConformFormat::Html => say!("{}", report::conformance::html(&result)),
    }
    Ok(exit_of(&result, args.deny_skips))
}

struct Request<'a> {
    args: &'a ConformArgs,
    cases: &'a [Case],
    blueprint: &'a Blueprint,
    postgres: &'a Result<Installation, String>,
    divergences: &'a Divergences,
}

impl Request<'_> {
    /// Brings one server up, asks it everything and takes it down. `None` when it was interrupted.
    async fn column(
        &self,
        column: Column,
        place: &RunFolder,
        part: &Part,
        stop: &Stop,
    ) -> Result<Option<(ServerConformance, Vec<Proof>)>, NoSubject> {
        let server = column.server.clone();
        let service = conform_service::choice(self.args)?;
        let Some(subject) = self.subject(column, service, place, part, stop).await? else { return Ok(None) };
        let subject = Arc::new(subject);
        let server = if subject.is_about_a_service() { subject.server.clone() } else { server };
        let asked = tokio::select! {
            asked = self.ask(&subject, server, part) => Some(asked),
            () = stop.asked() => None,
        };
        subject.tear_down().await.map_err(NoSubject::trouble)?;
        Ok(asked)
    }

    /// Who is asked: a server, or a service, with the server in front of which it is where that is known.
    async fn subject(
        &self,
        column: Column,
        service: Option<ServiceChoice>,
        place: &RunFolder,
        part: &Part,
        stop: &Stop,
    ) -> Result<Option<Subject>, NoSubject> {
        let Some(choice) = column.choice else {
            let service = service.ok_or_else(|| NoSubject::trouble("there is nobody to ask"))?;
            return Subject::of_service(service, place).await.map(Some).map_err(NoSubject::trouble);
        };
        let (server, postgres) = (column.server, self.postgres.clone());
        let prepared = Subject::prepare(choice, server, self.blueprint, postgres, place, part, stop.asked());
        let subject = match prepared.await {
            Ok(subject) => subject,
            Err(SubjectError::Interrupted) => return Ok(None),
            Err(error) => return Err(NoSubject::trouble(error)),
        };
        let Some(service) = service else { return Ok(Some(subject)) };
        match subject.with_service(service).await {
            Ok(subject) => Ok(Some(subject)),
            Err((subject, why)) => {
                subject.tear_down().await.map_err(NoSubject::trouble)?;
                Err(NoSubject::trouble(why))
            }
        }
    }

    async fn ask(
        &self,
        subject: &Arc<Subject>,
        server: Server,
        part: &Part,
    ) -> (ServerConformance, Vec<Proof>) {
        let case_within = conform_service::case_within(&self.args.service);
        let case_within = case_within.unwrap_or(Limits::default().case_within);
        let limits = Limits { at_once: self.args.jobs.into(), case_within };
        if self.args.prove {
            let proven = |proof: &Proof| part.line(&proof_line(proof));
            let proofs = conformance::prove(subject, self.cases, limits, &proven).await;
            let backend = subject.backend.clone();
            return (ServerConformance { server, backend, cases: Vec::new() }, proofs);
        }
        let finished = |case: &CaseResult| match (case.standing(), &case.outcome) {
            (Standing::Conforms | Standing::KnownDivergence | Standing::NotApplicable, _) => {}
            (standing, CaseOutcome::Differs { documented, observed }) => {
                part.line(&format!(
                    "{}: {}: documented {documented}; observed {observed}",
                    case.id,
                    standing.words()
                ));
            }
            (standing, CaseOutcome::NotJudged { missing: why } | CaseOutcome::Broken { why }) => {
                part.line(&format!("{}: {}: {why}", case.id, standing.words()));
            }
            (standing, _) => part.line(&format!("{}: {}", case.id, standing.words())),
        };
        let cases = conformance::run(subject, self.cases, self.divergences, limits, &finished).await;
        (ServerConformance { server, backend: subject.backend.clone(), cases }, Vec::new())
    }
}

fn columns(
    args: &ConformArgs,
    runtime: &tokio::runtime::Runtime,
    say: &mut dyn FnMut(&str),
) -> Result<Vec<Column>, NoSubject> {
    if let (Some(addr), Some(token_file)) = (&args.addr, &args.token_file) {
        return Ok(vec![runtime.block_on(existing(args, addr, token_file, say))?]);
    }
    if args.service.config_service.is_some() {
        let server = Server { product: "config-service".to_owned(), version: "unknown".to_owned() };
        return Ok(vec![Column { choice: None, server }]);
    }
    let choices = args
        .server
        .iter()
        .map(|server| ServerChoice { server: server.clone(), allow_unpinned: args.allow_unpinned });
    choices
        .map(|choice| match args.backend {
            OwnBackend::Process => {
                let binary = server_binary(&choice, say)?;
                let server = Server { product: binary.product.to_string(), version: binary.version };
                Ok(Column { choice: Some(SubjectChoice::Process { binary: binary.path }), server })
            }
            OwnBackend::Docker => {
                let subject = in_containers(&choice, say)?;
                let BackendChoice::Docker { image, program, .. } = subject.backend else {
                    return Err(NoSubject::trouble("containers were asked for"));
                };
                // An image by name comes without a binary for servers beside the cluster.
                let binary = match choice.server.starts_with("image:") {
                    true => None,
                    false => Some(server_binary(&choice, &mut |_| {})?.path),
                };
                let choice = SubjectChoice::Docker { image, program, binary };
                Ok(Column { choice: Some(choice), server: subject.server })
            }
        })
        .collect()
}

/// A server that exists says itself which version it is.
async fn existing(
    args: &ConformArgs,
    addr: &str,
    token_file: &std::path::Path,
    say: &mut dyn FnMut(&str),
) -> Result<Column, NoSubject> {
    let tls = match &args.ca_cert {
        Some(ca) => Some(TlsMaterial::from_files(ca, None).map_err(usage)?),
        None => None,
    };
    let endpoint = Endpoint::new(addr, tls.as_ref()).map_err(|error| match error {
        EndpointError::NoCa(_) => {
            usage(format!("--addr {addr} is https: say with --ca-cert FILE who signed its certificate"))
        }
        other => usage(format!("--addr: {other}")),
    })?;
    let token = std::fs::read_to_string(token_file)
        .map_err(|error| usage(format!("--token-file {}: {error}", token_file.display())))?;
    let asked = Client::new(&endpoint).map_err(NoSubject::trouble)?;
    let health = asked.call(reqwest::Method::GET, "sys/health", None).await.map_err(NoSubject::trouble)?;
    let endpoint = match health.body["standby"] == true {
        true => active_behind(&asked, addr, tls.as_ref(), say).await?,
        false => endpoint,
    };
    let product = args.product.as_deref().unwrap_or("openbao");
    let (product, version) = match product.split_once('@') {
        Some((product, version)) => (product, version),
        None => (product, health.body["version"].as_str().unwrap_or("unknown")),
    };
    let server = Server { product: product.to_owned(), version: version.to_owned() };
    let (token, destructive) = (token.trim().to_owned(), args.allow_disturbing);
    Ok(Column { choice: Some(SubjectChoice::Address { endpoint, token, destructive }), server })
}

/// A standby answers reads with what it has, which may be older than what was just written: the active node is asked.
async fn active_behind(
    standby: &Client,
    addr: &str,
    tls: Option<&TlsMaterial>,
    say: &mut dyn FnMut(&str),
) -> Result<Endpoint, NoSubject> {
    let leader = standby.get("sys/leader").await.map_err(NoSubject::trouble)?;
    let active = leader.body["leader_address"].as_str().unwrap_or_default();
    if active.is_empty() {
        return Err(NoSubject::trouble(format!("--addr {addr} is a standby, and names no active node")));
    }
    say(&format!("{addr} is a standby; its active node {active} is asked"));
    Endpoint::new(active, tls)
        .map_err(|error| usage(format!("--addr {addr} is a standby, and its active node {active}: {error}")))
}

fn json(result: &ConformanceResult) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(result)
}

fn publish(result: &ConformanceResult, folder: &RunFolder) -> Result<(), Box<dyn std::error::Error>> {
    folder.write_whole("conformance.json", json(result)?.as_bytes())?;
    folder.write_whole("summary.md", report::conformance::markdown(result).as_bytes())?;
    folder.write_whole("junit.xml", report::conformance::junit(result).as_bytes())?;
    folder.write_whole("report.html", report::conformance::html(result).as_bytes())?;
    if result.verdict == Verdict::Pass {
        let _ = std::fs::remove_dir_all(folder.private().join("nodes"));
        let _ = std::fs::remove_dir_all(folder.private().join("spares"));
    }
    Ok(())
}

fn exit_of(result: &ConformanceResult, deny_skips: bool) -> Exit {
    let any = |standing| result.servers.iter().any(|server| server.count(standing) > 0);
    if any(Standing::Broken) || deny_skips && any(Standing::NotJudged) {
        return Exit::Trouble;
    }
    match result.verdict {
        Verdict::Fail => Exit::Failed,
        // What a machine lacks is told, and is no failure.
        _ if result.servers.iter().any(|server| server.count(Standing::Conforms) > 0) => Exit::Pass,
        _ => Exit::Inconclusive,
    }
}

fn proof_line(proof: &Proof) -> String {
    match (&proof.skipped, proof.missed.len()) {
        (Some(why), _) => format!("{}: nothing to edit: {why}", proof.case),
        (None, 0) => format!("{}: red in all {} edited runs", proof.case, proof.edits),
        (None, missed) => {
            let list = proof.missed.join("\n    ");
            format!("{}: not red in {missed} of {} edited runs:\n    {list}", proof.case, proof.edits)
        }
    }
}

/// A case that stays green is a defect of ours.
fn told_proofs(proofs: &[Proof]) -> Exit {
    let edits: usize = proofs.iter().map(|proof| proof.edits).sum();
    let missed: usize = proofs.iter().map(|proof| proof.missed.len()).sum();
    let proven = proofs.iter().filter(|proof| proof.skipped.is_none() && proof.missed.is_empty()).count();
    let skipped = proofs.iter().filter(|proof| proof.skipped.is_some()).count();
    say!(
        "{proven} of {} cases turned red in every edited run ({edits} runs, {missed} stayed green); {skipped} had \
         nothing to edit",
        proofs.len()
    );
    if missed == 0 { Exit::Pass } else { Exit::Trouble }
}

fn command(args: &ConformArgs) -> String {
    let mut words = vec!["vaultquake conform".to_owned()];
    words.extend(args.filter.iter().cloned());
    match &args.addr {
        Some(addr) => words.push(format!("--addr {addr} --token-file …")),
        None => words.extend(args.server.iter().map(|server| format!("--server {server}"))),
    }
    words.extend(args.service.config_service.iter().map(|url| format!("--config-service {url}")));
    let commands = args.service.config_service_command.iter();
    words.extend(commands.map(|command| format!("--config-service-command '{command}'")));
    if args.backend == OwnBackend::Docker {
        words.push("--backend docker".to_owned());
    }
    words.join(" ")
}
