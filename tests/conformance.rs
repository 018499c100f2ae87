//! Every case of the conformance suite is a test by its id, against one cluster of ours on child processes. Under
//! `cargo nextest run`, where each test is a process and would need a cluster of its own, an engine is a test.

#[path = "skips/default_server.rs"]
mod default_server;
mod skips;

use default_server::default_server;
use libtest_mimic::{Arguments, Failed};
use skips::Unmet;
use std::path::Path;
use std::sync::{Arc, Mutex, RwLock};
use tokio::runtime::Runtime;
use vaultquake::conformance::{self, Case, Company, Divergences, Limits, Subject, SubjectChoice};
use vaultquake::model::{CaseOutcome, CaseResult, Server, Standing};
use vaultquake::record::RunFolder;
use vaultquake::server::{ProvisionOptions, ServerBinary};
use vaultquake::{helper, machine, scenario};

/// One cluster for all trials.
struct Bench {
    runtime: Runtime,
    subject: Arc<Subject>,
    divergences: Divergences,
    /// Who disturbs everybody waits until nobody is there.
    company: RwLock<()>,
    _lock: machine::lock::MachineLock,
}

struct Quiet;

impl vaultquake::bootstrap::Progress for Quiet {
    fn step(&self, _step: &str, _took: std::time::Duration) {}
}

fn main() {
    let mut arguments = Arguments::from_args();
    // Cases keep to names of their own; those that disturb everybody have a cluster to themselves only when all others ended.
    arguments.test_threads.get_or_insert(8);
    let shared: Arc<Mutex<Option<Arc<Bench>>>> = Arc::default();
    let nextest = std::env::var_os("NEXTEST").is_some();
    let mut groups: Vec<(String, Vec<Case>)> = Vec::new();
    for case in conformance::all() {
        let engine = case.id.split('/').next().unwrap_or_default().to_owned();
        match groups.last_mut() {
            Some((name, cases)) if nextest && *name == engine => cases.push(case),
            _ => groups.push((if nextest { engine } else { case.id.to_owned() }, vec![case])),
        }
    }
    // Whoever waits to be alone keeps the others from beginning.
    groups.sort_by_key(|(_, cases)| cases.iter().any(|case| case.company == Company::Alone));
    let trials = groups.into_iter().map(|(name, cases)| {
        let shared = shared.clone();
        // What a case lacks is known only when it has been tried.
        let tried = move || {
            let server = default_server()?;
            let mut shared = shared.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            let bench = match &*shared {
                Some(bench) => bench.clone(),
                None => match Bench::bring_up(server) {
                    Ok(bench) => shared.insert(Arc::new(bench)).clone(),
                    Err(error) => return Ok(Err(error)),
                },
            };
            drop(shared);
            bench.judge(&cases)
        };
        skips::trial(name, tried, |judged| judged)
    });
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    if let Some(bench) = shared.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take() {
        let torn_down = bench.runtime.block_on(bench.subject.tear_down());
        torn_down.unwrap_or_else(|error| panic!("{error}"));
    }
    conclusion.exit();
}

impl Bench {
    fn judge(&self, cases: &[Case]) -> Result<Result<(), Failed>, Unmet> {
        let run = |cases: &[Case]| {
            let run = conformance::run(&self.subject, cases, &self.divergences, Limits::default(), &|_| {});
            self.runtime.block_on(run)
        };
        let results = if cases.iter().any(|case| case.company == Company::Alone) {
            let _alone = self.company.write().unwrap_or_else(|poisoned| poisoned.into_inner());
            run(cases)
        } else {
            let _beside = self.company.read().unwrap_or_else(|poisoned| poisoned.into_inner());
            run(cases)
        };
        let problems: Vec<_> = results.iter().filter_map(problem).collect();
        if !problems.is_empty() {
            return Ok(Err(problems.join("\n").into()));
        }
        let missing: Vec<_> = results.iter().filter_map(missing).collect();
        if missing.is_empty() { Ok(Ok(())) } else { Err(Unmet::Missing(missing.join("; "))) }
    }

    fn bring_up(server: ServerBinary) -> Result<Self, Failed> {
        let lock = machine::lock::exclusive(&mut |_| {})?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("conformance");
        let folder = RunFolder::create(&out, jiff::Timestamp::now(), "conform", 0)?;
        let blueprint = scenario::find_blueprint("alphapulse").map_err(|error| error.to_string())?;
        let options = ProvisionOptions::from_env()?;
        let postgres = helper::fetch_or_find(&options, &mut |_| {}).map_err(|error| error.to_string());
        let about = Server { product: server.product.to_string(), version: server.version };
        let choice = SubjectChoice::Process { binary: server.path };
        let never = std::future::pending();
        let subject = Subject::prepare(choice, about, &blueprint, postgres, &folder, &Quiet, never);
        let subject = Arc::new(runtime.block_on(subject)?);
        let divergences = Divergences::committed()?;
        Ok(Self { runtime, subject, divergences, company: RwLock::default(), _lock: lock })
    }
}

/// What it takes to fail.
fn problem(case: &CaseResult) -> Option<String> {
    let words = case.standing().words();
    match (case.standing(), &case.outcome) {
        (
            Standing::Conforms | Standing::KnownDivergence | Standing::NotApplicable | Standing::NotJudged,
            _,
        ) => None,
        (_, CaseOutcome::Differs { documented, observed }) => {
            Some(format!("{}: {words}: documented {documented}; observed {observed}", case.id))
        }
        (_, CaseOutcome::Broken { why }) => Some(format!("{}: {words}: {why}", case.id)),
        _ => Some(format!("{}: {words}", case.id)),
    }
}

fn missing(case: &CaseResult) -> Option<String> {
    match &case.outcome {
        CaseOutcome::NotJudged { missing } => Some(format!("{}: missing: {missing}", case.id)),
        _ => None,
    }
}
