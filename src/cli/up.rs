//! `vaultquake up` and `vaultquake down`.

use super::args::UpArgs;
use super::exit::Exit;
use super::out::{say, tell};
use super::signals::Signals;
use super::subject::server_binary;
use super::terminal::{Part, Terminal};
use crate::model::ServerTuning;
use crate::runner::Stop;
use crate::scenario::find_blueprint;
use crate::up::{self, Down, UpError, UpFolder, UpRequest, state_root};

pub fn up(args: &UpArgs) -> Exit {
    let folder = match UpFolder::at(&state_root(), args.owner.as_ref().unwrap_or(&args.name)) {
        Ok(folder) => folder,
        Err(error) => return told(&error),
    };
    let terminal = Terminal::new().part(None);
    if args.owner.is_some() {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        return match runtime {
            Ok(runtime) => runtime
                .block_on(up::own(&folder, &terminal))
                .map_or_else(|error| told(&error), |()| Exit::Pass),
            Err(error) => told(&UpError::Failed(format!("cannot start the runtime: {error}"))),
        };
    }
    let request = match request(args, &terminal) {
        Ok(request) => request,
        Err(exit) => return exit,
    };
    let failed = |error: std::io::Error| UpError::Failed(error.to_string());
    let stop = Stop::default();
    let ended = Signals::listen().map_err(failed).and_then(|signals| {
        let Some(_watched) = signals.watch_over(&stop) else { return Err(UpError::Interrupted) };
        if args.detach {
            let exe = std::env::current_exe().map_err(failed)?;
            up::detach(&exe, &folder, &request, &stop).map(|cluster| say!("{cluster}"))
        } else {
            in_the_foreground(&request, &folder, &terminal, &stop)
        }
    });
    terminal.finish();
    ended.map_or_else(|error| told(&error), |()| Exit::Pass)
}

fn request(args: &UpArgs, terminal: &Part) -> Result<UpRequest, Exit> {
    let blueprint = find_blueprint(&args.blueprint).map_err(|errors| {
        tell!("{errors}");
        Exit::Usage
    })?;
    let server = server_binary(&args.server, &mut |text| terminal.line(text)).map_err(|none| {
        terminal.finish();
        tell!("vaultquake: {}", none.why);
        none.exit
    })?;
    let tuning =
        ServerTuning { performance_multiplier: args.performance_multiplier, ..ServerTuning::default() };
    Ok(UpRequest { blueprint, tuning, binary: server.path })
}

fn in_the_foreground(
    request: &UpRequest,
    folder: &UpFolder,
    terminal: &Part,
    stop: &Stop,
) -> Result<(), UpError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| UpError::Failed(error.to_string()))?;
    let ready = |cluster: &up::UpCluster| {
        terminal.finish();
        say!("{cluster}\nCtrl-C ends it.");
    };
    runtime.block_on(up::run(request, folder, terminal, &ready, stop))
}

pub fn down(name: Option<&str>) -> Exit {
    match up::down(&state_root(), name) {
        Ok((name, Down::Ended)) => say!("cluster `{name}` is down"),
        Ok((name, Down::WasDead)) => say!("cluster `{name}` had died; what it left is removed"),
        Err(error) => return told(&error),
    }
    Exit::Pass
}

fn told(error: &UpError) -> Exit {
    tell!("vaultquake: {error}");
    match error {
        UpError::BadName(_) | UpError::NotUp { .. } | UpError::NoneUp | UpError::SeveralUp { .. } => {
            Exit::Usage
        }
        UpError::Interrupted => Exit::Interrupted,
        _ => Exit::Trouble,
    }
}
