//! The runs that are kept with the tests: what judging needs of them, packed.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use vaultquake::model::{Machine, Operation, RunInfo};
use vaultquake::record::{RunFolder, SavedRun, read_run};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

const FILES: [&str; 3] = ["run.json", "journal.jsonl", "history.jsonl"];

fn path(name: &str) -> PathBuf {
    crate::live::here().join("saved").join(format!("{name}.zip"))
}

/// Packs a run; what it says of the machine it ran on is nobody's business.
pub fn keep(name: &str, folder: &RunFolder) -> Result<(), String> {
    let told = |error: &dyn std::fmt::Display| format!("{name}: cannot be packed: {error}");
    std::fs::create_dir_all(crate::live::here().join("saved")).map_err(|error| told(&error))?;
    let mut zip = ZipWriter::new(File::create(path(name)).map_err(|error| told(&error))?);
    let options = SimpleFileOptions::default().compression_level(Some(9));
    for file in FILES {
        let mut content = std::fs::read(folder.root().join(file)).map_err(|error| told(&error))?;
        if file == "history.jsonl" {
            content = without_requests(&content).map_err(|error| told(&error))?;
        }
        if file == "run.json" {
            let info: RunInfo = serde_json::from_slice(&content).map_err(|error| told(&error))?;
            let [os, kernel, cpu] = ["linux", "", ""].map(str::to_owned);
            let info = RunInfo { machine: Machine { os, kernel, cpu, cores: 0, memory_mib: 0 }, ..info };
            content = serde_json::to_vec(&info).map_err(|error| told(&error))?;
        }
        zip.start_file(file, options).map_err(|error| told(&error))?;
        zip.write_all(&content).map_err(|error| told(&error))?;
    }
    zip.finish().map_err(|error| told(&error))?;
    Ok(())
}

/// The servers' ids of requests are for joining audit entries, of which none are kept, and nothing can pack them.
fn without_requests(history: &[u8]) -> serde_json::Result<Vec<u8>> {
    let mut kept = Vec::with_capacity(history.len());
    for line in history.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let op: Operation = serde_json::from_slice(line)?;
        serde_json::to_writer(&mut kept, &Operation { request: None, ..op })?;
        kept.push(b'\n');
    }
    Ok(kept)
}

pub fn read(name: &str) -> Result<SavedRun, String> {
    let path = path(name);
    let unpacked = || -> io::Result<_> {
        let folder = tempfile::tempdir()?;
        let mut zip = ZipArchive::new(File::open(&path)?)?;
        for file in FILES {
            let mut content = Vec::new();
            zip.by_name(file)?.read_to_end(&mut content)?;
            std::fs::write(folder.path().join(file), content)?;
        }
        Ok(folder)
    };
    let folder = unpacked().map_err(|error| {
        format!("{}: {error}; `VQ_MUTANTS=save cargo test --test mutants` makes it", path.display())
    })?;
    read_run(&RunFolder::at(folder.path())).map_err(|error| error.to_string())
}
