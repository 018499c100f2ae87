//! Folders with all that is in them.

use std::fs;
use std::io;
use std::path::Path;

/// Plain files and folders; modes are kept.
pub fn copy_below(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        match entry.file_type()? {
            kind if kind.is_dir() => copy_below(&entry.path(), &to)?,
            _ => drop(fs::copy(entry.path(), to)?),
        }
    }
    Ok(())
}
