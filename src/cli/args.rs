//! The command line as it is typed.

use crate::model::Span;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Shakes a Vault-compatible cluster and says, with evidence, what held.
#[derive(Parser)]
#[command(name = "vaultquake", version, propagate_version = true, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 pass · 1 an objective or invariant failed · 2 inconclusive, or nothing was \
    judged · 3 could not set up, or the harness itself failed · 64 bad arguments or scenario · 130 interrupted"
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Run scenarios and judge them
    Run(RunArgs),
    /// Only parse and resolve scenarios; shows the plan
    Validate(ValidateArgs),
    /// Ask a server for its documented behaviour, case by case
    Conform(ConformArgs),
    /// Judge a saved run again, without a cluster (writes recheck.json)
    Recheck {
        /// A run folder
        run: PathBuf,
    },
    /// Render the reports of a saved run again
    Report {
        /// A run folder
        run: PathBuf,
    },
    /// Each figure over the runs of a folder, with where the earlier ones lie; also as an index page in it
    Trend {
        /// A folder of run folders
        #[arg(default_value = "reports")]
        folder: PathBuf,
    },
    /// Whether figures differ between two sets of runs, by a statistical test; exit 1 when one is worse in B
    Compare(CompareArgs),
    /// The smallest schedule by which a failed run of random faults still fails
    Shrink(ShrinkArgs),
    /// Bring a bootstrapped cluster up to play with, in the foreground
    Up(UpArgs),
    /// End a cluster that `up --detach` keeps
    Down {
        /// Its name; the only one when absent
        name: Option<String>,
    },
    /// A blueprint as a Compose file, to bring up by hand
    Compose(ComposeArgs),
    /// Remove what killed runs left; a run that is alive is untouched
    Clean {
        /// A run folder, or a folder of them
        #[arg(default_value = "reports")]
        folder: PathBuf,
        /// Remove everything of ours from an attached cluster instead
        #[arg(long, value_name = "FILE", conflicts_with = "folder")]
        cluster: Option<PathBuf>,
    },
    /// Heals when the harness dies; started by the attach backend
    #[command(hide = true)]
    Watchdog { run: PathBuf },
    /// Disturbs the network namespace it is in, as it is told on its input; started by backends that need it
    #[command(hide = true)]
    LinkAgent,
    /// Server binaries and images: list, install, image
    Server {
        #[command(subcommand)]
        command: ServerCommand,
    },
    /// What this machine can do, and how to get the rest
    Doctor,
    /// The JSON Schema of scenario, blueprint and attach files
    Schema,
}

#[derive(Args, Clone)]
pub struct RunArgs {
    /// Scenario files, or folders of them; or one suite
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,
    /// How nodes run
    #[arg(long, value_enum, default_value_t = Backend::Process)]
    pub backend: Backend,
    /// The cluster to attach to
    #[arg(long, value_name = "FILE", required_if_eq("backend", "attach"))]
    pub cluster: Option<PathBuf>,
    #[command(flatten)]
    pub server: ServerChoice,
    /// For scenarios that upgrade nodes: the version they begin with [default: the known one before]
    #[arg(long, value_name = "SERVER")]
    pub from: Option<String>,
    /// For scenarios that upgrade nodes: the version they end with [default: --server]
    #[arg(long, value_name = "SERVER")]
    pub to: Option<String>,
    /// Seed of every random choice; a fresh one when absent. Of a suite also the night by which turns are taken
    #[arg(long)]
    pub seed: Option<u64>,
    /// Of a suite: the night by which turns are taken and the seeds drawn [default: today]
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub date: Option<jiff::civil::Date>,
    /// Where run folders go
    #[arg(long, default_value = "reports", value_name = "DIR")]
    pub out: PathBuf,
    /// Only scenarios with this tag
    #[arg(long)]
    pub tag: Option<String>,
    /// Run each scenario this many times, with the seeds counted up
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub repeat: u16,
    /// So many runs side by side; those that judge latency still run alone, after the others
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub jobs: u16,
    /// Let the first node come back with a store that an earlier such run kept: voters in seconds, not from nothing
    #[arg(long)]
    pub reuse: bool,
    /// A scenario that this machine cannot run is an error (exit 3) instead of a skip
    #[arg(long)]
    pub deny_skips: bool,
}

