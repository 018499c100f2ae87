//! The reference and its broken variants, with the cases that each of them fails: no more and no fewer.

use super::AS_SERVICE;
use super::default_server::default_server;
use super::skips::Unmet;
use libtest_mimic::Failed;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use vaultquake::conformance::config_service::{self, ServiceChoice};
use vaultquake::conformance::{self, Case, Company, Divergences, Limits, Subject, SubjectChoice};
use vaultquake::helper::{RedisError, find_redis};
use vaultquake::model::{CaseOutcome, Server, Standing};
use vaultquake::record::RunFolder;
use vaultquake::server::{ProvisionOptions, ServerBinary};
use vaultquake::{machine, scenario};

pub struct Variant {
    /// As `--broken` takes it.
    pub name: &'static str,
    fails: &'static [&'static str],
    /// Those that it may fail as well, as chance has it.
    may_fail: &'static [&'static str],
}

const fn variant(
    name: &'static str,
    fails: &'static [&'static str],
    may_fail: &'static [&'static str],
) -> Variant {
    Variant { name, fails, may_fail }
}

pub const ALL: &[Variant] = &[
    variant("reference", &[], &[]),
    variant(
        "caches-encrypted",
        &[
            "config-service/cache/encrypted-is-never-told",
            "config-service/cache/flip-to-encrypted-leaves-redis",
            "config-service/get/encrypted-is-always-fresh",
            "config-service/leader-lost/encrypted-never-in-redis",
            "config-service/unavailable/encrypted-never-in-redis",
        ],
        &[],
    ),
    variant(
        "stale-after-put",
        &[
            "config-service/cache/delete-takes-the-value-out",
            "config-service/cache/flip-to-encrypted-leaves-redis",
            "config-service/cache/no-old-value-among-readers",
            "config-service/cache/nothing-deleted-comes-back-among-readers",
            "config-service/cache/update-takes-the-old-value-out",
            "config-service/delete/can-be-created-again",
            "config-service/delete/is-gone",
            "config-service/leader-lost/acknowledged-stays",
            "config-service/leader-lost/no-old-value",
        ],
        &[],
    ),
    variant(
        "fills-late",
        &[
            "config-service/cache/no-old-value-among-readers",
            "config-service/cache/nothing-deleted-comes-back-among-readers",
            "config-service/leader-lost/no-old-value",
        ],
        &["config-service/leader-lost/acknowledged-stays"],
    ),
    variant(
        "half-written",
        &[
            "config-service/unavailable/nothing-written-to-redis",
            "config-service/unavailable/served-again-as-it-was",
        ],
        &[
            "config-service/cache/no-old-value-among-readers",
            "config-service/leader-lost/nothing-half-written",
            "config-service/leader-lost/no-old-value",
            "config-service/leader-lost/acknowledged-stays",
        ],
    ),
    variant("serves-without-cluster", &["config-service/unavailable/cached-get-is-404"], &[]),
    variant(
        "status-lies",
        &["config-service/leader-lost/status-tells", "config-service/unavailable/status-tells"],
        &[],
    ),
];

/// What every trial needs.
pub struct Ground {
    server: ServerBinary,
    redis: PathBuf,
}

pub fn ground() -> Result<Ground, Unmet> {
    let server = default_server()?;
    let options = ProvisionOptions::from_env()?;
    let redis = find_redis(&options.search_path).map_err(|error| match error {
        RedisError::Missing => Unmet::Missing(error.to_string()),
        RedisError::Failed(_) => Unmet::Broken(error.to_string()),
    })?;
    Ok(Ground { server, redis })
}

struct Quiet;

impl vaultquake::bootstrap::Progress for Quiet {
    fn step(&self, _step: &str, _took: Duration) {}
}

const LIMITS: Limits = Limits { at_once: 8, case_within: Duration::from_secs(300) };

