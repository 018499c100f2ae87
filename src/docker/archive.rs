//! An image as `docker load` takes it, made from one static program: the same bytes for the same program, so that
//! the image has the same id wherever and whenever it is made.

use super::DockerError;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Cursor, Read, Write};
use std::path::Path;
use tar::{Builder, EntryType, Header};

const BLOCK: u64 = 512;
/// Of every entry, and of the image itself: there is no better one that is always the same.
const TIME_S: u64 = 0;
const TIME: &str = "1970-01-01T00:00:00Z";

/// What the image says of itself.
pub(super) struct Recipe<'a> {
    pub binary: &'a Path,
    /// The program's name in the image.
    pub program: &'a str,
    /// The image's name and tag.
    pub name: &'a str,
    pub labels: Vec<(&'static str, String)>,
}

/// Writes the whole archive. The program is read twice: first for the hash that stands before it.
pub(super) fn write(recipe: &Recipe, to: impl Write) -> io::Result<()> {
    let mut hasher = Sha256::new();
    let layer_len = io::copy(&mut layer(recipe)?, &mut HashTo(&mut hasher))?;
    let layer_digest = hex(hasher);
    let config = config(recipe, &layer_digest).to_string();
    let config_digest = hex(Sha256::new_with_prefix(&config));
    let (config_name, layer_name) = (format!("{config_digest}.json"), format!("{layer_digest}/layer.tar"));
    let manifest =
        json!([{ "Config": config_name, "RepoTags": [recipe.name], "Layers": [layer_name] }]).to_string();

    let mut archive = Builder::new(to);
    let mut append = |name: &str, len: u64, content: &mut dyn Read| -> io::Result<()> {
        archive.append(&header(name, EntryType::Regular, 0o644, len)?, content)
    };
    append(&config_name, config.len() as u64, &mut config.as_bytes())?;
    append(&layer_name, layer_len, &mut layer(recipe)?)?;
    append("manifest.json", manifest.len() as u64, &mut manifest.as_bytes())?;
    archive.into_inner()?.flush()
}

fn config(recipe: &Recipe, layer_digest: &str) -> serde_json::Value {
    let labels: serde_json::Map<_, _> =
        recipe.labels.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into())).collect();
    json!({
        "architecture": match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        },
        "os": "linux",
        "created": TIME,
        "config": { "Entrypoint": [recipe.program], "Env": ["PATH=/bin"], "Labels": labels },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{layer_digest}")] },
        "history": [{ "created": TIME, "created_by": "vaultquake" }],
    })
}

/// The only layer: the program, and a place for its temporary files.
fn layer(recipe: &Recipe) -> io::Result<impl Read> {
    let file = File::open(recipe.binary)?;
    let len = file.metadata()?.len();
    let mut before = Vec::new();
    // Folders that are not named would be made for root alone.
    for (name, mode) in [("bin/", 0o755), ("tmp/", 0o1777)] {
        before.extend_from_slice(header(name, EntryType::Directory, mode, 0)?.as_bytes());
    }
    let program = format!("bin/{}", recipe.program);
    before.extend_from_slice(header(&program, EntryType::Regular, 0o755, len)?.as_bytes());
    // Up to a whole block, then two empty ones, which end an archive.
    let after = vec![0; (len.next_multiple_of(BLOCK) - len + 2 * BLOCK) as usize];
    Ok(Cursor::new(before).chain(file.take(len)).chain(Cursor::new(after)))
}

fn header(name: &str, kind: EntryType, mode: u32, len: u64) -> io::Result<Header> {
    let mut header = Header::new_gnu();
    header.set_path(name)?;
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(TIME_S);
    header.set_size(len);
    header.set_cksum();
    Ok(header)
}

/// Refuses a program that asks for a dynamic linker. What is no ELF file is left to the engine to refuse.
pub(super) fn check_static(binary: &Path) -> Result<(), DockerError> {
    let read = |source| DockerError::Read { path: binary.display().to_string(), source };
    // The table of segments stands right behind the ELF header.
    let mut head = Vec::new();
    File::open(binary).map_err(read)?.take(4096).read_to_end(&mut head).map_err(read)?;
    match asks_for_a_linker(&head) {
        true => Err(DockerError::NotStatic { path: binary.display().to_string() }),
        false => Ok(()),
    }
}

