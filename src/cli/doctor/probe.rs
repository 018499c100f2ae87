//! Looks at this machine. Starts and ends short-lived processes, reserves ports and lets them go.

use crate::cli::programs::{Places, will_do};
use crate::docker::{DockerError, Engine, EngineInfo};
use crate::helper;
use crate::machine::{self, children, free_disk_mib, lock, ports};
use crate::model::Machine;
use crate::netns;
use crate::server::{Listed, Pip, Product, ProvisionOptions, find_pip, list, on_path};
use std::path::{Path, PathBuf};

/// What was seen. An `Err` holds the reason in words.
#[derive(Clone, Debug)]
pub struct Probes {
    pub machine: Machine,
    /// Else the names that were tried.
    pub pip: Result<Pip, String>,
    /// Known and cached versions.
    pub listed: Vec<Listed>,
    /// Servers on PATH: product, where, version.
    pub on_path: Vec<(Product, PathBuf, String)>,
    pub cache: PathBuf,
    pub cache_free_mib: Result<u64, String>,
    pub reports: PathBuf,
    pub reports_free_mib: Result<u64, String>,
    /// Whether the kernel kills our children when we die.
    pub death_with_parent: Result<(), String>,
    /// Whether a process can be frozen and set going again.
    pub pause: Result<(), String>,
    /// Whether three ports can be had.
    pub ports: Result<(), String>,
    /// The container engine, and what kind it is.
    pub docker: Result<EngineInfo, String>,
    /// Whether links can be disturbed by packet; then by what means packets are held back, or why they cannot be.
    pub links: Result<Result<String, String>, String>,
    /// Where a PostgreSQL is at hand.
    pub postgres: Option<String>,
    /// Clients of somebody else's that shipped scenarios run: what each is called, and where it is or why it will not do.
    pub clients: Vec<(&'static str, Result<String, String>)>,
    /// Where a person would put them.
    pub clients_folder: PathBuf,
    /// Where a Redis is at hand.
    pub redis: Result<PathBuf, String>,
    /// Where a program with the API of AWS KMS is at hand.
    pub kms: Option<String>,
    pub prometheus: Result<PathBuf, String>,
    /// Who has the machine-wide lock, if somebody does.
    pub lock: Result<Option<String>, String>,
}

pub fn probe(options: &ProvisionOptions, reports: &Path) -> Probes {
    let path = &options.search_path;
    let of = |product| on_path(product, path).map(|(path, version)| (product, path, version));
    Probes {
        machine: machine::facts(),
        pip: find_pip(path),
        listed: list(&options.cache, &options.pins),
        on_path: Product::ALL.into_iter().filter_map(of).collect(),
        cache: options.cache.clone(),
        cache_free_mib: free_disk_mib(&options.cache).map_err(|error| error.to_string()),
        reports: std::path::absolute(reports).unwrap_or_else(|_| reports.to_owned()),
        reports_free_mib: free_disk_mib(reports).map_err(|error| error.to_string()),
        death_with_parent: children::check_death_with_parent(),
        pause: children::check_pause(),
        ports: ports::reserve(3).map(drop).map_err(|error| error.to_string()),
        docker: docker(),
        links: try_links(),
        postgres: helper::find(options).map(|found| found.to_string()),
        clients: vec![("hvac", hvac()), ("vaultrs", vaultrs())],
        clients_folder: options.cache.join("clients"),
        redis: helper::find_redis(path).map_err(|error| error.to_string()),
        kms: helper::find_kms(options).map(|found| found.display().to_string()),
        prometheus: helper::find_prometheus(&options.search_path).map_err(|error| error.to_string()),
        lock: lock::holder().map_err(|error| error.to_string()),
    }
}

/// The Python that scenarios would run, with the library in it.
fn hvac() -> Result<String, String> {
    let python = Places::of_this_machine().find("python3").ok_or("no python3")?;
    let arguments = ["-c", "import hvac"].map(str::to_owned);
    will_do(&python, &arguments, Path::new("")).map(|()| python.display().to_string())
}

fn vaultrs() -> Result<String, String> {
    let program = Places::of_this_machine().find("vaultrs-client");
    program.map(|path| path.display().to_string()).ok_or_else(|| "no vaultrs-client".to_owned())
}

fn docker() -> Result<EngineInfo, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let asked: Result<_, DockerError> =
        runtime.block_on(async { Ok(Engine::connect().await?.info().clone()) });
    asked.map_err(|error| error.to_string())
}

fn try_links() -> Result<Result<String, String>, String> {
    let in_words = |error: std::io::Error| error.to_string();
    let exe = std::env::current_exe().map_err(in_words)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(in_words)?;
    runtime.block_on(netns::try_agent(&exe))
}
