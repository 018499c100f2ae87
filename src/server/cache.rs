//! Where fetched servers are kept, and whether a kept one is still what it was.
//!
//! `<root>/servers/<product>/<version>/<binary>`, and `<root>/downloads/` for packages on their way.

use super::{Product, ServerError};
use sha2::{Digest, Sha256};
use std::env;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// `$VAULTQUAKE_CACHE`, else `vaultquake` in `$XDG_CACHE_HOME` or in `~/.cache`.
pub fn cache_folder() -> Result<PathBuf, ServerError> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(folder) = set("VAULTQUAKE_CACHE") {
        return std::path::absolute(&folder).map_err(ServerError::io("find the cache folder", folder));
    }
    // Relative values are to be ignored, says the XDG specification.
    set("XDG_CACHE_HOME")
        .filter(|folder| folder.is_absolute())
        .or_else(|| set("HOME").filter(|home| home.is_absolute()).map(|home| home.join(".cache")))
        .map(|folder| folder.join("vaultquake"))
        .ok_or(ServerError::NoCacheFolder)
}

/// The places of one version in the cache.
pub(super) struct Slot {
    root: PathBuf,
    product: Product,
    version: String,
}

impl Slot {
    pub fn new(root: &Path, product: Product, version: &str) -> Self {
        Self { root: root.to_owned(), product, version: version.to_owned() }
    }

    pub fn folder(&self) -> PathBuf {
        product_folder(&self.root, self.product).join(&self.version)
    }

    pub fn binary(&self) -> PathBuf {
        self.folder().join(self.product.binary())
    }

    /// What the binary of a version without a pin was when it was fetched.
    pub fn recorded_sha256(&self) -> PathBuf {
        self.folder().join(format!("{}.sha256", self.product.binary()))
    }

    pub fn lock(&self) -> PathBuf {
        self.folder().join("lock")
    }

    pub fn downloads(&self) -> PathBuf {
        self.root.join("downloads")
    }

    /// Kept until its binary stands in its place.
    pub fn wheel(&self) -> PathBuf {
        self.downloads().join(format!("{}.whl", self.download_name()))
    }

    pub fn download_name(&self) -> String {
        format!("{}-{}", self.product, self.version)
    }
}

pub(super) fn product_folder(root: &Path, product: Product) -> PathBuf {
    root.join("servers").join(product.name())
}

/// 64 lower-case hexadecimal digits. For 180 MB this takes 0.2 to 0.5 s, little beside the start of a
/// cluster, so it is done each time: a note of the last check would have to be trusted more than the file.
pub fn sha256_of(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hex(hasher)),
            Ok(len) => hasher.update(&buffer[..len]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

pub(super) fn hex(hasher: Sha256) -> String {
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Removes what a killed run left half done. Only for the holder of the lock.
pub(super) fn remove_leftovers(folder: &Path, prefix: &str) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            let path = entry.path();
            let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_as_everybody_does() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "abc").unwrap();
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256_of(file.path()).unwrap(), expected);
    }

    #[test]
    fn leftovers_of_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        for name in [".part-a", "bao"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        fs::create_dir(folder.path().join(".part-b")).unwrap();
        remove_leftovers(folder.path(), ".part-");
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left, ["bao"]);
    }
}