/// Whether a 64-bit little-endian ELF file has a segment of type PT_INTERP.
fn asks_for_a_linker(head: &[u8]) -> bool {
    const PT_INTERP: [u8; 4] = [3, 0, 0, 0];
    let number = |at: usize, len: usize| -> Option<usize> {
        let bytes = head.get(at..at + len)?;
        Some(bytes.iter().rev().fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
    };
    if !head.starts_with(b"\x7fELF\x02\x01") {
        return false;
    }
    let (Some(table), Some(size), Some(count)) = (number(32, 8), number(54, 2), number(56, 2)) else {
        return false;
    };
    (0..count).any(|index| {
        let at = table.saturating_add(index * size);
        head.get(at..at.saturating_add(4)) == Some(&PT_INTERP)
    })
}

struct HashTo<'a>(&'a mut Sha256);

impl Write for HashTo<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(super) fn hex(hasher: Sha256) -> String {
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn archive(binary: &Path) -> Vec<u8> {
        let labels = vec![("a", "b".to_owned())];
        let recipe = Recipe { binary, program: "bao", name: "x/y:1", labels };
        let mut bytes = Vec::new();
        write(&recipe, &mut bytes).unwrap();
        bytes
    }

    fn entries(bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
        let mut archive = tar::Archive::new(bytes);
        let read = |entry: io::Result<tar::Entry<&[u8]>>| {
            let mut entry = entry.unwrap();
            let name = entry.path().unwrap().display().to_string();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            (name, content)
        };
        archive.entries().unwrap().map(read).collect()
    }

    #[test]
    fn the_same_program_gives_the_same_bytes_whenever_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        for (path, when_s) in [(&one, 1), (&two, 2_000_000_000)] {
            std::fs::write(path, b"program").unwrap();
            let when = std::time::UNIX_EPOCH + std::time::Duration::from_secs(when_s);
            File::options().write(true).open(path).unwrap().set_modified(when).unwrap();
        }
        assert_eq!(archive(&one), archive(&two));
        std::fs::write(&two, b"another").unwrap();
        assert_ne!(archive(&one), archive(&two));
    }

    #[test]
    fn each_part_is_named_by_the_hash_of_what_it_holds() {
        let folder = tempfile::tempdir().unwrap();
        let binary = folder.path().join("bao");
        std::fs::write(&binary, vec![7; 1000]).unwrap();
        let parts = entries(&archive(&binary));
        let manifest: serde_json::Value = serde_json::from_slice(&parts["manifest.json"]).unwrap();
        let config = &parts[manifest[0]["Config"].as_str().unwrap()];
        assert_eq!(manifest[0]["Config"], format!("{}.json", hex(Sha256::new_with_prefix(config))));
        let layer = &parts[manifest[0]["Layers"][0].as_str().unwrap()];
        let config: serde_json::Value = serde_json::from_slice(config).unwrap();
        let digest = format!("sha256:{}", hex(Sha256::new_with_prefix(layer)));
        assert_eq!(config["rootfs"]["diff_ids"][0], digest);
        let inside = entries(layer);
        assert_eq!(inside.keys().collect::<Vec<_>>(), ["bin/", "bin/bao", "tmp/"]);
        assert_eq!(inside["bin/bao"], vec![7; 1000]);
    }

    #[test]
    fn a_program_that_needs_libraries_is_refused() {
        let mut elf = vec![0; 64 + 2 * 56];
        elf[..6].copy_from_slice(b"\x7fELF\x02\x01");
        (elf[32], elf[54], elf[56]) = (64, 56, 2);
        assert!(!asks_for_a_linker(&elf));
        elf[64 + 56] = 3;
        assert!(asks_for_a_linker(&elf));
        assert!(!asks_for_a_linker(&elf[..60]) && !asks_for_a_linker(b"#!/bin/sh\n"));
        assert!(check_static(&std::env::current_exe().unwrap()).is_err(), "tests are linked dynamically");
    }
}
