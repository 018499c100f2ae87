//! Which versions are known, and which of them are already here. Looks only; verifies nothing.

use super::cache::{Slot, product_folder};
use super::{Pin, Product, platform};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A version that is known or cached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub product: Product,
    pub version: String,
    /// Whether its hash is known for this platform.
    pub pinned: bool,
    /// Where it stands in the cache, if it does.
    pub cached: Option<PathBuf>,
}

/// Every version with a pin for this platform, and every other one in the cache; products by name, versions
/// from the oldest.
pub fn list(cache: &Path, pins: &[Pin]) -> Vec<Listed> {
    let platform = platform();
    let mut all: BTreeSet<(Product, Vec<u64>, String)> = BTreeSet::new();
    let mut add =
        |product: Product, version: &str| all.insert((product, sort_key(version), version.to_owned()));
    let pinned: Vec<_> = pins.iter().filter(|pin| pin.platform == platform).collect();
    for pin in &pinned {
        add(pin.product, pin.version);
    }
    for product in Product::ALL {
        for entry in fs::read_dir(product_folder(cache, product)).into_iter().flatten().flatten() {
            let version = entry.file_name().to_string_lossy().into_owned();
            if Slot::new(cache, product, &version).binary().is_file() {
                add(product, &version);
            }
        }
    }
    let listed = all.into_iter().map(|(product, _, version)| {
        let path = Slot::new(cache, product, &version).binary();
        let pinned = pinned.iter().any(|pin| pin.product == product && pin.version == version);
        Listed { product, version, pinned, cached: path.is_file().then_some(path) }
    });
    listed.collect()
}

/// Numbers by their value: 2.10 comes after 2.9.
fn sort_key(version: &str) -> Vec<u64> {
    version.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::OFFICIAL;
    use super::*;

    #[test]
    fn known_and_cached_versions_in_order() {
        let cache = tempfile::tempdir().unwrap();
        for version in ["2.7.2", "2.10.0"] {
            let path = Slot::new(cache.path(), Product::OpenBao, version).binary();
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        // A folder without a binary is a download that never ended.
        fs::create_dir_all(Slot::new(cache.path(), Product::OpenBao, "2.8.0").folder()).unwrap();
        let pin = |version| Pin { platform: "linux-x86_64", version, ..OFFICIAL[0] };
        let here = platform();
        let pins: Vec<Pin> =
            ["2.7.2", "2.6.1"].map(|version| Pin { platform: here.clone().leak(), ..pin(version) }).to_vec();
        let listed = list(cache.path(), &pins);
        let seen: Vec<_> =
            listed.iter().map(|l| (l.version.as_str(), l.pinned, l.cached.is_some())).collect();
        assert_eq!(seen, [("2.6.1", true, false), ("2.7.2", true, true), ("2.10.0", false, true)]);
    }
}
