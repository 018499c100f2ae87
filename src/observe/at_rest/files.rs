//! Finds the files of a node: those that are named, what lies beside them, what lies below them.

use super::Remains;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// An audit file with those that it was rotated into: they lie beside it, and begin with its name.
pub fn with_rotated(file: &Path) -> io::Result<Vec<PathBuf>> {
    let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else { return Ok(Vec::new()) };
    let name = name.to_string_lossy();
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let begins = path.file_name().is_some_and(|other| other.to_string_lossy().starts_with(&*name));
        if begins && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    match found.is_empty() {
        true => Err(io::Error::new(io::ErrorKind::NotFound, format!("there is no {name}"))),
        false => Ok(found),
    }
}

/// Every file below a folder; what is no file and no folder is passed over.
pub fn below(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            found.extend(below(&entry.path())?);
        } else if kind.is_file() {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

pub fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Somebody's rotation may compress; what is in there is not looked at.
pub fn is_compressed(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| ["gz", "bz2", "xz", "zst"].iter().any(|known| extension == *known))
}

/// Of everything that could be read; what cannot be found counts nothing.
pub fn total_bytes(remains: &Remains) -> u64 {
    let of_node = |files: &crate::cluster::NodeFiles| {
        let audit = files.audit.iter().filter_map(|file| with_rotated(file).ok()).flatten();
        let data = files.data.iter().filter_map(|folder| below(folder).ok()).flatten();
        let log = files.log.iter().cloned();
        audit.chain(data).chain(log).filter_map(|path| Some(fs::metadata(path).ok()?.len())).sum::<u64>()
    };
    remains.nodes.iter().map(|node| of_node(&node.files)).sum()
}
