//! Whom scenarios that upgrade nodes run against: two versions of a server.

use super::args::{Backend, RunArgs, ServerChoice};
use super::subject::{NoSubject, Subject, in_containers, of_processes, subject, usage};
use crate::model::Server;
use crate::runner::BackendChoice;
use crate::server::{OFFICIAL, ServerSpec, platform};

/// Finds or fetches both versions.
pub fn upgrading(args: &RunArgs, say: &mut dyn FnMut(&str)) -> Result<Subject, NoSubject> {
    let to = args.to.as_ref().unwrap_or(&args.server.server);
    if args.backend == Backend::Attach {
        return attached(args, to, say);
    }
    let from = match &args.from {
        Some(from) => from.clone(),
        None => version_before(to)?,
    };
    let mut find = |server: &str| {
        let choice = ServerChoice { server: server.to_owned(), allow_unpinned: args.server.allow_unpinned };
        match args.backend {
            Backend::Process => of_processes(&choice, say),
            Backend::Docker => in_containers(&choice, say),
            Backend::Attach => Err(usage("a cluster that exists is upgraded by its hooks")),
        }
    };
    let (first, second) = (find(&from)?, find(to)?);
    if first.server == second.server {
        return Err(usage(format!("--from {from} --to {to}: there is nothing to upgrade")));
    }
    let backend = match (first.backend, second.backend) {
        (BackendChoice::Process { binary, .. }, BackendChoice::Process { binary: next, .. }) => {
            BackendChoice::Process { binary, upgrade_to: Some(next) }
        }
        (
            BackendChoice::Docker { image, program, here, .. },
            BackendChoice::Docker { image: next, program: next_program, .. },
        ) if program == next_program => {
            BackendChoice::Docker { image, program, upgrade_to: Some(next), here }
        }
        (BackendChoice::Docker { .. }, _) => {
            return Err(usage(format!("--from {from} --to {to}: their programs have different names")));
        }
        (other, _) => other,
    };
    let overrides = first.overrides.into_iter().chain(second.overrides).collect();
    Ok(Subject { backend, overrides, upgraded_to: Some(second.server), ..first })
}

/// Its nodes say themselves what they are; what they are to be is told to their hooks.
fn attached(args: &RunArgs, to: &str, say: &mut dyn FnMut(&str)) -> Result<Subject, NoSubject> {
    if args.from.is_some() {
        return Err(usage("--from: a cluster that exists says itself which version it is; leave it out"));
    }
    let spec: ServerSpec = to.parse().map_err(|error| usage(format!("--to: {error}")))?;
    let ServerSpec::Version { product, version } = spec else {
        return Err(usage(format!("--to {to}: hooks are told a version, such as --to openbao@2.7.2")));
    };
    let mut found = subject(args, say)?;
    if let BackendChoice::Attach { upgrade_to, .. } = &mut found.backend {
        *upgrade_to = Some(version.clone());
    }
    found.upgraded_to = Some(Server { product: product.to_string(), version });
    Ok(found)
}

/// The version that is upgraded from when nobody says which: the known one before.
fn version_before(to: &str) -> Result<String, NoSubject> {
    let spec: ServerSpec = to.parse().map_err(|error| usage(format!("--to: {error}")))?;
    let unknown =
        || usage(format!("say with --from which version comes before {to}, such as --from openbao@2.7.1"));
    let ServerSpec::Version { product, version } = spec else { return Err(unknown()) };
    let here = platform();
    let known: Vec<_> =
        OFFICIAL.iter().filter(|pin| pin.platform == here && pin.product == product).collect();
    let place = known.iter().position(|pin| pin.version == version).ok_or_else(unknown)?;
    let before = place.checked_sub(1).and_then(|place| known.get(place)).ok_or_else(unknown)?;
    Ok(format!("{product}@{}", before.version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_before_is_the_known_one_before() {
        let before = |to| version_before(to).map_err(|none| none.why);
        assert_eq!(before("openbao@2.7.2"), Ok("openbao@2.7.1".to_owned()));
        assert_eq!(before("openbao@2.7.0"), Ok("openbao@2.6.2".to_owned()));
        for to in ["openbao@2.6.1", "openbao@9.9.9", "openbao=/bin/true"] {
            assert!(before(to).unwrap_err().starts_with("say with --from"), "{to}");
        }
        assert!(before("openbao").unwrap_err().starts_with("--to: "));
    }
}