#[derive(Args)]
pub struct ShrinkArgs {
    /// The folder of a run that failed, with its schedule.yaml
    pub run: PathBuf,
    /// So many runs of each smaller schedule before it is held for one that passes
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub tries: u32,
    /// No run begins after this long, such as 30m; what was found by then is kept
    #[arg(long, value_name = "TIME")]
    pub within: Option<Span>,
    /// How nodes run [default: as in that run]
    #[arg(long, value_enum)]
    pub backend: Option<Backend>,
    /// The cluster to attach to
    #[arg(long, value_name = "FILE", required_if_eq("backend", "attach"))]
    pub cluster: Option<PathBuf>,
    /// Which server, as for `run` [default: that run's]
    #[arg(long)]
    pub server: Option<String>,
    /// Take an unknown version whose hash is not pinned
    #[arg(long)]
    pub allow_unpinned: bool,
    /// Let the first node come back with a store that an earlier such run kept
    #[arg(long)]
    pub reuse: bool,
}

#[derive(Args)]
pub struct ValidateArgs {
    /// Scenario files, folders of them, or suites
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,
    /// Of a suite: the night in question, as a number
    #[arg(long)]
    pub seed: Option<u64>,
    /// Of a suite: the night in question [default: today]
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub date: Option<jiff::civil::Date>,
}

#[derive(Args)]
pub struct CompareArgs {
    /// A run folder, or a folder of them: what was
    pub a: PathBuf,
    /// The same: what is
    pub b: PathBuf,
    /// Also when the machine, the backend or the scenario is not the same; what differs is told
    #[arg(long)]
    pub anyway: bool,
    /// Print it as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Backend {
    /// Child processes on this machine
    Process,
    /// Containers on this machine, on a network of their own
    Docker,
    /// A cluster that exists, described by --cluster FILE
    Attach,
}

#[derive(Args, Clone)]
pub struct ServerChoice {
    /// Which server: PRODUCT@VERSION, PRODUCT=/path/to/binary, or image:REF on the docker backend
    #[arg(long, default_value = super::DEFAULT_SERVER)]
    pub server: String,
    /// Take an unknown version whose hash is not pinned
    #[arg(long)]
    pub allow_unpinned: bool,
}

#[derive(Args)]
pub struct ConformArgs {
    /// Only cases whose id contains one of these words
    pub filter: Vec<String>,
    /// Only list the cases
    #[arg(long)]
    pub list: bool,
    /// How nodes run
    #[arg(long, value_enum, default_value_t = OwnBackend::Process)]
    pub backend: OwnBackend,
    /// Which servers, one column each: PRODUCT@VERSION, PRODUCT=/path/to/binary, or image:REF on the docker backend
    #[arg(long, default_value = super::DEFAULT_SERVER)]
    pub server: Vec<String>,
    /// Take an unknown version whose hash is not pinned
    #[arg(long)]
    pub allow_unpinned: bool,
    /// Ask a server that exists instead; everything made there is named vq-… and removed afterwards
    #[arg(long, value_name = "URL", requires = "token_file", conflicts_with = "server")]
    pub addr: Option<String>,
    /// Holds a token of that server which may make mounts and policies
    #[arg(long, value_name = "FILE", requires = "addr")]
    pub token_file: Option<PathBuf>,
    /// The CA that signed that server's certificate
    #[arg(long, value_name = "FILE", requires = "addr")]
    pub ca_cert: Option<PathBuf>,
    /// What that server is, for its column and the known divergences: PRODUCT or PRODUCT@VERSION
    #[arg(long, value_name = "PRODUCT", requires = "addr")]
    pub product: Option<String>,
    /// Also ask that server what disturbs everybody who uses it
    #[arg(long, requires = "addr")]
    pub allow_disturbing: bool,
    #[command(flatten)]
    pub service: ServiceArgs,
    /// Print the result like this
    #[arg(long, value_enum, default_value_t = ConformFormat::Text)]
    pub format: ConformFormat,
    /// So many cases side by side
    #[arg(long, default_value_t = 8, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub jobs: u16,
    /// Where the folder with the results goes
    #[arg(long, default_value = "reports", value_name = "DIR")]
    pub out: PathBuf,
    /// Edit each answer that a case looks at, one a run: the case must turn red, or it checks nothing
    #[arg(long)]
    pub prove: bool,
    /// A case that is not judged here is an error (exit 3)
    #[arg(long)]
    pub deny_skips: bool,
}

