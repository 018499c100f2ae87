//! `vaultquake server list`, `install` and `image`.

use super::image::image_of;
use super::subject::NoSubject;
use crate::docker::Image;
use crate::server::{ProvisionOptions, ServerBinary, ServerError, ServerSpec, list, platform, provision};
use std::fmt::Write;

/// The table of known and cached versions.
pub fn list_table(options: &ProvisionOptions) -> String {
    let mut table = format!("{:<10} {:<12} {:<8} cached\n", "product", "version", "hash");
    for listed in list(&options.cache, &options.pins) {
        let hash = if listed.pinned { "known" } else { "unknown" };
        let cached = listed.cached.map_or("-".to_owned(), |path| path.display().to_string());
        let _ = writeln!(table, "{:<10} {:<12} {hash:<8} {cached}", listed.product, listed.version);
    }
    let _ = writeln!(
        table,
        "\nHashes are those of {}. Get a version with `vaultquake server install openbao@VERSION`;\n\
         `vault` is used from PATH or from a path, `vault=/path/to/vault`.",
        platform()
    );
    table
}

/// Finds or fetches each server in turn and says where it is; stops at the first that cannot be had.
pub fn install(
    specs: &[ServerSpec],
    options: &ProvisionOptions,
    progress: &mut dyn FnMut(&str),
) -> Result<String, ServerError> {
    let mut said = String::new();
    for spec in specs {
        let ServerBinary { product, version, path, sha256, origin } = provision(spec, options, progress)?;
        let path = path.display();
        let _ = writeln!(said, "{product} {version}: {path} ({origin})\n    SHA-256 {sha256}");
    }
    Ok(said)
}

/// Makes an image of each server in turn and says what it is called; stops at the first that cannot be had.
pub fn make_images(
    specs: &[ServerSpec],
    options: &ProvisionOptions,
    progress: &mut dyn FnMut(&str),
) -> Result<String, NoSubject> {
    let mut said = String::new();
    for spec in specs {
        let binary = provision(spec, options, progress)?;
        let Image { name, id, is_new } = image_of(&binary, progress)?.image;
        let how = if is_new { "made now" } else { "already there" };
        let _ = writeln!(said, "{} {}: {name} ({how})\n    {id}", binary.product, binary.version);
    }
    Ok(said)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::{OFFICIAL, Pin};
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    fn options(cache: &std::path::Path) -> ProvisionOptions {
        let pin = Pin { platform: platform().leak(), ..OFFICIAL[0] };
        let cache = cache.to_owned();
        ProvisionOptions { cache, search_path: "".into(), allow_unpinned: false, pins: vec![pin] }
    }

    #[test]
    fn lists_what_is_known_and_what_is_here() {
        let cache = tempfile::tempdir().unwrap();
        let folder = cache.path().join("servers/openbao/2.9.0");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("bao"), "").unwrap();
        let table = list_table(&options(cache.path()));
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines[1], "openbao    2.6.1        known    -");
        assert!(lines[2].starts_with("openbao    2.9.0        unknown  ") && lines[2].ends_with("/bao"));
    }

    #[test]
    fn installs_in_turn_and_stops_at_what_cannot_be_had() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bao");
        fs::write(&path, "#!/bin/sh\necho 'OpenBao v2.7.2 (x)'\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let good: ServerSpec = format!("openbao={}", path.display()).parse().unwrap();
        let options = options(folder.path());
        let said = install(std::slice::from_ref(&good), &options, &mut |_| {}).unwrap();
        assert!(
            said.starts_with(&format!("openbao 2.7.2: {} (given by its path)", path.display())),
            "{said}"
        );
        let bad = "image:x".parse().unwrap();
        assert!(install(&[good, bad], &options, &mut |_| {}).is_err());
    }
}
