//! Lines that are on disk, and not only with the kernel, before what they announce is done: after a power cut
//! they still say what has to be undone.

use super::RecordError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::marker::PhantomData;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// An append-only file of one JSON object a line, mode 0600; every line is synced before `append` returns.
pub struct DurableLines<T> {
    path: PathBuf,
    file: Mutex<File>,
    lines: PhantomData<fn(T) -> T>,
}

impl<T: Serialize + DeserializeOwned> DurableLines<T> {
    /// Opens the file, or makes it.
    pub fn open(path: &Path) -> Result<Self, RecordError> {
        let file = open(path).map_err(|source| RecordError { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), file: Mutex::new(file), lines: PhantomData })
    }

    pub fn append(&self, value: &T) -> Result<(), RecordError> {
        let mut line = serde_json::to_vec(value).expect("plain data serialises");
        line.push(b'\n');
        let mut file = self.file.lock().unwrap();
        file.write_all(&line)
            .and_then(|()| file.sync_all())
            .map_err(|source| RecordError { path: self.path.clone(), source })
    }

    /// Everything in the file; none when there is no file. A line that was cut off is passed over: what it
    /// would have announced was never begun.
    pub fn read(path: &Path) -> Result<Vec<T>, RecordError> {
        match std::fs::read(path) {
            Ok(bytes) => Ok(bytes
                .split(|byte| *byte == b'\n')
                .filter_map(|line| serde_json::from_slice(line).ok())
                .collect()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(source) => Err(RecordError { path: path.to_owned(), source }),
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut file = OpenOptions::new().create(true).read(true).append(true).mode(0o600).open(path)?;
    // A line that was cut off must not swallow the next one.
    if file.seek(SeekFrom::End(0))? > 0 {
        file.seek(SeekFrom::End(-1))?;
        let mut last = [0];
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            file.write_all(b"\n")?;
        }
    }
    // The name itself must be on disk too.
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        File::open(folder)?.sync_all()?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_off_line_is_passed_over_and_swallows_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines.jsonl");
        assert!(DurableLines::<u32>::read(&path).unwrap().is_empty());
        DurableLines::open(&path).unwrap().append(&1u32).unwrap();
        std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"cut").unwrap();
        DurableLines::open(&path).unwrap().append(&2u32).unwrap();
        assert_eq!(DurableLines::<u32>::read(&path).unwrap(), [1, 2]);
    }
}
