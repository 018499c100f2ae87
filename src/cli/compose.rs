//! `vaultquake compose`.

use super::args::ComposeArgs;
use super::exit::Exit;
use super::out::{say, tell};
use super::terminal::Terminal;
use crate::compose::{self, COMPOSE_FILE, ComposeError};
use crate::model::Blueprint;
use crate::scenario::find_blueprint;
use std::path::Path;

/// What is no blueprint.
const HELPERS: &str = "helpers";

pub fn compose(args: &ComposeArgs) -> Exit {
    if args.what == HELPERS {
        if args.bootstrap {
            tell!("vaultquake: the helpers need no --bootstrap: `docker-compose up -d` is all");
            return Exit::Usage;
        }
        return match &args.out {
            None => print(compose::HELPERS),
            Some(out) => told(compose::write_helpers(out).map(|()| written(out))),
        };
    }
    let blueprint = match find_blueprint(&args.what) {
        Ok(blueprint) => blueprint,
        Err(errors) => {
            tell!("{errors}");
            return Exit::Usage;
        }
    };
    match &args.out {
        None => told(compose::render(&blueprint, &image()).map(|text| say!("{}", text.trim_end()))),
        Some(out) if args.bootstrap => bootstrap(&blueprint, out),
        Some(out) => told(compose::write_cluster(&blueprint, &image(), out).map(|()| written(out))),
    }
}

/// The official image of the default server.
fn image() -> String {
    super::DEFAULT_SERVER.replacen('@', ":", 1).replacen("openbao", "openbao/openbao", 1)
}

fn print(text: &str) -> Exit {
    say!("{}", text.trim_end());
    Exit::Pass
}

fn written(out: &Path) {
    say!("{}\n`docker-compose up -d` there brings it up.", out.join(COMPOSE_FILE).display());
}

fn bootstrap(blueprint: &Blueprint, out: &Path) -> Exit {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return told(Err(ComposeError::Failed(format!("cannot start the runtime: {error}")))),
    };
    let lines = Terminal::new().part(None);
    let done = runtime.block_on(compose::bootstrap(blueprint, out, &lines));
    lines.finish();
    told(done.map(|cluster| say!("{cluster}")))
}

fn told(done: Result<(), ComposeError>) -> Exit {
    let Err(error) = done else { return Exit::Pass };
    tell!("vaultquake: {error}");
    match error {
        ComposeError::Taken(_) | ComposeError::NotWritten { .. } => Exit::Usage,
        _ => Exit::Trouble,
    }
}
