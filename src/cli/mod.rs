//! The command line: arguments, one file per command, exit codes.

mod args;
mod clean;
mod compose;
mod conform;
mod conform_service;
pub mod doctor;
mod exit;
mod image;
mod jobs;
mod one_run;
mod out;
mod past;
mod planned;
mod programs;
mod publish;
mod run;
pub mod server;
mod shrink;
mod signals;
mod subject;
mod suite;
mod terminal;
mod up;
mod upgrading;

pub use exit::Exit;

use crate::machine;
use crate::record::RunFolder;
use crate::report;
use crate::scenario;
use crate::server::{ProvisionOptions, ServerSpec};
use args::{Cli, Command, ServerCommand, ValidateArgs};
use clap::Parser;
use out::{say, tell};
use std::path::Path;
use std::process::ExitCode;
use subject::NoSubject;

/// What `run` takes when nothing else is asked for.
pub const DEFAULT_SERVER: &str = "openbao@2.7.2";

pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            // Help and version are no mistakes.
            return if error.use_stderr() { Exit::Usage } else { Exit::Pass }.into();
        }
    };
    // A bug of ours must not look like a verdict on the server; the panic's own text is on stderr already.
    let exit = std::panic::catch_unwind(|| dispatch(cli.command)).unwrap_or_else(|_| {
        tell!("vaultquake: this is a bug in vaultquake, not a finding about the server");
        Exit::Trouble
    });
    exit.into()
}

fn dispatch(command: Command) -> Exit {
    match command {
        Command::Run(args) => {
            machine::open_files::raise_limit();
            run::run(&args)
        }
        Command::Shrink(args) => {
            machine::open_files::raise_limit();
            shrink::shrink(&args)
        }
        Command::Conform(args) => {
            machine::open_files::raise_limit();
            conform::conform(&args)
        }
        Command::Validate(args) => validate(&args),
        Command::Recheck { run } => judged(&run, publish::recheck),
        Command::Trend { folder } => past::trend(&folder),
        Command::Compare(args) => past::compare_runs(&args),
        Command::Report { run } => judged(&run, publish::render_again),
        Command::Up(args) => {
            machine::open_files::raise_limit();
            up::up(&args)
        }
        Command::Down { name } => up::down(name.as_deref()),
        Command::Compose(args) => compose::compose(&args),
        Command::Clean { folder, cluster } => clean::clean(&folder, cluster.as_deref()),
        Command::Watchdog { run } => {
            if crate::watchdog::main(&run) == ExitCode::SUCCESS {
                Exit::Pass
            } else {
                Exit::Trouble
            }
        }
        Command::LinkAgent => {
            if crate::netns::main() == ExitCode::SUCCESS {
                Exit::Pass
            } else {
                Exit::Trouble
            }
        }
        Command::Server { command } => servers(command),
        Command::Doctor => match ProvisionOptions::from_env() {
            Ok(options) => {
                let diagnoses = doctor::examine(&options, Path::new("reports"));
                say!("{}", doctor::render(&diagnoses));
                if doctor::exit_code(&diagnoses) == 0 { Exit::Pass } else { Exit::Trouble }
            }
            Err(error) => trouble(&error),
        },
        Command::Schema => {
            say!("{:#}", scenario::schema());
            Exit::Pass
        }
    }
}

fn trouble(error: &dyn std::error::Error) -> Exit {
    tell!("vaultquake: {error}");
    Exit::Trouble
}

fn validate(args: &ValidateArgs) -> Exit {
    let files = match scenario::find_scenarios(&args.paths) {
        Ok(files) => files,
        Err(errors) => {
            tell!("{errors}");
            return Exit::Usage;
        }
    };
    let mut exit = Exit::Pass;
    for path in files {
        if scenario::is_suite(&path) {
            exit = Exit::worst([exit, suite::validate(&path, args)]);
            continue;
        }
        match scenario::load_scenario(&path) {
            Ok(scenario) => say!("{}\n", scenario::plan::describe(&scenario)),
            Err(errors) => {
                tell!("{errors}");
                exit = Exit::Usage;
            }
        }
    }
    exit
}

type Judge = fn(&RunFolder) -> Result<publish::Published, publish::PublishError>;

fn judged(run: &Path, judge: Judge) -> Exit {
    let folder = RunFolder::at(run);
    match judge(&folder) {
        Ok(published) => {
            say!("{}", report::terminal(&published.result, terminal::wants_colour()));
            if let Some(why) = &published.harness_failed {
                tell!("vaultquake: the harness failed in this run: {why}");
            }
            published.exit()
        }
        Err(error @ publish::PublishError::Read(_)) => {
            tell!("vaultquake: {error}");
            Exit::Usage
        }
        Err(error) => trouble(&error),
    }
}

fn servers(command: ServerCommand) -> Exit {
    let options = match ProvisionOptions::from_env() {
        Ok(options) => options,
        Err(error) => return trouble(&error),
    };
    let say = &mut |text: &str| tell!("{text}");
    let (servers, allow_unpinned, is_image) = match command {
        ServerCommand::List => {
            say!("{}", server::list_table(&options).trim_end());
            return Exit::Pass;
        }
        ServerCommand::Install { servers, allow_unpinned } => (servers, allow_unpinned, false),
        ServerCommand::Image { servers, allow_unpinned } => (servers, allow_unpinned, true),
    };
    let specs: Result<Vec<ServerSpec>, _> = servers.iter().map(|text| text.parse()).collect();
    let specs = match specs {
        Ok(specs) => specs,
        Err(error) => {
            tell!("vaultquake: {error}");
            return Exit::Usage;
        }
    };
    let options = ProvisionOptions { allow_unpinned, ..options };
    let done = match is_image {
        true => server::make_images(&specs, &options, say),
        false => server::install(&specs, &options, say).map_err(NoSubject::from),
    };
    match done {
        Ok(said) => {
            say!("{}", said.trim_end());
            Exit::Pass
        }
        Err(none) => {
            tell!("vaultquake: {}", none.why);
            none.exit
        }
    }
}
