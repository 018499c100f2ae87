//! Programs that the user has, on PATH or by an explicit path: trusted, so they may be asked their version.

use super::subprocess::run;
use super::{Product, ServerError};
use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const VERSION_WITHIN: Duration = Duration::from_secs(15);

/// The first executable file of that name in the absolute folders of a PATH value.
pub fn find_in_path(name: &str, search_path: &OsStr) -> Option<PathBuf> {
    // A relative folder means another program in each working directory.
    std::env::split_paths(search_path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|path| is_program(path))
}

pub(super) fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
}

/// Runs `<path> version` and reads which product and version it says it is.
pub(super) fn ask_version(spec: &str, path: &Path) -> Result<(Product, String), ServerError> {
    let finished = run(Command::new(path).arg("version"), VERSION_WITHIN, &mut |_| {}).map_err(|error| {
        ServerError::NotAProgram { spec: spec.to_owned(), path: path.to_owned(), why: error.to_string() }
    })?;
    match read_version(&finished.output) {
        Some(found) if finished.status.success() => Ok(found),
        _ => {
            let output = finished.output.chars().take(200).collect();
            Err(ServerError::NoVersion { path: path.to_owned(), output })
        }
    }
}

/// What `<program> version` printed: `OpenBao v2.7.2 (9e0a…), committed …`, in any line.
pub fn read_version(output: &str) -> Option<(Product, String)> {
    output.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let product = match words.next()? {
            "OpenBao" => Product::OpenBao,
            "Vault" => Product::Vault,
            _ => return None,
        };
        let version = words.next()?.strip_prefix('v')?;
        Some((product, version.trim_end_matches(',').to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_programs_say() {
        let said = "OpenBao v2.7.2 (9e0a0d3c), committed 2026-10-26T20:32:27Z\n";
        assert_eq!(read_version(said), Some((Product::OpenBao, "2.7.2".to_owned())));
        let said = "WARNING: something\nVault v1.20.1 (abc), built 2025-07-01\n";
        assert_eq!(read_version(said), Some((Product::Vault, "1.20.1".to_owned())));
        assert_eq!(read_version("Consul v1.2.3\n"), None);
        assert_eq!(read_version("OpenBao 2.7.2\n"), None);
        assert_eq!(read_version(""), None);
    }

    #[test]
    fn looks_only_where_a_program_can_be() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("1"), folder.path().join("2"));
        for (folder, mode) in [(&first, 0o644), (&second, 0o755)] {
            std::fs::create_dir(folder).unwrap();
            std::fs::write(folder.join("bao"), "").unwrap();
            std::fs::set_permissions(folder.join("bao"), std::fs::Permissions::from_mode(mode)).unwrap();
        }
        let path = std::env::join_paths([Path::new("."), &first, &second]).unwrap();
        assert_eq!(find_in_path("bao", &path), Some(second.join("bao")));
        assert_eq!(find_in_path("vault", &path), None);
    }
}
