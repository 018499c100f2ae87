//! What a command line runs against: a server binary that is at hand, or a cluster that exists.

use super::args::{Backend, RunArgs, ServerChoice};
use super::exit::Exit;
use super::image::{image_named, image_of};
use crate::helper::{self, Installation, PostgresError};
use crate::model::Server;
use crate::runner::BackendChoice;
use crate::scenario::load_attach_file;
use crate::server::{ProvisionOptions, ServerBinary, ServerError, ServerSpec, provision};
use std::path::PathBuf;

pub struct Subject {
    pub backend: BackendChoice,
    /// On an attached cluster only the product; the version is what the cluster says.
    pub server: Server,
    /// What scenarios that upgrade nodes end with.
    pub upgraded_to: Option<Server>,
    /// What about the server a reader of the results must know.
    pub overrides: Vec<String>,
    /// For scenarios that use a database; looked for only where there are such.
    pub postgres: Option<Installation>,
    /// The server's program on this machine, which is also a client; `None` where it is only in an image or elsewhere.
    pub program: Option<PathBuf>,
}

/// What went wrong, already put into words, with the exit code it means.
pub struct NoSubject {
    pub exit: Exit,
    pub why: String,
    /// This machine lacks it: scenarios are skipped rather than broken.
    pub missing: bool,
}

impl NoSubject {
    /// It cannot be set up.
    pub fn trouble(why: impl ToString) -> Self {
        Self { exit: Exit::Trouble, why: why.to_string(), missing: false }
    }
}

impl From<ServerError> for NoSubject {
    fn from(error: ServerError) -> Self {
        Self { exit: Exit::from(&error), missing: error.is_missing(), why: error.to_string() }
    }
}

pub(super) fn usage(why: impl ToString) -> NoSubject {
    NoSubject { exit: Exit::Usage, why: why.to_string(), missing: false }
}

/// Finds or fetches the server; `say` is told what goes on.
pub fn server_binary(choice: &ServerChoice, say: &mut dyn FnMut(&str)) -> Result<ServerBinary, NoSubject> {
    let spec: ServerSpec = choice.server.parse().map_err(|error| usage(format!("--server: {error}")))?;
    let provisioned = ProvisionOptions::from_env().and_then(|options| {
        let options = ProvisionOptions { allow_unpinned: choice.allow_unpinned, ..options };
        provision(&spec, &options, say)
    });
    let server = provisioned?;
    say(&format!("{} {} from {}", server.product, server.version, server.path.display()));
    Ok(server)
}

pub fn subject(args: &RunArgs, say: &mut dyn FnMut(&str)) -> Result<Subject, NoSubject> {
    match (args.backend, &args.cluster) {
        (Backend::Process | Backend::Docker, Some(_)) => Err(usage("--cluster needs --backend attach")),
        (Backend::Process, None) => of_processes(&args.server, say),
        (Backend::Docker, None) => in_containers(&args.server, say),
        (Backend::Attach, None) => Err(usage("--backend attach needs --cluster FILE")),
        (Backend::Attach, Some(path)) => {
            let file = load_attach_file(path).map_err(usage)?;
            let exe = std::env::current_exe().map_err(|error| {
                NoSubject::trouble(format!("cannot find this program for the watchdog: {error}"))
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
            Ok(Subject {
                backend: BackendChoice::Attach { file: Box::new(file), exe, upgrade_to: None },
                server,
                upgraded_to: None,
                overrides: Vec::new(),
                postgres: None,
                program: None,
            })
        }
    }
}

impl Subject {
    /// Finds or fetches the database that some of the scenarios use. The error is why they are skipped, or the exit.
    pub fn find_postgres(&mut self, say: &mut dyn FnMut(&str)) -> Result<(), NoSubject> {
        if let BackendChoice::Attach { file, .. } = &self.backend {
            let why = "the attach file names no `postgres`: add its `url`, `server_url` and `password_file`";
            let missing = || NoSubject { exit: Exit::Trouble, why: why.to_owned(), missing: true };
            return file.postgres.as_ref().map(drop).ok_or_else(missing);
        }
        let found =
            helper::fetch_or_find(&ProvisionOptions::from_env()?, say).map_err(|error| NoSubject {
                exit: Exit::Trouble,
                missing: matches!(error, PostgresError::Missing { .. }),
                why: error.to_string(),
            })?;
        say(&format!("PostgreSQL from {found}"));
        self.postgres = Some(found);
        Ok(())
    }
}

pub(super) fn of_processes(choice: &ServerChoice, say: &mut dyn FnMut(&str)) -> Result<Subject, NoSubject> {
    let server = server_binary(choice, say)?;
    let overrides = unpinned(&server).into_iter().collect();
    let about = Server { product: server.product.to_string(), version: server.version };
    Ok(Subject {
        program: Some(server.path.clone()),
        backend: BackendChoice::Process { binary: server.path, upgrade_to: None },
        server: about,
        upgraded_to: None,
        overrides,
        postgres: None,
    })
}

pub(super) fn in_containers(choice: &ServerChoice, say: &mut dyn FnMut(&str)) -> Result<Subject, NoSubject> {
    let spec: ServerSpec = choice.server.parse().map_err(|error| usage(format!("--server: {error}")))?;
    let (image, overrides, program) = match &spec {
        ServerSpec::Image { reference } => {
            let image = image_named(reference, say)?;
            let told = format!("the server runs in the image {reference}, {}", image.image.id);
            (image, vec![told], None)
        }
        _ => {
            let binary = server_binary(choice, say)?;
            let overrides = unpinned(&binary).into_iter().collect();
            (image_of(&binary, say)?, overrides, Some(binary.path))
        }
    };
    say(&format!("{} {} in the image {}", image.server.product, image.server.version, image.image.name));
    // By its id: the name may come to mean another image while runs follow one another.
    let (id, here) = (image.image.id, program.clone());
    let backend = BackendChoice::Docker { image: id, program: image.program, upgrade_to: None, here };
    Ok(Subject { backend, server: image.server, upgraded_to: None, overrides, postgres: None, program })
}

/// Results of another build than the official one must say so.
fn unpinned(server: &ServerBinary) -> Option<String> {
    let ServerBinary { product, version, path, sha256, origin } = server;
    let path = path.display();
    (!server.is_pinned()).then(|| {
        format!(
            "the server binary is {path} ({origin}), SHA-256 {sha256}, not the pinned build of {product} {version}"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::{OFFICIAL, Origin, platform};

    #[test]
    fn only_the_pinned_build_needs_no_word() {
        let platform = platform();
        let Some(pin) = OFFICIAL.iter().find(|pin| pin.platform == platform) else { return };
        let pinned = ServerBinary {
            product: pin.product,
            version: pin.version.to_owned(),
            path: "/usr/bin/bao".into(),
            sha256: pin.sha256.to_owned(),
            origin: Origin::Path,
        };
        assert_eq!(unpinned(&pinned), None);
        let own = ServerBinary { sha256: "0".repeat(64), ..pinned.clone() };
        let said = unpinned(&own).unwrap();
        assert!(said.contains("/usr/bin/bao (found on PATH), SHA-256 0000"), "{said}");
        assert!(unpinned(&ServerBinary { version: "9.9.9".into(), ..pinned }).is_some());
    }
}