pub fn judge(variant: &Variant, ground: Ground) -> Result<(), Failed> {
    let divergences = Divergences::committed()?;
    let cases = config_service::cases();
    let results = in_front_of_a_cluster(variant.name, ground, async |subject| {
        conformance::run(subject, &cases, &divergences, LIMITS, &|_| {}).await
    })?;
    let mut failed = BTreeSet::new();
    let mut trouble = Vec::new();
    for case in &results {
        match (case.standing(), &case.outcome) {
            (Standing::Conforms | Standing::KnownDivergence, _) => {}
            (Standing::NotApplicable, _) if case.id == "config-service/document/history-in-postgresql" => {}
            (_, CaseOutcome::Differs { documented, observed }) => {
                failed.insert(case.id.as_str());
                println!("{}: {}: documented {documented}; observed {observed}", variant.name, case.id);
            }
            (standing, outcome) => trouble.push(format!("{}: {}: {outcome:?}", case.id, standing.words())),
        }
    }
    let expected: BTreeSet<_> = variant.fails.iter().copied().collect();
    let may: BTreeSet<_> = variant.may_fail.iter().copied().collect();
    trouble.extend(expected.difference(&failed).map(|case| format!("{case}: not noticed")));
    trouble.extend(
        failed
            .difference(&expected)
            .filter(|case| !may.contains(*case))
            .map(|case| format!("{case}: failed")),
    );
    if trouble.is_empty() { Ok(()) } else { Err(trouble.join("\n").into()) }
}

/// Each answer that a case looks at is edited, one a run: the case must turn red.
pub fn prove(ground: Ground) -> Result<(), Failed> {
    let cases: Vec<Case> = config_service::cases();
    let limits = Limits { at_once: 4, ..LIMITS };
    let proofs = in_front_of_a_cluster("proof", ground, async |subject| {
        let (alone, beside): (Vec<_>, Vec<_>) =
            cases.iter().cloned().partition(|case| case.company == Company::Alone);
        let mut proofs = conformance::prove(subject, &beside, limits, &|_| {}).await;
        proofs.extend(conformance::prove(subject, &alone, limits, &|_| {}).await);
        proofs
    })?;
    let edits: usize = proofs.iter().map(|proof| proof.edits).sum();
    println!("{} cases, {edits} edited runs", proofs.len());
    // What differs as is known, or cannot be asked, has nothing to edit.
    let has_nothing = |case: &str| case.starts_with("config-service/document/");
    let trouble = proofs.iter().flat_map(|proof| {
        let skipped = proof.skipped.iter().filter(|_| !has_nothing(proof.case)).cloned();
        proof.missed.iter().cloned().chain(skipped).map(|why| format!("{}: {why}", proof.case))
    });
    let trouble: Vec<_> = trouble.collect();
    if trouble.is_empty() { Ok(()) } else { Err(trouble.join("\n").into()) }
}

/// Brings a cluster, a Redis and the service up, lets `ask` ask, and takes all of it down.
fn in_front_of_a_cluster<T>(
    name: &str,
    ground: Ground,
    ask: impl AsyncFnOnce(&Arc<Subject>) -> T,
) -> Result<T, Failed> {
    let _machine = machine::lock::exclusive(&mut |_| {})?;
    let runtime = Runtime::new()?;
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("config-service");
    let folder = RunFolder::create(&out, jiff::Timestamp::now(), name, u64::from(std::process::id()))?;
    let blueprint = scenario::find_blueprint("alphapulse").map_err(|error| error.to_string())?;
    let about = Server { product: ground.server.product.to_string(), version: ground.server.version };
    let choice = SubjectChoice::Process { binary: ground.server.path };
    let broken = match name {
        "reference" | "proof" => String::new(),
        name => format!(" --broken {name}"),
    };
    let own = std::env::current_exe()?;
    let command = format!("'{}' {AS_SERVICE} --listen \"$VQ_LISTEN\"{broken}", own.display());
    let service = ServiceChoice::Command { command, redis: ground.redis };
    let answered: Result<T, Failed> = runtime.block_on(async {
        let no_database = Err("a case that needs one".to_owned());
        let subject =
            Subject::prepare(choice, about, &blueprint, no_database, &folder, &Quiet, std::future::pending())
                .await?;
        let subject = match subject.with_service(service).await {
            Ok(subject) => Arc::new(subject),
            Err((subject, why)) => {
                subject.tear_down().await?;
                return Err(why.into());
            }
        };
        let answered = ask(&subject).await;
        subject.tear_down().await?;
        Ok(answered)
    });
    let answered = answered?;
    std::fs::remove_dir_all(folder.root())?;
    Ok(answered)
}
