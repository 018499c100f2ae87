//! What a command line runs against: a server binary that is at hand, or a cluster that exists.

use super::args::{Backend, RunArgs, ServerChoice};
use super::exit::Exit;
use crate::model::Server;
use crate::runner::BackendChoice;
use crate::scenario::load_attach_file;
use crate::server::{ProvisionOptions, ServerBinary, ServerSpec, provision};

pub struct Subject {
    pub backend: BackendChoice,
    /// On an attached cluster only the product; the version is what the cluster says.
    pub server: Server,
}

/// What went wrong, already put into words, with the exit code it means.
pub struct NoSubject {
    pub exit: Exit,
    pub why: String,
}

fn usage(why: impl ToString) -> NoSubject {
    NoSubject { exit: Exit::Usage, why: why.to_string() }
}

/// Finds or fetches the server; `say` is told what goes on.
pub fn server_binary(choice: &ServerChoice, say: &mut dyn FnMut(&str)) -> Result<ServerBinary, NoSubject> {
    let spec: ServerSpec = choice.server.parse().map_err(|error| usage(format!("--server: {error}")))?;
    let provisioned = ProvisionOptions::from_env().and_then(|options| {
        let options = ProvisionOptions { allow_unpinned: choice.allow_unpinned, ..options };
        provision(&spec, &options, say)
    });
    let server =
        provisioned.map_err(|error| NoSubject { exit: Exit::from(&error), why: error.to_string() })?;
    say(&format!("{} {} from {}", server.product, server.version, server.path.display()));
    Ok(server)
}

pub fn subject(args: &RunArgs, say: &mut dyn FnMut(&str)) -> Result<Subject, NoSubject> {
    match (args.backend, &args.cluster) {
        (Backend::Process, Some(_)) => Err(usage("--cluster needs --backend attach")),
        (Backend::Process, None) => {
            let server = server_binary(&args.server, say)?;
            let about = Server { product: server.product.to_string(), version: server.version };
            Ok(Subject { backend: BackendChoice::Process { binary: server.path }, server: about })
        }
        (Backend::Attach, None) => Err(usage("--backend attach needs --cluster FILE")),
        (Backend::Attach, Some(path)) => {
            let file = load_attach_file(path).map_err(usage)?;
            let exe = std::env::current_exe().map_err(|error| NoSubject {
                exit: Exit::Trouble,
                why: format!("cannot find this program for the watchdog: {error}"),
            })?;
            let spec: ServerSpec =
                args.server.server.parse().map_err(|error| usage(format!("--server: {error}")))?;
            let product = match spec {
                ServerSpec::Version { product, .. } | ServerSpec::Binary { product, .. } => {
                    product.to_string()
                }
                ServerSpec::Image { .. } => return Err(usage("--server: an image cannot be attached to")),
            };
            let server = Server { product, version: "unknown".to_owned() };
            Ok(Subject { backend: BackendChoice::Attach { file: Box::new(file), exe }, server })
        }
    }
}