/// Ask a configuration service in front of a cluster instead.
#[derive(Args)]
pub struct ServiceArgs {
    /// Ask a configuration service that listens there; --addr is then the cluster behind it
    #[arg(long, value_name = "URL", conflicts_with = "config_service_command")]
    pub config_service: Option<String>,
    /// Start one in front of a cluster and a Redis of our own, which may then be taken away. It is told by VAULT_ADDR,
    /// VAULT_TOKEN_FILE, VAULT_CACERT, VAULT_MOUNT_POINT, REDIS_URL, REDIS_PASSWORD_FILE and VQ_LISTEN
    #[arg(long, value_name = "COMMAND", conflicts_with = "addr")]
    pub config_service_command: Option<String>,
    /// The Redis of that service
    #[arg(long, value_name = "URL", requires = "config_service")]
    pub redis: Option<String>,
    /// Holds its password
    #[arg(long, value_name = "FILE", requires = "redis")]
    pub redis_password_file: Option<PathBuf>,
    /// The KV mount behind that service [default: secret]
    #[arg(long, value_name = "MOUNT", requires = "config_service")]
    pub kv_mount: Option<String>,
    /// The events of that service come over its Redis
    #[arg(long, requires = "redis")]
    pub events_in_redis: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OwnBackend {
    /// Child processes on this machine
    Process,
    /// Containers on this machine
    Docker,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ConformFormat {
    Text,
    Json,
    Junit,
    Markdown,
    Html,
}

#[derive(Args)]
pub struct UpArgs {
    /// How it is called among those that are up
    #[arg(long, default_value = "default")]
    pub name: String,
    /// A built-in blueprint by name, or the path of one
    #[arg(long, default_value = "alphapulse")]
    pub blueprint: String,
    /// Raft's time scale, 1 to 10; the server's default of 5 when absent
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=10))]
    pub performance_multiplier: Option<u8>,
    #[command(flatten)]
    pub server: ServerChoice,
    /// Keep it in the background, owned by a process of its own; `down` ends it
    #[arg(long)]
    pub detach: bool,
    /// Be that process, for the cluster of this name
    #[arg(long, hide = true, value_name = "NAME")]
    pub owner: Option<String>,
}

#[derive(Args)]
pub struct ComposeArgs {
    /// A built-in blueprint by name, the path of one, or `helpers` (PostgreSQL, Redis)
    #[arg(default_value = "alphapulse")]
    pub what: String,
    /// Write it here, with configurations and certificates, instead of printing it
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Once it is up: initialise and unseal it, set the blueprint up, write an attach file and a token file
    #[arg(long, requires = "out")]
    pub bootstrap: bool,
}

#[derive(Subcommand)]
pub enum ServerCommand {
    /// Known versions, and which are cached
    List,
    /// Find or fetch servers, check their hash, keep them in the cache
    Install {
        /// PRODUCT@VERSION or PRODUCT=/path/to/binary
        #[arg(required = true)]
        servers: Vec<String>,
        /// Take an unknown version whose hash is not pinned
        #[arg(long)]
        allow_unpinned: bool,
    },
    /// Make container images of servers; `run --backend docker` does it by itself
    Image {
        /// PRODUCT@VERSION or PRODUCT=/path/to/binary
        #[arg(required = true)]
        servers: Vec<String>,
        /// Take an unknown version whose hash is not pinned
        #[arg(long)]
        allow_unpinned: bool,
    },
}
