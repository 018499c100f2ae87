//! The folder of one database: below the run's private folder, or, since PostgreSQL refuses to run as root and nobody
//! else may enter that folder, in the temporary folder when we are root, with a link to it in the private one.

use super::PostgresError;
use rustix::fs::{Gid, Uid, chown};
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// The name in a run's private folder: the folder itself, or a link to it.
const LINK: &str = "postgres";
const PREFIX: &str = "vaultquake-postgres-";
/// `nobody`, by the number that it has on every Linux: it owns nothing and may do nothing.
const NOBODY: u32 = 65_534;

/// Removed when it is dropped.
pub(super) struct Home {
    pub root: PathBuf,
    link: Option<PathBuf>,
    /// Whom the database runs as; `None` when that is us.
    pub user: Option<u32>,
}

impl Home {
    pub fn make(private: &Path) -> Result<Self, PostgresError> {
        let link = private.join(LINK);
        let failed = |path: &Path| {
            let doing = format!("make the folder {}", path.display());
            move |error: io::Error| PostgresError::failed(&doing, error)
        };
        if !rustix::process::geteuid().is_root() {
            fs::create_dir(&link).map_err(failed(&link))?;
            let home = Self { root: link.clone(), link: None, user: None };
            fs::set_permissions(&link, Permissions::from_mode(0o700)).map_err(failed(&link))?;
            return Ok(home);
        }
        let temporary = std::env::temp_dir();
        let made =
            tempfile::Builder::new().prefix(PREFIX).tempdir_in(&temporary).map_err(failed(&temporary))?;
        let root = made.keep();
        let home = Self { root: root.clone(), link: Some(link.clone()), user: Some(NOBODY) };
        symlink(&root, &link).map_err(failed(&link))?;
        home.give(&root).map_err(failed(&root))?;
        Ok(home)
    }

    /// Gives a file or folder to whom the database runs as.
    pub fn give(&self, path: &Path) -> io::Result<()> {
        match self.user {
            Some(user) => Ok(chown(path, Some(Uid::from_raw(user)), Some(Gid::from_raw(user)))?),
            None => Ok(()),
        }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
        if let Some(link) = &self.link {
            let _ = fs::remove_file(link);
        }
    }
}

/// Removes what a killed run left; whether there was anything.
pub fn remove_left(private: &Path) -> io::Result<Option<PathBuf>> {
    let link = private.join(LINK);
    let about = match fs::symlink_metadata(&link) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        about => about?,
    };
    if !about.file_type().is_symlink() {
        fs::remove_dir_all(&link)?;
        return Ok(Some(link));
    }
    let root = fs::read_link(&link)?;
    let name = root.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    // Whatever the link says, only a folder of ours is ever removed.
    let is_ours = name.starts_with(PREFIX) && root.parent() == Some(&*std::env::temp_dir());
    if !is_ours {
        return Err(io::Error::other(format!("{} is not a folder that we make", root.display())));
    }
    match fs::symlink_metadata(&root) {
        Ok(about) if about.is_dir() => fs::remove_dir_all(&root)?,
        Ok(_) => return Err(io::Error::other(format!("{} is not a folder", root.display()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    fs::remove_file(&link)?;
    Ok(Some(root))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_it_remains_and_what_is_left_is_found() {
        let private = tempfile::tempdir().unwrap();
        let home = Home::make(private.path()).unwrap();
        let root = home.root.clone();
        assert!(root.is_dir() && private.path().join(LINK).is_dir());
        drop(home);
        assert!(!root.exists() && fs::symlink_metadata(private.path().join(LINK)).is_err());
        let left = Home::make(private.path()).unwrap();
        let root = left.root.clone();
        std::mem::forget(left);
        assert_eq!(remove_left(private.path()).unwrap(), Some(root.clone()));
        assert!(!root.exists());
        assert_eq!(remove_left(private.path()).unwrap(), None);
    }

    #[test]
    fn a_link_to_somewhere_else_is_left_alone() {
        let (private, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        symlink(other.path(), private.path().join(LINK)).unwrap();
        assert!(remove_left(private.path()).is_err());
        assert!(other.path().exists());
    }
}
