//! The command line as it is typed.

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
    Validate {
        /// Scenario files or folders
        #[arg(required = true)]
        paths: Vec<PathBuf>,
    },
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
    /// Server binaries: list, install
    Server {
        #[command(subcommand)]
        command: ServerCommand,
    },
    /// What this machine can do, and how to get the rest
    Doctor,
    /// The JSON Schema of scenario, blueprint and attach files
    Schema,
}

#[derive(Args)]
pub struct RunArgs {
    /// Scenario files, or folders of them
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,
    /// How nodes run
    #[arg(long, value_enum, default_value_t = Backend::Process)]
    pub backend: Backend,
    /// Which server: PRODUCT@VERSION or PRODUCT=/path/to/binary
    #[arg(long, default_value = super::DEFAULT_SERVER)]
    pub server: String,
    /// Take an unknown version whose hash is not pinned
    #[arg(long)]
    pub allow_unpinned: bool,
    /// Seed of every random choice; a fresh one when absent
    #[arg(long)]
    pub seed: Option<u64>,
    /// Where run folders go
    #[arg(long, default_value = "reports", value_name = "DIR")]
    pub out: PathBuf,
    /// Only scenarios with this tag
    #[arg(long)]
    pub tag: Option<String>,
    /// Run each scenario this many times, with the seeds counted up
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub repeat: u16,
    /// A scenario that this machine cannot run is an error (exit 3) instead of a skip
    #[arg(long)]
    pub deny_skips: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Backend {
    /// Child processes on this machine
    Process,
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
}
